"""Fast ways to run an integer model; each must give what the reference gives, to the bit."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError
from counterpoise.inference.forest import Forest
from counterpoise.inference.model_file import IntegerModel
from counterpoise.inference.net import Net
from counterpoise.inference.trace import Bytes

Whole = npt.NDArray[Any]
"""Whole numbers of some width."""


class FastPath(Protocol):
    """One way to run one model."""

    def logits(self, rows: Bytes) -> Whole:
        """Give the logits of rows (n, inputs) uint8: (n, outputs)."""
        ...

    def between(self, rows: Bytes) -> list[Whole]:
        """Give what a trace commits to between input and answer, one array (n, …) each."""
        ...


class Reference:
    """The model's own integers."""

    def __init__(self, model: IntegerModel) -> None:
        self.model = model

    def logits(self, rows: Bytes) -> Whole:
        """Give the logits."""
        return self.model.run(rows).logits

    def between(self, rows: Bytes) -> list[Whole]:
        """Give the bytes after each layer but the last, or what each tree says."""
        if isinstance(self.model, Forest):
            return [self.model.values(rows)]
        return list(self.model.activations(rows)[1:])


class Blas:
    """A net by the floating-point matrix product of NumPy's library, on whole numbers."""

    def __init__(self, net: IntegerModel) -> None:
        if not isinstance(net, Net):
            raise InputError("a forest has no matrix product")
        self.net = net
        self._real: Any = np.float32 if net.largest_sum < 2**24 else np.float64
        self._columns = [layer.columns.astype(self._real) for layer in net.layers]
        self._biases = [layer.bias.astype(self._real) for layer in net.layers]

    def _sums(self, number: int, entering: Bytes) -> npt.NDArray[np.int64]:
        product = entering.astype(self._real) @ self._columns[number]
        return np.asarray((product + self._biases[number]).astype(np.int64))

    def logits(self, rows: Bytes) -> Whole:
        """Give the logits."""
        return self._sums(len(self.net.layers) - 1, ([rows, *self._layers(rows)])[-1])

    def between(self, rows: Bytes) -> list[Whole]:
        """Give the bytes after each layer but the last."""
        return list(self._layers(rows))

    def _layers(self, rows: Bytes) -> list[Bytes]:
        entering = [rows]
        for number, layer in enumerate(self.net.layers[:-1]):
            sums = self._sums(number, entering[-1])
            entering.append(layer.requantise(sums, self.net.layers[number + 1].zero_point))
        return entering[1:]
