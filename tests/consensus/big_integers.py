"""Yuma consensus by the text, in Python's own integers: what the kernels must agree with."""

ONE = 1 << 32


def mul(a, b):
    return a * b >> 32


def div(a, b):
    return (a << 32) // b if b else 0


def norm(values):
    total = sum(values)
    return [div(one, total) for one in values] if total else list(values)


def columns(rows):
    return [list(column) for column in zip(*rows, strict=True)]


def norm_columns(rows):
    return columns([norm(column) for column in columns(rows)]) if rows else []


def consensus_of(column, active, kappa):
    rows = sorted((i for i, a in enumerate(active) if a), key=lambda i: column[i])
    stake = dict(zip(sorted(rows), norm([active[i] for i in sorted(rows)]), strict=True))
    bar, reached = max(sum(stake.values()) - kappa, 0), 0
    for i in rows:
        reached += stake[i]
        if reached > bar:
            return column[i]
    return 0


def counted(epoch):
    """The weights that count, 0 for the others."""
    found = []
    for i, own in enumerate(epoch.validators):
        late = epoch.committed[i]
        found.append(
            [
                0
                if j == own
                or epoch.updated[i] <= epoch.registered[j]
                or (late != -1 and late < epoch.registered[j])
                else int(weight)
                for j, weight in enumerate(epoch.weights[i])
            ]
        )
    return found


def run(epoch, terms):
    """Give consensus, incentive, stored bonds, dividends and emission, as lists."""
    kept = [one if one >= terms.least_stake else 0 for one in epoch.stake]
    stake = [div(one, sum(kept)) for one in kept]
    own = [
        0 if epoch.updated[i] + terms.cutoff < epoch.block else stake[uid]
        for i, uid in enumerate(epoch.validators)
    ]
    active = norm(own)
    weights = [norm(row) for row in counted(epoch)]
    across = columns(weights) or [[] for _ in epoch.stake]
    consensus = [consensus_of(column, active, terms.kappa) for column in across]
    clipped = [[min(w, c) for w, c in zip(row, consensus, strict=True)] for row in weights]
    rank = [
        sum(mul(row[j], a) for row, a in zip(clipped, active, strict=True))
        for j in range(len(stake))
    ]
    incentive = norm(rank)
    toward = [
        [w - -(-(w - c) * terms.beta >> 32) for w, c in zip(*pair, strict=True)]
        for pair in zip(weights, clipped, strict=True)
    ]
    made = yuma3 if terms.yuma3 else classic
    stored, dividends = made(epoch, terms, toward, active, incentive)
    scattered = [0] * len(stake)
    for uid, dividend in zip(epoch.validators, dividends, strict=True):
        scattered[uid] = dividend
    emission = norm([i + d for i, d in zip(incentive, scattered, strict=True)])
    if not any(emission):
        for uid, one in zip(epoch.validators, active, strict=True):
            scattered[uid] = one
        emission = scattered if any(scattered) else stake
    return consensus, incentive, stored, dividends, emission


def classic(epoch, terms, toward, active, incentive):
    fresh = [at >= epoch.last for at in epoch.registered]
    old = [[0 if new else int(b) for b, new in zip(row, fresh, strict=True)] for row in epoch.bonds]
    new = norm_columns([[mul(w, a) for w in row] for row, a in zip(toward, active, strict=True)])
    old = norm_columns(old)
    bonds = norm_columns(
        [
            [mul(n, terms.alpha) + mul(o, ONE - terms.alpha) for n, o in zip(*pair, strict=True)]
            for pair in zip(new, old, strict=True)
        ]
    )
    dividends = norm([sum(map(mul, row, incentive)) for row in bonds])
    tops = [max(column) for column in columns(bonds)]
    return [[div(b, t) * 65535 >> 32 for b, t in zip(row, tops, strict=True)] for row in bonds], (
        dividends
    )


def yuma3(epoch, terms, toward, active, incentive):
    bonds = [
        [
            min(ONE, mul((int(b) << 32) // 65535, ONE - terms.alpha) + mul(w, terms.alpha))
            for b, w in zip(*pair, strict=True)
        ]
        for pair in zip(epoch.bonds, toward, strict=True)
    ]
    earned = [sum(map(mul, row, incentive)) for row in norm_columns(bonds)]
    dividends = norm([mul(e, a) for e, a in zip(earned, active, strict=True)])
    return [[b * 65535 >> 32 for b in row] for row in bonds], dividends
