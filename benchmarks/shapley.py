"""Contribution: what exact integer scores cost, and how near the cheaper methods come.

Speed: one round's scores from base and updates, one thread, median CPU time; beside a textbook
loop in floats over the same coalitions (mean the parameters, predict, log loss, marginals).
Rank: ten clients (5 honest, 40 % and 80 % of labels wrong, noise, a duplicate, a sign-flipper),
5 rounds of the plain mean, 4 seeds; Spearman's correlation of the summed scores with exact ones.
"""

import argparse
import json
import os
import platform
import statistics
import time
from math import comb

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

from counterpoise.federation import GradientLearner, predicted
from counterpoise.federation.rules import Feature, Model, Rows, TaskRules, quantised
from counterpoise.federation.rules.game import open_game
from counterpoise.federation.rules.shapley import (
    SCALE,
    coalition_mixtures,
    mixtures_of,
    scores_of,
)

VALIDATION = 150
ROUNDS = 5
LEARNER = {"steps": 20, "batch": 16, "rate": 0.05}


def load(name):
    """Standardised features, labels and the model of a bundled data set."""
    found = {"breast_cancer": load_breast_cancer, "digits": load_digits}[name]()
    features = (found.data - found.data.mean(axis=0)) / (found.data.std(axis=0) + 1e-9)
    return features, found.target, Model(features.shape[1], len(found.target_names))


def rules(model, scoring="exact"):
    features = tuple(Feature(f"f{i}", 0, -1, 1) for i in range(model.inputs))
    return TaskRules(model, features, rounds=ROUNDS, clip=1 << 17, scoring=scoring)


def scores(method, task, base, updates, weights, rows, entropy):
    game = open_game(task, base, updates, rows)
    mixtures = mixtures_of(method, weights, entropy)
    utilities = -game.losses(mixtures).sum(axis=1, dtype=np.int64)
    return scores_of(method, utilities, len(weights), entropy)


def leave_one_out(task, base, updates, weights, rows, _):
    count = len(weights)
    everybody = (1 << count) - 1
    masks = [everybody] + [everybody ^ 1 << i for i in range(count)]
    losses = open_game(task, base, updates, rows).losses(coalition_mixtures(masks, weights))
    utilities = -losses.sum(axis=1, dtype=np.int64)
    return [SCALE * int(utilities[0] - u) for u in utilities[1:]]


def monte_carlo(task, base, updates, weights, rows, entropy):
    """50 permutations, each with its reverse among them."""
    count, rng = len(weights), np.random.default_rng(int.from_bytes(entropy, "big"))
    drawn = [order for _ in range(25) for order in _pair(rng.permutation(count).tolist())]
    chains = [[sum(1 << m for m in order[:k]) for k in range(count + 1)] for order in drawn]
    masks = sorted({mask for chain in chains for mask in chain})
    losses = open_game(task, base, updates, rows).losses(coalition_mixtures(masks, weights))
    worth = dict(zip(masks, (-losses.sum(axis=1, dtype=np.int64)).tolist(), strict=True))
    found = [0] * count
    for order, chain in zip(drawn, chains, strict=True):
        for k, member in enumerate(order):
            found[member] += (worth[chain[k + 1]] - worth[chain[k]]) * SCALE // len(drawn)
    return found


def _pair(order):
    return order, order[::-1]


METHODS = {
    "exact": lambda *args: scores("exact", *args),
    "path, 8 points": lambda *args: scores("path", *args),
    "permutation, 120 antithetic": lambda *args: scores("permutation", *args),
    "Monte Carlo, 50 antithetic": monte_carlo,
    "leave one out": leave_one_out,
}


def textbook(task, base, updates, weights, rows, _):
    """Exact Shapley values in floats, coalition by coalition."""
    count, unit = len(weights), 2.0**-task.scale_bits
    features = rows.features / 2**task.feature_bits
    everyone = np.arange(len(rows.labels))
    worth = []
    for mask in range(1 << count):
        members = [i for i in range(count) if mask >> i & 1]
        params = base * unit
        if members:
            params = params + np.average(updates[members], axis=0, weights=weights[members]) * unit
        chances = predicted(params, features, task.model)[everyone, rows.labels]
        worth.append(np.log(np.maximum(chances, 1e-15)).sum())
    found = np.zeros(count)
    for i in range(count):
        for mask in range(1 << count):
            if not mask >> i & 1:
                share = 1 / (count * comb(count - 1, mask.bit_count()))
                found[i] += share * (worth[mask | 1 << i] - worth[mask])
    return found


def measured(work, repeats):
    """Median CPU milliseconds."""
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        spent.append(1000 * (time.process_time() - start))
    return statistics.median(spent)


