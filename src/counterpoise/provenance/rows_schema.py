"""What a row is: ordered, named and typed columns, and the bytes that its leaf commits to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from counterpoise.core.digest import dag_cbor, digest_of
from counterpoise.core.errors import InputError

ENCODING = "salted-dag-cbor/v1"
"""The encoding's name in a dataset statement."""

KINDS: Mapping[str, type] = {"int64": int, "float64": float, "utf8": str, "bool": bool}
SALT_BYTES = 16

Value: TypeAlias = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset.

    Parameters
    ----------
    name :
        Its name; any text but the empty one.
    kind :
        ``"int64"``, ``"float64"``, ``"utf8"`` or ``"bool"``. Timestamps, dates and decimals are
        declared as integers of a unit that the name tells.
    nullable :
        Whether a row may have no value here.
    """

    name: str
    kind: str
    nullable: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("a column has no name")
        if self.kind not in KINDS:
            raise InputError(
                f"column {self.name!r} is of the unknown type {self.kind!r}",
                hint=f"the types are {', '.join(KINDS)}; declare times and decimals as int64",
            )


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a dataset, in the order in which a row commits to them.

    Another order is another schema, and another dataset.

    Raises
    ------
    InputError :
        There is no column, or two have one name.

    Examples
    --------
    >>> schema = Schema.of(age="int64", sex="utf8", cholesterol="float64?")
    >>> schema.to_record()[2]
    {'name': 'cholesterol', 'type': 'float64?'}
    """

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        if not self.columns:
            raise InputError("a schema without columns")
        if len(set(self.names)) != len(self.columns):
            raise InputError("two columns of a schema have one name")

    @classmethod
    def of(cls, **types: str) -> Schema:
        """Make a schema of names and types; a type that ends in ``?`` allows null."""
        return cls.from_record([{"name": name, "type": text} for name, text in types.items()])

    @classmethod
    def from_record(cls, record: Iterable[Mapping[str, str]]) -> Schema:
        """Read the schema of a dataset statement, as `to_record` gives it."""
        columns: list[Column] = []
        for entry in record:
            found = re.fullmatch(r"(\w+)(\??)", entry["type"])
            if found is None:
                raise InputError(f"column {entry['name']!r} is of no type: {entry['type']!r}")
            columns.append(Column(entry["name"], found[1], nullable=bool(found[2])))
        return cls(tuple(columns))

    def to_record(self) -> list[dict[str, str]]:
        """Give the columns as a dataset statement tells them."""
        marks = ("", "?")
        return [{"name": c.name, "type": c.kind + marks[c.nullable]} for c in self.columns]

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def digest(self) -> bytes:
        """SHA-256 over the names, the types and the encoding, 32 bytes."""
        return digest_of({"columns": self.to_record(), "encoding": ENCODING})

    def check_values(self, values: Sequence[Value], row: int) -> None:
        """Check that a row's values are of the types that the schema tells.

        Raises
        ------
        InputError :
            Too many or too few values, one of another type or out of range, or null where the
            schema does not allow it. The message names the row and the column.
        """
        if len(values) != len(self.columns):
            raise InputError(f"row {row} has {len(values)} values, {len(self.columns)} wanted")
        for column, value in zip(self.columns, values, strict=True):
            if value is None and column.nullable:
                continue
            if type(value) is not KINDS[column.kind]:
                raise bad_cell(row, column, f"{_name_of(value)}, {column.kind} wanted")
            if type(value) is int and not -(2**63) <= value < 2**63:
                raise bad_cell(row, column, "an integer beyond 64 bits")


def bad_cell(row: int, column: Column, found: str) -> InputError:
    """Give the error about one cell; it names the place and never tells the value."""
    return InputError(f"row {row}, column {column.name!r}: {found}")


def _name_of(value: object) -> str:
    return "null" if value is None else f"a {type(value).__name__}"


def row_bytes(salt: bytes, values: Sequence[Value]) -> bytes:
    """Give the bytes that a leaf commits to: DAG-CBOR of the salt and the values.

    Raises
    ------
    InputError :
        The salt is not 16 bytes long, or a value has no DAG-CBOR form (NaN, an infinity).
    """
    if len(salt) != SALT_BYTES:
        raise InputError(f"a salt of {len(salt)} bytes, {SALT_BYTES} wanted")
    return dag_cbor([salt, *values])
