"""From a net in floats to one in integers: scales, shifts and weights fitted to calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from counterpoise.inference.column import Column, columns_of
from counterpoise.inference.features import Even, Reals
from counterpoise.inference.float_model import FloatNet
from counterpoise.inference.net import MAX_WEIGHT, Layer, Net
from counterpoise.inference.quantiser import Quantiser
from counterpoise.inference.rounding import Hidden, descend

SHIFTS = range(4, 11)
COARSER = 1.5
"""How much coarser than the range demands a feature's steps may get to make its weights finer."""
SWEEPS = 4
MADE_ROWS = 3_000
SWAPPED = 0.15
BUDGET = 2e10
"""Multiplications in one pass over a layer; wide layers are tuned on fewer rows."""
TINY = 1e-9


def fit_net(
    model: FloatNet,
    rows: Reals,
    names: Sequence[str],
    ranges: Mapping[str, tuple[float, float]],
    seed: int = 0,
) -> tuple[Net, Quantiser, float]:
    """Make a net of integers; gives it with its quantiser and what one unit of a logit is worth.

    Parameters
    ----------
    rows :
        Calibration, (n, inputs). What the float net says of them, and of rows made from them by
        swapping features, is what the integers are fitted to.
    ranges :
        Lowest and highest value of features that the rows do not show in full.
    """
    columns = columns_of(rows, names, ranges)
    if len(model.weights) == 1 and len(model.weights[0]) == 1:
        return _fit_single(model, columns)
    fitted = _with_made_rows(model, rows, seed)
    sums = model.preactivations(fitted)
    lowest = np.array([column.lowest for column in columns])
    steps = np.array([column.finest for column in columns])
    entering = (fitted - lowest) / steps
    layers: list[Layer] = []
    weights = model.weights[0]
    for number, onward in enumerate(model.weights[1:]):
        last_single = number == len(model.weights) - 2 and len(onward) == 1
        task = _Task(weights, sums[number], onward, last_single)
        if number == 0:
            found, steps = _best_first(task, fitted, columns)
        else:
            found = _best(task, entering, weights)
        found.tune(SWEEPS)
        layers.append(_hidden_layer(found))
        entering, weights = found.bytes, onward * found.worth
    if not layers:
        entering, weights = _bytes_of(fitted, columns, steps), weights * steps
    last, unit = _last_layer(weights, entering, sums[-1])
    threshold = round(model.threshold / unit) if len(weights) == 1 else 0
    return Net((*layers, last), threshold), _quantiser(columns, steps), unit


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """One hidden layer to be rounded; `single` if one logit alone reads it."""

    weights: Reals
    sums: Reals
    onward: Reals
    single: bool

    def worth(self, largest: Reals, shift: int) -> Reals:
        """What a byte of each neuron is worth: enough for its range and for its weights."""
        needed = np.maximum(self.sums.max(axis=0), TINY) * (1.001 / 255)
        worth = np.maximum(largest / MAX_WEIGHT * 2**shift, needed)
        if self.single:
            # A neuron may count a little coarser, so that the one weight that reads it is whole.
            read = np.maximum(np.abs(self.onward[0]), TINY)
            unit = (read * worth).max() / MAX_WEIGHT
            worth = np.maximum(np.ceil(read * worth / unit - 1e-9), 1) * unit / read
        return np.asarray(worth)

    def rounded(self, entering: Reals, weights: Reals, shift: int, worth: Reals) -> Hidden:
        units = worth / 2**shift
        whole, bias = descend(entering, self.sums, weights, units)
        wanted = np.maximum(self.sums, 0)
        return Hidden(entering, wanted, self.onward, whole, np.rint(bias / units), shift, worth)


def _best(task: _Task, entering: Reals, weights: Reals) -> Hidden:
    largest = np.abs(weights).max(axis=1)
    tried = (task.rounded(entering, weights, shift, task.worth(largest, shift)) for shift in SHIFTS)
    return min(tried, key=lambda hidden: hidden.cost)


