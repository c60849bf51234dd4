"""The header of a model: its shape, and the numbers that are the same for every neuron."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from counterpoise.core.errors import InputError

VERSION = 1
NET, FOREST = 1, 2
THRESHOLD, ARGMAX = 0, 1
MAX_LAYERS = 8
MAX_OUTPUTS = 16
MAX_SHIFT = 24
MAX_ROWS = 2**16
MAX_TREES = (2**16 - 1) // 4
"""The values of all trees, four bytes each, are one leaf of a trace with a length in 16 bits."""

_HEAD = struct.Struct(">BBBBiHH")
_LAYER = struct.Struct(">HHBBhh")
_TREES = struct.Struct(">H")


@dataclass(frozen=True, slots=True)
class LayerShape:
    """One layer as the header has it; the last layer's `shift`, `lo` and `hi` are 0."""

    inputs: int
    outputs: int
    zero_point: int
    shift: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class Header:
    """What the chain stores of a model beside the root of its rows.

    Parameters
    ----------
    kind :
        `NET` or `FOREST`.
    threshold :
        Decision 1 is a logit above it; 0 where there are several outputs.
    layers :
        Of a net, first to last; empty for a forest.
    trees :
        Of a forest; 0 for a net.

    Raises
    ------
    InputError :
        The shapes do not fit together, or a number is out of its range.
    """

    kind: int
    threshold: int
    inputs: int
    outputs: int
    layers: tuple[LayerShape, ...] = ()
    trees: int = 0

    def __post_init__(self) -> None:
        wanted = "1..65535 inputs and 1..16 outputs"
        if not (1 <= self.inputs < 2**16 and 1 <= self.outputs <= MAX_OUTPUTS):
            raise InputError(f"{self.inputs} inputs, {self.outputs} outputs; {wanted} wanted")
        if not -(2**31) <= self.threshold < 2**31 or (self.outputs > 1 and self.threshold):
            raise InputError(f"threshold {self.threshold} with {self.outputs} outputs")
        if self.kind == FOREST:
            if self.layers or not 1 <= self.trees <= MAX_TREES:
                raise InputError(f"a forest of {self.trees} trees, 1..{MAX_TREES} wanted")
        elif self.kind == NET:
            self._check_layers()
        else:
            raise InputError(f"a model of kind {self.kind}; 1 is a net, 2 a forest")

    def _check_layers(self) -> None:
        if self.trees or not 1 <= len(self.layers) <= MAX_LAYERS:
            raise InputError(f"a net of {len(self.layers)} layers, 1..{MAX_LAYERS} wanted")
        widths = [self.inputs, *(layer.outputs for layer in self.layers)]
        if [layer.inputs for layer in self.layers] != widths[:-1] or widths[-1] != self.outputs:
            raise InputError(f"the layers' widths do not fit: {widths}")
        if not all(1 <= width < 2**16 for width in widths) or self.rows > MAX_ROWS:
            raise InputError(f"widths {widths}; 1..65535 each and {MAX_ROWS} rows in all wanted")
        for number, layer in enumerate(self.layers):
            last = number == len(self.layers) - 1
            following = 0 if last else self.layers[number + 1].zero_point
            _check_layer(number, layer, following, last=last)

    @property
    def rule(self) -> int:
        """How a decision is taken: `THRESHOLD` of one output, `ARGMAX` of several."""
        return THRESHOLD if self.outputs == 1 else ARGMAX

    @property
    def rows(self) -> int:
        """How many rows the model commits to: neurons; or trees and one row of biases."""
        if self.kind == FOREST:
            return self.trees + 1
        return sum(layer.outputs for layer in self.layers)

    @property
    def trace_leaves(self) -> int:
        """How many leaves the trace of one run has."""
        return 3 if self.kind == FOREST else len(self.layers) + 1

    def to_bytes(self) -> bytes:
        """Give the canonical bytes."""
        shape = (self.rule, len(self.layers), self.threshold, self.inputs, self.outputs)
        head = _HEAD.pack(VERSION, self.kind, *shape)
        if self.kind == FOREST:
            return head + _TREES.pack(self.trees)
        return head + b"".join(
            _LAYER.pack(one.inputs, one.outputs, one.zero_point, one.shift, one.lo, one.hi)
            for one in self.layers
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Header:
        """Read a header; anything but its canonical bytes is an `InputError`."""
        if len(data) < _HEAD.size:
            raise InputError(f"a header of {len(data)} bytes, at least {_HEAD.size} wanted")
        version, kind, _, count, threshold, inputs, outputs = _HEAD.unpack_from(data)
        if version != VERSION:
            raise InputError(f"an integer model of version {version}, {VERSION} wanted")
        rest = data[_HEAD.size :]
        if len(rest) != (_TREES.size if kind == FOREST else count * _LAYER.size):
            raise InputError(f"a header of {len(data)} bytes does not fit what it announces")
        if kind == FOREST:
            found = cls(kind, threshold, inputs, outputs, trees=_TREES.unpack(rest)[0])
        else:
            layers = tuple(LayerShape(*fields) for fields in _LAYER.iter_unpack(rest))
            found = cls(kind, threshold, inputs, outputs, layers)
        if found.to_bytes() != data:
            raise InputError("the header is not canonical", hint="its rule or count is not its own")
        return found


def _check_layer(number: int, layer: LayerShape, following: int, *, last: bool) -> None:
    if not 0 <= layer.zero_point <= 255:
        raise InputError(f"layer {number} has zero point {layer.zero_point}, 0..255 wanted")
    if last:
        if layer.shift or layer.lo or layer.hi:
            raise InputError("the last layer does not requantise: shift, lo and hi are 0")
        return
    if not 0 <= layer.shift <= MAX_SHIFT:
        raise InputError(f"layer {number} shifts by {layer.shift}, 0..{MAX_SHIFT} wanted")
    if not 0 <= layer.lo + following <= layer.hi + following <= 255:
        raise InputError(
            f"layer {number} clips to {layer.lo}..{layer.hi}, which is no byte "
            f"around the next zero point {following}"
        )
