"""The bundled sets, split into rows to train and calibrate on and rows that are held out."""

import csv
from functools import cache
from importlib import resources

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import train_test_split


def heart():
    from counterpoise.apps.diagnosis.heart import load_hospitals

    parts = [part for one in load_hospitals() for part in (one.train, one.test)]
    rows = np.concatenate([part.features for part in parts]).astype(np.float64)
    return rows, np.concatenate([part.labels for part in parts])


def credit():
    data = resources.files("counterpoise.apps.lending") / "data" / "germancredit.csv"
    lines = list(csv.DictReader(data.read_text(encoding="utf-8").splitlines()))
    columns = []
    for name in lines[0]:
        values = [line[name] for line in lines]
        if name == "creditability":
            labels = np.array([value == "bad" for value in values]).astype(int)
        elif all(value.isdigit() for value in values):
            columns.append(np.array(values, dtype=np.float64))
        else:
            kinds = sorted(set(values))[1:]
            columns += [np.array([v == kind for v in values], dtype=np.float64) for kind in kinds]
    return np.stack(columns, axis=1), labels


SETS = {
    "heart": heart,
    "credit": credit,
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "digits": lambda: load_digits(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
}


@cache
def split(name, seed=0):
    """Give rows, held-out rows, and the labels of both."""
    rows, labels = SETS[name]()
    return train_test_split(rows, labels, test_size=0.35, random_state=seed, stratify=labels)
