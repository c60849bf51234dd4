"""The alert book's file: tables in SQLite, and its errors in the words of the house."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from counterpoise.core.errors import Busy, StorageError

FORMAT = "counterpoise-alerts/1"

SCHEMA = """
create table if not exists meta (name text primary key, value text not null) without rowid;
create table if not exists branch (number integer primary key, hash blob not null unique);
create table if not exists alert (
    id blob primary key, number integer not null, block blob not null, time integer not null,
    detector text not null, severity integer not null, bound integer not null,
    standing text not null, retracted integer not null, case_id blob not null,
    body blob not null) without rowid;
create index if not exists alert_number on alert (number);
create index if not exists alert_case on alert (case_id);
create table if not exists link (
    key blob not null, time integer not null, alert blob not null,
    primary key (key, time, alert)) without rowid;
create index if not exists link_alert on link (alert);
create table if not exists event (
    sequence integer primary key autoincrement, kind text not null, alert blob not null,
    standing text not null, case_id blob not null, opens integer not null);
create table if not exists decision (
    sequence integer primary key autoincrement, alert blob not null, standing text not null,
    verdict integer, author text not null, date integer not null, note text not null);
create table if not exists sink (
    name text primary key, sequence integer not null, note text not null) without rowid;
"""

PATIENCE = 30.0
"""Seconds to wait for another writer."""


class BookFile:
    """One connection to the file; each thread opens its own.

    Raises
    ------
    StorageError :
        The file is none of ours, is damaged, or the disk failed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.errors("opened"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)
            try:
                self._prepare()
            except BaseException:
                self.db.close()
                raise

    def _prepare(self) -> None:
        self.db.execute("pragma journal_mode = wal")
        self.db.execute("pragma synchronous = normal")
        self.db.executescript(SCHEMA)
        self.db.execute("insert or ignore into meta values ('format', ?)", (FORMAT,))
        [found] = self.db.execute("select value from meta where name = 'format'").fetchone()
        if found != FORMAT:
            raise StorageError(f"{self.path} has format {found}, not {FORMAT}")

    @contextmanager
    def step(self) -> Iterator[sqlite3.Connection]:
        """Make what is written inside one atomic step."""
        with self.errors("written"):
            self.db.execute("begin immediate")
            try:
                yield self.db
                self.db.execute("commit")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("rollback")
                raise

    def settle(self) -> None:
        """Make everything written so far durable against a loss of power."""
        with self.errors("written"):
            self.db.execute("pragma synchronous = full")
            try:
                with self.step():
                    self.db.execute("insert or replace into meta values ('settled', '')")
            finally:
                self.db.execute("pragma synchronous = normal")

    @contextmanager
    def errors(self, done: str) -> Iterator[None]:
        """Turn what the disk or SQLite says into an error of the house."""
        try:
            yield
        except sqlite3.OperationalError as failed:
            if "locked" in str(failed):
                raise Busy(f"another process writes to {self.path}", hint="try again") from failed
            raise StorageError(
                f"the alert book {self.path} could not be {done}: {failed}",
                hint="nothing that was recorded is lost: make room, and run the same again",
            ) from failed
        except (sqlite3.DatabaseError, OSError) as failed:
            raise StorageError(
                f"the alert book {self.path} could not be {done}: {failed}",
                hint="nothing that was recorded is lost: mend the disk, and run the same again",
            ) from failed

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()
