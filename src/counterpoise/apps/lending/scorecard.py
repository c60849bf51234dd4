"""What a desk lends by: a model in integers, how an applicant becomes bytes, a usual borrower."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from counterpoise.apps.lending.attributes import (
    AMOUNT,
    ATTRIBUTES,
    FEATURES,
    MONTHS,
    features_of,
    places,
)
from counterpoise.apps.lending.credit import COST_OF_BAD, Part, split
from counterpoise.apps.lending.recipe import CHOSEN, trained
from counterpoise.core.errors import InputError
from counterpoise.inference import Card, Net, Quantiser, import_model, load_model, save_model

NAME = "german credit risk"
RANGES = {AMOUNT: (0.0, 20_000.0), MONTHS: (1.0, 72.0)}
"""What can be asked for, whether or not a training row shows it."""


@dataclass(frozen=True, eq=False)
class Scorecard:
    """A model of who will not pay back, ready to be registered.

    Parameters
    ----------
    net :
        One logit: more is riskier. Decision 1, a decline, is above its threshold.
    card :
        How the 46 features become bytes, and what was lost in making the model integers.
    reference :
        Bytes of a usual borrower who paid back; reasons are given beside it.
    """

    net: Net
    card: Card
    reference: bytes

    @property
    def quantiser(self) -> Quantiser:
        """From features to bytes."""
        return self.card.quantiser

    @property
    def nat(self) -> int:
        """Units of the logit in one nat of log-odds."""
        unit: float = self.card.unit
        return round(1 / unit)

    def bytes_of(self, values: Mapping[str, str]) -> bytes:
        """Give the bytes of an applicant.

        Raises
        ------
        InputError :
            A value cannot be, or lies outside calibration; it is named.
        """
        row: NDArray[np.uint8] = self.quantiser.bytes_of([features_of(values)])[0]
        return row.tobytes()

    def rows_of(self, part: Part) -> NDArray[np.uint8]:
        """Give the bytes of many applicants; what is beyond calibration becomes its end."""
        rows: NDArray[np.uint8] = self.quantiser.bytes_of(part.features, clip=True)
        return rows

    def asks_for(self, values: bytes, amount: int, months: int) -> bool:
        """Tell whether committed bytes hold the amount (in whole tokens) and the term asked for."""
        row = [0] * len(FEATURES)
        for name, number in ((AMOUNT, amount), (MONTHS, months)):
            row[places()[name].start] = number
        wanted = self.quantiser.bytes_of([row], clip=True)[0]
        at = [places()[name].start for name in (AMOUNT, MONTHS)]
        return all(values[place] == wanted[place] for place in at)


def build_scorecard(name: str = CHOSEN) -> Scorecard:
    """Train on the training rows, and make it integers; the validation rows say what that loses.

    The threshold is where the data's cost matrix has it: declining a good applicant costs 1,
    accepting a bad one `COST_OF_BAD`, so that both cost the same at a risk of
    1 / (1 + `COST_OF_BAD`).
    """
    train, validation = split()["train"], split()["validation"]
    imported = import_model(
        trained(train, name),
        train.features,
        train.bad,
        check=validation.features,
        check_labels=validation.bad,
        names=FEATURES,
        ranges=RANGES,
        threshold=1 / (1 + COST_OF_BAD),
    )
    if not isinstance(imported.model, Net):
        raise InputError(f"{name} is no net", hint="a desk's model is linear, or an MLP")
    reference = imported.quantiser.bytes_of([usual_borrower(train)])[0].tobytes()
    return Scorecard(imported.model, imported.card, reference)


def usual_borrower(part: Part) -> list[float]:
    """Give the features of a usual borrower who paid back.

    The lower median of each number and ordered level; of an attribute without an order the
    commonest level, the earlier one where two are as common.
    """
    good = part.features[part.bad == 0]
    usual: list[float] = []
    for attribute, place in zip(ATTRIBUTES, places().values(), strict=True):
        own = good[:, place]
        if attribute.width == 1:
            usual.append(float(np.sort(own[:, 0])[(len(own) - 1) // 2]))
        else:
            commonest = int(own.sum(axis=0).argmax())
            usual += [float(place == commonest) for place in range(attribute.width)]
    return usual


def keep_scorecard(card: Scorecard, folder: Path) -> None:
    """Write a scorecard to a folder, the reference last."""
    folder.mkdir(parents=True, exist_ok=True)
    save_model(card.net, folder / "model")
    (folder / "card.json").write_bytes(card.card.to_bytes())
    (folder / "reference").write_bytes(card.reference)


def load_scorecard(folder: Path) -> Scorecard:
    """Read what `keep_scorecard` wrote.

    Raises
    ------
    InputError :
        The model is no net, or the card is another model's.
    """
    net, card = load_model(folder / "model"), Card.from_bytes((folder / "card.json").read_bytes())
    if not isinstance(net, Net) or card.model != net.id:
        raise InputError(f"{folder} holds no scorecard", hint="remove the folder, and run it again")
    return Scorecard(net, card, (folder / "reference").read_bytes())
