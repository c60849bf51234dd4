"""Rounding weights to 7 bits so that their errors cancel on calibration rows.

Rounding each weight for itself wastes what the others could make good. `descend` rounds rows of a
layer by coordinate descent on the error of their sums; `tune` then moves single weights of a
hidden layer where that brings what the next layer sees closer to what it should.

References
----------
Frantar et al., *GPTQ*, arXiv 2210.17323 (the quadratic of a layer's error); Nagel et al., *Up or
Down?*, arXiv 2004.10568 (rounding to the nearest is not best).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from counterpoise.inference.features import Reals
from counterpoise.inference.net import MAX_WEIGHT

RIDGE = 1e-3
SWEEPS = 30


def descend(entering: Reals, wanted: Reals, weights: Reals, units: Reals) -> tuple[Reals, Reals]:
    """Round weights so that sums over rows stay close to what is wanted.

    Parameters
    ----------
    entering :
        What enters the layer, as bytes: (n, inputs).
    wanted :
        Sums the layer should give, in reals: (n, outputs).
    weights :
        In reals a byte: (outputs, inputs).
    units :
        What one unit of a row's weights is worth: (outputs,).

    Returns
    -------
    tuple[Reals, Reals]
        Whole weights in -64..64, and biases in reals.
    """
    centre, mean = entering.mean(axis=0), wanted.mean(axis=0)
    centred = entering - centre
    square = centred.T @ centred
    ridge = RIDGE * (np.trace(square) / len(square) + 1e-9)
    square += ridge * np.eye(len(square))
    rounded = np.clip(np.rint(weights / units[:, None]), -MAX_WEIGHT, MAX_WEIGHT)
    slope = (rounded * units[:, None]) @ square
    slope -= (wanted - mean).T @ centred + ridge * weights
    for _ in range(SWEEPS):
        still = True
        for place, row in enumerate(square):
            moved = rounded[:, place] - np.rint(slope[:, place] / (row[place] * units))
            step = np.clip(moved, -MAX_WEIGHT, MAX_WEIGHT) - rounded[:, place]
            if step.any():
                still = False
                rounded[:, place] += step
                slope += np.outer(step * units, row)
        if still:
            break
    return rounded, mean - (rounded * units[:, None]) @ centre


@dataclass(eq=False)
class Hidden:
    """A hidden layer while it is being rounded.

    Parameters
    ----------
    entering :
        Bytes, (n, inputs).
    wanted :
        What its neurons should give after ReLU, in reals: (n, outputs).
    onward :
        The next layer's weights, in reals: (next outputs, outputs).
    weights, biases :
        Whole numbers: (outputs, inputs) and (outputs,).
    shift :
        Of the requantisation.
    worth :
        What one unit of each neuron's byte is worth: (outputs,).
    """

    entering: Reals
    wanted: Reals
    onward: Reals
    weights: Reals
    biases: Reals
    shift: int
    worth: Reals

    def __post_init__(self) -> None:
        self.bytes = self._requantised(self.weights, self.biases)
        self._measure()

    def _requantised(self, weights: Reals, biases: Reals) -> Reals:
        sums = self.entering @ weights.T + biases
        half = float(1 << self.shift >> 1)
        return np.asarray(np.clip(np.floor((sums + half) / 2**self.shift), 0, 255))

    def _measure(self) -> None:
        self.error = _centred((self.bytes * self.worth - self.wanted) @ self.onward.T)
        self.cost = float((self.error**2).sum())

    def tune(self, sweeps: int) -> None:
        """Improve one neuron after the other, until little is gained."""
        for _ in range(sweeps):
            before = self.cost
            for neuron in range(len(self.weights)):
                self._improve(neuron)
            if self.cost > 0.98 * before:
                break

    def _improve(self, neuron: int) -> None:
        """Move the weights of one neuron as if it were linear where it is neither 0 nor 255."""
        seen = self.onward[:, neuron]
        unit = self.worth[neuron] / 2**self.shift
        gain = unit**2 * float(seen @ seen)
        active = (self.bytes[:, neuron] > 0) & (self.bytes[:, neuron] < 255)
        if not gain or not active.any():
            return
        ones = np.ones((len(active), 1))
        felt = _centred(np.concatenate([self.entering, ones], axis=1) * active[:, None])
        slope, square = felt.T @ (self.error @ seen) * unit, felt.T @ felt * gain
        moved = _moved(np.append(self.weights[neuron], self.biases[neuron]), slope, square)
        row = self._requantised(moved[None, :-1], moved[-1:])[:, 0]
        change = (row - self.bytes[:, neuron]) * self.worth[neuron]
        error = _centred(self.error + np.outer(change, seen))
        cost = float((error**2).sum())
        if cost < self.cost:
            self.weights[neuron], self.biases[neuron] = moved[:-1], moved[-1]
            self.bytes[:, neuron], self.error, self.cost = row, error, cost


def _moved(numbers: Reals, slope: Reals, square: Reals) -> Reals:
    """Descend on a quadratic over whole numbers, the last of which is a bias without bounds."""
    limits = np.full(len(numbers), float(MAX_WEIGHT))
    limits[-1] = np.inf
    for _ in range(3):
        still = True
        for place, row in enumerate(square):
            if row[place] <= 1e-9:
                continue
            moved = numbers[place] - np.rint(slope[place] / row[place])
            step = min(max(moved, -limits[place]), limits[place]) - numbers[place]
            if step:
                still = False
                numbers[place] += step
                slope += row * step
        if still:
            break
    return numbers


def _centred(values: Any) -> Reals:
    return np.asarray(values - values.mean(axis=0))
