"""The rules of feedback, which ``ReputationRegistry.vy`` agrees with for every input.

References
----------
ERC-8004, Trustless Agents (draft): feedback, summaries.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from counterpoise.core.errors import InputError
from counterpoise.core.units import Address

MAX_VALUE = 10**38
MAX_DECIMALS = 18
MAX_TAG, MAX_ENDPOINT, MAX_URI = 64, 256, 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One rating of an agent.

    Parameters
    ----------
    index :
        Counted from 1 for each client and agent.
    value, decimals :
        The rating is `value` / 10 ** `decimals`.
    block, log_index :
        Its place on the chain; 0 where that is not known.
    """

    client: Address
    index: int
    value: int
    decimals: int
    tags: tuple[str, str] = ("", "")
    revoked: bool = False
    block: int = 0
    log_index: int = 0

    @property
    def wad(self) -> int:
        """The rating times 10 ** 18, exactly."""
        exact: int = self.value * 10 ** (MAX_DECIMALS - self.decimals)
        return exact

    def passes(self, tags: tuple[str, str]) -> bool:
        """Whether it is not revoked and bears these tags; an empty one stands for any."""
        fits = all(not wanted or wanted == own for wanted, own in zip(tags, self.tags, strict=True))
        return fits and not self.revoked


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean of ratings: how many, and `value` / 10 ** `decimals`."""

    count: int
    value: int
    decimals: int


def plain_mean(entries: Iterable[Entry], tags: tuple[str, str] = ("", "")) -> Mean:
    """Give the contract's summary: each rating alike, cut towards zero.

    The mean is cut to 18 decimals, then to the decimals that are most frequent among the
    ratings, the smaller ones on a tie.

    >>> plain_mean([Entry(b"ann", 1, 90, 0), Entry(b"bob", 1, 955, 1), Entry(b"cy", 1, 80, 0)])
    Mean(count=3, value=88, decimals=0)
    """
    counted = [entry for entry in entries if entry.passes(tags)]
    if not counted:
        return Mean(0, 0, 0)
    often = Counter(entry.decimals for entry in counted)
    decimals = min(often, key=lambda scale: (-often[scale], scale))
    wad = cut(sum(entry.wad for entry in counted), len(counted))
    return Mean(len(counted), cut(wad, 10 ** (MAX_DECIMALS - decimals)), decimals)


def cut(numerator: int, denominator: int) -> int:
    """Divide and cut towards zero, as the chain does; the denominator is positive.

    >>> cut(-7, 2)
    -3
    """
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


def check_rating(
    value: int, decimals: int, tags: tuple[str, str], endpoint: str = "", uri: str = ""
) -> None:
    """Check what the registry would refuse; `InputError` says what is out of bounds."""
    if not -MAX_VALUE <= value <= MAX_VALUE:
        raise InputError(f"a rating of {value}, at most 1e38 either way wanted")
    if not 0 <= decimals <= MAX_DECIMALS:
        raise InputError(f"{decimals} decimals, from 0 to {MAX_DECIMALS} wanted")
    texts = [(tags[0], MAX_TAG), (tags[1], MAX_TAG), (endpoint, MAX_ENDPOINT), (uri, MAX_URI)]
    for text, most in texts:
        if len(text.encode()) > most:
            raise InputError(
                f"{text[:40]!r}… has {len(text.encode())} bytes, at most {most} wanted"
            )
