"""A net of integers: 7-bit weights, 32-bit accumulators, a byte a value between layers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError
from counterpoise.inference.commitments import ROW, Committed
from counterpoise.inference.header import NET, Header, LayerShape
from counterpoise.inference.trace import Answers, Bytes, Trace, checked_rows, decide, one_row

MAX_WEIGHT = 64
LIMIT = 2**31


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer; its arrays are copied and can no longer be written.

    Parameters
    ----------
    weights :
        Shape (outputs, inputs), integers in -64..64.
    bias :
        Folded, ``b - zero_point * sum(w)``: shape (outputs,) within 32 bits. See `folded`.
    zero_point :
        What an input byte counts from.
    shift, lo, hi :
        How the accumulator becomes a byte; all 0 in the last layer.

    Raises
    ------
    InputError :
        A weight is out of range or no integer, or a row can overflow 32 bits: named by its neuron.
    """

    weights: npt.NDArray[np.int64]
    bias: npt.NDArray[np.int64]
    zero_point: int = 0
    shift: int = 0
    lo: int = 0
    hi: int = 0

    def __post_init__(self) -> None:
        weights, bias = _integers(self.weights, "weights"), _integers(self.bias, "biases")
        if weights.ndim != 2 or bias.shape != weights.shape[:1] or not weights.size:
            raise InputError(f"weights {weights.shape} with biases {bias.shape} are no layer")
        large = np.argwhere(np.abs(weights) > MAX_WEIGHT)
        if len(large):
            neuron, place = (int(i) for i in large[0])
            raise InputError(
                f"weight {place} of neuron {neuron} is {weights[neuron, place]}, -64..64 wanted"
            )
        worst = weights.shape[1] * MAX_WEIGHT * 255 + np.abs(bias)
        if int(worst.max()) >= LIMIT:
            neuron = int(worst.argmax())
            raise InputError(
                f"neuron {neuron} of {weights.shape[1]} inputs with bias {bias[neuron]} can "
                "overflow 32 bits: inputs * 64 * 255 + |bias| < 2**31 wanted"
            )
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "bias", bias)

    @classmethod
    def folded(
        cls,
        weights: npt.ArrayLike,
        bias: npt.ArrayLike,
        zero_point: int = 0,
        *,
        shift: int = 0,
        lo: int = 0,
        hi: int = 0,
    ) -> Layer:
        """Make a layer from a bias that is not folded yet."""
        matrix = _integers(weights, "weights")
        folded = _integers(bias, "biases") - zero_point * matrix.sum(axis=1)
        return cls(matrix, folded, zero_point, shift, lo, hi)

    @property
    def shape(self) -> LayerShape:
        """The layer as the header has it."""
        outputs, inputs = self.weights.shape
        return LayerShape(inputs, outputs, self.zero_point, self.shift, self.lo, self.hi)

    @cached_property
    def columns(self) -> npt.NDArray[np.int64]:
        """The weights as (inputs, outputs), laid out for `accumulate`."""
        return np.ascontiguousarray(self.weights.T)

    def accumulate(self, values: Bytes) -> npt.NDArray[np.int64]:
        """Give the accumulators of rows of bytes, (n, inputs) to (n, outputs)."""
        return np.asarray(values.astype(np.int64) @ self.columns + self.bias)

    def requantise(self, accumulators: npt.NDArray[np.int64], zero_point: int) -> Bytes:
        """Make accumulators bytes for a next layer with this zero point: half up, then clipped."""
        rounded = accumulators + (1 << self.shift >> 1)
        clipped = np.minimum(np.maximum(rounded >> self.shift, self.lo), self.hi)
        return np.asarray((clipped + zero_point).astype(np.uint8))


@dataclass(frozen=True, eq=False)
class Net(Committed):
    """A linear or logistic model, or a multilayer perceptron with ReLU, in integers.

    Parameters
    ----------
    layers :
        One to eight.
    threshold :
        With one output: decision 1 is a logit above it.

    Raises
    ------
    InputError :
        The layers do not fit together.

    Examples
    --------
    >>> net = Net((Layer([[3, -2]], [-10]),))
    >>> net.run(np.array([[10, 2], [4, 2]], np.uint8)).logits.tolist()
    [[16], [-2]]
    """

    layers: tuple[Layer, ...]
    threshold: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise InputError("a net without layers")
        _ = self.shape

    @cached_property
    def shape(self) -> Header:
        """The header, read."""
        shapes = tuple(layer.shape for layer in self.layers)
        return Header(NET, self.threshold, shapes[0].inputs, shapes[-1].outputs, shapes)

    @property
    def inputs(self) -> int:
        """Features, one byte each."""
        return self.shape.inputs

    @cached_property
    def largest_sum(self) -> int:
        """The largest sum of magnitudes that a row can meet, whatever enters; see `Runner`."""
        reach = [
            np.abs(one.weights).sum(axis=1) * 255 + np.abs(one.bias) + (1 << one.shift >> 1)
            for one in self.layers
        ]
        return max(int(sums.max()) for sums in reach)

    def place(self, row: int) -> tuple[int, int]:
        """Give the layer of a row and the neuron's number within it."""
        for number, layer in enumerate(self.layers):
            if 0 <= row < len(layer.bias):
                return number, row
            row -= len(layer.bias)
        raise InputError(f"there are {self.rows} rows, numbered from 0")

    def row(self, index: int) -> bytes:
        """Give a row as it is hashed: ``00 || layer || row || b' i32 || q``."""
        number, neuron = self.place(index)
        layer = self.layers[number]
        mark = ROW + bytes([number]) + index.to_bytes(2, "big")
        weights = bytes((layer.weights[neuron] + 128).tolist())
        return mark + int(layer.bias[neuron]).to_bytes(4, "big", signed=True) + weights

    def activations(self, values: Bytes) -> list[Bytes]:
        """Give the bytes that enter each layer; the first are the input's."""
        entering = [checked_rows(values, self.inputs)]
        for layer, following in zip(self.layers, self.layers[1:], strict=False):
            accumulators = layer.accumulate(entering[-1])
            entering.append(layer.requantise(accumulators, following.zero_point))
        return entering

    def run(self, values: Bytes) -> Answers:
        """Answer rows of bytes, (n, inputs) uint8, in plain int64: the reference."""
        return decide(self.layers[-1].accumulate(self.activations(values)[-1]), self.threshold)

    def answer(self, values: bytes | Bytes) -> bytes:
        """Answer one input, in the bytes the chain takes."""
        return next(iter(self.run(one_row(values, self.inputs))))

    def trace(self, values: bytes | Bytes, salt: bytes) -> Trace:
        """Answer one input and keep every byte on the way."""
        entering = self.activations(one_row(values, self.inputs))
        answers = decide(self.layers[-1].accumulate(entering[-1]), self.threshold)
        return Trace(salt, (*(one.tobytes() for one in entering), next(iter(answers))))


def _integers(values: npt.ArrayLike, what: str) -> npt.NDArray[np.int64]:
    array = np.array(values)
    if array.dtype.kind not in "iu":
        raise InputError(f"{what} of {array.dtype}, integers wanted", hint="import_model quantises")
    kept = array.astype(np.int64)
    kept.setflags(write=False)
    return kept
