"""How long one row takes: the fast path, the reference in plain integers, and a batch.

Each answer is timed from the input's bytes to the answer's bytes. The fast path is ONNX Runtime on
one thread, after its check against the reference. Targets: 50 microseconds at the median, and the
reference within 20 times the fast path.
"""

import argparse
import json
import platform
import statistics
import time
from itertools import pairwise

import numpy as np

from counterpoise.inference import Forest, IntegerModel, Layer, Leaf, Net, Runner, Split, Tree

TARGET_MICROSECONDS, TARGET_RATIO = 50, 20
BATCH = 4096


def net(rng: np.random.Generator, *widths: int) -> Net:
    layers = []
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        weights = rng.integers(-64, 65, (outputs, inputs))
        bias = rng.integers(-5000, 5000, outputs)
        is_last = number == len(widths) - 2
        layers.append(Layer(weights, bias) if is_last else Layer(weights, bias, 0, 7, 0, 255))
    return Net(tuple(layers))


def full_tree(rng: np.random.Generator, inputs: int, depth: int) -> Tree:
    splits = 2**depth - 1
    nodes = [
        Split(int(rng.integers(inputs)), int(rng.integers(256)), 2 * at + 1, 2 * at + 2)
        for at in range(splits)
    ]
    leaves = [Leaf(int(value)) for value in rng.integers(-9000, 9000, splits + 1)]
    return Tree((*nodes, *leaves))


def forest(rng: np.random.Generator, inputs: int, trees: int, depth: int) -> Forest:
    return Forest(tuple(full_tree(rng, inputs, depth) for _ in range(trees)), (0,), inputs)


def median_microseconds(runner: Runner, rows: list[bytes], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        for row in rows:
            start = time.perf_counter_ns()
            runner.answer(row)
            times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1000


def measure(model: IntegerModel, rng: np.random.Generator, rounds: int) -> dict[str, object]:
    batch = rng.integers(0, 256, (BATCH, model.inputs)).astype(np.uint8)
    rows = [row.tobytes() for row in batch[:50]]
    fast, reference = Runner(model), Runner(model, "reference")
    assert fast.path == "onnx", fast.reason
    assert list(fast.run(batch)) == list(reference.run(batch))
    found: dict[str, object] = {}
    for name, runner in (("fast", fast), ("reference", reference)):
        median_microseconds(runner, rows, 1)
        times = [median_microseconds(runner, rows, rounds) for _ in range(5)]
        found[f"{name}_us"] = round(statistics.median(times), 1)
        wall = []
        for _ in range(5):
            start = time.perf_counter()
            runner.run(batch)
            wall.append(time.perf_counter() - start)
        found[f"{name}_batch_us_per_row"] = round(statistics.median(wall) / BATCH * 1e6, 3)
    found["ratio"] = round(found["reference_us"] / found["fast_us"], 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    rounds = 4 if parser.parse_args().quick else 40
    rng = np.random.default_rng(0)
    models = {
        "logistic 30-1": net(rng, 30, 1),
        "MLP 30-16-1": net(rng, 30, 16, 1),
        "MLP 64-32-10": net(rng, 64, 32, 10),
        "MLP 1024-64-10": net(rng, 1024, 64, 10),
        "20 trees, depth 4": forest(rng, 30, 20, 4),
        "100 trees, depth 6": forest(rng, 30, 100, 6),
    }
    found = {name: measure(model, rng, rounds) for name, model in models.items()}
    print(f"one row, microseconds at the median, {platform.processor() or platform.machine()}")
    print(
        f"{'model':<20} {'fast':>8} {'reference':>10} {'ratio':>7} {'batch fast':>11} {'ref.':>8}"
    )
    for name, one in found.items():
        print(
            f"{name:<20} {one['fast_us']:>8} {one['reference_us']:>10} {one['ratio']:>7} "
            f"{one['fast_batch_us_per_row']:>11} {one['reference_batch_us_per_row']:>8}"
        )
    worst = max(one["fast_us"] for one in found.values())
    print(f"slowest {worst} (target {TARGET_MICROSECONDS}); reference within {TARGET_RATIO} times")
    print(json.dumps({"models": found, "target_us": TARGET_MICROSECONDS, "worst_us": worst}))


if __name__ == "__main__":
    main()
