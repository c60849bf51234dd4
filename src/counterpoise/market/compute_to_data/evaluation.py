"""Evaluating a buyer's integer model: everything that is told is made of one table of counts.

The table counts rows by group, by band of the model's score and by outcome. Sorting rows into
groups and bands is what could set a row apart, so it is there that the policy acts; confusion,
area under the curve and calibration are computed from the table as it leaves, and tell no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.json_text import check_nesting
from counterpoise.core.units import PPM
from counterpoise.inference import Card, IntegerModel, Runner, model_from_bytes
from counterpoise.market.compute_to_data.overlap import OUTSIDE, Groups
from counterpoise.market.compute_to_data.records import digest_from
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.market.compute_to_data.request import Request
from counterpoise.market.compute_to_data.rows import Columns, Rows
from counterpoise.store import Store

MAX_MODEL = 1 << 24
MAX_CARD = 1 << 20
MAX_WORK = 1 << 34
"""Bytes of a model times rows: what one evaluation may take."""
MAX_EDGES = 32
MAX_VALUES = 64
MAX_CELLS = 2_048
ABSENT = -1
"""A metric that is not defined: there are no rows of one kind."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be evaluated, and how finely.

    Parameters
    ----------
    model :
        Id of the integer model.
    file, card :
        SHA-256 of its bytes and of its card's, in the store.
    edges :
        Where bands of the score end, beside the model's own threshold: ascending.
    by :
        Column whose values make groups; empty for one group.
    """

    model: bytes
    file: bytes
    card: bytes
    edges: tuple[int, ...] = ()
    by: str = ""

    def to_parameters(self) -> dict[str, Any]:
        """Give it as a request's parameters."""
        return {
            "model": self.model.hex(),
            "file": self.file.hex(),
            "card": self.card.hex(),
            "edges": list(self.edges),
            "by": self.by,
        }

    @classmethod
    def from_parameters(cls, found: Mapping[str, Any]) -> Question:
        """Read it; anything else is not admitted, by ``parameters``."""
        try:
            edges = tuple(found["edges"])
            model, file, card = (digest_from(found[name]) for name in ("model", "file", "card"))
            question = cls(model, file, card, edges, found["by"])
            plain = all(type(edge) is int and abs(edge) < 2**31 for edge in edges)
        except (KeyError, TypeError, ValueError) as error:
            raise NotAdmitted("parameters", f"no question of an evaluation: {error}") from error
        if not plain or question.to_parameters() != found or list(edges) != sorted(set(edges)):
            raise NotAdmitted("parameters", "edges ascend, and nothing else is asked")
        if len(edges) > MAX_EDGES or not isinstance(question.by, str):
            raise NotAdmitted("parameters", f"at most {MAX_EDGES} edges, and a column's name")
        return question


@dataclass(frozen=True, eq=False)
class Plan:
    """A question with its model at hand: known before any row is looked at.

    Parameters
    ----------
    values :
        What the column of groups may hold: all declared values, whether a row has them or not.
    bands :
        How many bands there are.
    """

    question: Question
    model: IntegerModel
    card: Card
    columns: Columns
    values: tuple[int, ...]
    edges: tuple[int, ...]
    bands: int

    @property
    def cells(self) -> int:
        """How many counts the table has."""
        return max(len(self.values), 1) * self.bands * self.columns.classes


