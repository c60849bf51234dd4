"""The rules by which one cell of a trace is judged, which ``Judge.vy`` agrees with for every input.

A cell is one number that follows from others: a neuron from the layer before it, the decision from
the logits, what one tree says from the input, a logit from all trees, the length of a leaf from the
header. Who disputes it opens the row of the model and the two leaves of the trace.
"""

from __future__ import annotations

import enum
from dataclasses import astuple, dataclass
from typing import NoReturn

from counterpoise.core.digest import keccak
from counterpoise.core.errors import Reverted
from counterpoise.inference import Header, LayerShape, Leaf, Split, model_id, tree_depth

MAX_WIDTH = 2048
"""Inputs of one row, and bytes of one leaf, that one transaction can judge."""
CLAIM = b"\x05"
INPUT_START, LEAF_START, ROW_START = 33, 4, 8


class Kind(enum.IntEnum):
    """What a cell is, as `IJudge.Cell.kind` counts; 0 is a leaf that was withheld."""

    WITHHELD = 0
    NEURON = 1
    DECISION = 2
    TREE = 3
    SUM = 4
    LENGTH = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell with its openings, in the order of `IJudge.Cell`.

    Parameters
    ----------
    row :
        Of a neuron or a tree, the row of the model; of a sum, the output; of a length, the leaf;
        else 0.
    header, row_root :
        What the model's id is made of.
    weights, before, after :
        Preimages with their marks: the row, the leaf that is computed from, the leaf that is
        computed. Empty where a kind needs none.
    """

    kind: Kind
    row: int
    header: bytes
    row_root: bytes
    weights: bytes
    weights_path: tuple[bytes, ...]
    before: bytes
    before_path: tuple[bytes, ...]
    after: bytes
    after_path: tuple[bytes, ...]

    def values(self) -> tuple[object, ...]:
        """Give the cell as the ABI wants it."""
        return astuple(self)


@dataclass(frozen=True, slots=True)
class Ruling:
    """Which model and trace a cell belongs to, and whether the trace says something else."""

    model: bytes
    trace_root: bytes
    is_false: bool


def claim_of(model: bytes, trace_root: bytes) -> bytes:
    """Give what a proposal is bound to: its model and its trace."""
    return keccak(CLAIM + model + trace_root)


def shape(header: Header) -> tuple[int, int]:
    """Give how many leaves a trace has, and how many logits; refuses what is too wide to judge."""
    lengths = (_length(header, place) for place in range(header.trace_leaves - 1))
    if any(length - _start(place) > MAX_WIDTH for place, length in enumerate(lengths)):
        _refuse("too wide to judge")
    return header.trace_leaves, header.outputs


def judge(cell: Cell) -> Ruling:
    """Recompute one cell.

    Raises
    ------
    Reverted :
        The openings do not fit together, for the reason that the contract gives.
    """
    header = Header.from_bytes(cell.header)
    place = _place(header, cell)
    root = _root_through(header, cell.after, place, cell.after_path)
    length = _length(header, place)
    if cell.kind == Kind.LENGTH:
        is_false = len(cell.after) != length
    else:
        if len(cell.after) != length:
            _refuse("leaf of another length")
        is_false = (
            cell.after != _with_decision(header, cell.after)
            if cell.kind == Kind.DECISION
            else _follows_falsely(header, cell, place, root)
        )
    return Ruling(model_id(cell.header, cell.row_root), root, is_false)


def _follows_falsely(header: Header, cell: Cell, place: int, root: bytes) -> bool:
    if _root_through(header, cell.before, place - 1, cell.before_path) != root:
        _refuse("leaves of two traces")
    if len(cell.before) != _length(header, place - 1):
        _refuse("leaf before of another length")
    index = header.trees if cell.kind == Kind.SUM else cell.row
    if len(cell.weights_path) != tree_depth(header.rows):
        _refuse("path of the row of another length")
    if _walk(keccak(cell.weights), index, cell.weights_path) != cell.row_root:
        _refuse("not a row of the model")
    if cell.kind == Kind.NEURON:
        return _neuron_is_false(header, cell)
    if cell.kind == Kind.TREE:
        return _tree_is_false(header, cell)
    return _sum_is_false(header, cell)


def _neuron_is_false(header: Header, cell: Cell) -> bool:
    number, layer, neuron = _layer_of(header, cell.row)
    marks = b"\x00" + bytes([number]) + cell.row.to_bytes(2, "big")
    if len(cell.weights) != ROW_START + layer.inputs or cell.weights[:4] != marks:
        return True
    values = cell.before[_start(number) :]
    total = _signed(cell.weights[4:8]) - 128 * sum(values)
    total += sum(q * p for q, p in zip(cell.weights[ROW_START:], values, strict=True))
    if number == len(header.layers) - 1:
        return total != _logit(cell.after, neuron)
    rounded = (total + (1 << layer.shift >> 1)) >> layer.shift
    byte = min(layer.hi, max(layer.lo, rounded)) + header.layers[number + 1].zero_point
    return byte != cell.after[LEAF_START + neuron]


def _tree_is_false(header: Header, cell: Cell) -> bool:
    nodes = cell.weights[ROW_START:]
    marks = bytes(2) + cell.row.to_bytes(2, "big") + bytes(4)
    if not 0 < len(nodes) <= 8 * 255 or len(nodes) % 8 or cell.weights[:ROW_START] != marks:
        return True
    values, place = cell.before[INPUT_START:], 0
    while True:
        node = nodes[8 * place : 8 * place + 8]
        feature = int.from_bytes(node[:2], "big")
        if feature == 0xFFFF:
            allowed = node == Leaf(_signed(node[4:])).to_bytes()
            return not allowed or _logit(cell.after, cell.row) != _signed(node[4:])
        split = Split(feature, *node[2:5])
        if feature >= header.inputs or node != split.to_bytes():
            return True
        child = split.left if values[feature] <= split.threshold else split.right
        if not place < child < len(nodes) // 8:
            return True
        place = child


def _sum_is_false(header: Header, cell: Cell) -> bool:
    biases = cell.weights
    if len(biases) != ROW_START + 4 * header.outputs or biases[:ROW_START] != b"\0\1" + bytes(6):
        return True
    said = (_logit(cell.before, tree) for tree in range(cell.row, header.trees, header.outputs))
    return _logit(cell.after, cell.row) != _signed(biases[8 + 4 * cell.row :][:4]) + sum(said)


def _with_decision(header: Header, answer: bytes) -> bytes:
    logits = [_logit(answer, output) for output in range(header.outputs)]
    decision = int(logits[0] > header.threshold) if header.rule == 0 else logits.index(max(logits))
    return answer[:-2] + decision.to_bytes(2, "big")


def _place(header: Header, cell: Cell) -> int:
    """Give the leaf that a cell is in."""
    if cell.kind == Kind.DECISION:
        return header.trace_leaves - 1
    if cell.kind == Kind.LENGTH:
        return cell.row if cell.row < header.trace_leaves else _refuse("no such leaf")
    if cell.kind == Kind.NEURON:
        return (
            _layer_of(header, cell.row)[0] + 1 if header.layers else _refuse("a neuron of no net")
        )
    if cell.kind not in (Kind.TREE, Kind.SUM):
        _refuse("no such kind of cell")
    if header.layers:
        _refuse("a tree of no forest")
    if cell.row >= (header.trees if cell.kind == Kind.TREE else header.outputs):
        _refuse("no such tree or output")
    return 1 if cell.kind == Kind.TREE else 2


def _layer_of(header: Header, row: int) -> tuple[int, LayerShape, int]:
    """Give the layer that a row of a net is in, by number, and the neuron in it."""
    for number, layer in enumerate(header.layers):
        if row < layer.outputs:
            return number, layer, row
        row -= layer.outputs
    return _refuse("no such row")


def _root_through(header: Header, leaf: bytes, place: int, path: tuple[bytes, ...]) -> bytes:
    if len(path) != tree_depth(header.trace_leaves):
        _refuse("path of another length")
    if place == 0 and leaf[:1] != b"\x03":
        _refuse("not the input")
    marks = b"\x02" + bytes([place]) + max(0, len(leaf) - LEAF_START).to_bytes(2, "big")
    if place and leaf[:LEAF_START] != marks:
        _refuse("not this leaf")
    return _walk(keccak(leaf), place, path)


def _walk(leaf: bytes, place: int, path: tuple[bytes, ...]) -> bytes:
    node = leaf
    for level, sibling in enumerate(path):
        node = keccak(b"\1" + (sibling + node if place >> level & 1 else node + sibling))
    return node


def _length(header: Header, place: int) -> int:
    """Give the bytes of a leaf with its marks."""
    if place == 0:
        return INPUT_START + header.inputs
    if place == header.trace_leaves - 1:
        return LEAF_START + 4 * header.outputs + 2
    return LEAF_START + (header.layers[place - 1].outputs if header.layers else 4 * header.trees)


def _start(place: int) -> int:
    return LEAF_START if place else INPUT_START


def _logit(leaf: bytes, index: int) -> int:
    return _signed(leaf[LEAF_START + 4 * index :][:4])


def _signed(number: bytes) -> int:
    return int.from_bytes(number, "big", signed=True)


def _refuse(why: str) -> NoReturn:
    raise Reverted("Judge.judge", f"judge: {why}")
