"""The canonical order of an embedded chain: blocks, transactions, receipts and logs in SQLite.

One SQLite transaction holds everything that one block writes (trie nodes too), so a process
that is killed while mining leaves a chain that ends with its last whole block.
"""

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, TextIO

from counterpoise.chain.backend import Block, Log, Receipt
from counterpoise.chain.nodes import NodeStore
from counterpoise.core.errors import Busy, StorageError

FORMAT = "1"
FILE_NAME = "chain.sqlite"

SCHEMA = """
create table if not exists meta (name text primary key, value text not null) without rowid;
create table if not exists node (key blob primary key, value blob not null) without rowid;
create table if not exists block (
    number integer primary key, hash blob not null unique, parent blob not null,
    time integer not null, gas_used integer not null, gas_limit integer not null,
    base_fee integer not null);
create table if not exists tx (
    hash blob primary key, block_number integer not null, position integer not null,
    raw blob not null, sender blob not null, status integer not null,
    gas_used integer not null, contract blob, output blob not null) without rowid;
create unique index if not exists tx_place on tx (block_number, position);
create table if not exists log (
    block_number integer not null, log_index integer not null, tx_hash blob not null,
    address blob not null, topic0 blob, topic1 blob, topic2 blob, topic3 blob,
    data blob not null, primary key (block_number, log_index)) without rowid;
create index if not exists log_address on log (address, block_number);
"""


@dataclass(frozen=True, slots=True)
class Mined:
    """One mined transaction as the ledger keeps it."""

    tx_hash: bytes
    raw: bytes
    sender: bytes
    receipt: Receipt
    position: int
    output: bytes