def _best_first(task: _Task, rows: Reals, columns: list[Column]) -> tuple[Hidden, Reals]:
    """Round the first layer, where how finely each feature is read is free as well."""
    finest = np.array([column.finest for column in columns])
    largest = np.abs(task.weights * finest).max(axis=1)
    best: tuple[Hidden, Reals] | None = None
    for shift in SHIFTS:
        worth = task.worth(largest, shift)
        with np.errstate(divide="ignore"):
            room = (MAX_WEIGHT * worth[:, None] / 2**shift / np.abs(task.weights)).min(axis=0)
        pairs = zip(columns, room, strict=True)
        steps = np.array([column.coarsened(float(most), COARSER) for column, most in pairs])
        entering = _bytes_of(rows, columns, steps)
        hidden = task.rounded(entering, task.weights * steps, shift, worth)
        if best is None or hidden.cost < best[0].cost:
            best = hidden, steps
    assert best is not None
    return best


def _hidden_layer(found: Hidden) -> Layer:
    # Beyond this a bias alone keeps a neuron at 0 or at 255, whatever enters.
    most = found.weights.shape[1] * MAX_WEIGHT * 255 + (256 << found.shift)
    biases = np.clip(found.biases, -most, most).astype(np.int64)
    return Layer(found.weights.astype(np.int64), biases, 0, found.shift, 0, 255)


def _last_layer(weights: Reals, entering: Reals, sums: Reals) -> tuple[Layer, float]:
    unit = float(max(np.abs(weights).max() / MAX_WEIGHT, TINY))
    if len(weights) == 1:
        whole = np.rint(weights / unit)
        bias = (sums - entering @ (whole * unit).T).mean(axis=0)
    else:
        whole, bias = descend(entering, sums, weights, np.full(len(weights), unit))
    return Layer(whole.astype(np.int64), np.rint(bias / unit).astype(np.int64)), unit


def _fit_single(model: FloatNet, columns: list[Column]) -> tuple[Net, Quantiser, float]:
    """Fit one neuron exactly: a feature's step is made so that its weight is a whole number."""
    weights, bias = model.weights[0][0], float(model.biases[0][0])
    spans = [column.span for column in columns]
    reach = float((np.abs(weights) * spans).max())
    least = max(reach / (255 * MAX_WEIGHT), TINY)
    tried = []
    for factor in np.linspace(1.0, 1.5, 11):
        unit = least * float(factor)
        fits = [column.whole(float(w), unit) for column, w in zip(columns, weights, strict=True)]
        tried.append((sum(fit.error for fit in fits), unit, fits))
    _, unit, fits = min(tried, key=lambda one: one[0])
    whole = np.array([[fit.weight for fit in fits]], dtype=np.int64)
    offset = sum(w * column.lowest for w, column in zip(weights, columns, strict=True))
    offset -= sum(fit.shift for fit in fits)
    layer = Layer(whole, np.array([round((bias + offset) / unit)]))
    steps = np.array([fit.step for fit in fits])
    return Net((layer,), round(model.threshold / unit)), _quantiser(columns, steps), unit


def _quantiser(columns: list[Column], steps: Reals) -> Quantiser:
    pairs = zip(columns, steps, strict=True)
    return Quantiser(tuple(Even(c.name, c.lowest, c.highest, float(step)) for c, step in pairs))


def _bytes_of(rows: Reals, columns: list[Column], steps: Reals) -> Reals:
    return _quantiser(columns, steps).bytes_of(rows, clip=True).astype(np.float64)


def _with_made_rows(model: FloatNet, rows: Reals, seed: int) -> Reals:
    """Give the rows and new ones that have some features of another row each."""
    rng = np.random.default_rng(seed)
    widths = [rows.shape[1], *(len(bias) for bias in model.biases[:-1])]
    work = max(i * i * o for i, o in zip(widths, [*widths[1:], 1], strict=True))
    count = int(min(MADE_ROWS, max(500, BUDGET / work)))
    one, other = rng.integers(len(rows), size=(2, count))
    swapped = rng.random((count, rows.shape[1])) < SWAPPED
    return np.concatenate([rows[:count], np.where(swapped, rows[other], rows[one])])
