"""Finds the first false cell of an asserted trace, and opens it for the judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from counterpoise.core.errors import InputError
from counterpoise.inference import IntegerModel, Net, OrderedTree, Trace, trace_leaf
from counterpoise.verification.judge_rules import Cell, Kind


@dataclass(frozen=True, slots=True)
class Asserted:
    """What a provider asserts: every leaf by its hash, and the payloads that are known.

    Parameters
    ----------
    leaves :
        Hashes, the input commitment first, the answer last.
    payloads :
        By place in the trace; that of leaf 0 is salt and input.
    """

    leaves: tuple[bytes, ...]
    payloads: Mapping[int, bytes]

    @property
    def tree(self) -> OrderedTree:
        """The tree over the leaves."""
        return OrderedTree(self.leaves)

    def preimage(self, place: int) -> bytes:
        """Give a leaf with its marks."""
        payload = self.payloads[place]
        if place == 0:
            return b"\x03" + payload
        return b"\x02" + bytes([place]) + len(payload).to_bytes(2, "big") + payload

    @classmethod
    def of(cls, commitment: bytes, hidden: Sequence[bytes], answer: bytes) -> Asserted:
        """Put together what a proposal says: the answer's leaf follows from the answer."""
        last = len(hidden) + 1
        return cls((commitment, *hidden, trace_leaf(last, answer)), {last: answer})


@dataclass(frozen=True, slots=True)
class Withheld:
    """The first leaf that is false, of which nobody knows what it says: demand it."""

    leaf: int


def asserted_of(trace: Trace) -> Asserted:
    """Give a whole trace as one that is asserted and published."""
    payloads = dict(enumerate(trace.payloads))
    return Asserted(trace.leaves, payloads | {0: trace.salt + trace.payloads[0]})


def first_false(model: IntegerModel, truth: Trace, asserted: Asserted) -> Cell | Withheld | None:
    """Find the first false cell of an asserted trace; None if the answer is the model's.

    Parameters
    ----------
    truth :
        The trace that the model really has for the input.

    Raises
    ------
    InputError :
        The two traces are of different inputs.
    """
    if truth.leaves[0] != asserted.leaves[0]:
        raise InputError("the trace asserted is of another input than the one recomputed")
    for place in range(1, len(truth.leaves)):
        if truth.leaves[place] == asserted.leaves[place]:
            continue
        if place not in asserted.payloads:
            return Withheld(place)
        known = {**asserted.payloads, place - 1: asserted_of(truth).payloads[place - 1]}
        found = _first_difference(model, place, truth.payloads[place], known[place])
        return open_cell(model, Asserted(asserted.leaves, known), *found)
    return None


def false_input(model: IntegerModel, asserted: Asserted) -> Cell | None:
    """Open an input that is of no length for the model; None if it could be asked."""
    if len(asserted.payloads[0]) == 32 + model.shape.inputs:
        return None
    return open_cell(model, asserted, Kind.LENGTH, 0)


def open_cell(model: IntegerModel, asserted: Asserted, kind: Kind, row: int) -> Cell:
    """Open a cell for the judge: the row of the model, the leaf before it and its own.

    Parameters
    ----------
    row :
        As in `Cell`; the payloads it needs must be known.
    """
    place = _place_of(model, kind, row)
    tree = asserted.tree
    after = (asserted.preimage(place), tree.opening(place))
    if kind in (Kind.DECISION, Kind.LENGTH):
        return Cell(kind, row, model.header, model.row_root, b"", (), b"", (), *after)
    index = model.rows - 1 if kind == Kind.SUM else row
    weights = (model.row(index), model.row_opening(index))
    before = (asserted.preimage(place - 1), tree.opening(place - 1))
    return Cell(kind, row, model.header, model.row_root, *weights, *before, *after)


def _place_of(model: IntegerModel, kind: Kind, row: int) -> int:
    if kind == Kind.LENGTH:
        return row
    if kind == Kind.NEURON and isinstance(model, Net):
        return model.place(row)[0] + 1
    return {Kind.TREE: 1, Kind.SUM: 2}.get(kind, model.shape.trace_leaves - 1)


def _first_difference(
    model: IntegerModel, place: int, truth: bytes, asserted: bytes
) -> tuple[Kind, int]:
    """Name the first cell of a leaf that is false: its kind and row."""
    if len(truth) != len(asserted):
        return Kind.LENGTH, place
    at = next(i for i in range(len(truth)) if truth[i] != asserted[i])
    last = place == model.shape.trace_leaves - 1
    if last and at >= 4 * model.shape.outputs:
        return Kind.DECISION, 0
    if not isinstance(model, Net):
        return (Kind.SUM if last else Kind.TREE), at // 4
    first = sum(layer.outputs for layer in model.shape.layers[: place - 1])
    return Kind.NEURON, first + (at // 4 if last else at)