def plan_of(request: Request, columns: Columns, rows: int, store: Store) -> Plan:
    """Fetch the model of a request and lay the table out.

    Raises
    ------
    NotAdmitted :
        By ``parameters``, ``model`` or ``columns``.
    """
    question = Question.from_parameters(request.parameters)
    model, card = _fetched(question, store, MAX_WORK // max(rows, 1))
    names = card.quantiser.names
    if columns.label in names or not set(names) <= set(columns.names):
        raise NotAdmitted("model", "the model reads columns that the dataset has not as features")
    if question.by == columns.label:
        raise NotAdmitted("columns", "the outcome makes no groups: it is what is counted")
    used = {*names, columns.label, *([question.by] if question.by else [])}
    if used != set(request.columns):
        raise NotAdmitted("columns", "the columns of the request are not those that are read")
    if model.inputs != len(names):
        raise NotAdmitted("model", f"{len(names)} columns for {model.inputs} inputs")
    values = _values(columns, question.by)
    if model.outputs > 1 and question.edges:
        raise NotAdmitted("parameters", "bands are of one score; this model has several")
    edges = tuple(sorted({*question.edges, model.threshold})) if model.outputs == 1 else ()
    plan = Plan(
        question, model, card, columns, values, edges, len(edges) + 1 if edges else model.outputs
    )
    if plan.cells > MAX_CELLS:
        raise NotAdmitted("parameters", f"a table of {plan.cells} counts, at most {MAX_CELLS}")
    return plan


def _fetched(question: Question, store: Store, most: int) -> tuple[IntegerModel, Card]:
    try:
        model = model_from_bytes(store.fetch(question.file, max_bytes=min(most, MAX_MODEL)))
        data = store.fetch(question.card, max_bytes=MAX_CARD)
        check_nesting(data)
        card = Card.from_bytes(data)
    except (InputError, VerificationError) as error:
        raise NotAdmitted("model", error.message) from error
    except ValueError as error:
        raise NotAdmitted("model", f"the card is {error}") from error
    if not model.id == card.model == question.model:
        raise NotAdmitted("model", "the file, the card and the request name different models")
    return model, card


def _values(columns: Columns, by: str) -> tuple[int, ...]:
    if not by:
        return ()
    least, most = columns.bounds(by)
    if most - least >= MAX_VALUES:
        raise NotAdmitted(
            "parameters", f"{by!r} may have {most - least + 1} values, at most {MAX_VALUES} groups"
        )
    return tuple(range(least, most + 1))


def groups_of(plan: Plan, request: Request, rows: Rows) -> Groups:
    """Sort rows into groups and bands, ``(rows,)``: what the control of overlaps looks at.

    Values beyond the model's calibration are taken as its ends. Features decide, never outcomes.
    """
    features = np.stack([rows.column(name) for name in plan.card.quantiser.names], axis=1)
    answers = Runner(plan.model, "reference").run(plan.card.quantiser.bytes_of(features, clip=True))
    found = answers.decisions.astype(np.int64)
    if plan.model.outputs == 1:
        found = np.searchsorted(np.array(plan.edges), answers.logits[:, 0], side="left")
    if plan.values:
        found += (rows.column(plan.question.by) - plan.values[0]) * plan.bands
    found[~rows.selected(request.where)] = OUTSIDE
    return found


def counts_of(plan: Plan, groups: Groups, rows: Rows) -> Counts:
    """Count rows: ``(groups, bands, classes)`` int64."""
    shape = (max(len(plan.values), 1), plan.bands, plan.columns.classes)
    inside = groups != OUTSIDE
    cells = groups[inside] * plan.columns.classes + rows.column(plan.columns.label)[inside]
    found: Counts = np.bincount(cells, minlength=plan.cells).reshape(shape).astype(np.int64)
    return found


def metrics_of(edges: tuple[int, ...], threshold: int, counts: Counts) -> dict[str, int]:
    """Compute what a table tells, in integers; ratios are floored to millionths.

    Parameters
    ----------
    edges :
        Of the bands; empty where bands are decisions.
    counts :
        ``(groups, bands, classes)``, none below 0, as they left.
    """
    table = counts.sum(axis=0)
    bands, classes = table.shape
    rows = int(table.sum())
    if not edges:
        decided = np.arange(bands)
    else:
        decided = np.array([0, *(int(edge >= threshold) for edge in edges)])
    right = sum(int(table[band, d]) for band, d in enumerate(decided) if d < classes)
    found = {"rows": rows, "right": right, "accuracy_ppm": _ppm(right, rows)}
    if classes == 2 and edges:
        positive = table[:, 1].tolist()
        negative = table[:, 0].tolist()
        yes = [band for band, d in enumerate(decided) if d]
        found |= {
            "true_positives": sum(positive[band] for band in yes),
            "false_positives": sum(negative[band] for band in yes),
            "auc_ppm": _area(negative, positive),
        }
        found["false_negatives"] = sum(positive) - found["true_positives"]
        found["true_negatives"] = sum(negative) - found["false_positives"]
    return found


def _area(negative: list[int], positive: list[int]) -> int:
    """Area under the curve of bands: pairs in the right order, half of those in one band."""
    below = twice = 0
    for lower, upper in zip(negative, positive, strict=True):
        twice += upper * (2 * below + lower)
        below += lower
    return _ppm(twice, 2 * sum(negative) * sum(positive))


def _ppm(part: int, whole: int) -> int:
    return part * PPM // whole if whole else ABSENT
