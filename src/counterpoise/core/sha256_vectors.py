"""SHA-256 of sixteen messages at a time, written as vector instructions for LLVM.

Word i of all sixteen messages lies in one vector, so that each step of the hash serves all of
them. LLVM runs a vector of 16 x 32 bits in one to four pieces, as the processor allows.

References
----------
FIPS 180-4, *Secure Hash Standard* (2015), sections 4.1.2, 5.3.3 and 6.2.2.
"""

from math import isqrt
from typing import Any, TypeAlias

from llvmlite import ir

LANES = 16
Vector: TypeAlias = Any
"""A value of sixteen words, one of each lane."""

_WORD = ir.IntType(32)
_LANES = ir.VectorType(_WORD, LANES)


def _primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def _cube_root(n: int) -> int:
    root = 1 << -(-n.bit_length() // 3)
    while root**3 > n:
        root = (2 * root + n // root**2) // 3
    return root


# The first 32 bits of the fractional parts of the square and cube roots of primes.
START = [isqrt(prime << 64) & 0xFFFFFFFF for prime in _primes(8)]
KEYS = [_cube_root(prime << 96) & 0xFFFFFFFF for prime in _primes(64)]


class Sha256:
    """Writes SHA-256's instructions into the function that is being compiled.

    Parameters
    ----------
    builder :
        llvmlite's builder, standing where the instructions shall go.
    """

    def __init__(self, builder: Any) -> None:
        self.b = builder

    def constant(self, word: int) -> Vector:
        """One word in all lanes."""
        return ir.Constant(_LANES, [word] * LANES)

    def compressed(self, state: list[Vector], block: list[Vector]) -> list[Vector]:
        """The eight words of the state after one block of sixteen words."""
        s, w = state, block
        for key in KEYS:
            s = self._round(s, key, w[0])
            w = [*w[1:], self._next_word(w)]
        return [self.b.add(old, new) for old, new in zip(state, s, strict=True)]

    def swapped(self, x: Vector) -> Vector:
        """Words with their bytes reversed."""
        inner = self.b.and_(self.shifted(x, 8), self.constant(0xFF00))
        outer = self.b.and_(self.raised(x, 8), self.constant(0xFF0000))
        ends = self.b.or_(self.shifted(x, 24), self.raised(x, 24))
        return self.b.or_(ends, self.b.or_(inner, outer))

    def transposed(self, rows: list[Vector]) -> list[Vector]:
        """The columns of sixteen rows: four times, pairs of rows swap halves."""
        for step in (8, 4, 2, 1):
            low = [LANES + i - step if i & step else i for i in range(LANES)]
            high = [LANES + i if i & step else i + step for i in range(LANES)]
            pairs = [(rows[i & ~step], rows[i | step]) for i in range(LANES)]
            rows = [self._picked(*pair, high if i & step else low) for i, pair in enumerate(pairs)]
        return rows

    def load(self, words: Any, at: Any) -> Vector:
        """Sixteen neighbouring words from memory."""
        return self.b.load(self._place(words, at, LANES), align=4)

    def store(self, row: Vector, words: Any, at: Any, count: int = LANES) -> None:
        """Write the first words of a vector to memory."""
        part = row if count == LANES else self._picked(row, row, list(range(count)))
        self.b.store(part, self._place(words, at, count), align=4)

    def shifted(self, x: Vector, bits: int) -> Vector:
        """Words shifted right."""
        return self.b.lshr(x, self.constant(bits))

    def raised(self, x: Vector, bits: int) -> Vector:
        """Words shifted left."""
        return self.b.shl(x, self.constant(bits))

    def _round(self, s: list[Vector], key: int, w: Vector) -> list[Vector]:
        a, b, c, d, e, f, g, h = s
        choice = self.b.xor(g, self.b.and_(e, self.b.xor(f, g)))
        majority = self.b.or_(self.b.and_(a, b), self.b.and_(c, self.b.or_(a, b)))
        early = self._sum(h, self.b.add(w, self.constant(key)), choice)
        first = self.b.add(early, self._mixed(e, 6, 11, self._turned(e, 25)))
        second = self.b.add(majority, self._mixed(a, 2, 13, self._turned(a, 22)))
        return [self.b.add(first, second), a, b, c, self.b.add(d, first), e, f, g]

    def _next_word(self, w: list[Vector]) -> Vector:
        early = self._mixed(w[1], 7, 18, self.shifted(w[1], 3))
        late = self._mixed(w[14], 17, 19, self.shifted(w[14], 10))
        return self._sum(self.b.add(w[0], w[9]), early, late)

    def _sum(self, x: Vector, y: Vector, z: Vector) -> Vector:
        return self.b.add(self.b.add(x, y), z)

    def _turned(self, x: Vector, bits: int) -> Vector:
        return self.b.or_(self.shifted(x, bits), self.raised(x, 32 - bits))

    def _mixed(self, x: Vector, one: int, two: int, last: Vector) -> Vector:
        return self.b.xor(self.b.xor(self._turned(x, one), self._turned(x, two)), last)

    def _picked(self, x: Vector, y: Vector, picks: list[int]) -> Vector:
        return self.b.shuffle_vector(x, y, ir.Constant(ir.VectorType(_WORD, len(picks)), picks))

    def _place(self, words: Any, at: Any, count: int) -> Any:
        vector = ir.VectorType(_WORD, count)
        return self.b.bitcast(self.b.gep(words, [at]), vector.as_pointer())