class Ledger:
    """Blocks, receipts and logs of one chain, in memory or in a folder.

    Parameters
    ----------
    folder :
        Where `chain.sqlite` lies; None keeps everything in memory. A folder is held by one
        process at a time.

    Raises
    ------
    Busy :
        Another process holds the folder.
    StorageError :
        The file is not a chain, or of another format.
    """

    def __init__(self, folder: Path | None) -> None:
        self.persistent = folder is not None
        self._lock = _hold(folder) if folder else None
        place = str(folder / FILE_NAME) if folder else ":memory:"
        self._db = sqlite3.connect(place, check_same_thread=False, isolation_level=None)
        try:
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
            self._db.executescript(SCHEMA)
            self._check_format(place)
        except sqlite3.DatabaseError as error:
            self.close()
            raise StorageError(
                f"{place} does not open as a chain: {error}",
                hint="move the file away to start a new chain",
            ) from None
        except StorageError:
            self.close()
            raise
        self.nodes = NodeStore(self._db, self.persistent)

    def _check_format(self, place: str) -> None:
        found = self.meta("format")
        if found is None:
            self.set_meta("format", FORMAT)
        elif found != FORMAT:
            raise StorageError(f"{place} has chain format {found}, this program reads {FORMAT}")

    def close(self) -> None:
        """Close the file and let go of the folder."""
        self._db.close()
        if self._lock:
            self._lock.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is written inside one atomic step."""
        try:
            self._db.execute("begin immediate")
            yield
            self.nodes.flush()
            self._db.execute("commit")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("rollback")
            if isinstance(error, sqlite3.Error):
                raise StorageError(f"the chain could not be written: {error}") from error
            raise
        finally:
            self.nodes.forget()

    def meta(self, name: str) -> str | None:
        """Read one remembered value."""
        row = self._db.execute("select value from meta where name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_meta(self, name: str, value: str) -> None:
        """Remember one value."""
        self._db.execute("insert or replace into meta values (?, ?)", (name, value))

    def append(self, block: Block, mined: Sequence[Mined]) -> None:
        """Add a block with its transactions; call inside `transaction`."""
        self._db.execute(
            "insert into block values (?, ?, ?, ?, ?, ?, ?)",
            astuple(block),
        )
        self._db.executemany(
            "insert into tx values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_tx_row(one, block.number) for one in mined],
        )
        self._db.executemany(
            "insert into log values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_log_row(log) for one in mined for log in one.receipt.logs],
        )

    def cut(self, number: int) -> list[Mined]:
        """Delete all above a block number and give their transactions, in order."""
        lost = [
            mined
            for block in range(number + 1, self.height() + 1)
            for mined in self.mined_in(block)
        ]
        for table, column in (("log", "block_number"), ("tx", "block_number"), ("block", "number")):
            self._db.execute(f"delete from {table} where {column} > ?", (number,))  # noqa: S608
        return lost

    def height(self) -> int:
        """Give the number of the last block, -1 when there is none."""
        row = self._db.execute("select max(number) from block").fetchone()
        return -1 if row[0] is None else int(row[0])

    def block(self, ref: int | bytes) -> Block | None:
        """Give a canonical block by number or hash."""
        by = "number = ?" if isinstance(ref, int) else "hash = ?"
        row = self._db.execute(f"select * from block where {by}", (ref,)).fetchone()  # noqa: S608
        return Block(*row) if row else None

    def mined(self, tx_hash: bytes) -> Mined | None:
        """Give one mined transaction."""
        row = self._db.execute(f"{TX} where tx.hash = ?", (tx_hash,)).fetchone()
        return self._mined(row) if row else None

    def mined_in(self, number: int) -> list[Mined]:
        """Give the transactions of a block, in order."""
        rows = self._db.execute(f"{TX} where block_number = ? order by position", (number,))
        return [self._mined(row) for row in rows.fetchall()]

    def positions(self, tx_hashes: Iterable[bytes]) -> dict[bytes, int]:
        """Give the places of mined transactions in their blocks."""
        query = "select position from tx where hash = ?"
        rows = ((one, self._db.execute(query, (one,)).fetchone()) for one in tx_hashes)
        return {one: row[0] for one, row in rows if row}

    def _mined(self, row: Sequence[Any]) -> Mined:
        tx_hash, number, block_hash, position, raw, sender, status, gas, contract, output = row
        logs = self._db.execute(
            f"{LOG} where block_number = ? and tx_hash = ? order by log_index", (number, tx_hash)
        )
        receipt = Receipt(
            tx_hash, status, gas, number, block_hash, tuple(map(_log, logs.fetchall())), contract
        )
        return Mined(tx_hash, raw, sender, receipt, position, output)

    def logs(
        self,
        first: int,
        last: int,
        addresses: Sequence[bytes],
        topics: Sequence[bytes | Sequence[bytes] | None],
    ) -> list[Log]:
        """Give the logs of a closed range that match, as `eth_getLogs` defines matching."""
        where, values = ["block_number between ? and ?"], [first, last]
        for column, wanted in _conditions(addresses, topics):
            where.append(f"{column} in ({','.join('?' * len(wanted))})")
            values.extend(wanted)  # type: ignore[arg-type]
        query = f"{LOG} where {' and '.join(where)} order by block_number, log_index"
        return [_log(row) for row in self._db.execute(query, values)]


TX = """select tx.hash, block_number, block.hash, position, raw, sender, status, tx.gas_used,
contract, output from tx join block on block.number = block_number"""
LOG = """select address, topic0, topic1, topic2, topic3, data, block_number, block.hash, tx_hash,
log_index from log join block on block.number = block_number"""


def _conditions(
    addresses: Sequence[bytes], topics: Sequence[bytes | Sequence[bytes] | None]
) -> Iterator[tuple[str, Sequence[bytes]]]:
    if addresses:
        yield "address", addresses
    for place, topic in enumerate(topics[:4]):
        if topic:
            yield f"topic{place}", [topic] if isinstance(topic, bytes) else topic


def _log(row: Sequence[Any]) -> Log:
    topics = tuple(topic for topic in row[1:5] if topic is not None)
    return Log(row[0], topics, *row[5:])


def _log_row(log: Log) -> tuple[Any, ...]:
    topics = (*log.topics, None, None, None, None)[:4]
    return (log.block_number, log.log_index, log.tx_hash, log.address, *topics, log.data)


def _tx_row(one: Mined, number: int) -> tuple[Any, ...]:
    receipt = one.receipt
    place = (one.tx_hash, number, one.position, one.raw, one.sender)
    return (*place, receipt.status, receipt.gas_used, receipt.contract, one.output)


def _hold(folder: Path) -> TextIO:
    """Take the folder's lock; the system lets it go when the process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    held = (folder / "chain.lock").open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.close()
        raise Busy(
            f"another process holds the chain in {folder}",
            hint="stop it, or talk to it: counterpoise chain start serves it over HTTP",
        ) from None
    return held
