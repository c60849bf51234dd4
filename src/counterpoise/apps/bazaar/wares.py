"""What is sold: an integer model that says from 13 facts whether a heart is diseased.

It is trained on the training rows of four hospitals. Of the rows that it never saw, two thirds are
what validators ask with labels that they know; the others are the buyers' patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from counterpoise.apps.diagnosis.heart import FEATURES, Part, load_hospitals, together
from counterpoise.inference import Imported, import_model

NAME = "heart-disease"


@dataclass(frozen=True, slots=True)
class Wares:
    """A model, and rows that it never saw.

    Parameters
    ----------
    checks, patients :
        Bytes of the rows, ``(rows, 13)`` uint8; whether each heart is diseased, ``(rows,)`` 0 or 1.
    """

    imported: Imported
    checks: tuple[NDArray[np.uint8], NDArray[np.int64]]
    patients: tuple[NDArray[np.uint8], NDArray[np.int64]]


@cache
def make_wares() -> Wares:
    """Train the model and divide the rows that it has not seen."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    hospitals = load_hospitals()
    seen, unseen = (together([getattr(h, part) for h in hospitals]) for part in ("train", "test"))
    trained = make_pipeline(StandardScaler(), LogisticRegression())
    trained.fit(seen.features.astype(float), seen.labels)
    imported = import_model(
        trained, seen.features, seen.labels, names=[feature.name for feature in FEATURES]
    )
    rows = imported.quantiser.bytes_of(unseen.features, clip=True)
    for_buyers = np.arange(len(rows)) % 3 == 2
    return Wares(imported, _chosen(rows, unseen, ~for_buyers), _chosen(rows, unseen, for_buyers))


def _chosen(
    rows: NDArray[np.uint8], part: Part, which: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    return rows[which], part.labels[which]
