"""Accuracy of the four-hospital federation beside every figure it must be compared with.

The federation runs by the rules of the network (`rehearse`), on FLamby's split of the UCI Heart
Disease data. FLamby's figures are those it publishes for seeds 42 to 46; everything else is
computed here. `--choose` repeats the choice of the learning rate: cross-validation inside the
training rows. `--luck` counts how often noise is paid under each pay rule.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from counterpoise.apps.diagnosis.baselines import (
    Figures,
    by_hospital,
    federated_figures,
    figures,
    local_figures,
    normalised,
    pooled_figures,
)
from counterpoise.apps.diagnosis.cheats import FreeRider, NonFiniteSender, SignFlipper
from counterpoise.apps.diagnosis.heart import HOSPITALS, Part, load_hospitals, together
from counterpoise.apps.diagnosis.people import people
from counterpoise.apps.diagnosis.recipe import diagnosis_learner, diagnosis_task, disclosed_rows
from counterpoise.apps.diagnosis.rehearsal import rehearse
from counterpoise.federation import HonestTrainer, Rows, Standing, model_logits, standardised

COLUMNS = (*HOSPITALS, "pooled_test")
FLAMBY = {
    "FLamby FedAdagrad, FedYogi": (0.760, 0.753, 0.738, 0.676, 0.779),
    "FLamby FedAvg": (0.731, 0.719, 0.650, 0.640, 0.748),
    "FLamby pooled training": (0.783, 0.764, 0.750, 0.644, 0.795),
}
RATES = (0.001, 0.003, 0.01, 0.03)
CHEATS = ("free-rider", "sign-flipper", "non-finite")
LOUDNESS = (0.06, 0.125, 0.25, 0.5)


def address(number):
    return bytes([number + 1]) * 20


def run(task, trainers, sizes, validation):
    """Rehearse with the participants in order; `validation` is a part or makes rows."""

    def rows(found):
        if isinstance(validation, Part):
            return Rows(standardised(validation.features, found, task), validation.labels)
        return validation(found)

    numbered = {address(i): trainer for i, trainer in enumerate(trainers)}
    return rehearse(task, numbered, {address(i): n for i, n in enumerate(sizes)}, rows)


def federation(seed, *, honest, loudness=0.125):
    """The demo's own participants, seeded as the demo seeds them."""
    with tempfile.TemporaryDirectory() as folder:
        cast = people(Path(folder), seed, honest=honest)
    shown = together([p.rows.chosen(p.disclosed) for p in cast if p.name in HOSPITALS])
    trainers, task = [p.trainer for p in cast], diagnosis_task(seed)
    if not honest:
        trainers[len(HOSPITALS)] = replace(trainers[len(HOSPITALS)], loudness=loudness)
    return run(task, trainers, [len(p.rows) for p in cast], shown), task


class OwnNormalisation(HonestTrainer):
    """Trains on rows normalised by the centre's own mean and deviation, as FLamby does."""

    def step(self, terms, round_id, model):
        """See `HonestTrainer.step`."""
        base = model.params / 2**terms.rules.scale_bits
        own = Part(self.features, self.labels)
        seed = terms.rules.seed * 1000 + self.seed * 100 + round_id
        return self.learner.train(base, normalised(own, own), self.labels, seed=seed) - base


def federation_by_own_normalisation(hospitals, seed):
    """Figures of the same federation where every centre is normalised by itself."""
    task = diagnosis_task(seed)
    shown = [h.train.chosen(disclosed_rows(h.train, seed)) for h in hospitals]

    def whole(part, scale):
        return np.floor(normalised(part, scale) * 2**task.feature_bits).astype(np.int32)

    def rows(_):
        features = [whole(s, h.train) for s, h in zip(shown, hospitals, strict=True)]
        return Rows(np.concatenate(features), together(shown).labels)

    trainers = [
        OwnNormalisation(diagnosis_learner(), h.train.features, h.train.labels, seed=i)
        for i, h in enumerate(hospitals)
    ]
    done = run(task, trainers, [len(h.train) for h in hospitals], rows)
    params = done.model.params.astype(np.int64)
    tests = {h.name: h.test for h in hospitals}
    logits = {h.name: model_logits(params, whole(h.test, h.train), task)[:, 0] for h in hospitals}
    pooled = whole(together(list(tests.values())), together([h.train for h in hospitals]))
    return by_hospital(logits, tests, model_logits(params, pooled, task)[:, 0])


