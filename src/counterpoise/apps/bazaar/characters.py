"""How three sellers answer who all say that they run the same model.

The honest one runs it on what it is asked. The lazy one runs it for one call in three, and answers
the others with what it found last. The lying one turns two answers in five round: it runs the
model on another row, one that it knows to be decided the other way, so that its numbers look like
a model's. Neither can take a question for a check, for checks look like every other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.digest import sha256
from counterpoise.inference import Card, IntegerModel
from counterpoise.market import Found, WholeModel

Bytes = NDArray[np.uint8]
Feed = Mapping[str, NDArray[Any]]
Choice = Callable[[Bytes], Bytes]
"""Given the row that was asked about, gives the row that is answered for."""

LAZY_TURNS, LIES_OF_FIVE = 3, 2


class Character(WholeModel):
    """An integer model behind the gateway that answers for the row that its seller chooses.

    Parameters
    ----------
    choose :
        Which row; the identity for an honest seller.
    """

    def __init__(self, model: IntegerModel, card: Card, choose: Choice) -> None:
        super().__init__(model, card)
        self._choose, self._turn = choose, Lock()

    def run(self, feed: Feed, names: Sequence[str]) -> Found:
        """Answer for the chosen rows, and swear that it was for those asked about."""
        asked = feed["bytes"]
        with self._turn:
            chosen = np.stack([self._choose(row) for row in asked])
        found = super().run({"bytes": chosen}, names)
        return replace(found, values=asked[0].tobytes() if len(asked) == 1 else None)


class Memory:
    """The lazy one's: a fresh row every third time, and else the last fresh one."""

    def __init__(self) -> None:
        self._calls = 0
        self._last: Bytes | None = None

    def __call__(self, row: Bytes) -> Bytes:
        """Choose a row."""
        if self._last is None or self._calls % LAZY_TURNS == 0:
            self._last = row.copy()
        self._calls += 1
        return self._last


class Lie:
    """The liar's: rows known to be decided each way, and a hash that says when to lie."""

    def __init__(self, model: IntegerModel, rows: Bytes) -> None:
        decisions = model.run(rows).decisions
        self._model = model
        self._known = {kind: rows[decisions == kind][0] for kind in (0, 1)}

    def __call__(self, row: Bytes) -> Bytes:
        """Choose a row."""
        if sha256(b"whether to lie" + row.tobytes())[0] % 5 >= LIES_OF_FIVE:
            return row
        other: Bytes = self._known[1 - int(self._model.run(row[None]).decisions[0])]
        return other


def character(name: str, model: IntegerModel, card: Card, rows: Bytes) -> WholeModel:
    """Give the model of an ``honest``, a ``lazy`` or a ``lying`` seller.

    Parameters
    ----------
    rows :
        ``(n, inputs)`` bytes that a liar has seen decided.
    """
    made: Mapping[str, Callable[[], Choice]] = {"lazy": Memory, "lying": partial(Lie, model, rows)}
    return WholeModel(model, card) if name == "honest" else Character(model, card, made[name]())
