"""One epoch of a market through the service: 3 providers, 2 validators, a keeper, embedded chain.

Every part is real: questions and sealed answers, journals on disk, commits, reveals, the result,
evidence in store and mailbox, claims. What the embedded chain's EVM takes is told apart, for on a
public chain others spend it. No other Python implementation of a validator runs without its
network, so there is nothing to put beside it.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "consensus"))

from service import RULE, build_service

from counterpoise.consensus import Policy, Rule


class Meter:
    """Adds up the CPU seconds of the calls of some methods of an object."""

    def __init__(self, target, names):
        self.spent, self._depth = 0.0, 0
        for name in names:
            setattr(target, name, self._timed(getattr(target, name)))

    def _timed(self, call):
        def timed(*args, **options):
            self._depth += 1
            started = time.process_time()
            try:
                return call(*args, **options)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.spent += time.process_time() - started

        return timed


def measure(rule, epochs):
    """Medians of an epoch: CPU and wall milliseconds, of them in the chain, and questions."""
    service = build_service()
    policy = Policy(rule, margin_seconds=600)
    with tempfile.TemporaryDirectory() as folder:
        service.home = Path(folder)
        validators = [service.validator(name, policy=policy) for name in ("ann", "bob")]
        keeper = service.keeper()
        service.epoch(keeper, *validators)  # seals the first checks
        meter = Meter(service.market.chain, ["send_raw", "call", "estimate", "warp"])
        rows = []
        for _ in range(epochs):
            meter.spent, asked = 0.0, len(service.heard)
            began, spent = time.perf_counter(), time.process_time()
            service.epoch(keeper, *validators)
            cpu, wall = time.process_time() - spent, time.perf_counter() - began
            rows.append((cpu * 1e3, wall * 1e3, meter.spent * 1e3, len(service.heard) - asked))
        started = time.process_time()
        verdict = service.verdict()
        checked = (time.process_time() - started) * 1e3
        assert not verdict.false, verdict.false
        service.close()
    cpu, wall, chain, questions = (statistics.median(column) for column in zip(*rows, strict=True))
    return {
        "cpu_ms": cpu,
        "wall_ms": wall,
        "chain_cpu_ms": chain,
        "questions": questions,
        "verify_cpu_ms_an_epoch": checked / (epochs + 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer epochs")
    epochs = 3 if parser.parse_args().quick else 7
    small, usual = measure(RULE, epochs), measure(Rule(compared=2), epochs)
    print("milliseconds an epoch, median      54 questions   144 questions")
    for name in small:
        print(f"  {name:<30} {small[name]:12.1f} {usual[name]:14.1f}")
    print(f"machine: {platform.machine()}, Python {platform.python_version()}")
    figures = {name: round(value, 1) for name, value in small.items()}
    print(json.dumps({"claim": "consensus_service", **figures, "usual": usual}))


if __name__ == "__main__":
    main()
