"""Symbolic values: what an expression is made of, back to arguments, storage and the chain.

Values are interned: two that are built alike are the same object, so that ``is`` compares them. A
local variable has no value of its own; it stands for the value last assigned to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

__all__ = ["Value", "Values", "strip"]

LEAVES = frozenset({"param", "env", "load", "immutable", "result", "fresh", "element"})
"""Kinds that other values are made of; see `Value.leaves`."""

FOLDS: dict[str, Callable[[int, int], int]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mult": lambda a, b: a * b,
    "FloorDiv": lambda a, b: a // b if b else 0,
    "Mod": lambda a, b: a % b if b else 0,
    "Pow": lambda a, b: a**b if 0 <= b <= 512 and abs(a) <= 2**64 else 0,
    "LShift": lambda a, b: a << b if 0 <= b <= 256 else 0,
    "RShift": lambda a, b: a >> b if 0 <= b <= 256 else 0,
    "BitAnd": lambda a, b: a & b,
    "BitOr": lambda a, b: a | b,
}


class Value:
    """One symbolic value.

    Parameters
    ----------
    op :
        ``param`` (tag: name), ``env`` (``msg.sender``), ``load`` (a storage variable, its keys as
        args), ``immutable``, ``result`` (of an outer call; tag: method; args: target and
        arguments), ``fresh`` (a local without value), ``element`` (of the list in args), ``lit``,
        ``bin``, ``cmp``, ``not``, ``and``, ``or``, ``either``, ``phi`` (one of args), ``call`` (a
        builtin), ``field``, ``attr``, ``index``, ``tuple``.
    tag :
        What the kind leaves open: a name, an operator, a literal.
    args :
        What it is made of.
    kind :
        Type: ``"uint256"``, ``"address"``, ``"Bytes"``, ...; empty where unknown.
    uid :
        Tells apart what two evaluations of the same expression gave; 0 where they agree.
    """

    __slots__ = ("__dict__", "args", "kind", "op", "serial", "tag", "uid")

    def __init__(
        self, op: str, tag: str, args: tuple[Value, ...], kind: str, uid: int, serial: int
    ) -> None:
        self.op, self.tag, self.args, self.kind, self.uid = op, tag, args, kind, uid
        self.serial = serial

    def __hash__(self) -> int:
        return self.serial  # not the address, so that sets have one order in every run

    def __eq__(self, other: object) -> bool:
        return self is other

    @cached_property
    def leaves(self) -> frozenset[Value]:
        """What the value depends on; the keys of a storage slot are not among it."""
        if self.op in LEAVES:
            inner = self.args if self.op == "element" else ()
            return frozenset([self]).union(*(arg.leaves for arg in inner))
        return frozenset().union(*(arg.leaves for arg in self.args))

    @cached_property
    def parts(self) -> frozenset[Value]:
        """The value and everything it is written with, keys and arguments of calls too."""
        return frozenset([self]).union(*(arg.parts for arg in self.args))

    @property
    def number(self) -> int | None:
        """The literal number, if it is one."""
        if self.op == "lit" and self.tag.lstrip("-").isdigit():
            return int(self.tag)
        if self.op == "lit" and self.tag == "empty":
            return 0
        return None

    @property
    def is_empty(self) -> bool:
        """Whether it is the zero value of its type."""
        return self.op == "lit" and (
            self.tag in ("empty", "0", "False") or set(self.tag.removeprefix("0x")) == {"0"}
        )

    def is_env(self, *names: str) -> bool:
        """Whether it is one of these of the environment, such as ``msg.sender``."""
        return self.op == "env" and self.tag in names

    def has_env(self, *names: str) -> bool:
        """Whether it depends on one of these."""
        return any(leaf.is_env(*names) for leaf in self.leaves)

    def walk(self) -> Iterator[Value]:
        """The value and its parts, each once."""
        return iter(self.parts)

    def __repr__(self) -> str:
        inner = ", ".join(map(repr, self.args))
        return f"{self.op}:{self.tag}({inner})" if inner else f"{self.op}:{self.tag}"


class Values:
    """Makes values, each only once."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Value] = {}
        self._uids = 0

    def __len__(self) -> int:
        return len(self._made)

    def make(self, op: str, tag: str = "", *args: Value, kind: str = "", uid: int = 0) -> Value:
        """The value of this shape."""
        key = (op, tag, *map(id, args), kind, uid)
        if key not in self._made:
            self._made[key] = Value(op, tag, args, kind, uid, len(self._made))
        return self._made[key]

    def new_uid(self) -> int:
        """A number that no value has yet."""
        self._uids += 1
        return self._uids

    def literal(self, value: object, kind: str = "") -> Value:
        """A literal; numbers by their decimals."""
        return self.make("lit", str(value), kind=kind)

    def binary(self, op: str, left: Value, right: Value, kind: str) -> Value:
        """The result of a binary operator; of two numbers, the number."""
        a, b = left.number, right.number
        if a is not None and b is not None and op in FOLDS:
            return self.literal(FOLDS[op](a, b), kind)
        return self.make("bin", op, left, right, kind=kind)

    def phi(self, *options: Value) -> Value:
        """One of several values, it is not known which."""
        flat: dict[int, Value] = {}
        for option in options:
            for one in option.args if option.op == "phi" and not option.uid else (option,):
                flat[id(one)] = one
        if len(flat) == 1:
            return next(iter(flat.values()))
        return self.make("phi", "", *flat.values(), kind=options[0].kind)


def strip(value: Value) -> Value:
    """The value without conversions of type."""
    while value.op == "call" and value.tag == "convert" and value.args:
        value = value.args[0]
    return value
