"""What a node must not forget in a crash: the open requests, and the inputs it has seen.

The truth is on the chain. The journal saves asking it anew, and keeps an input until its request
is closed for good, so that a node that has committed to an answer can reveal it even if the store
is away. It is a private file: inputs are in it in clear.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from counterpoise.chain import Event
from counterpoise.core.errors import StorageError
from counterpoise.core.units import Address
from counterpoise.oracle.client import fulfilment

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry(
    id INTEGER PRIMARY KEY, model BLOB, input BLOB, level INTEGER, callback_gas INTEGER, fee TEXT,
    deadline INTEGER, reference BLOB, seen INTEGER, secret BLOB, closed INTEGER, answer BLOB,
    evidence BLOB, providers BLOB, stated INTEGER DEFAULT 0);
"""
COLUMNS = (
    "id, model, input, level, callback_gas, CAST(fee AS TEXT), deadline, reference, seen, "
    "secret, closed, answer, evidence, providers, stated"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One request as the node knows it.

    Parameters
    ----------
    seen :
        When the node first saw it, Unix seconds.
    secret :
        Salt and bytes of the input; None until they were found, and once it is closed for good.
    closed :
        The block that closed it; None while it is open.
    answer, evidence, providers :
        What the chain says of a fulfilled one; empty otherwise.
    stated :
        Whether this node has stated the decision.
    """

    id: int
    model: bytes
    input: bytes
    level: int
    callback_gas: int
    fee: int
    deadline: int
    reference: bytes
    seen: int
    secret: bytes | None
    closed: int | None
    answer: bytes
    evidence: bytes
    providers: tuple[Address, ...]
    stated: bool


class Journal:
    """The journal of one node.

    Parameters
    ----------
    path :
        An SQLite file; made, for its owner's eyes alone, if missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _sqlite_errors(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA secure_delete=ON")
            self._database.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def take(self, kind: str, event: Event, now: int) -> None:
        """Follow one event of the oracle as it is added to the chain or removed from it."""
        added, id_ = kind == "added", int(event.args.get("id", 0))
        if event.name == "Requested":
            self._requested(event, now) if added else self._run("DELETE FROM entry WHERE id=?", id_)
        elif event.name == "Fulfilled" and added:
            found = fulfilment(event)
            values = (found.answer, found.evidence, b"".join(found.providers))
            query = "UPDATE entry SET closed=?, answer=?, evidence=?, providers=? WHERE id=?"
            self._run(query, event.block_number, *values, id_)
        elif event.name in ("Fulfilled", "Refunded"):
            block = event.block_number if added else None
            query = "UPDATE entry SET closed=?, answer=NULL, evidence=NULL, providers=NULL "
            self._run(query + "WHERE id=?", block, id_)

    def _requested(self, event: Event, now: int) -> None:
        """Write a request down; the same one seen again keeps what is known of it."""
        names = ("id", "model", "input", "level", "callback_gas")
        found = [event.args[name] for name in names]
        found += [str(event.args["fee"]), event.args["deadline"], event.args["reference"]]
        known = self._rows("WHERE id=?", found[0])
        same = bool(known) and (known[0].model, known[0].input) == (found[1], found[2])
        if same and known[0].deadline == found[6]:
            return
        marks = ",".join("?" * 9)
        query = "INSERT OR REPLACE INTO entry(id, model, input, level, callback_gas, fee, deadline,"
        self._run(query + f" reference, seen) VALUES ({marks})", *found, now)

    def open(self) -> list[Entry]:
        """Give the requests that are not closed, oldest first."""
        return self._rows("WHERE closed IS NULL")

    def unstated(self, provider: Address) -> list[Entry]:
        """Give the fulfilled requests that this provider shared in and has not stated."""
        rows = self._rows("WHERE stated=0 AND answer IS NOT NULL")
        return [row for row in rows if provider in row.providers]

    def keep_secret(self, id_: int, secret: bytes) -> None:
        """Keep salt and bytes of an input."""
        self._run("UPDATE entry SET secret=? WHERE id=?", secret, id_)

    def mark_closed(self, id_: int, block: int) -> None:
        """Note that a request was found closed."""
        self._run("UPDATE entry SET closed=? WHERE id=? AND closed IS NULL", block, id_)

    def mark_stated(self, id_: int) -> None:
        """Note that a decision was stated."""
        self._run("UPDATE entry SET stated=1 WHERE id=?", id_)

    def forget_closed(self, before: int) -> None:
        """Forget the inputs of requests that were closed below a block: no reorg opens them."""
        self._run("UPDATE entry SET secret=NULL WHERE secret NOTNULL AND closed < ?", before)

    def _rows(self, where: str, *values: object) -> list[Entry]:
        query = f"SELECT {COLUMNS} FROM entry {where} ORDER BY id"  # noqa: S608
        with _sqlite_errors(self._path):
            found = self._database.execute(query, values).fetchall()
        return [_entry(row) for row in found]

    def _run(self, query: str, *values: object) -> None:
        with _sqlite_errors(self._path):
            self._database.execute(query, values)


def _entry(row: tuple[object, ...]) -> Entry:
    found = dict(zip((field.name for field in fields(Entry)), row, strict=True))
    joined = bytes(found["providers"] or b"")  # type: ignore[call-overload]
    found["fee"], found["stated"] = int(str(found["fee"])), bool(found["stated"])
    found["providers"] = tuple(joined[at : at + 20] for at in range(0, len(joined), 20))
    found["answer"], found["evidence"] = found["answer"] or b"", found["evidence"] or b""
    return Entry(**found)  # type: ignore[arg-type]


@contextmanager
def _sqlite_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as failed:
        raise StorageError(
            f"the journal {path} failed: {failed}",
            hint="free space or restore access, then run the same command again",
        ) from failed
