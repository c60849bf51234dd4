"""Memory, as far as it is written at known places; the rest is one bag of labels."""

from __future__ import annotations

from counterpoise.audit.bytecode.values import NOTHING, UNKNOWN, Value, joined

__all__ = ["Memory"]

MOST_COPIED = 4096
"""Bytes of one copy that are followed word by word."""


class Memory:
    """Words by offset, and the labels of all that was written at unknown offsets."""

    __slots__ = ("wild", "words")

    def __init__(self, words: dict[int, Value] | None = None) -> None:
        self.words = dict(words or {})
        self.wild: frozenset[str] = NOTHING

    def copy(self) -> Memory:
        """An independent copy."""
        made = Memory(self.words)
        made.wild = self.wild
        return made

    def load(self, at: Value) -> Value:
        """A word; the labels of what lies across, where nothing lies exactly there."""
        if at.const is None:
            return Value(labels=self.wild | at.labels)
        found = self.words.get(at.const)
        if found is not None:
            return found
        near = [self.words.get(at.const + n, UNKNOWN).labels for n in range(-31, 32)]
        return Value(labels=self.wild.union(*near))

    def store(self, at: Value, value: Value) -> None:
        """Write a word."""
        if at.const is None:
            self.wild |= value.labels
            return
        for n in range(-31, 32):
            if n and at.const + n in self.words:
                old = self.words[at.const + n]
                self.words[at.const + n] = Value(labels=old.labels | value.labels)
        self.words[at.const] = value

    def fill(self, at: Value, size: Value, labels: frozenset[str]) -> None:
        """Write a range of which only the labels are known."""
        if at.const is None or size.const is None or size.const > MOST_COPIED:
            self._blur(at, labels)
            return
        for offset in range(at.const, at.const + size.const, 32):
            self.words[offset] = Value(labels=labels)

    def move(self, to: Value, source: Value, size: Value) -> None:
        """Copy a range (MCOPY, or the identity precompile)."""
        if (
            to.const is None
            or source.const is None
            or size.const is None
            or size.const > MOST_COPIED
        ):
            self._blur(to, self.range(source, size))
            return
        spans = range(0, size.const, 32)
        taken = [(to.const + n, self.words.get(source.const + n)) for n in spans]
        for offset, value in taken:
            self.words[offset] = Value(labels=self.wild) if value is None else value

    def _blur(self, at: Value, labels: frozenset[str]) -> None:
        """Write over an unknown part of memory: from a known offset on, or anywhere."""
        self.wild |= labels
        if at.const is not None:
            for offset, word in self.words.items():
                if offset >= at.const:
                    self.words[offset] = Value(labels=word.labels | labels)
            self.words.setdefault(at.const, Value(labels=labels))

    def inside(self, at: Value, size: Value) -> list[Value]:
        """The words that begin in a range."""
        if at.const is None or size.const is None:
            return []
        end = at.const + size.const
        if size.const > MOST_COPIED:
            return [value for offset, value in self.words.items() if at.const <= offset < end]
        return [self.words[n] for n in range(at.const, end) if n in self.words]

    def range(self, at: Value, size: Value) -> frozenset[str]:
        """Labels of a range; of everything from its start on, where its size is not known."""
        if at.const is None:
            return self.wild.union(*(one.labels for one in self.words.values()))
        if size.const is None:
            words = [value for offset, value in self.words.items() if offset >= at.const]
        else:
            words = self.inside(at, size)
        return self.wild.union(*(one.labels for one in words))

    def absorb(self, other: Memory) -> bool:
        """Join another path's memory into this one; tells whether anything changed."""
        changed = not other.wild <= self.wild
        self.wild |= other.wild
        for offset in self.words.keys() | other.words.keys():
            mine = self.words.get(offset, UNKNOWN)
            both = joined(mine, other.words.get(offset, UNKNOWN))
            if both != self.words.get(offset):
                self.words[offset] = both
                changed = True
        return changed
