"""What reads code, behind one Protocol; each engine is imported here alone, and late."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import Protocol, cast

from counterpoise.audit.findings import Analysis
from counterpoise.audit.project import Project, Source
from counterpoise.core.errors import InputError

__all__ = ["ENGINES", "Engine", "engine"]

ENGINES = {
    "vyper": "counterpoise.audit.engines.vyper",
    "solidity": "counterpoise.audit.engines.solidity",
    "slither": "counterpoise.audit.engines.slither",
    "solidity-text": "counterpoise.audit.engines.solidity_text",
    "bytecode": "counterpoise.audit.engines.bytecode",
}
"""Module of each engine, in the order in which they run; it has a function ``open_engine()``."""


class Engine(Protocol):
    """Something that reads sources and says what is wrong.

    Attributes
    ----------
    name :
        As in `ENGINES`; findings carry it.
    in_worker :
        True where `analyse` runs foreign code in its own process: the caller then runs it in a
        worker process, one source at a time, and ends the worker at the time limit. False where
        it sees to its own time limits, as one that drives subprocesses does.
    fallback :
        True where it reads only what no other engine could; such a file stays "not analysed".
    """

    name: str
    in_worker: bool
    fallback: bool

    def missing(self) -> str:
        """Why it cannot run here, such as ``"slither is not installed"``; empty if it can."""
        ...

    def version(self) -> str:
        """Its version and that of what it drives; part of the cache's key."""
        ...

    def reads(self, source: Source) -> bool:
        """Whether the source is in its language; says nothing about whether it compiles."""
        ...

    def analyse(
        self, project: Project, sources: Sequence[Source], *, seconds: int
    ) -> Iterator[Analysis]:
        """Read each source, and give one `Analysis` for each, in any order, as soon as it is made.

        A source that cannot be read within `seconds`, or at all, is an `Analysis` whose
        `not_analysed` says why; it is never left out.
        """
        ...


def engine(name: str) -> Engine:
    """The engine of one name; what it drives is imported here and nowhere else."""
    if name not in ENGINES:
        raise InputError(f"no engine {name!r}", hint=f"one of {', '.join(ENGINES)}")
    return cast(Engine, importlib.import_module(ENGINES[name]).open_engine())
