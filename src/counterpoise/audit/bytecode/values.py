"""What is known of a word on the stack: a number, or what it depends on.

Labels name what a value depends on:

=================  ====================================================================
``caller``         who calls; ``origin`` who signed the transaction
``calldata``       what the caller sends along; ``value`` the wei it sends
``slot:K``         what is stored in slot K; ``slot:map:K`` in a mapping rooted at slot K
``tslot:K``        the same in transient storage
``by-caller``      stored under a key that contains the caller
``code``           written into the code when it was deployed: constants and immutables
``answer:PC``      what a call at byte PC gave back; ``result:PC`` whether it succeeded
``stipend``        the gas that comes with a payment
``signer``         what ecrecover gave back
``auth:K``         a comparison of the caller with slot K; ``auth:code``, ``auth:answer`` alike
``kept:K:MASK``    slot K with the bits of MASK left as they were
=================  ====================================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["NOTHING", "UNKNOWN", "Value", "constant", "joined", "labelled", "mixed", "slot_name"]

WORD = (1 << 256) - 1
ADDRESS = (1 << 160) - 1


class Value(NamedTuple):
    """An abstract word.

    Parameters
    ----------
    const :
        The number, where it is known.
    labels :
        What it depends on.
    root :
        Of a hash that names a storage slot: the slot of the mapping, as in ``"map:3"``.
    equal :
        Of a test: whether it is non-zero just when its two sides are equal (True), differ
        (False), or neither (None).
    shift :
        Bits by which a stored word was moved down; tells parts of a packed slot apart.
    """

    const: int | None = None
    labels: frozenset[str] = frozenset()
    root: str = ""
    equal: bool | None = None
    shift: int = 0


UNKNOWN = Value()
NOTHING: frozenset[str] = frozenset()


def constant(number: int) -> Value:
    """A known number, modulo 2**256."""
    return Value(number & WORD)


def labelled(*labels: str) -> Value:
    """An unknown number with labels."""
    return Value(labels=frozenset(labels))


def mixed(parts: Iterable[Value], root: str = "") -> Value:
    """A number computed from others."""
    return Value(labels=frozenset().union(*(one.labels for one in parts)), root=root)


def joined(one: Value, other: Value) -> Value:
    """What is known where two paths meet."""
    if one == other:
        return one
    return Value(
        one.const if one.const == other.const else None,
        one.labels | other.labels,
        one.root if one.root == other.root else "",
        one.equal if one.equal == other.equal else None,
        one.shift if one.shift == other.shift else 0,
    )


def slot_name(slot: Value) -> str:
    """The name of a storage slot: its number, ``map:K`` for a mapping's, or ``?``.

    >>> slot_name(constant(3)), slot_name(Value(root="map:3")), slot_name(UNKNOWN)
    ('3', 'map:3', '?')
    """
    if slot.const is not None:
        return str(slot.const)
    return slot.root or "?"