def a_round(model, members, seed=0):
    """A synthetic round of so many members on 150 rows."""
    rng = np.random.default_rng(seed)
    rows = Rows(
        np.rint(rng.normal(size=(VALIDATION, model.inputs)) * 1024).astype(np.int32),
        rng.integers(0, model.classes, VALIDATION),
    )
    updates = np.rint(rng.normal(scale=3000, size=(members, model.n_params))).astype(np.int64)
    base = np.zeros(model.n_params, dtype=np.int64)
    return rules(model), base, updates, rng.integers(20, 200, members), rows, b"\x01" * 32


def speed(*, quick):
    cases = [("logistic, 30 features", Model(30), n) for n in ((10,) if quick else (10, 12, 14))]
    cases.append(("softmax, 64 features, 10 classes", Model(64, 10), 10))
    if not quick:
        cases.append(("perceptron 64-32-10", Model(64, 10, (32,)), 10))
    print(f"{'exact scores, 150 rows':36}{'members':>8}{'integers':>12}{'floats':>12}{'ratio':>8}")
    found = {}
    for name, model, members in cases:
        args = a_round(model, members)
        ours = measured(lambda args=args: METHODS["exact"](*args), 3 if model.hidden else 7)
        theirs = measured(lambda args=args: textbook(*args), 1 if members > 10 else 3)
        print(f"{name:36}{members:8}{ours:9.1f} ms{theirs:9.1f} ms{theirs / ours:8.1f}")
        found[f"{name}, {members}"] = {"ms": round(ours, 2), "ratio": round(theirs / ours, 1)}
    return found


def clients(features, labels, model, rng):
    """Nine cuts of the training rows; two have wrong labels."""
    cuts = np.array_split(rng.permutation(len(labels)), 9)
    parts = []
    for number, cut in enumerate(cuts):
        own = labels[cut].copy()
        wrong = rng.random(len(cut)) < {5: 0.4, 6: 0.8}.get(number, 0.0)
        own[wrong] = (own[wrong] + rng.integers(1, model.classes, wrong.sum())) % model.classes
        parts.append((features[cut], own))
    return parts


def steps(parts, model, params, task, rng, round_id):
    """Five honest, 40 % and 80 % noisy, noise, a duplicate of the first, a sign-flipper."""
    learner = GradientLearner(model, **LEARNER)
    sent = [
        learner.train(params, own, labels, seed=100 * round_id + i) - params
        for i, (own, labels) in enumerate(parts)
    ]
    length = np.mean([np.linalg.norm(step) for step in sent[:5]])
    noise = rng.normal(size=model.n_params)
    sent[7:] = [noise * length / np.linalg.norm(noise), sent[0], -sent[8]]
    return np.array([quantised(step, task) for step in sent], dtype=np.int64)


def trajectories(name, seeds):
    """Every round's inputs, by the plain mean."""
    features, labels, model = load(name)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(labels))
        held, rest = order[:VALIDATION], order[VALIDATION:]
        rows = Rows(np.rint(features[held] * 1024).astype(np.int32), labels[held])
        parts, task = clients(features[rest], labels[rest], model, rng), rules(model)
        sizes = [len(part[1]) for part in parts]
        weights = np.array([*sizes[:8], sizes[0], sizes[8]])
        base, inputs = np.zeros(model.n_params, dtype=np.int64), []
        for round_id in range(ROUNDS):
            updates = steps(parts, model, base / 2**task.scale_bits, task, rng, round_id)
            inputs.append((task, base, updates, weights, rows, bytes([seed, round_id]) * 16))
            base = base + (weights @ updates) // weights.sum()
        yield inputs


def spearman(one, other):
    ranks = [np.argsort(np.argsort(np.array(v, dtype=np.float64))) for v in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def rank(name, seeds):
    found = {method: [] for method in METHODS}
    below = dict.fromkeys(METHODS, 0)
    spent = {}
    for inputs in trajectories(name, seeds):
        totals = {m: np.sum([run(*i) for i in inputs], axis=0) for m, run in METHODS.items()}
        for method, total in totals.items():
            found[method].append(spearman(total, totals["exact"]))
            below[method] += min(total[:5]) > max(total[[6, 7, 9]])
    for method, run in METHODS.items():
        spent[method] = measured(lambda run=run, args=inputs[-1]: run(*args), 5)
    head = f"{name}, 10 clients"
    print(f"\n{head:32}{'rank':>8}{'least':>8}{'honest first':>14}{'CPU a round':>14}")
    for method, values in found.items():
        first = f"{below[method]} of {seeds}"
        print(
            f"{method:32}{np.mean(values):8.3f}{min(values):8.3f}"
            f"{first:>14}{spent[method]:11.2f} ms"
        )
    return {
        m: {
            "rank": round(float(np.mean(v)), 4),
            "least": round(min(v), 4),
            "ms": round(spent[m], 2),
        }
        for m, v in found.items()
    }


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer members, two seeds")
    quick = options.parse_args().quick
    report = {"benchmark": "shapley", "machine": platform.processor() or platform.machine()}
    report["exact"] = speed(quick=quick)
    for name in ("breast_cancer", "digits"):
        report[name] = rank(name, 2 if quick else 4)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
