"""What goes into an algorithm and what may come out: small integers and choices, nothing else.

A text or a number of any size could carry rows, so neither is among the shapes. How much a
result can tell is thereby bounded by its declaration alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.market.compute_to_data.refusals import NotAdmitted

MOST = 2**53 - 1
MAX_NAMES = 64
MAX_LENGTH = 4_096


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer from `least` to `most`, or a list of `length` of them.

    Parameters
    ----------
    length :
        0 for one integer.
    is_count :
        Of rows: a count below the policy's least rows leaves as 0, any other rounded.
    """

    least: int
    most: int
    length: int = 0
    is_count: bool = False

    def __post_init__(self) -> None:
        if not -MOST <= self.least <= self.most <= MOST:
            raise InputError(f"an integer from {self.least} to {self.most}", hint="within 2**53")
        if not 0 <= self.length <= MAX_LENGTH or (self.is_count and self.least < 0):
            raise InputError(f"{self.length} integers from {self.least}: no shape of a result")

    @property
    def bits(self) -> int:
        """The most that it can tell, in bits, rounded up."""
        return (self.most - self.least).bit_length() * max(self.length, 1)

    def fits(self, value: Any) -> bool:
        """Whether a value has this shape."""
        if not self.length:
            return type(value) is int and self.least <= value <= self.most
        one = Whole(self.least, self.most)
        return isinstance(value, list) and len(value) == self.length and all(map(one.fits, value))

    def to_record(self) -> dict[str, Any]:
        """Give it as a manifest tells it."""
        found: dict[str, Any] = {"least": self.least, "most": self.most}
        found |= {"length": self.length} if self.length else {}
        return found | ({"count": True} if self.is_count else {})


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    among: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(set(self.among)) == len(self.among) <= MAX_NAMES:
            raise InputError(f"a choice among {len(self.among)} words, 1 to {MAX_NAMES} wanted")

    def fits(self, value: Any) -> bool:
        """Whether a value is among them."""
        return isinstance(value, str) and value in self.among

    def to_record(self) -> dict[str, Any]:
        """Give it as a manifest tells it."""
        return {"among": list(self.among)}


Shape = Whole | Choice
Shapes = Mapping[str, Shape]


def shapes_of(record: Any, *, results: bool) -> dict[str, Shape]:
    """Read shapes by name.

    Parameters
    ----------
    results :
        Whether they are of a result, where only integers are.

    Raises
    ------
    InputError :
        A shape is of no known form.
    """
    if not isinstance(record, dict) or len(record) > MAX_NAMES:
        raise InputError(f"shapes are an object of at most {MAX_NAMES} names")
    found: dict[str, Shape] = {}
    for name, one in record.items():
        match one:
            case {"among": list(words), **rest} if not rest and not results:
                found[name] = Choice(tuple(map(str, words)))
            case {"least": int(least), "most": int(most), **rest} if set(rest) <= {
                "length",
                "count",
            }:
                length, count = rest.get("length", 0), rest.get("count", False)
                if type(length) is not int or type(count) is not bool:
                    raise InputError(f"{name!r} has a length or a mark of another type")
                found[name] = Whole(least, most, length, count)
            case _:
                raise InputError(f"{name!r} has no shape", hint='{"least": 0, "most": 9}')
    return found


def record_of(shapes: Shapes) -> dict[str, Any]:
    """Give shapes as a manifest tells them."""
    return {name: shape.to_record() for name, shape in shapes.items()}


def check_shapes(rule: str, values: Any, shapes: Shapes) -> None:
    """Check that values are exactly as declared: no name more, none less, each of its shape.

    Raises
    ------
    NotAdmitted :
        By `rule`. The message names the first that is wrong, never its value.
    """
    if not isinstance(values, dict) or set(values) != set(shapes):
        wanted = ", ".join(sorted(shapes)) or "none"
        raise NotAdmitted(rule, f"the names are not those declared: {wanted}")
    for name, shape in shapes.items():
        if not shape.fits(values[name]):
            raise NotAdmitted(rule, f"{name!r} has not the shape that is declared")


def bits_of(shapes: Shapes) -> int:
    """Give the most that a result of these shapes can tell, in bits."""
    return sum(shape.bits for shape in shapes.values() if isinstance(shape, Whole))
