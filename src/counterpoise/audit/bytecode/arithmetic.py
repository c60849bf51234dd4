"""What instructions that only compute make of abstract words."""

from __future__ import annotations

from collections.abc import Callable

from counterpoise.audit.bytecode.values import WORD, Value, constant, mixed

__all__ = ["computed"]

FOLDED: dict[str, Callable[..., int]] = {
    "ADD": lambda a, b: a + b,
    "SUB": lambda a, b: a - b,
    "MUL": lambda a, b: a * b,
    "DIV": lambda a, b: a // b if b else 0,
    "MOD": lambda a, b: a % b if b else 0,
    "EXP": lambda a, b: pow(a, b, WORD + 1),
    "LT": lambda a, b: int(a < b),
    "GT": lambda a, b: int(a > b),
    "EQ": lambda a, b: int(a == b),
    "ISZERO": lambda a: int(a == 0),
    "AND": lambda a, b: a & b,
    "OR": lambda a, b: a | b,
    "XOR": lambda a, b: a ^ b,
    "NOT": lambda a: ~a,
    "SHL": lambda a, b: b << a if a < 256 else 0,
    "SHR": lambda a, b: b >> a if a < 256 else 0,
    "BYTE": lambda a, b: (b >> 8 * (31 - a)) & 255 if a < 32 else 0,
}
"""Instructions on known numbers, top of the stack first."""

STIPEND = 2_300
"""Gas that comes with value; compilers of old write it out, times whether there is no value."""
COMPARED = {"EQ": True, "XOR": False, "SUB": False}
"""Instructions that compare for equality, and whether the result is non-zero for equal sides."""


def computed(name: str, taken: tuple[Value, ...]) -> Value:
    """The result of an instruction that reads neither memory nor storage."""
    numbers = [one.const for one in taken]
    if name in FOLDED and None not in numbers:
        return constant(FOLDED[name](*numbers))
    if name == "MUL" and STIPEND in numbers:
        return Value(labels=frozenset({"stipend"}))
    if name in COMPARED:
        return _compared(name, *taken)
    special = _SPECIAL.get(name)
    if special is not None:
        return special(*taken)
    root = next((one.root for one in taken if one.root), "") if name == "ADD" else ""
    return mixed(taken, root)


def _compared(name: str, one: Value, other: Value) -> Value:
    """A comparison: of the caller with something it did not choose, it is a guard."""
    for who, what in ((one, other), (other, one)):
        if who.labels and who.labels <= {"caller", "signer"}:
            role = _authority(what)
            if role is None:
                return Value(equal=COMPARED[name] if name != "SUB" else None)
            return Value(labels=one.labels | other.labels | {role}, equal=COMPARED[name])
    return Value(labels=one.labels | other.labels, equal=COMPARED[name])


def _authority(what: Value) -> str | None:
    """What the caller is compared with; None if it is zero, or of the caller's own choice."""
    if what.const is not None:
        return None if what.const == 0 else "auth:code"
    slots = sorted(one[5:] for one in what.labels if one.startswith("slot:"))
    if slots:
        return f"auth:{slots[0]}>>{what.shift}"
    if "code" in what.labels:
        return "auth:code"
    if any(one.startswith("answer") for one in what.labels):
        return "auth:answer"
    if "self" in what.labels:
        return "auth:self"
    return None if what.labels <= {"calldata", "caller", "origin", "signer"} else "auth:?"


def _masked(one: Value, other: Value) -> Value:
    for mask, value in ((one, other), (other, one)):
        if mask.const is not None:
            kept = {f"kept:{x[5:]}:{mask.const:x}" for x in value.labels if x.startswith("slot:")}
            return value._replace(const=None, labels=value.labels | kept, equal=value.equal)
    return Value(labels=one.labels | other.labels)


def _negated(one: Value) -> Value:
    return Value(labels=one.labels, equal=None if one.equal is None else not one.equal)


def _shifted(by: Value, value: Value) -> Value:
    """A word moved down by whole bits, as parts of a packed slot are read."""
    if by.const is None:
        return mixed((by, value))
    return Value(labels=value.labels, shift=value.shift + by.const)


def _divided(value: Value, by: Value) -> Value:
    if by.const is None or by.const & (by.const - 1):
        return mixed((value, by))
    return _shifted(constant(by.const.bit_length() - 1), value)


_SPECIAL: dict[str, Callable[..., Value]] = {
    "ISZERO": _negated,
    "AND": _masked,
    "SHR": _shifted,
    "DIV": _divided,
}
