"""The catalogue: listings of one registry in a file of SQLite, kept up to date step by step.

It is made from the log and from the chain, can be deleted at any time, and is trusted by nobody
but its owner. A listing is taken in when its signature is good; whether its signer may list for
the agent is asked whenever it is read. Listings replace each other signer by signer, so that a
stranger's listing displaces nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.market.listing import SignedListing, read_listing
from counterpoise.market.ranking import counts_of, weighed
from counterpoise.market.standing import Standing

MARKS = "CREATE TABLE IF NOT EXISTS mark(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
SCHEMA = """
CREATE TABLE listing(
    id INTEGER PRIMARY KEY, digest BLOB UNIQUE, signer BLOB, agent INTEGER, name TEXT,
    version INTEGER, what TEXT, unit TEXT, amount TEXT, token BLOB, until INTEGER,
    withdrawn INTEGER, newest INTEGER);
CREATE TABLE kept(listing INTEGER PRIMARY KEY, envelope BLOB);
CREATE INDEX listing_place ON listing(agent, name, newest);
CREATE INDEX listing_live ON listing(amount) WHERE newest = 1 AND withdrawn = 0;
CREATE TABLE feature(
    kind TEXT, value TEXT, listing INTEGER, PRIMARY KEY (kind, value, listing)) WITHOUT ROWID;
CREATE TABLE posting(
    word TEXT, listing INTEGER, weight INTEGER, PRIMARY KEY (word, listing)) WITHOUT ROWID;
CREATE TABLE posted(listing INTEGER PRIMARY KEY, words TEXT);
CREATE TABLE standing(
    agent INTEGER PRIMARY KEY, owner BLOB, wallet BLOB, rating INTEGER, ratings INTEGER,
    weight TEXT);
CREATE TABLE awaited(
    digest BLOB, place TEXT, agent INTEGER, tries INTEGER, PRIMARY KEY (digest, place))
    WITHOUT ROWID;
