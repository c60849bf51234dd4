"""Puts a withheld trace together from what was revealed of it on the chain.

A revealed entry comes with its proof, and every hash of the proof that is not that of the true
trace points at a part in which something else is false. So a few demands lead to the false entry,
and with it the posted trace is known whole: all that was not revealed is as the evidence gives it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from counterpoise.chain import Event
from counterpoise.core import merkle
from counterpoise.federation.judge_rules import HEAD
from counterpoise.federation.rules.trace import SUMMARY, Opening, Section, Trace

AT_ONCE = 4
"""Entries demanded at once in a part that differs."""


@dataclass
class Pieces:
    """What is known of one posted trace.

    Parameters
    ----------
    true :
        The trace that the evidence gives.
    revealed :
        Entries with their proofs, by section and index.
    """

    true: Trace
    head: bytes = b""
    revealed: dict[tuple[int, int], Opening] = field(default_factory=dict)

    def add(self, opening: Opening) -> None:
        """Take in what was revealed; the chain has checked it."""
        self.head = opening.head
        if opening.entry:
            self.revealed[opening.section, opening.index] = opening

    def trace(self) -> Trace | None:
        """Give the posted trace; None while parts of it are unknown."""
        if len(self.head) != HEAD:
            return None
        sections = tuple(self._guess(number) for number in range(len(self.true.sections)))
        return trace if (trace := Trace(sections)).head == self.head else None

    def wanted(self) -> list[tuple[int, int]]:
        """Give what to demand next, as sections and indices."""
        if not self.head:
            return [(0, 0)]
        found: list[tuple[int, int]] = []
        for number, true in enumerate(self.true.sections):
            summary = self.head[SUMMARY * number : SUMMARY * (number + 1)]
            guess = self._guess(number)
            if summary[:16] != true.summary[:16] or guess.summary == summary:
                continue  # another shape is convicted by the head alone
            found += [(number, index) for index in self._suspected(number, guess)]
        return found

    def _guess(self, number: int) -> Section:
        """The true section with what was revealed in its place."""
        true, known = self.true.sections[number], self._known(number)
        entries = true.entries.copy()
        for index, opening in known.items():
            if index < len(entries) and len(opening.entry) == entries.shape[1]:
                entries[index] = np.frombuffer(opening.entry, dtype=np.uint8)
        return Section(true.name, entries)

    def _known(self, number: int) -> dict[int, Opening]:
        return {index: one for (section, index), one in self.revealed.items() if section == number}

    def _suspected(self, number: int, guess: Section) -> list[int]:
        """Entries of a section in the parts whose hashes are not those of the guess."""
        known, count = self._known(number), len(guess.entries)
        if not known:
            return [*range(0, count, max(1, count // AT_ONCE))][:AT_ONCE]
        levels = [guess.hashes]
        while len(levels[-1]) > 1:
            levels.append(merkle.parents(levels[-1]))
        parts = {
            place
            for index, opening in known.items()
            for place, sibling in zip(_path(index, count), opening.proof, strict=True)
            if levels[place[0]][place[1]].tobytes() != sibling
        }
        level, place = min(parts)
        first, end = place << level, min((place + 1) << level, count)
        step = max(1, (end - first) // AT_ONCE)
        return [index for index in range(first, end, step) if index not in known][:AT_ONCE]


def _path(index: int, count: int) -> Iterator[tuple[int, int]]:
    """Where the hashes of an inclusion proof are: level and place."""
    level = 0
    while count > 1:
        if index ^ 1 < count:
            yield level, index ^ 1
        level, index, count = level + 1, index >> 1, (count + 1) >> 1


def opening_in(event: Event) -> Opening:
    """Give the entry that a ``Revealed`` event carries, with its proof."""
    args = event.args
    place = (args["head"], args["section"], args["index"])
    return Opening(*place, args["entry"], tuple(args["proof"]))
