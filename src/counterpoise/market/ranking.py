"""Why one listing is found before another: counted words, in integers.

A word of the query found in a listing gives ``rarity x (8 x name + 4 x tags + 1 x description)``,
where each field counts how often the word is in it, up to 3 times, and the rarity is the number
of binary digits of ``listings // listings with the word``. A listing with more of the words comes
before one with fewer; among those the sum decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from counterpoise.market.listing import Listing

WEIGHTS: Mapping[str, int] = {"name": 8, "tags": 4, "description": 1}
MOST_COUNTED = 3
MAX_WORDS = 16
"""Words of a query that count."""


@dataclass(frozen=True, slots=True)
class Why:
    """What one word gave a listing."""

    word: str
    counts: Mapping[str, int]
    rarity: int

    @property
    def points(self) -> int:
        """The word's part of the sum."""
        return self.rarity * weighed(self.counts)

    def __str__(self) -> str:
        places = " + ".join(f"{WEIGHTS[at]} x {min(n, 3)} {at}" for at, n in self.counts.items())
        return f"{self.word}: {self.rarity} x ({places}) = {self.points}"


def words_of(text: str) -> list[str]:
    """Give the words of a text: letters and digits, without case, accents or a plural's s.

    >>> words_of("Embeddings for TEXT-classification")
    ['embedding', 'for', 'text', 'classification']
    """
    plain = text.casefold()
    if not plain.isascii():
        spread = unicodedata.normalize("NFKD", plain)
        plain = "".join(one for one in spread if not unicodedata.combining(one))
    return [_singular(word[:64]) for word in re.findall(r"[^\W_]+", plain)]


def query_words(query: str | Sequence[str]) -> tuple[str, ...]:
    """Give the words of a query, each once, at most `MAX_WORDS`."""
    text = query if isinstance(query, str) else " ".join(query)
    return tuple(dict.fromkeys(words_of(text)))[:MAX_WORDS]


def counts_of(listing: Listing) -> dict[str, dict[str, int]]:
    """Count each word of a listing in each of its fields."""
    spoken = [one.tongue for one in listing.endpoints]
    texts = {
        "name": listing.name,
        "tags": " ".join((listing.what.value, *listing.tags, *spoken)),
        "description": listing.description,
    }
    found: dict[str, dict[str, int]] = {}
    for field, text in texts.items():
        for word, count in Counter(words_of(text)).items():
            found.setdefault(word, {})[field] = count
    return found


def weighed(counts: Mapping[str, int]) -> int:
    """Give what a word weighs in a listing, before its rarity."""
    return sum(WEIGHTS[at] * min(count, MOST_COUNTED) for at, count in counts.items())


def rarity(listings: int, having: int) -> int:
    """Give how rare a word is, from 1.

    >>> rarity(10_000, 10_000), rarity(10_000, 10)
    (1, 10)
    """
    return max(1, (listings // max(1, having)).bit_length())


def _singular(word: str) -> str:
    is_plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if is_plural else word
