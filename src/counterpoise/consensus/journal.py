"""What a validator must not forget in a crash: what it asked, what came back, what it sealed.

What is on the chain is asked of the chain. The journal keeps what stands nowhere else until it is
shown: the labels. It is a private file. A question is marked before it is asked; one that was
under way in a crash is dropped, for asked twice it would give itself away as a check.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoise.consensus.asking import Reply
from counterpoise.consensus.checks import Case, Reserve
from counterpoise.consensus.scoring import Kind
from counterpoise.core.digest import sha256
from counterpoise.core.errors import Busy, InputError, StorageError

SCHEMA = """
CREATE TABLE IF NOT EXISTS fact(name TEXT PRIMARY KEY, value BLOB);
CREATE TABLE IF NOT EXISTS sealed(
    epoch INTEGER, place INTEGER, question BLOB, label BLOB, PRIMARY KEY(epoch, place));
CREATE TABLE IF NOT EXISTS question(
    epoch INTEGER, turn INTEGER, number INTEGER, kind TEXT, question BLOB, label BLOB,
    bound INTEGER, place INTEGER, due INTEGER, stage INTEGER DEFAULT 0,
    answer BLOB, steps INTEGER, seal BLOB, PRIMARY KEY(epoch, turn));
CREATE TABLE IF NOT EXISTS sheet(epoch INTEGER PRIMARY KEY, content BLOB, shown INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS spoiled(digest BLOB PRIMARY KEY) WITHOUT ROWID;
"""
WAITING, UNDER_WAY, DONE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Question:
    """A question as planned; once `reply` is there, as asked.

    Parameters
    ----------
    turn :
        Its place in the order of the epoch.
    label :
        Empty for traffic.
    bound, place :
        Of a check: the epoch that sealed it, and where.
    due :
        Not to be asked before; Unix seconds.
    """

    turn: int
    number: int
    kind: Kind
    question: bytes
    label: bytes
    bound: int
    place: int
    due: int
    reply: Reply | None = None


class Journal:
    """The journal of one validator in one market.

    Parameters
    ----------
    path :
        An SQLite file; made, for its owner's eyes alone, if missing. One process at a time.
    owner :
        Names chain, market and account; another owner's journal is refused.
    secret :
        32 random bytes for a new journal.

    Raises
    ------
    InputError :
        The journal is another owner's.
    Busy :
        Another process holds it.
    """

    def __init__(self, path: Path, owner: bytes, secret: bytes) -> None:
        self._path = path
        with self._errors():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._database = sqlite3.connect(path, isolation_level=None, timeout=0)
            try:
                self._open(owner, secret)
            except BaseException:
                self._database.close()
                raise

    def _open(self, owner: bytes, secret: bytes) -> None:
        self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.executescript(SCHEMA)
        with self._step():
            for name, value in (("owner", owner), ("secret", secret)):
                self._run("INSERT OR IGNORE INTO fact VALUES(?, ?)", name, value)
        if self._fact("owner") != owner:
            raise InputError(
                f"{self._path} is the journal of another validator or market",
                hint="give each its own folder",
            )

    @property
    def secret(self) -> bytes:
        """From which draws and salts follow, 32 bytes."""
        return self._fact("secret")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def reserve(self, epoch: int) -> Reserve:
        """Give the reserve that was sealed in an epoch; empty if none was."""
        query = "SELECT question, label FROM sealed WHERE epoch=? ORDER BY place"
        cases = tuple(Case(*row) for row in self._rows(query, epoch))
        return Reserve(sha256(self.secret + b"salts" + epoch.to_bytes(8, "big")), cases)

    def spoil(self, digests: Iterable[bytes]) -> None:
        """Remember questions that must not be asked again."""
        with self._step():
            for digest in digests:
                self._run("INSERT OR IGNORE INTO spoiled VALUES(?)", digest)

    def spoiled(self) -> set[bytes]:
        """Give the digests of all such questions."""
        return {digest for (digest,) in self._rows("SELECT digest FROM spoiled")}

    def plan(self, epoch: int, bound: int, questions: Sequence[Question]) -> None:
        """Write down what an epoch will ask, its checks being from the reserve of epoch `bound`."""
        with self._step():
            for one in questions:
                self._run(
                    "INSERT INTO question(epoch, turn, number, kind, question, label, bound, place,"
                    " due) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    *(epoch, one.turn, one.number, str(one.kind), one.question, one.label),
                    *(one.bound, one.place, one.due),
                )
            self._run("INSERT INTO fact VALUES(?, ?)", f"bound {epoch}", bound.to_bytes(8, "big"))

    def bound(self, epoch: int) -> int | None:
        """Give the epoch whose reserve an epoch's checks are from; None before it is planned."""
        found = self._rows("SELECT value FROM fact WHERE name=?", f"bound {epoch}")
        return int.from_bytes(found[0][0], "big") if found else None

    def waiting(self, epoch: int) -> list[Question]:
        """Give what is still to be asked in an epoch, in order."""
        return self._questions(epoch, WAITING)

    def asked(self, epoch: int) -> list[Question]:
        """Give what was asked in an epoch and has a reply, be it silence; in order."""
        return self._questions(epoch, DONE)

    def begin(self, epoch: int, questions: Iterable[Question]) -> None:
        """Mark questions before they are asked; durable when it returns."""
        with self._step():
            for one in questions:
                self._set_stage(epoch, one, UNDER_WAY)
                digest = sha256(one.question)
                self._run("INSERT OR IGNORE INTO spoiled VALUES(?)", digest)

    def finish(self, epoch: int, question: Question, reply: Reply) -> None:
        """Write down a reply; an empty answer for silence."""
        query = "UPDATE question SET stage=?, answer=?, steps=?, seal=? WHERE epoch=? AND turn=?"
        values = (DONE, reply.answer, reply.steps, reply.seal, epoch, question.turn)
        with self._errors():
            self._run(query, *values)

    def seal(self, epoch: int, reserve: Sequence[Case]) -> None:
        """Write down the reserve that an epoch's sheet will seal, in place of an earlier draft."""
        with self._step():
            self._run("DELETE FROM sealed WHERE epoch=?", epoch)
            for place, case in enumerate(reserve):
                query = "INSERT INTO sealed VALUES(?, ?, ?, ?)"
                self._run(query, epoch, place, case.question, case.label)

    def keep_sheet(self, epoch: int, content: bytes) -> None:
        """Write down the sheet of an epoch, once for ever."""
        with self._errors():
            self._run("INSERT INTO sheet(epoch, content) VALUES(?, ?)", epoch, content)

    def sheet(self, epoch: int) -> bytes | None:
        """Give the sheet of an epoch; None before it is made."""
        found = self._rows("SELECT content FROM sheet WHERE epoch=?", epoch)
        return found[0][0] if found else None

    def sheets_to_show(self) -> list[tuple[int, bytes]]:
        """Give the sheets that were not shown yet, by epoch."""
        return self._rows("SELECT epoch, content FROM sheet WHERE shown=0 ORDER BY epoch")

    def mark_shown(self, epoch: int) -> None:
        """Note that a sheet was shown, or is not to be."""
        with self._errors():
            self._run("UPDATE sheet SET shown=1 WHERE epoch=?", epoch)

    def _set_stage(self, epoch: int, question: Question, stage: int) -> None:
        query = "UPDATE question SET stage=? WHERE epoch=? AND turn=?"
        self._run(query, stage, epoch, question.turn)

    def _questions(self, epoch: int, stage: int) -> list[Question]:
        query = (
            "SELECT turn, number, kind, question, label, bound, place, due, answer, steps, seal "
            "FROM question WHERE epoch=? AND stage=? ORDER BY turn"
        )
        found = []
        for turn, number, kind, *rest in self._rows(query, epoch, stage):
            question, label, bound, place, due, *told = rest
            reply = Reply(*told) if stage == DONE else None
            case = (Kind(kind), question, label, bound, place)
            found.append(Question(turn, number, *case, due, reply))
        return found

    def _fact(self, name: str) -> bytes:
        found = self._rows("SELECT value FROM fact WHERE name=?", name)
        return bytes(found[0][0])

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._errors():
            return self._database.execute(query, values).fetchall()

    def _run(self, query: str, *values: object) -> None:
        self._database.execute(query, values)

    @contextmanager
    def _step(self) -> Iterator[None]:
        """Do all of it or nothing."""
        with self._errors():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as failed:
            if "locked" in str(failed):
                raise Busy(
                    f"another process holds {self._path}", hint="one validator a folder"
                ) from failed
            raise self._failed(failed) from failed
        except (sqlite3.Error, OSError) as failed:
            raise self._failed(failed) from failed

    def _failed(self, failed: Exception) -> StorageError:
        return StorageError(
            f"the journal {self._path} failed: {failed}",
            hint="free space or restore access, then run the same command again",
        )
