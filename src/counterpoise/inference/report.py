"""What an import lost, measured, and the card that says so beside the model."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import InputError
from counterpoise.inference.model_file import IntegerModel
from counterpoise.inference.quantiser import Quantiser

FORMAT = "counterpoise-model-card/v1"
LEAST_AGREEMENT = 995
"""Of a thousand decisions, how many must stay what they were."""
MOST_LOST = 5
"""Of a thousand rows, how many fewer may be right."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The integer model beside the float one, counted in rows.

    Parameters
    ----------
    rows :
        How many were compared.
    held_out :
        Whether the integers had not been fitted to them.
    disagreements :
        Decisions that are not the float model's.
    float_right, integer_right :
        How many decisions were right; -1 if no labels were given.
    outside :
        Rows that were not compared: a value is outside calibration, and so is refused.
    fitted_rows, fitted_disagreements :
        The same of the calibration rows, where others were held out.
    """

    rows: int
    held_out: bool
    disagreements: int
    float_right: int = -1
    integer_right: int = -1
    outside: int = 0
    fitted_rows: int = 0
    fitted_disagreements: int = 0

    @property
    def agreement(self) -> float:
        """Share of the decisions that stayed what they were."""
        return 1 - self.disagreements / self.rows

    @property
    def float_accuracy(self) -> float | None:
        """Share of right decisions in floats; None without labels."""
        return None if self.float_right < 0 else self.float_right / self.rows

    @property
    def integer_accuracy(self) -> float | None:
        """Share of right decisions in integers; None without labels."""
        return None if self.integer_right < 0 else self.integer_right / self.rows

    @property
    def points_lost(self) -> float | None:
        """Percentage points of accuracy lost; negative if integers did better."""
        if self.float_right < 0:
            return None
        return 100 * (self.float_right - self.integer_right) / self.rows

    def check(self) -> None:
        """Refuse a loss that matters.

        Decisions are compared on all rows there are, held out or not, for labels play no part in
        it; accuracy on those of the report. One row is no loss: few cannot show half a percent.

        Raises
        ------
        InputError :
            Under 99.5 % of the decisions agree, or more than 0.5 points of accuracy are lost.
        """
        hint = "calibrate with more rows, or accept it: allow_loss=True, --allow-loss"
        rows = self.rows + self.fitted_rows
        wrong = self.disagreements + self.fitted_disagreements
        if wrong > max(1, rows * (1000 - LEAST_AGREEMENT) // 1000):
            raise InputError(
                f"{wrong} of {rows} decisions are not the float model's: "
                f"{100 * (1 - wrong / rows):.2f} % agree, 99.5 % wanted",
                hint=hint,
            )
        if self.float_right - self.integer_right > max(1, self.rows * MOST_LOST // 1000):
            raise InputError(
                f"accuracy falls from {self.float_right} to {self.integer_right} of {self.rows} "
                "rows, by more than half a point",
                hint=hint,
            )

    def as_record(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Card:
    """What goes with a model's file: how reals become its bytes, and what was measured.

    Parameters
    ----------
    model :
        The model's id, 32 bytes.
    kind :
        What it was imported from.
    classes :
        What each decision stands for.
    quantiser :
        Reals to bytes.
    unit :
        What one unit of a logit is worth in the float model's logits.
    report :
        What the import lost.
    """

    model: bytes
    kind: str
    classes: tuple[str, ...]
    quantiser: Quantiser
    unit: float
    report: ImportReport

    def to_bytes(self) -> bytes:
        """Give the canonical JSON; reals are in it as their shortest decimals."""
        record = {
            "format": FORMAT,
            "model": self.model.hex(),
            "kind": self.kind,
            "classes": list(self.classes),
            "features": self.quantiser.as_record(),
            "unit": repr(self.unit),
            "report": self.report.as_record(),
        }
        return canonical_json(record)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON: what the registry holds."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Card:
        """Read a card; anything but its canonical bytes is an `InputError`."""
        try:
            record = json.loads(data)
            found = cls(
                bytes.fromhex(record["model"]),
                record["kind"],
                tuple(record["classes"]),
                Quantiser.from_record(record["features"]),
                float(record["unit"]),
                ImportReport(**record["report"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"this is no model card: {error}") from error
        if found.to_bytes() != data:
            raise InputError(f"the model card is not canonical, or not of format {FORMAT}")
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """An integer model and the card that goes with it."""

    model: IntegerModel
    card: Card

    @property
    def quantiser(self) -> Quantiser:
        """Reals to the model's bytes."""
        return self.card.quantiser

    @property
    def report(self) -> ImportReport:
        """What was lost."""
        return self.card.report
