"""Search in the catalogue: words, conditions, and an order that is said with every result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.market.catalogue import Catalogue, counts_kept, padded, read_kept
from counterpoise.market.listing import SignedListing, What
from counterpoise.market.price import Price
from counterpoise.market.ranking import Why, query_words, rarity
from counterpoise.market.standing import Standing

MOST_RESULTS = 200
_MATCH = 1 << 40
_COMMON = 1_000
"""A word that more listings have finds nothing where the query has a rarer one."""


class Order(StrEnum):
    """What comes first."""

    MATCH = "match"
    PRICE = "price"
    RATING = "rating"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Conditions that a listing must fulfil.

    Parameters
    ----------
    most :
        A price ceiling: only listings priced for the same unit, and not above it.
    token :
        The token in which it must be priced.
    level :
        A level of verification that must be offered.
    least_rating :
        In thousandths, weighed by what was paid; an agent without counted ratings fails it.
    """

    what: What | None = None
    tongue: str | None = None
    most: Price | None = None
    token: Address | None = None
    level: str | None = None
    least_rating: int | None = None
    order: Order = Order.MATCH


@dataclass(frozen=True, slots=True)
class Result:
    """A listing that was found, who stands behind it, and why it is where it is."""

    found: SignedListing
    standing: Standing
    whys: tuple[Why, ...] = ()
    others: tuple[str, ...] = field(default=())

    @property
    def points(self) -> int:
        """The sum over the words that were found."""
        return sum(why.points for why in self.whys)

    def reason(self) -> str:
        """Say in words why it is found where it is."""
        if not self.whys:
            return "no words were asked for"
        missing = f"; without {', '.join(self.others)}" if self.others else ""
        return f"{self.points} points: " + "; ".join(map(str, self.whys)) + missing


def search(
    catalogue: Catalogue,
    query: str | Sequence[str],
    now: int,
    wanted: Wanted | None = None,
    *,
    limit: int = 20,
) -> list[Result]:
    """Find listings by words and conditions, the best first.

    Only listings are found that are good now and signed by who stands for the agent. A listing
    with more of the words comes first; among those the sum of points decides, then the price.

    Raises
    ------
    InputError :
        The limit is not from 1 to `MOST_RESULTS`, or the query has no words that can be found.
    """
    if not 1 <= limit <= MOST_RESULTS:
        raise InputError(f"a limit of {limit} results", hint=f"1 to {MOST_RESULTS}")
    words = query_words(query)
    if not words and "".join(query).strip():
        raise InputError(f"{query!r} holds no words", hint="write letters or digits")
    having, total = _having(catalogue, words), len(catalogue)
    if words and not any(having.values()):
        return []
    rarities = {word: rarity(total, count) for word, count in having.items()}
    results = []
    for number in _ranked(catalogue, _hits(having, rarities), wanted or Wanted(), now, limit):
        result = _result(catalogue, number, rarities)
        if result is not None:
            results.append(result)
        if len(results) == limit:
            break
    return results


def resolve(catalogue: Catalogue, reference: str, now: int) -> Result:
    """Give the one listing that a reference names: ``AGENT/NAME`` or the beginning of a digest.

    Raises
    ------
    InputError :
        There is none, it is withdrawn or expired, or its signer may not list for the agent.
    """
    agent, slash, name = reference.partition("/")
    if slash and agent.isascii() and agent.isdecimal():
        standing = catalogue.standing(int(agent))
        for one in catalogue.versions(int(agent), name):
            if standing is not None and one.signer in standing.keys:
                return _good(one, standing, now)
        raise InputError(
            f"agent {agent} lists nothing under {name!r}", hint="counterpoise market search"
        )
    if not 4 <= len(reference) <= 64 or set(reference.lower()) - set("0123456789abcdef"):
        raise InputError(
            f"{reference!r} names no listing", hint="write AGENT/NAME, or 4 to 64 hex digits"
        )
    found = catalogue.by_digest(reference)
    if len(found) != 1:
        raise InputError(f"{'several listings begin' if found else 'no listing begins'} so")
    standing = catalogue.standing(found[0].listing.agent)
    if standing is None or found[0].signer not in standing.keys:
        raise InputError("the listing is not signed by its agent's owner or wallet")
    return _good(found[0], standing, now)


def _good(found: SignedListing, standing: Standing, now: int) -> Result:
    listing = found.listing
    if listing.withdrawn:
        raise InputError(f"agent {listing.agent} withdrew {listing.name!r}")
    if now >= listing.until:
        raise InputError(f"{listing.name!r} was good until {listing.until}, it is {now}")
    return Result(found, standing)


