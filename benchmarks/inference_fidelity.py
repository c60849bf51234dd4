"""What turning a trained model into integers costs, on rows that neither has seen.

Each set is split anew for each seed, 65 to 35; models are trained and the integers fitted on the
first part alone. Agreement is of decisions, on held-out rows within calibration: rows outside it
are refused, and counted. Targets: at least 99.5 % agree, at most half a point of accuracy is lost.
"""

import argparse
import csv
import json
import time
import warnings
from collections import Counter
from collections.abc import Callable
from importlib import resources
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from counterpoise.inference import import_model

TARGET_AGREEMENT, TARGET_LOST = 99.5, 0.5
Rows = tuple[Any, Any]


def heart() -> Rows:
    from counterpoise.apps.diagnosis.heart import load_hospitals

    parts = [part for one in load_hospitals() for part in (one.train, one.test)]
    rows = np.concatenate([part.features for part in parts]).astype(np.float64)
    return rows, np.concatenate([part.labels for part in parts])


def credit() -> Rows:
    data = resources.files("counterpoise.apps.lending") / "data" / "germancredit.csv"
    lines = list(csv.DictReader(data.read_text(encoding="utf-8").splitlines()))
    labels = np.array([line.pop("creditability") == "bad" for line in lines]).astype(int)
    columns = []
    for name in lines[0]:
        values = [line[name] for line in lines]
        if all(value.isdigit() for value in values):
            columns.append(np.array(values, dtype=np.float64))
        else:
            kinds = sorted(set(values))[1:]
            columns += [np.array([v == kind for v in values], dtype=np.float64) for kind in kinds]
    return np.stack(columns, axis=1), labels


SETS: dict[str, Callable[[], Rows]] = {
    "heart": heart,
    "credit": credit,
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "digits": lambda: load_digits(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
}
MODELS: dict[str, Callable[[], Any]] = {
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
    "MLP 16": lambda: make_pipeline(StandardScaler(), MLPClassifier((16,), random_state=0)),
    "MLP 32-16": lambda: make_pipeline(StandardScaler(), MLPClassifier((32, 16), random_state=0)),
    "random forest": lambda: RandomForestClassifier(50, random_state=0),
    "boosted": lambda: GradientBoostingClassifier(n_estimators=30, random_state=0),
}


def with_lightgbm() -> dict[str, Callable[[], Any]]:
    try:
        from lightgbm import LGBMClassifier
    except ModuleNotFoundError:
        print("LightGBM is not installed, and left out")
        return MODELS
    options = {"n_estimators": 50, "verbose": -1, "n_jobs": 1, "random_state": 0}
    return MODELS | {"LightGBM": lambda: LGBMClassifier(**options)}


def measure(rows: Any, labels: Any, make: Callable[[], Any], seeds: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in range(seeds):
        parts = train_test_split(rows, labels, test_size=0.35, random_state=seed, stratify=labels)
        fitted, held, fitted_labels, held_labels = parts
        trained = make().fit(fitted, fitted_labels)
        start = time.process_time()
        imported = import_model(
            trained, fitted, check=held, check_labels=held_labels, allow_loss=True
        )
        found["import_ms"] += round(1000 * (time.process_time() - start))
        found.update({k: v for k, v in imported.report.as_record().items() if k != "held_out"})
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    seeds = 1 if parser.parse_args().quick else 5
    warnings.filterwarnings("ignore")
    header = "agree %", "float %", "integer %", "lost", "refused", "import s"
    print(f"{'set':<14} {'model':<14}" + "".join(f"{name:>10}" for name in header))
    table = []
    for name, load in SETS.items():
        rows, labels = load()
        for kind, make in with_lightgbm().items():
            one = measure(rows, labels, make, seeds)
            line: dict[str, Any] = {"set": name, "model": kind, "rows": one["rows"]}
            line["agreement"] = 100 * (1 - one["disagreements"] / one["rows"])
            line["float"] = 100 * one["float_right"] / one["rows"]
            line["integer"] = 100 * one["integer_right"] / one["rows"]
            line["lost"] = line["float"] - line["integer"]
            line["refused"] = one["outside"]
            line["import_s"] = one["import_ms"] / 1000 / seeds
            table.append(line)
            shown = [line[key] for key in ("agreement", "float", "integer", "lost")]
            print(
                f"{name:<14} {kind:<14}" + "".join(f"{value:>10.2f}" for value in shown)
                + f"{line['refused']:>10}{line['import_s']:>10.2f}", flush=True,
            )  # fmt: skip
    least, most = min(one["agreement"] for one in table), max(one["lost"] for one in table)
    print(f"least agreement {least:.2f} % (target {TARGET_AGREEMENT}), most lost {most:.2f} points")
    print(json.dumps({"seeds": seeds, "table": table, "least_agreement": least, "most_lost": most}))


if __name__ == "__main__":
    main()
