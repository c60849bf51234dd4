"""Discrete Laplace noise in integers alone, drawn from a key, and what it costs.

`P(x)` is proportional to `exp(-|x| * epsilon / 2)`: two tables of counts that differ in one row,
replaced by another, differ by 1 in two cells, so each table is `epsilon`-differentially private,
and the epsilons of all tables add up. No number is rounded anywhere, as the sampler is exact:
C. Canonne, G. Kamath, T. Steinke, *The discrete Gaussian for differential privacy* (2020),
algorithms 1 and 2. Its coins come from SHA-256 over an owner's key and the request, so that a
crash draws no second noise, and whoever holds the key can draw it again.
"""

from __future__ import annotations

from counterpoise.core.digest import sha256
from counterpoise.market.compute_to_data.terms import MICRO

CHANGES = 2
"""How much one replaced row changes a table of counts, summed over its cells."""


class Coins:
    """Bits that follow from a key and a label, as good as fresh to who lacks the key."""

    def __init__(self, key: bytes, label: bytes) -> None:
        self._seed = sha256(b"counterpoise noise v1\0" + key + sha256(label))
        self._block = self._left = self._pool = 0

    def bits(self, count: int) -> int:
        """Give so many bits as an integer."""
        while self._left < count:
            block = sha256(self._seed + self._block.to_bytes(8, "big"))
            self._pool = self._pool << 256 | int.from_bytes(block, "big")
            self._block, self._left = self._block + 1, self._left + 256
        self._left -= count
        found = self._pool >> self._left
        self._pool &= (1 << self._left) - 1
        return found

    def below(self, limit: int) -> int:
        """Give an integer from 0 to before `limit`, each as likely."""
        width = (limit - 1).bit_length()
        while (found := self.bits(width)) >= limit:
            pass
        return found


def happens(coins: Coins, numerator: int, denominator: int) -> bool:
    """Be true with probability ``exp(-numerator / denominator)``, exactly."""
    whole, part = divmod(numerator, denominator)
    if not all(_within_one(coins, 1, 1) for _ in range(whole)):
        return False
    return _within_one(coins, part, denominator)


def _within_one(coins: Coins, numerator: int, denominator: int) -> bool:
    count = 1
    while coins.below(denominator * count) < numerator:
        count += 1
    return count % 2 == 1


def laplace(coins: Coins, micro_epsilon: int) -> int:
    """Draw the noise of one count.

    Parameters
    ----------
    micro_epsilon :
        What the whole table costs, in millionths of an epsilon; 1 or more.
    """
    scale = CHANGES * MICRO
    while True:
        start = coins.below(scale)
        if not happens(coins, start, scale):
            continue
        steps = 0
        while happens(coins, 1, 1):
            steps += 1
        size = (start + scale * steps) // micro_epsilon
        negative = bool(coins.bits(1))
        if size or not negative:
            return -size if negative else size