def mean_figures(runs):
    """Mean over seeds, measure by measure."""
    return {
        column: Figures(
            *(statistics.fmean(asdict(r[column])[m] for r in runs) for m in asdict(runs[0][column]))
        )
        for column in COLUMNS
    }


def federated(hospitals, seeds, *, honest):
    """Mean figures, each cheat's total pay, and the seconds of one run."""
    runs, paid, spent = [], dict.fromkeys(CHEATS, 0), []
    for seed in seeds:
        start = time.perf_counter()
        done, task = federation(seed, honest=honest)
        spent.append(time.perf_counter() - start)
        params = done.model.params.astype(np.int64)
        runs.append(federated_figures(params, done.statistics, task, hospitals))
        for number, name in enumerate(CHEATS if not honest else ()):
            paid[name] += done.standing.dues.get(address(len(HOSPITALS) + number), 0)
    return mean_figures(runs), paid, statistics.median(spent)


def table(rows, measure):
    print(f"\n{measure.replace('_', ' '):44}" + "".join(f"{c:>13}" for c in COLUMNS))
    for name, row in rows.items():
        print(f"{name:44}" + "".join(f"{getattr(row[c], measure):13.3f}" for c in COLUMNS))
    if measure == "accuracy":
        for name, values in FLAMBY.items():
            print(f"{name:44}" + "".join(f"{value:13.3f}" for value in values))
        constant = next(iter(rows.values()))
        values = [constant[column].constant for column in COLUMNS]
        print(f"{'best constant':44}" + "".join(f"{value:13.3f}" for value in values))


def compare(seeds):
    hospitals = load_hospitals()
    honest, _, _ = federated(hospitals, seeds[:5], honest=True)
    attacked, paid, seconds = federated(hospitals, seeds[:5], honest=False)
    own = [federation_by_own_normalisation(hospitals, seed) for seed in seeds[:5]]
    rows = {"federated, honest, seeds 42-46": honest, "federated, three cheats": attacked}
    if len(seeds) > 5:
        more, _, _ = federated(hospitals, seeds, honest=True)
        rows[f"federated, honest, {len(seeds)} seeds"] = more
    rows |= {
        "federated, FLamby's normalisation": mean_figures(own),
        "pooled, logistic C=1, shared normalisation": pooled_figures(hospitals),
        "pooled, logistic C=1, FLamby's normalisation": pooled_figures(
            hospitals, own_normalisation=True
        ),
        "local only, logistic C=1": local_figures(hospitals),
    }
    for measure in ("accuracy", "balanced", "log_loss"):
        table(rows, measure)
    print("\nstandard error of the pooled test accuracy: .025; one row of switzerland: .063")
    print(f"pay of the cheats over all seeds: {paid}; 7 participants: {seconds:.2f} s a run")
    return {
        "accuracy": {n: {c: round(r[c].accuracy, 4) for c in COLUMNS} for n, r in rows.items()},
        "cheats_paid": paid,
        "seconds_of_seven": round(seconds, 3),
    }


def folds(hospitals, seed, count=5):
    """Training rows cut into fit and held-out parts, hospital by hospital, class by class."""
    rng = np.random.default_rng(seed)
    numbers = []
    for hospital in hospitals:
        order = rng.permutation(len(hospital.train))
        ranked = order[np.argsort(hospital.train.labels[order], kind="stable")]
        numbers.append(np.argsort(ranked) % count)
    for fold in range(count):
        pairs = list(zip(hospitals, numbers, strict=True))
        fit = [h.train.chosen(np.flatnonzero(n != fold)) for h, n in pairs]
        yield fit, [h.train.chosen(np.flatnonzero(n == fold)) for h, n in pairs]


