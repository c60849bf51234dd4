"""The features of one transfer, written apart from the engine: lists, sets and loops."""

from collections import Counter, deque
from math import isqrt

DAY = 86_400


def size_of(amount):
    if amount < 1:
        return 0
    bits = amount.bit_length() - 1
    return 64 * bits + ((amount * 64) // (1 << bits) - 64)


class Reference:
    """Everything within the window as a list of dictionaries."""

    def __init__(self, limits):
        self.limits, self.known, self.first, self.seen = limits, [], {}, Counter()

    def observe(self, src, dst, now, amount):
        self.known = [e for e in self.known if e["time"] > now - self.limits.window]
        found = self.describe(src, dst, now, amount)
        edge = {"src": src, "dst": dst, "time": now, "amount": amount, "size": size_of(amount)}
        self.known.append(edge | {"fresh": found["fresh"], "depth": min(found["chain"], 1000)})
        for account in (src, dst):
            self.first.setdefault(account, now)
            self.seen[account] += 1
        return found

    def out(self, account, cap=None):
        return [e for e in reversed(self.known) if e["src"] == account][:cap]

    def into(self, account, cap=None):
        return [e for e in reversed(self.known) if e["dst"] == account][:cap]

    def side(self, account, now, name):
        out, into = self.out(account), self.into(account)

        def spread(edges):
            sizes = [e["size"] for e in edges]
            if len(sizes) < 2:
                return -1
            n = len(sizes)
            return isqrt((n * sum(s * s for s in sizes) - sum(sizes) ** 2) // (n * n))

        def mean(edges):
            return sum(e["size"] for e in edges) // len(edges) if edges else -1

        found = {
            "sent": len(out),
            "received": len(into),
            "receivers": len({e["dst"] for e in out}),
            "senders": len({e["src"] for e in into}),
            "sum_out": size_of(sum(e["amount"] for e in out)),
            "sum_in": size_of(sum(e["amount"] for e in into)),
            "mean_out": mean(out),
            "mean_in": mean(into),
            "spread_out": spread(out),
            "spread_in": spread(into),
            "since_out": now - out[0]["time"] if out else -1,
            "since_in": now - into[0]["time"] if into else -1,
            "age": now - self.first[account] if account in self.first else -1,
            "seen": self.seen[account],
        }
        return {f"{key}_{name}": value for key, value in found.items()}

    def describe(self, src, dst, now, amount):
        size, cap = size_of(amount), self.limits.cap
        found = {"size": size, "hour": now % DAY // 3600}
        found |= self.side(src, now, "src") | self.side(dst, now, "dst")
        found["above_mean_out_src"] = size - found["mean_out_src"] if found["sent_src"] else 0
        found["above_mean_in_dst"] = size - found["mean_in_dst"] if found["received_dst"] else 0
        found["traffic"] = sum(
            found[f"{w}_{s}"] for w in ("sent", "received") for s in ("src", "dst")
        )
        found["paid_before"] = sum(e["dst"] == dst for e in self.out(src))
        found["paid_back"] = sum(e["dst"] == src for e in self.out(dst))
        found["fresh"] = int(not found["paid_before"] and not found["paid_back"])

        def alike(edge):
            return abs(edge["size"] - size) <= 24

        receipts = self.into(src, cap)
        passed = [e for e in receipts if e["amount"] * 85 <= amount * 100 <= e["amount"] * 101]
        found["passed_on"] = len(passed)
        found["chain"] = max((e["depth"] + 1 for e in passed), default=0)
        found["above_largest_in"] = size - max(e["size"] for e in receipts) if receipts else 999
        found["alike_in_src"] = sum(map(alike, receipts))
        found["fresh_alike_in_src"] = sum(alike(e) and e["fresh"] for e in receipts)
        payers = {e["src"] for e in receipts}
        gathered = [e for e in self.into(dst, cap) if alike(e)]
        found["alike_in_dst"] = len(gathered)
        fresh = [e for e in gathered if e["fresh"]]
        found["fresh_alike_in_dst"] = len(fresh)
        found["middlemen"] = sum(
            e["src"] != src
            and any(f["fresh"] and f["src"] in payers for f in self.into(e["src"], cap))
            for e in fresh
        )
        payments = [e for e in self.out(src, cap) if alike(e)]
        found["alike_out_src"] = len(payments)
        found["fresh_alike_out_src"] = sum(e["fresh"] for e in payments)
        paid = {e["dst"] for e in payments if e["fresh"]}
        found["squares"] = sum(
            f["fresh"] and f["dst"] in paid for e in fresh for f in self.out(e["src"], cap)
        )
        found["fresh_alike_out_dst"] = sum(alike(e) and e["fresh"] for e in self.out(dst, cap))
        return found | self.upstream(src, dst, size) | self.cluster(src, dst, now, size)

    def upstream(self, src, dst, size):
        waiting, known, longest, busy = deque([(src, 0)]), {src}, 0, []

        def found(cycle):
            traffic = sum(busy) // len(busy)
            keys = ("cycle", "upstream", "upstream_accounts", "upstream_traffic")
            return dict(zip(keys, (cycle, longest, len(known), traffic), strict=True))

        while waiting:
            account, hops = waiting.popleft()
            longest = max(longest, hops)
            busy.append(size_of(len(self.out(account)) + len(self.into(account))))
            if hops >= 20:
                continue
            for edge in self.into(account, self.limits.cap):
                if not edge["fresh"] or not -32 <= edge["size"] - size <= 64 + 8 * hops:
                    continue
                if edge["src"] == dst:
                    return found(hops + 1)
                if edge["src"] not in known:
                    known.add(edge["src"])
                    waiting.append((edge["src"], hops + 1))
        return found(0)

    def cluster(self, src, dst, now, size):
        members, at, rows, edges = [src, dst], 0, [], []
        while at < len(members):
            account = members[at]
            at += 1
            if at > 2 and len(self.out(account)) + len(self.into(account)) > self.limits.hub:
                continue
            cap = 2 * self.limits.cap
            out, into = (
                [e for e in found if e["fresh"] and abs(e["size"] - size) <= 24]
                for found in (self.out(account, cap), self.into(account, cap))
            )
            others = [e["dst"] for e in out] + [e["src"] for e in into]
            members += [other for other in dict.fromkeys(others) if other not in members]
            edges += out
            rows.append((len(out), len(into)))
        apart = [abs(e["size"] - size) for e in edges]
        busy = [size_of(len(self.out(a)) + len(self.into(a))) for a in members]
        usual = {a: [e["size"] for e in self.out(a)] for a in members}
        above = [e["size"] - sum(usual[e["src"]]) // len(usual[e["src"]]) for e in edges]
        return {
            "cluster": len(edges),
            "cluster_accounts": len(members),
            "cluster_fan_in": max(i for _, i in rows),
            "cluster_fan_out": max(o for o, _ in rows),
            "cluster_middles": sum(bool(o and i) for o, i in rows),
            "cluster_sources": sum(bool(o and not i) for o, i in rows),
            "cluster_sinks": sum(bool(i and not o) for o, i in rows),
            "cluster_chain": max((e["depth"] for e in edges), default=0),
            "cluster_spread": sum(apart) // len(edges) if edges else 24,
            "cluster_density": 64 * len(edges) // len(members),
            "cluster_traffic": sum(busy) // len(members),
            "cluster_quietest": min(busy),
            "cluster_busiest": max(busy),
            "cluster_span": now - min((e["time"] for e in edges), default=now),
            "cluster_unusual": sum(above) // len(edges) if edges else 0,
        }
