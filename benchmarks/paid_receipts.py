"""What it costs to weigh a seller's ratings over a long history of payments.

Reading every event of a chain once, reading on after one more, and following the money of each of
a seller's customers through all transfers, three steps back and forth.
"""

import argparse
import json
import platform
import random
import time
from statistics import median

from counterpoise.chain import Account, Chain, deploy, dev_account, open_chain
from counterpoise.identity import Entry, IdentityClient, Move, Paid, weigh
from counterpoise.jobs import TokenClient
from counterpoise.market import PaidReceipts

SELLER = dev_account(1)


def town(events: int) -> tuple[Chain, TokenClient, PaidReceipts]:
    """A chain with so many transfers between 100 accounts."""
    chain = open_chain("embedded:")
    owner = dev_account(0)
    token = TokenClient.deploy(chain, owner, owner.address)
    jobs = deploy(chain, owner, "Jobs", token.address)
    identity = IdentityClient.deploy(chain, owner)
    identity.register(SELLER)
    token.mint(owner, owner.address, 10**9)
    people = [Account.local(b"%d" % n).address for n in range(100)]
    for number in range(events):
        token.transfer(owner, people[number % 100], 1)
    return chain, token, PaidReceipts(identity, token.contract, jobs)


def history(events: int, raters: int) -> tuple[list[Entry], list[Paid], list[Move]]:
    """Transfers among a fifth as many accounts, and customers who paid eight times and rated."""
    draw = random.Random(7)
    people = [n.to_bytes(20, "big") for n in range(1, max(events // 5, raters + 2))]
    seller, clients = people[0], people[1 : raters + 1]
    moves = [Move(n + 1, 0, *draw.sample(people, 2), draw.randint(1, 100)) for n in range(events)]
    paid = [
        Paid(f"{n}/{turn}", client, seller, 50, draw.randint(1, events), 1 + n * 8 + turn)
        for n, client in enumerate(clients)
        for turn in range(8)
    ]
    entries = [
        Entry(client, 1, 90, 0, block=events + 1, log_index=n) for n, client in enumerate(clients)
    ]
    return entries, paid, moves


def cpu(call: object, times: int) -> float:
    """Give the median CPU time of a call, in milliseconds."""
    found = []
    for _ in range(times):
        start = time.process_time()
        call()  # type: ignore[operator]
        found.append(1_000 * (time.process_time() - start))
    return median(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="300 events instead of 10,000")
    events, raters = (300, 20) if parser.parse_args().quick else (10_000, 150)
    chain, token, source = town(events)
    first = cpu(lambda: (source.paid(0), source.moves()), 1)
    token.transfer(dev_account(0), SELLER.address, 1)
    later = cpu(lambda: (source.paid(0), source.moves()), 5)
    chain.close()
    entries, paid, moves = history(events, raters)
    found = {
        "events": events,
        "raters": raters,
        "first reading, ms": round(first, 1),
        "reading on, ms": round(later, 1),
        "weighing, ms": round(cpu(lambda: weigh(entries, paid, moves), 5), 1),
    }
    for name, figure in found.items():
        print(f"{name:<20}{figure:>10,}")
    print(json.dumps({"machine": platform.processor() or platform.machine(), **found}))


if __name__ == "__main__":
    main()
