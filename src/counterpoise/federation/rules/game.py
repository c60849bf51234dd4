"""The game that is scored: the validation losses of any mixture of the members' updates.

A mixture is one integer coefficient per member and one positive denominator. The mean over a
coalition, a point on the path from none to all, and the model itself are all mixtures, so
that one cell (one mixture, one row) follows one rule whatever the scoring method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.federation.rules.logits import (
    FLOAT_LIMIT,
    INTEGER_LIMIT,
    Integers,
    largest,
    product,
    raw_logits,
    settled,
)
from counterpoise.federation.rules.loss import LOGIT_LIMIT, LOSS_BITS, losses
from counterpoise.federation.rules.task import ROW_LIMIT, TaskRules

CELLS_AT_ONCE = 1 << 15


@dataclass(frozen=True, slots=True)
class Rows:
    """Standardised validation rows.

    Parameters
    ----------
    features :
        ``(rows, inputs)`` int32, in units of ``2**-feature_bits``, within +-``2**15``.
    labels :
        ``(rows,)`` int64, from 0 to the number of classes less one.
    """

    features: NDArray[np.int32]
    labels: NDArray[np.int64]

    def check(self, task: TaskRules) -> None:
        """Refuse rows whose number, width or labels do not fit the task."""
        count = len(self.labels)
        if not 1 <= count <= ROW_LIMIT or self.features.shape != (count, task.model.inputs):
            raise InputError(
                f"{count} labels for rows of shape {self.features.shape}",
                hint=f"wanted 1 to {ROW_LIMIT} rows of {task.model.inputs} features",
            )
        if self.labels.min() < 0 or self.labels.max() >= task.model.classes:
            raise InputError(f"a label is outside 0 to {task.model.classes - 1}")


@dataclass(frozen=True, slots=True)
class Mixtures:
    """``(n, members)`` integer coefficients and ``(n,)`` positive denominators."""

    coefficients: Integers
    denominators: Integers


class Game(Protocol):
    """What gives the loss of every mixture on every validation row."""

    def losses(self, mixtures: Mixtures) -> NDArray[np.int32]:
        """Losses ``(mixtures, rows)`` in units of ``2**-20``."""
        ...


@dataclass(frozen=True, slots=True)
class LinearGame:
    """A linear model's game: logits mix as the updates do.

    Parameters
    ----------
    base :
        Raw logits of the base model, ``(outputs, rows)``.
    deltas :
        Raw logits of each update alone, ``(members, outputs, rows)``.
    """

    task: TaskRules
    labels: NDArray[np.int64]
    base: Integers
    deltas: Integers

    def losses(self, mixtures: Mixtures) -> NDArray[np.int32]:
        """``losses(settled(base + floor(sum(c_i * delta_i) / denominator)))``."""
        found = np.empty((len(mixtures.denominators), len(self.labels)), dtype=np.int32)
        logits_of = self._in_floats if self._fits_floats(mixtures) else self._in_integers
        step = max(1, CELLS_AT_ONCE // len(self.labels))
        for start in range(0, len(found), step):
            part = slice(start, start + step)
            logits = logits_of(mixtures.coefficients[part], mixtures.denominators[part, None])
            found[part] = losses(logits.reshape(-1, *self.base.shape), self.labels)
        return found

    def _in_integers(self, coefficients: Integers, denominators: Integers) -> NDArray[np.int32]:
        deltas = self.deltas.reshape(len(self.deltas), self.base.size)
        mixed = product(coefficients, deltas) // denominators
        return settled(mixed + self.base.reshape(-1), self.task)

    def _fits_floats(self, mixtures: Mixtures) -> bool:
        heaviest = largest(mixtures.denominators)
        reach = int(np.abs(mixtures.coefficients).sum(axis=1).max()) * largest(self.deltas)
        return reach + heaviest * (largest(self.base) + (1 << self._shift)) < FLOAT_LIMIT

    @property
    def _shift(self) -> int:
        return self.task.scale_bits + self.task.feature_bits - LOSS_BITS

    def _in_floats(self, coefficients: Integers, denominators: Integers) -> NDArray[np.int32]:
        """The same bits, faster: every value before the division is an integer below ``2**53``.

        With x = sum(c_i * delta_i) the two floors are one, (x // w + base) >> shift ==
        (x + w * base) // (w << shift), and ``floor(fl(n / d)) == n // d`` while
        ``|n| + d < 2**53``: a quotient that is not whole is at least ``1 / d`` below the next
        whole number, farther than half a unit in its last place.
        """
        weights = np.concatenate([coefficients, denominators], axis=1).astype(np.float64)
        raw = np.concatenate([self.deltas, self.base[None]]).reshape(-1, self.base.size)
        mixed = weights @ raw.astype(np.float64)
        mixed /= denominators << self._shift
        np.floor(mixed, out=mixed)
        return np.clip(mixed, -LOGIT_LIMIT, LOGIT_LIMIT, out=mixed).astype(np.int32)


@dataclass(frozen=True, slots=True)
class ParameterGame:
    """Any model's game: the parameters are mixed, then the model runs.

    Parameters
    ----------
    base :
        ``(n_params,)`` int64.
    updates :
        ``(members, n_params)`` int64.
    """

    task: TaskRules
    rows: Rows
    base: Integers
    updates: Integers

    def losses(self, mixtures: Mixtures) -> NDArray[np.int32]:
        """Losses of the model ``base + floor(sum(c_i * update_i) / denominator)``."""
        found = np.empty((len(mixtures.denominators), len(self.rows.labels)), dtype=np.int32)
        widest = max(self.task.model.hidden, default=self.task.model.outputs)
        step = max(1, 8 * CELLS_AT_ONCE // (len(self.rows.labels) * widest))
        for start in range(0, len(found), step):
            part = slice(start, start + step)
            mixed = product(mixtures.coefficients[part], self.updates)
            mixed //= mixtures.denominators[part, None]
            logits = settled(
                raw_logits(self.base + mixed, self.rows.features, self.task), self.task
            )
            found[part] = losses(logits, self.rows.labels)
        return found


def open_game(task: TaskRules, base: Integers, updates: Integers, rows: Rows) -> Game:
    """The game of one round; linear models get the faster, equally exact one.

    Raises
    ------
    InputError
        The rows do not fit the task, or the base model leaves 31 bits.
    """
    rows.check(task)
    if base.shape != (task.model.n_params,) or largest(base) >= 1 << 31:
        raise InputError(
            f"a base model of shape {base.shape} with values to {largest(base)}",
            hint=f"wanted ({task.model.n_params},) below 2**31",
        )
    if task.model.hidden:
        return ParameterGame(task, rows, base, updates)
    deltas = raw_logits(updates, rows.features, task)
    return LinearGame(task, rows.labels, raw_logits(base, rows.features, task), deltas)


def check_width(task: TaskRules, rows: Rows, weights: Integers) -> None:
    """Refuse a task in which the largest admissible updates could leave 62 bits.

    Checked from the rules and the rows alone, so that no participant can make a round fail.
    """
    reach = int(np.abs(rows.features.astype(np.int64)).sum(axis=1).max())
    widest = task.clip * (reach + (1 << task.feature_bits)) if not task.model.hidden else task.clip
    if 32 * len(weights) * largest(weights) * widest >= INTEGER_LIMIT:
        raise InputError(
            "sums of the largest admissible updates could leave 62 bits",
            hint="lower clip, row_cap or feature_bits in the task",
        )
