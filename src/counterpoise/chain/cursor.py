"""Where an event follower stands, in SQLite: the blocks it keeps and the events in them.

The tables are those of the follower alone; what consumers derive from events is theirs.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from counterpoise.chain.backend import Block, Log
from counterpoise.core.errors import Busy, StorageError

SCHEMA = """
create table if not exists meta (name text primary key, value text not null) without rowid;
create table if not exists block (number integer primary key, hash blob not null);
create table if not exists event (
    block_number integer not null, log_index integer not null, block_hash blob not null,
    tx_hash blob not null, address blob not null, topics blob not null, data blob not null,
    primary key (block_number, log_index)) without rowid;
"""


class Cursor:
    """The persisted place of one follower; one process at a time holds it.

    Raises
    ------
    Busy :
        Another follower holds the file.
    StorageError :
        The file is no cursor.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
        try:
            self._db.execute("pragma locking_mode = exclusive")
            self._db.execute("pragma journal_mode = wal")
            self._db.executescript(SCHEMA)
        except sqlite3.OperationalError as error:
            self._db.close()
            if "locked" not in str(error):
                raise StorageError(f"{path} does not open: {error}") from None
            raise Busy(
                f"another follower holds {path}", hint="give each follower a cursor of its own"
            ) from None
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise StorageError(f"{path} is no cursor: {error}") from None

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def step(self) -> Iterator[None]:
        """Make what is written inside one atomic step."""
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def meta(self, name: str) -> str | None:
        """Read one remembered value."""
        row = self._db.execute("select value from meta where name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_meta(self, name: str, value: str) -> None:
        """Remember one value."""
        self._db.execute("insert or replace into meta values (?, ?)", (name, value))

    def delivered(self) -> int:
        """Give the last block whose events the consumer has taken."""
        return int(self.meta("delivered") or -1)

    def tip(self) -> tuple[int, bytes] | None:
        """Give the newest kept block."""
        query = "select number, hash from block order by number desc limit 1"
        row: tuple[int, bytes] | None = self._db.execute(query).fetchone()
        return row

    def blocks(self) -> list[tuple[int, bytes]]:
        """Give the kept blocks, newest first."""
        rows = self._db.execute("select number, hash from block order by number desc")
        return [(number, digest) for number, digest in rows]

    def add(self, block: Block, logs: Sequence[Log]) -> None:
        """Keep a block and the events up to it; call inside `step`."""
        self._db.execute("insert into block values (?, ?)", (block.number, block.hash))
        self._db.executemany(
            "insert into event values (?, ?, ?, ?, ?, ?, ?)", [_row(one) for one in logs]
        )

    def events(self, above: int) -> list[Log]:
        """Give the kept events above a block number, in order."""
        rows = self._db.execute(
            "select address, topics, data, block_number, block_hash, tx_hash, log_index "
            "from event where block_number > ? order by block_number, log_index",
            (above,),
        )
        return [Log(row[0], _split(row[1]), *row[2:]) for row in rows.fetchall()]

    def cut(self, above: int) -> None:
        """Forget all above a block number; call inside `step`."""
        self._db.execute("delete from event where block_number > ?", (above,))
        self._db.execute("delete from block where number > ?", (above,))

    def prune(self, below: int) -> None:
        """Forget what no reorg within the window can reach; call inside `step`."""
        self._db.execute("delete from event where block_number < ?", (below,))
        self._db.execute(
            "delete from block where number < (select max(number) from block where number <= ?)",
            (below,),
        )


def _row(log: Log) -> tuple[object, ...]:
    place = (log.block_number, log.log_index, log.block_hash, log.tx_hash)
    return (*place, log.address, b"".join(log.topics), log.data)


def _split(topics: bytes) -> tuple[bytes, ...]:
    return tuple(topics[start : start + 32] for start in range(0, len(topics), 32))
