"""How fast listings are taken in from a log and found again by words and conditions.

python benchmarks/market_search.py [--listings 10000] [--quick]
"""

import argparse
import json
import platform
import random
import statistics
import tempfile
import time
from pathlib import Path

from counterpoise.chain import Account
from counterpoise.market import Catalogue, Endpoint, Level, Listing, Price, Wanted, read_log, search
from counterpoise.market.listing import What
from counterpoise.market.standing import Standing
from counterpoise.provenance import AccountSigner, Log

NOW, REGISTRY, TOKEN = 1_700_000_000, "eip155:31337:0x" + "11" * 20, b"t" * 20
SELLERS = [Account.local(b"seller %d" % number) for number in range(50)]
COMMON = ["a", "model", "that", "scores", "rows", "of", "a", "table", "with", "every", "answer"]
RARE = [f"word{number}" for number in range(3_000)]
QUERIES = {
    "one rare word": ("word7", None),
    "three rare words": ("word7 word77 word777", None),
    "one word that all have": ("model", None),
    "three words that all have": ("model answer table", None),
    "no words, the cheapest": ("", Wanted(most=Price.parse("0.00000000000000005"))),
    "word, tongue, level, price": (
        "model word9",
        Wanted(tongue="openai", level="zk", most=Price.parse("0.0000000000000005")),
    ),
}


def made(number: int, dice: random.Random) -> Listing:
    """One of many listings, with about 30 words."""
    words = COMMON + dice.choices(RARE, k=15)
    dice.shuffle(words)
    tongue = dice.choice(["oip-v2", "openai", "mcp", "a2a"])
    return Listing(
        What.MODEL,
        f"net-{number}",
        " ".join(words),
        Price(dice.randrange(1, 1_000)),
        TOKEN,
        number % len(SELLERS),
        REGISTRY,
        NOW + 86_400,
        tags=tuple(dice.choices(RARE, k=3)),
        endpoints=(Endpoint(tongue, f"https://s{number}.example/"),),
        levels=(Level(dice.choice(["quorum", "optimistic", "zk"]), 5),),
    )


def main() -> None:
    """Print the table and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listings", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    count, rounds = (500, 5) if options.quick else (options.listings, 25)
    dice = random.Random(1)
    signers = [AccountSigner(seller) for seller in SELLERS]
    entries = [
        made(n, dice).sign(signers[n % len(signers)], NOW, n.to_bytes(16, "big"))
        for n in range(count)
    ]
    found: dict[str, tuple[float, float]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        Log(Path(folder) / "log", origin="example.org/log", key=bytes(32)) as log,
        Catalogue(Path(folder) / "catalogue.db", REGISTRY) as catalogue,
    ):
        for start in range(0, count, 1_000):
            log.append(entries[start : start + 1_000])
        clock = Clock()
        assert read_log(catalogue, log) == count
        found["take in a listing"] = clock.read(count)
        for number, seller in enumerate(SELLERS):
            catalogue.note(number, Standing(seller.address, bytes(20)))
        catalogue.database.commit()
        time_queries(catalogue, found, rounds)
        log.append([made(count, dice).sign(signers[count % 50], NOW)])
        clock = Clock()
        assert read_log(catalogue, log) == 1
        found["take in one more"] = clock.read()
    print(
        f"{platform.machine()}, {count} listings, median of {rounds}: ms of processor and wall time"
    )
    for step, (own, wall) in found.items():
        print(f"{step:28} {own:8.2f} {wall:8.2f}")
    print(
        json.dumps({step: [round(own, 3), round(wall, 3)] for step, (own, wall) in found.items()})
    )


class Clock:
    """Processor and wall time since it was made, in milliseconds."""

    def __init__(self) -> None:
        self._own, self._wall = time.process_time(), time.perf_counter()

    def read(self, share: int = 1) -> tuple[float, float]:
        """Both times, each divided by `share`."""
        own, wall = time.process_time() - self._own, time.perf_counter() - self._wall
        return own / share * 1e3, wall / share * 1e3


def time_queries(catalogue: Catalogue, found: dict[str, tuple[float, float]], rounds: int) -> None:
    """Time each query; the first round, which fills caches, counts too."""
    for name, (query, wanted) in QUERIES.items():
        times = []
        for _ in range(rounds):
            clock = Clock()
            results = search(catalogue, query, NOW, wanted)
            times.append(clock.read())
        assert results, name
        own, wall = (statistics.median(column) for column in zip(*times, strict=True))
        found[name] = own, wall


if __name__ == "__main__":
    main()
