"""The flow of control through one entry point, with the functions it calls put in their places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

from counterpoise.audit.solidity.tree import Node

__all__ = ["Frame", "Graph", "Place", "Vertex"]


@dataclass(eq=False)
class Frame:
    """One function or modifier put in place of a call to it.

    Parameters
    ----------
    function :
        The definition.
    caller :
        The frame of the call; None for the entry point.
    bound :
        What each parameter is bound to, by the parameter's id: an expression of a frame.
    returns :
        Expressions that it returns.
    number :
        Tells frames apart.
    """

    function: Node
    caller: Frame | None = None
    bound: dict[int, tuple[Node, Frame]] = field(default_factory=dict)
    returns: list[tuple[Node, Frame]] = field(default_factory=list)
    number: int = field(default_factory=count().__next__)

    @property
    def depth(self) -> int:
        """How many calls lead here."""
        return 0 if self.caller is None else self.caller.depth + 1

    def runs(self, function: Node) -> bool:
        """Whether the function is on the stack of calls already."""
        frame: Frame | None = self
        while frame is not None:
            if frame.function["id"] == function["id"]:
                return True
            frame = frame.caller
        return False


@dataclass(frozen=True)
class Place:
    """A state variable, or a part of one.

    Parameters
    ----------
    variable :
        Id of its declaration; -1 for storage that is not known, as assembly writes it.
    path :
        Members and indices that lead to the part, such as ``("[msg.sender]", ".amount")``.
    keys :
        The index expressions, with the frames that they are written in.
    """

    variable: int
    path: tuple[str, ...] = ()
    keys: tuple[tuple[Node, Frame], ...] = field(default=(), compare=False, repr=False)

    def meets(self, other: Place) -> bool:
        """Whether the two can share storage; the names of members tell them apart."""
        if self.variable != other.variable:
            return False
        for mine, theirs in zip(self.path, other.path, strict=False):
            if mine[0] == "." and theirs[0] == "." and mine != theirs:
                return False
        return True


@dataclass(eq=False)
class Vertex:
    """One thing that happens.

    Parameters
    ----------
    kind :
        ``read``, ``write``, ``call`` (leaves the contract), ``test``, ``event``, ``stop``
        (reverts), ``end`` (returns), ``join``, ``assembly``, ``math``.
    node :
        The expression or statement.
    frame :
        Where it is written.
    place :
        What is read or written.
    value :
        What is written; None where it is deleted or not known.
    after :
        What follows; of a test, what follows if it holds.
    otherwise :
        What follows if a test does not hold.
    """

    kind: str
    node: Node
    frame: Frame
    place: Place | None = None
    value: Node | None = None
    after: list[int] = field(default_factory=list)
    otherwise: list[int] = field(default_factory=list)

    @property
    def next(self) -> Iterable[int]:
        """All that can follow."""
        return (*self.after, *self.otherwise)


class Graph:
    """Vertices from the entry (0) on.

    Attributes
    ----------
    vertices :
        In the order in which they were made; a vertex is named by its index.
    cut :
        True where the graph was too large and calls were left out.
    defined :
        What each local variable is set to: expression, its frame and the operator, by the frame's
        number and the variable's id.
    inlined :
        The frame put in place of a call, by the number of the call's frame and the call's id.
    resolving :
        Pointers that are being followed, so that a circle of them ends.
    """

    def __init__(self) -> None:
        self.vertices: list[Vertex] = []
        self.cut = False
        self.defined: dict[tuple[int, int], list[tuple[Node, Frame, str]]] = {}
        self.inlined: dict[tuple[int, int], Frame] = {}
        self.resolving: set[tuple[int, int]] = set()
        self._following: dict[int, frozenset[int]] = {}
        self._dominated: dict[int, frozenset[int]] = {}
        self._controlled: dict[tuple[int, bool], frozenset[int]] = {}

    def of_kind(self, *kinds: str) -> list[int]:
        """Indices of the vertices of some kinds."""
        return [i for i, one in enumerate(self.vertices) if one.kind in kinds]

    def reachable(self, start: Iterable[int], *, without: Iterable[int] = ()) -> set[int]:
        """What can happen from `start` on, `start` included, passing none of `without`."""
        barred = set(without)
        seen = {one for one in start if one not in barred}
        pending = list(seen)
        while pending:
            for one in self.vertices[pending.pop()].next:
                if one not in seen and one not in barred:
                    seen.add(one)
                    pending.append(one)
        return seen

    def following(self, index: int) -> frozenset[int]:
        """What can happen after a vertex; the vertex itself only if a loop leads back."""
        if index not in self._following:
            self._following[index] = frozenset(self.reachable(self.vertices[index].next))
        return self._following[index]

    def controlled(self, test: int, outcome: bool) -> frozenset[int]:
        """What happens only if `test` had that outcome on the way there."""
        key = (test, outcome)
        if key not in self._controlled:
            seen = {0}
            pending = [0]
            while pending:
                index = pending.pop()
                vertex = self.vertices[index]
                if index == test:
                    onward: Iterable[int] = vertex.otherwise if outcome else vertex.after
                else:
                    onward = vertex.next
                for one in onward:
                    if one not in seen:
                        seen.add(one)
                        pending.append(one)
            everything = self.reachable([0])
            self._controlled[key] = frozenset(everything - seen)
        return self._controlled[key]

    def dominated(self, index: int) -> frozenset[int]:
        """What cannot happen unless the vertex did before."""
        if index not in self._dominated:
            others = self.reachable([0], without=[index])
            self._dominated[index] = frozenset(self.reachable([0]) - others - {index})
        return self._dominated[index]