"""
VERSION = "1"
TABLES = ("listing", "kept", "feature", "posting", "posted", "standing", "awaited")


class Catalogue:
    """The listings of one registry of agents.

    Parameters
    ----------
    path :
        The SQLite file; made where there is none, made anew where it is of another version.
    registry :
        ``eip155:<chain>:<address>``: listings of agents of other registries are not taken in.

    Raises
    ------
    StorageError :
        The file cannot be used.
    """

    def __init__(self, path: Path | str, registry: str) -> None:
        self.path, self.registry = Path(path), registry.lower()
        self.refused: list[str] = []
        with self.steady():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.database = sqlite3.connect(self.path, timeout=30)
            self.database.execute("PRAGMA journal_mode=WAL")
            self.database.execute("PRAGMA synchronous=NORMAL")
            self.database.executescript(MARKS)
        if self.mark("of") != f"{VERSION} {self.registry}":
            self.forget()

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Count the listings that are the newest of their signer and not withdrawn."""
        query = "SELECT COUNT(*) FROM listing WHERE newest = 1 AND withdrawn = 0"
        with self.steady():
            return int(self.database.execute(query).fetchone()[0])

    def forget(self) -> None:
        """Empty the catalogue, and make its tables anew."""
        tables = [*TABLES, "mark"]
        drops = "".join(f"DROP TABLE IF EXISTS {table};" for table in tables)
        with self.steady():
            self.database.executescript(f"BEGIN; {drops} {MARKS} {SCHEMA} COMMIT;")
            self._set_mark("of", f"{VERSION} {self.registry}")
            self.database.commit()

    def mark(self, name: str) -> str:
        """Give what was noted under a name, such as how far a log was read; empty if nothing."""
        query = "SELECT value FROM mark WHERE name = ?"
        with self.steady():
            found = self.database.execute(query, (name,)).fetchone()
        return str(found[0]) if found else ""

    def add(self, envelope: bytes) -> SignedListing | None:
        """Take a listing in; None where it is another registry's, or known.

        Raises
        ------
        InputError, VerificationError :
            It is no listing, or its signature is false.
        """
        found = read_listing(envelope)
        with self.steady(), self.database:
            return found if self._add(found) else None

    def try_add(self, envelope: bytes, where: str) -> bool:
        """Take in what may be no good listing; why not is noted in `refused`."""
        try:
            return self._add(read_listing(envelope))
        except (InputError, VerificationError) as wrong:
            self.refused.append(f"{where}: {wrong.message}")
            return False

    def agents(self) -> list[int]:
        """Give the agents that have listings."""
        with self.steady():
            rows = self.database.execute("SELECT DISTINCT agent FROM listing").fetchall()
        return [row[0] for row in rows]

    def names(self, agent: int) -> list[str]:
        """Give the names under which an agent's keys, or others, list."""
        query = "SELECT DISTINCT name FROM listing WHERE agent = ? AND newest = 1 ORDER BY name"
        with self.steady():
            return [row[0] for row in self.database.execute(query, (agent,)).fetchall()]

    def standing(self, agent: int) -> Standing | None:
        """Give what was noted of an agent; None where nothing was."""
        query = "SELECT owner, wallet, rating, ratings, weight FROM standing WHERE agent = ?"
        with self.steady():
            row = self.database.execute(query, (agent,)).fetchone()
        if row is None:
            return None
        owner, wallet, rating, ratings, weight = row
        return Standing(owner, wallet, rating, ratings, int(weight))

    def note(self, agent: int, standing: Standing) -> None:
        """Take note of who stands for an agent and what is said of it."""
        row = (
            agent,
            standing.owner,
            standing.wallet,
            standing.rating,
            standing.ratings,
            str(standing.weight),
        )
        with self.steady():
            self.database.execute("REPLACE INTO standing VALUES (?, ?, ?, ?, ?, ?)", row)

    def versions(self, agent: int, name: str) -> list[SignedListing]:
        """Give all listings of an agent under a name, whoever signed them, newest first."""
        query = (
            "SELECT envelope FROM listing JOIN kept ON listing = id WHERE agent = ? AND name = ? "
            "ORDER BY version DESC, digest DESC"
        )
        with self.steady():
            rows = self.database.execute(query, (agent, name)).fetchall()
        return [read_kept(row[0]) for row in rows]

    def by_digest(self, beginning: str) -> list[SignedListing]:
        """Give the listings whose statement's digest begins with these hex digits, at most two."""
        query = (
            "SELECT envelope FROM listing JOIN kept ON listing = id "
            "WHERE lower(hex(digest)) GLOB ? LIMIT 2"
        )
        with self.steady():
            rows = self.database.execute(query, (beginning.lower() + "*",)).fetchall()
        return [read_kept(row[0]) for row in rows]

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Turn what SQLite and the disk raise into a `StorageError`."""
        try:
            yield
        except (sqlite3.Error, OSError) as failed:
            raise StorageError(
                f"the catalogue {self.path.name} failed: {failed}",
                hint="delete it; it is made anew from log and chain",
            ) from failed

    def _set_mark(self, name: str, value: str) -> None:
        self.database.execute("REPLACE INTO mark VALUES (?, ?)", (name, value))

    def _add(self, found: SignedListing) -> bool:
        listing = found.listing
        if listing.registry.lower() != self.registry:
            return False
        row = (
            found.digest,
            found.signer,
            listing.agent,
            listing.name,
            listing.version,
            listing.what.value,
            listing.price.unit.value,
            padded(listing.price.amount),
            listing.token,
            min(listing.until, 2**62),
            listing.withdrawn,
        )
        marks = ", ".join("?" * len(row))
        names = "digest, signer, agent, name, version, what, unit, amount, token, until, withdrawn"
        added = self.database.execute(
            f"INSERT OR IGNORE INTO listing({names}, newest) VALUES ({marks}, 0)",  # noqa: S608
            row,
        )
        if added.rowcount != 1:
            return False
        kept = added.lastrowid, found.envelope
        self.database.execute("INSERT INTO kept VALUES (?, ?)", kept)
        self._choose_newest(found)
        return True

    def _choose_newest(self, found: SignedListing) -> None:
        """Index the newest of one signer's listings under a name, and none but it."""
        place = (found.listing.agent, found.listing.name, found.signer)
        rows = self.database.execute(
            "SELECT id, envelope, newest FROM listing JOIN kept ON listing = id "
            "WHERE agent = ? AND name = ? AND signer = ? "
            "ORDER BY version DESC, digest DESC",
            place,
        ).fetchall()
        for number, envelope, was_newest in rows:
            is_newest = number == rows[0][0]
            if was_newest and not is_newest:
                self._drop(number)
            elif is_newest and not was_newest:
                self._index(number, read_kept(envelope))
            if is_newest != bool(was_newest):
                query = "UPDATE listing SET newest = ? WHERE id = ?"
                self.database.execute(query, (is_newest, number))

    def _index(self, number: int, found: SignedListing) -> None:
        listing = found.listing
        if listing.withdrawn:
            return
        weights = {word: weighed(counts) for word, counts in counts_of(listing).items()}
        rows = [(word, number, weight) for word, weight in weights.items()]
        self.database.executemany("INSERT INTO posting VALUES (?, ?, ?)", rows)
        self.database.execute("INSERT INTO posted VALUES (?, ?)", (number, json.dumps([*weights])))
        features = {("tongue", one.tongue, number) for one in listing.endpoints}
        features |= {("level", one.name, number) for one in listing.levels}
        self.database.executemany("INSERT INTO feature VALUES (?, ?, ?)", features)

    def _drop(self, number: int) -> None:
        query = "SELECT words FROM posted WHERE listing = ?"
        found = self.database.execute(query, (number,)).fetchone()
        words = json.loads(found[0]) if found else []
        rows = [(word, number) for word in words]
        self.database.executemany("DELETE FROM posting WHERE word = ? AND listing = ?", rows)
        self.database.execute("DELETE FROM posted WHERE listing = ?", (number,))
        for kind in ("tongue", "level"):
            self.database.execute(
                "DELETE FROM feature WHERE kind = ? AND listing = ?", (kind, number)
            )


@lru_cache(maxsize=4096)
def read_kept(envelope: bytes) -> SignedListing:
    """Read a listing of the catalogue again; what was read lately is not checked twice."""
    return read_listing(envelope)


@lru_cache(maxsize=4096)
def counts_kept(envelope: bytes) -> dict[str, dict[str, int]]:
    """Count the words of a listing of the catalogue; see `counts_of`."""
    return counts_of(read_kept(envelope).listing)


def padded(amount: int) -> str:
    """Write an amount so that texts sort as numbers do: 39 digits hold 128 bits."""
    return f"{amount:039d}"
