"""Trees of fixed depth whose leaves are words: rows of weights (32 words), results (512 cells)."""

from collections.abc import Sequence

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError

ROW_DEPTH, CELL_DEPTH = 5, 9
_NODE = b"\x01"


class WordTree:
    """A tree over words, those that are left out being zeros.

    Parameters
    ----------
    words :
        Numbers below 2**256, at most ``2**depth``.

    Examples
    --------
    >>> tree = WordTree([7, 8], CELL_DEPTH)
    >>> root_of_word(8, 1, tree.path(1)) == tree.root
    True
    """

    def __init__(self, words: Sequence[int], depth: int) -> None:
        if len(words) > 1 << depth:
            raise InputError(f"{len(words)} words, at most {1 << depth} wanted")
        nothing = bytes(32)
        self._nothing, self._levels = [nothing], [[word.to_bytes(32, "big") for word in words]]
        for _ in range(depth):
            level = self._levels[-1]
            padded = [*level, nothing] if len(level) % 2 else level
            pairs = zip(padded[::2], padded[1::2], strict=True)
            self._levels.append([keccak(_NODE + left + right) for left, right in pairs])
            nothing = keccak(_NODE + nothing + nothing)
            self._nothing.append(nothing)

    @property
    def root(self) -> bytes:
        """The root, 32 bytes."""
        return self._levels[-1][0] if self._levels[-1] else self._nothing[-1]

    def path(self, place: int) -> list[bytes]:
        """Give the siblings from a place up to the root."""
        levels = zip(self._levels[:-1], self._nothing, strict=False)
        return [
            level[place >> k ^ 1] if place >> k ^ 1 < len(level) else nothing
            for k, (level, nothing) in enumerate(levels)
        ]


def root_of_word(word: int, place: int, path: Sequence[bytes]) -> bytes:
    """Give the root that a word leads to from its place."""
    node = word.to_bytes(32, "big")
    for k, sibling in enumerate(path):
        pair = sibling + node if place >> k & 1 else node + sibling
        node = keccak(_NODE + pair)
    return node