def held_out(fit, test, seed, rate, strategy, *, honest):
    """Log loss and accuracy on held-out rows of one fold."""
    task = replace(diagnosis_task(seed), strategy=strategy)
    learner = diagnosis_learner(rate)
    shown = together([part.chosen(disclosed_rows(part, seed)) for part in fit])
    trainers = [HonestTrainer(learner, p.features, p.labels, seed=i) for i, p in enumerate(fit)]
    if not honest:
        public = shown.features, shown.labels
        trainers += [FreeRider(shown.features, 50), SignFlipper(learner, *public, seed=51)]
        trainers.append(NonFiniteSender(learner, *public, seed=52))
    sizes = [len(p) for p in fit] + [len(shown)] * (len(trainers) - len(fit))
    done = run(task, trainers, sizes, shown)
    everybody = together(test)
    rows = standardised(everybody.features, done.statistics, task)
    logits = model_logits(done.model.params.astype(np.int64), rows, task)[:, 0]
    found = figures(logits, everybody.labels)
    return found.log_loss, found.accuracy


def choose(repeats):
    """Cross-validate the rate; the strategy is gated beforehand, mean is shown beside it."""
    hospitals, found = load_hospitals(), {}
    print(f"{'':16}{'honest':>20}{'with cheats':>20}{'both':>10}")
    for strategy in ("gated", "mean"):
        for rate in RATES:
            cells = []
            for honest in (True, False):
                scores = [
                    held_out(fit, test, seed, rate, strategy, honest=honest)
                    for seed in range(repeats)
                    for fit, test in folds(hospitals, seed)
                ]
                cells.append(np.mean(scores, axis=0))
            both = (cells[0][0] + cells[1][0]) / 2
            found[strategy, rate] = both
            text = "".join(f"{loss:12.4f} {accuracy:.3f}  " for loss, accuracy in cells)
            print(f"{strategy:8}{rate:8}{text}{both:10.4f}")
    best = min(RATES, key=lambda rate: found["gated", rate])
    print(f"chosen by held-out log loss: gated, rate {best}")
    return {"chosen_rate": best, "log_loss": {f"{s} {r}": v for (s, r), v in found.items()}}


def luck(count):
    """How often each ends with pay under each pay rule; the noise is of four strengths in turn."""
    rules, names = ("per_round", "cumulative", "steady"), (*HOSPITALS, *CHEATS)
    paid = {rule: np.zeros(7, dtype=int) for rule in rules}
    for seed in range(count):
        done, task = federation(seed, honest=False, loudness=LOUDNESS[seed % len(LOUDNESS)])
        for rule in rules:
            named, standing = replace(task, pay_rule=rule), Standing()
            for result in done.results:
                if not result.void:
                    standing = standing.after(named, result.phi, task.pot // task.rounds)
            paid[rule] += [standing.dues.get(address(i), 0) > 0 for i in range(7)]
    print(f"seeds out of {count} in which somebody ends with pay; noise {LOUDNESS} of the clip")
    print(f"{'':12}" + "".join(f"{name:>14}" for name in names))
    for rule in rules:
        print(f"{rule:12}" + "".join(f"{found:14}" for found in paid[rule]))
    return {rule: dict(zip(names, paid[rule].tolist(), strict=True)) for rule in rules}


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="seeds 42 to 46 only")
    options.add_argument("--choose", action="store_true", help="cross-validate the rate")
    options.add_argument("--luck", type=int, metavar="SEEDS", help="count lucky cheats")
    asked = options.parse_args()
    report = {"benchmark": "accuracy_heart", "machine": platform.processor() or platform.machine()}
    if asked.choose:
        report |= choose(1 if asked.quick else 3)
    elif asked.luck:
        report |= luck(asked.luck)
    else:
        report |= compare(list(range(42, 47 if asked.quick else 52)))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