def _having(catalogue: Catalogue, words: Sequence[str]) -> dict[str, int]:
    """Count the listings that have each word."""
    query = "SELECT COUNT(*) FROM posting WHERE word = ?"
    with catalogue.steady():
        return {word: catalogue.database.execute(query, (word,)).fetchone()[0] for word in words}


def _hits(having: Mapping[str, int], rarities: Mapping[str, int]) -> tuple[str, str, list[str]]:
    """Give the SQL of what is found, of its score, and the words in the order of their marks.

    A score is `_MATCH` for each word that is found, and the points. Words that very many
    listings have only add to it where rarer ones find.
    """
    known = sorted((word for word in having if having[word]), key=lambda word: having[word])
    if not known:
        return "(SELECT 0 AS found) AS h CROSS JOIN listing AS l", "h.found", []
    finders = [word for word in known if having[word] <= _COMMON] or known[:1]
    weighers = known[len(finders) :]
    posted = f"SELECT listing, weight * {{}} + {_MATCH} AS score FROM posting WHERE word = ?"  # noqa: S608
    union = " UNION ALL ".join(posted.format(rarities[word]) for word in finders)
    hits = f"(SELECT listing, SUM(score) AS found FROM ({union}) GROUP BY listing) AS h"  # noqa: S608
    more = [
        f" + COALESCE((SELECT weight * {rarities[word]} + {_MATCH} FROM posting "  # noqa: S608
        "WHERE word = ? AND listing = l.id), 0)"
        for word in weighers
    ]
    score = "h.found" + "".join(more)
    return f"{hits} CROSS JOIN listing AS l ON l.id = h.listing", score, [*weighers, *finders]


def _ranked(
    catalogue: Catalogue, hits: tuple[str, str, list[str]], wanted: Wanted, now: int, limit: int
) -> Iterator[int]:
    """Give the numbers of listings in their order, as SQLite finds them."""
    source, score, words = hits
    conditions, values = _conditions(wanted, now)
    order = {
        Order.MATCH: "score DESC, l.amount, l.digest",
        Order.PRICE: "l.amount, score DESC, l.digest",
        Order.RATING: "s.rating IS NULL, s.rating DESC, score DESC, l.digest",
    }[wanted.order]
    query = (
        f"SELECT l.id, {score} AS score FROM {source} CROSS JOIN standing AS s "  # noqa: S608
        f"ON s.agent = l.agent AND (l.signer = s.owner OR l.signer = s.wallet) "
        f"WHERE {conditions} ORDER BY {order} LIMIT ? OFFSET ?"
    )
    page, offset = 2 * limit, 0
    while True:
        with catalogue.steady():
            row = (*words, *values, page, offset)
            found = catalogue.database.execute(query, row).fetchall()
        yield from (row[0] for row in found)
        if len(found) < page:
            return
        page, offset = 10 * page, offset + page


def _conditions(wanted: Wanted, now: int) -> tuple[str, list[Any]]:
    parts: list[str] = ["l.newest = 1", "l.withdrawn = 0", "l.until > ?"]
    values: list[Any] = [now]
    if wanted.what is not None:
        parts.append("l.what = ?")
        values.append(wanted.what.value)
    if wanted.token is not None:
        parts.append("l.token = ?")
        values.append(wanted.token)
    if wanted.most is not None:
        parts.append("l.unit = ? AND l.amount <= ?")
        values += [wanted.most.unit.value, padded(wanted.most.amount)]
    if wanted.least_rating is not None:
        parts.append("s.rating >= ?")
        values.append(wanted.least_rating)
    for kind, value in (("tongue", wanted.tongue), ("level", wanted.level)):
        if value is not None:
            parts.append(
                "EXISTS (SELECT 1 FROM feature AS f "
                "WHERE f.kind = ? AND f.value = ? AND f.listing = l.id)"
            )
            values += [kind, value]
    return " AND ".join(parts), values


def _result(catalogue: Catalogue, number: int, rarities: Mapping[str, int]) -> Result | None:
    """Read a listing that was found; None where another of its agent's keys replaced it."""
    with catalogue.steady():
        query = "SELECT envelope FROM kept WHERE listing = ?"
        row = catalogue.database.execute(query, (number,)).fetchone()
    found = read_kept(row[0])
    listing = found.listing
    standing = catalogue.standing(listing.agent)
    if standing is None:
        return None
    if len(standing.keys) > 1:
        versions = catalogue.versions(listing.agent, listing.name)
        newest = next((one for one in versions if one.signer in standing.keys), found)
        if newest.digest != found.digest:
            return None
    counts = counts_kept(row[0])
    whys = tuple(Why(word, counts[word], rare) for word, rare in rarities.items() if word in counts)
    others = tuple(word for word in rarities if word not in counts)
    return Result(found, standing, whys, others)
