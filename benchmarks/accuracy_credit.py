"""Is the desk's model well chosen, and what do integers lose? German Credit, on one machine.

The candidates are compared by cross-validation inside the 600 training rows; the chosen one is
then held, as the float model it was and as the integers it became, against 400 rows that neither
saw. With --quick two repeats and the cheap candidates only.

Run it: python benchmarks/accuracy_credit.py [--quick]
"""

import argparse
import json
import platform
import time
import warnings

from counterpoise.apps.lending.credit import split
from counterpoise.apps.lending.figures import quality
from counterpoise.apps.lending.recipe import CHOSEN, candidates, choose, cross_validate
from counterpoise.apps.lending.scorecard import build_scorecard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer candidates and repeats")
    quick = parser.parse_args().quick
    warnings.filterwarnings("ignore", message="Stochastic Optimizer")

    print(f"{platform.machine()}, Python {platform.python_version()}")
    print(f"{'candidate':<28} {'log loss':>8} {'± error':>8} {'AUC':>6} {'CPU s':>6}")
    trials = []
    for name, estimator in candidates().items():
        if quick and name.split()[0] == "mlp":
            continue
        started = time.process_time()
        trial = cross_validate(name, estimator, split()["train"], repeats=2 if quick else 4)
        trials.append(trial)
        spent = time.process_time() - started
        print(f"{name:<28} {trial.loss:8.4f} {trial.error:8.4f} {trial.auc:6.3f} {spent:6.1f}")
    best = choose(trials)
    print(f"chosen: {best.name} (simplest family within one standard error of the best)")

    started = time.process_time()
    found = quality(build_scorecard(CHOSEN))
    spent = time.process_time() - started
    print(f"\n{'on 250 test rows':<28} {'floats':>8} {'integers':>8}")
    for label, pair in (("AUC", found.auc), ("accuracy", found.accuracy), ("cost", found.cost)):
        print(f"{label:<28} {pair[0]:8.4f} {pair[1]:8.4f}")
    print(f"equal decisions, 400 rows    {100 * found.agreement:8.2f} %")
    print(f"cost of declining everybody  {found.cost_of_declining_all:8.4f}")
    print(
        json.dumps(
            {
                "chosen": best.name,
                "recipe": CHOSEN,
                "trials": {t.name: [round(t.loss, 4), round(t.auc, 4)] for t in trials},
                **found.record(),
                "points_of_auc_lost": round(100 * (found.auc[0] - found.auc[1]), 3),
                "points_of_accuracy_lost": round(100 * (found.accuracy[0] - found.accuracy[1]), 3),
                "cpu_seconds": round(spent, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
