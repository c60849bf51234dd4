"""Answers, and traces: every byte that a model computes on its way to one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError
from counterpoise.inference.commitments import OrderedTree, input_commitment, trace_leaf

Bytes: TypeAlias = npt.NDArray[np.uint8]
Logits: TypeAlias = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model says of rows.

    Parameters
    ----------
    logits :
        Accumulators of the last layer, or sums of a forest: shape (n, outputs) int32.
    decisions :
        Shape (n,) uint16.
    """

    logits: Logits
    decisions: npt.NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.decisions)

    def __iter__(self) -> Iterator[bytes]:
        """Give the answer bytes of each row."""
        for row, decision in zip(self.logits, self.decisions, strict=True):
            yield answer_bytes(row, int(decision))


def decide(logits: npt.NDArray[np.int64], threshold: int) -> Answers:
    """Take the decisions: one logit above the threshold, or the greatest, ties to the lowest."""
    if logits.shape[1] == 1:
        decisions = (logits[:, 0] > threshold).astype(np.uint16)
    else:
        decisions = np.argmax(logits, axis=1).astype(np.uint16)
    return Answers(logits.astype(np.int32), decisions)


def answer_bytes(logits: npt.ArrayLike, decision: int) -> bytes:
    """Give an answer as the chain takes it: ``logits i32 each || decision u16``, at most 66 bytes.

    >>> answer_bytes([-2], 1).hex()
    'fffffffe0001'
    """
    return np.asarray(logits).astype(">i4").tobytes() + decision.to_bytes(2, "big")


def parse_answer(answer: bytes) -> tuple[tuple[int, ...], int]:
    """Read an answer's logits and decision.

    Raises
    ------
    InputError :
        It is not 4 bytes a logit and 2 for the decision, with 1 to 16 logits.

    Examples
    --------
    >>> parse_answer(bytes.fromhex("fffffffe0001"))
    ((-2,), 1)
    """
    count, odd = divmod(len(answer) - 2, 4)
    if odd or not 1 <= count <= 16:
        raise InputError(f"an answer of {len(answer)} bytes, 2 and 4 for each of 1..16 logits")
    *logits, decision = struct.unpack(f">{count}iH", answer)
    return tuple(logits), decision


@dataclass(frozen=True, eq=False)
class Trace:
    """One computation, committed to leaf by leaf.

    Parameters
    ----------
    salt :
        The 32 bytes that hide the input in its commitment.
    payloads :
        The input; then, of a net, the bytes after each layer but the last, or, of a forest, the
        value of each tree (i32); and the answer.
    """

    salt: bytes
    payloads: tuple[bytes, ...]

    @cached_property
    def leaves(self) -> tuple[bytes, ...]:
        """The leaf hashes; the first is the input commitment."""
        first = input_commitment(self.salt, self.payloads[0])
        return (first, *(trace_leaf(i, self.payloads[i]) for i in range(1, len(self.payloads))))

    @cached_property
    def tree(self) -> OrderedTree:
        """The tree over the leaves."""
        return OrderedTree(self.leaves)

    @property
    def root(self) -> bytes:
        """What a prover publishes, 32 bytes."""
        return self.tree.root

    @property
    def commitment(self) -> bytes:
        """The commitment to the input: leaf 0."""
        return self.leaves[0]

    @property
    def answer(self) -> bytes:
        """The answer: the last payload."""
        return self.payloads[-1]

    def opening(self, index: int) -> tuple[bytes, ...]:
        """Give the siblings of leaf `index`, from its own upwards."""
        return self.tree.opening(index)


def checked_rows(values: Bytes, inputs: int) -> Bytes:
    """Give rows of bytes as they are.

    Raises
    ------
    InputError :
        They are not uint8 of shape (n, inputs).
    """
    if values.dtype != np.uint8 or values.ndim != 2 or values.shape[1] != inputs:
        raise InputError(
            f"rows of shape {values.shape} {values.dtype}, (n, {inputs}) uint8 wanted",
            hint="quantise real values first: Quantiser.bytes_of",
        )
    return values


def one_row(values: bytes | Bytes, inputs: int) -> Bytes:
    """Give one input, as bytes or as an array (inputs,), as rows of shape (1, inputs)."""
    row = np.frombuffer(values, np.uint8) if isinstance(values, bytes) else values
    if row.ndim != 1:
        raise InputError(f"one input has one dimension, not {row.ndim}", hint="take one row")
    return checked_rows(row.reshape(1, -1), inputs)
