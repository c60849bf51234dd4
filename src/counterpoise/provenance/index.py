"""An index of a log in SQLite: rebuilt from the tiles at any time, and never trusted.

It says where things are. What a statement found through it is worth is for `check_envelope` and
the log's proofs to say.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoise.core.errors import InputError, StorageError
from counterpoise.core.merkle import leaf_hash
from counterpoise.provenance.envelope import Envelope
from counterpoise.provenance.lineage import Node, Tree, grow
from counterpoise.provenance.predicates import kind_of
from counterpoise.provenance.reader import LogView

SCHEMA = """
CREATE TABLE IF NOT EXISTS head(id INTEGER PRIMARY KEY CHECK (id = 0), size INTEGER, root BLOB);
CREATE TABLE IF NOT EXISTS entry(
    position INTEGER PRIMARY KEY, leaf BLOB, kind TEXT, actor TEXT, time INTEGER, digest BLOB);
CREATE TABLE IF NOT EXISTS subject(
    digest BLOB, position INTEGER, name TEXT, PRIMARY KEY (digest, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edge(
    position INTEGER, ordinal INTEGER, digest BLOB, role TEXT,
    PRIMARY KEY (position, ordinal)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_leaf ON entry(leaf);
CREATE INDEX IF NOT EXISTS entry_kind ON entry(kind);
"""

MAX_DEPTH = 200

REACHED = """
WITH RECURSIVE reached(digest, depth) AS (
    SELECT ?, 0
    UNION
    SELECT edge.digest, reached.depth + 1
    FROM reached
    JOIN subject ON subject.digest = reached.digest
    JOIN edge ON edge.position = subject.position
    WHERE reached.depth < ?
)
SELECT subject.digest, subject.name, entry.position, entry.kind, edge.role, edge.digest
FROM (SELECT DISTINCT digest FROM reached) AS found
JOIN subject ON subject.digest = found.digest
JOIN entry ON entry.position = subject.position
LEFT JOIN edge ON edge.position = entry.position
ORDER BY entry.position, edge.ordinal
"""


@dataclass(frozen=True, slots=True)
class IndexedEntry:
    """What the index knows of one entry.

    Parameters
    ----------
    position :
        In the log.
    kind :
        Of its statement; the predicate type where it is foreign, empty where it is no statement.
    actor, time :
        As the statement says.
    digest :
        SHA-256 of the statement's bytes.
    """

    position: int
    kind: str
    actor: str
    time: int
    digest: bytes


class Index:
    """Finds entries by kind, subject and input.

    Parameters
    ----------
    path :
        The SQLite file; made if there is none. Losing it costs a rebuild and nothing else.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        with _sqlite_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._path, timeout=30)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *exit_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Number of entries indexed."""
        return int(self._head()[0])

    def update(self, log: LogView) -> int:
        """Index what the log has gained; start anew if it is not the log that was indexed.

        Returns
        -------
        int
            Number of entries read.
        """
        size, root = self._head()
        same = size <= log.size and (size == 0 or log.root_at(size) == root)
        return self._read(log, size if same else 0)

    def rebuild(self, log: LogView) -> int:
        """Forget everything and read the whole log."""
        return self._read(log, 0)

    def entries(self, *, kind: str | None = None, actor: str | None = None) -> list[IndexedEntry]:
        """Give the entries of one kind or one actor, in the order of the log."""
        return self._entries(
            "WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR actor = ?2)", (kind, actor)
        )

    def about(self, digest: bytes) -> list[IndexedEntry]:
        """Give the statements about a digest, and the statement that has it."""
        where = "WHERE position IN (SELECT position FROM subject WHERE digest = ?)"
        return self._entries(where, (digest,))

    def completed(self, beginning: str) -> bytes:
        """Give the one digest of a subject or statement that begins with these hex digits.

        Raises
        ------
        InputError :
            Not hex, or none or several begin with them.
        """
        if not re.fullmatch(r"[0-9a-fA-F]{4,64}", beginning):
            raise InputError(
                f"{beginning!r} is no beginning of a digest", hint="4 to 64 hex digits"
            )
        query = "SELECT DISTINCT digest FROM subject WHERE lower(hex(digest)) GLOB ? LIMIT 2"
        with _sqlite_errors(self._path):
            found = self._database.execute(query, (beginning.lower() + "*",)).fetchall()
        if len(found) != 1:
            count = "several digests begin" if found else "the log knows no digest that begins"
            raise InputError(
                f"{count} with {beginning}", hint="give more digits, or another digest"
            )
        return bytes(found[0][0])

    def position_of(self, entry: bytes) -> int | None:
        """Give the position of an entry's bytes, or None."""
        query = "SELECT position FROM entry WHERE leaf = ?"
        found = self._database.execute(query, (leaf_hash(entry),)).fetchone()
        return None if found is None else int(found[0])

    def lineage(self, digest: bytes, *, depth: int = 64) -> Tree:
        """Give what a thing was made from, as far as the log says.

        Parameters
        ----------
        digest :
            SHA-256 of a subject or of a statement.
        depth :
            How many steps to follow, at most 200.

        Raises
        ------
        InputError :
            The log says nothing about the digest.
        """
        if not 0 <= depth <= MAX_DEPTH:
            raise InputError(f"a lineage of depth {depth}, at most {MAX_DEPTH} is drawn")
        with _sqlite_errors(self._path):
            rows = self._database.execute(REACHED, (digest, depth)).fetchall()
        nodes = _nodes(rows)
        if digest not in nodes:
            raise InputError(
                f"the log says nothing about {digest.hex()}",
                hint="give the SHA-256 of a model, a dataset, an update or a statement",
            )
        return grow(digest, nodes, depth)

    def _entries(self, where: str, values: tuple[Any, ...]) -> list[IndexedEntry]:
        query = f"SELECT position, kind, actor, time, digest FROM entry {where} ORDER BY position"  # noqa: S608
        with _sqlite_errors(self._path):
            return [IndexedEntry(*row) for row in self._database.execute(query, values)]

    def _head(self) -> tuple[int, bytes]:
        with _sqlite_errors(self._path):
            found = self._database.execute("SELECT size, root FROM head").fetchone()
        return found or (0, b"")

    def _read(self, log: LogView, start: int) -> int:
        """Read the log from `start` in one transaction, after forgetting all if it is 0."""
        head = log.checkpoint()
        with _sqlite_errors(self._path), self._database as database:
            if start == 0:
                for table in ("entry", "subject", "edge", "head"):
                    database.execute(f"DELETE FROM {table}")  # noqa: S608
            for at, entry in enumerate(log.entries(start, head.size), start):
                self._add(at, entry)
            database.execute("INSERT OR REPLACE INTO head VALUES (0, ?, ?)", (head.size, head.root))
        return head.size - start

    def _add(self, at: int, entry: bytes) -> None:
        try:
            statement = Envelope.from_bytes(entry).statement
        except InputError:
            row = (at, leaf_hash(entry), "", "", 0, b"")
            self._database.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", row)
            return
        kind, predicate = kind_of(statement), statement.predicate
        actor, time = predicate.get("actor", ""), predicate.get("time", 0)
        row = (
            at,
            leaf_hash(entry),
            kind or statement.predicate_type,
            actor if isinstance(actor, str) else "",
            time if isinstance(time, int) and 0 <= time < 1 << 62 else 0,
            statement.digest,
        )
        self._database.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", row)
        names = [(s.digest, at, s.name) for s in statement.subject]
        names.append((statement.digest, at, f"{kind or 'foreign'} statement"))
        self._database.executemany("INSERT OR IGNORE INTO subject VALUES (?, ?, ?)", names)
        edges = _edges(predicate.get("inputs", ()))
        rows = [(at, ordinal, *edge) for ordinal, edge in enumerate(edges)]
        self._database.executemany("INSERT INTO edge VALUES (?, ?, ?, ?)", rows)


def _edges(inputs: Any) -> Iterator[tuple[bytes, str]]:
    """Digest and role of each input; what is malformed is left out."""
    for item in inputs if isinstance(inputs, list) else ():
        match item:
            case {"sha256": str(digest), "role": str(role)}:
                try:
                    yield bytes.fromhex(digest), role
                except ValueError:
                    continue


def _nodes(rows: Iterable[tuple[Any, ...]]) -> dict[bytes, Node]:
    """Gather rows of `REACHED` by digest; of several names the first is kept."""
    names: dict[bytes, str] = {}
    statements: dict[bytes, dict[tuple[int, str], None]] = {}
    inputs: dict[bytes, dict[tuple[str, bytes], None]] = {}
    for digest, name, position, kind, role, made_from in rows:
        names.setdefault(digest, name)
        statements.setdefault(digest, {})[position, kind or "no statement"] = None
        known = inputs.setdefault(digest, {})
        if made_from is not None and made_from != digest:
            known[role, made_from] = None
    return {
        digest: Node(name, tuple(statements[digest]), tuple(inputs[digest]))
        for digest, name in names.items()
    }


@contextmanager
def _sqlite_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as failed:
        raise StorageError(
            f"the index {path.name} failed: {failed}", hint="delete it; it is rebuilt from the log"
        ) from failed
