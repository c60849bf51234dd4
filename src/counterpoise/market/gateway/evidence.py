"""What a seller states of its answers, kept: a journal first, then the seller's own log.

    note (on the event loop)  ->  flush: sign, journal, disk  ->  the answer leaves
                                        ... a second later ...  ->  store: log, index

A kill at any point loses no statement of an answer that left: the journal is read again at the
start, and what the log has already is not taken twice.
"""

from __future__ import annotations

import json
import sqlite3
from base64 import b64decode
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, StorageError
from counterpoise.market.gateway.journal import Journal
from counterpoise.market.gateway.receipts import Receipts
from counterpoise.market.gateway.statements import Facts, Statements
from counterpoise.market.receipts_issued import CallReceipt
from counterpoise.provenance import AnchorReference, Log, make_receipt

BATCH = 4096
_REBUILT = "free the disk; the index can be deleted, it is made again from the log"


@dataclass(slots=True, eq=False)
class Noted:
    """A statement on its way to the log.

    Parameters
    ----------
    entry :
        Its envelope, once it is signed.
    receipt_of, receipt :
        The paid call that it belongs to, and the signed receipt of that.
    """

    digest: bytes
    payload: bytes
    time: int = 0
    entry: bytes = b""
    receipt_of: CallReceipt | None = None
    receipt: bytes = b""


class Evidence:
    """The decisions of one seller.

    Parameters
    ----------
    folder :
        Where the journal, the log and its index are.
    statements :
        Who signs.
    log :
        The seller's own log, opened for writing.
    """

    def __init__(self, folder: Path, statements: Statements, log: Log) -> None:
        self.log, self._statements, self._receipts = log, statements, Receipts(statements)
        self.anchor: AnchorReference | None = None
        self._pending: deque[Noted] = deque()
        self._waiting: list[Noted] = []
        self._lately: dict[bytes, Noted] = {}
        self._lock, self._storing = Lock(), Lock()
        self._journal = Journal(folder)
        self._index = _open_index(folder / "index.sqlite", log)
        self._recover()

    def note(self, facts: Facts) -> Noted:
        """Take note of a decision; it is kept once the next `flush` has returned."""
        payload = self._statements.write(facts)
        noted = Noted(sha256(payload), payload, facts.ended)
        self._pending.append(noted)
        self._lately[noted.digest] = noted
        return noted

    def flush(self) -> None:
        """Sign what is pending and bring it to the disk. One thread at a time."""
        with self._lock:
            taken = [self._pending.popleft() for _ in range(len(self._pending))]
            if not taken:
                return
            for noted in taken:
                noted.entry = self._statements.sign(noted.payload)
                if noted.receipt_of is not None:
                    noted.receipt = self._receipts.issue(noted.receipt_of, noted.time)
            self._journal.append(noted.entry for noted in taken)
            self._waiting += taken

    def store(self) -> int:
        """Append what waits in the journal to the log; gives how many statements that were."""
        with self._storing:
            with self._lock:
                taken, self._waiting = self._waiting, []
                if not taken:
                    return 0
                self._journal.turn()
            for at in range(0, len(taken), BATCH):
                self._append(taken[at : at + BATCH])
            with self._lock:
                self._journal.forget()
            return len(taken)

    @property
    def waiting(self) -> int:
        """How many statements are not in the log yet."""
        return len(self._lately)

    def find(self, digest: bytes) -> tuple[bool, bytes]:
        """Give what is known of a statement by its digest.

        Returns
        -------
        tuple
            Whether it is in the log, and the JSON: its receipt if it is, its envelope if not yet.

        Raises
        ------
        InputError :
            No such statement.
        """
        noted = self._lately.get(digest)
        if noted is not None:
            return False, noted.entry or self._statements.sign(noted.payload)
        with self._storing:
            row = self._index.execute(
                "SELECT entry FROM place WHERE digest = ?", (digest,)
            ).fetchone()
            if row is None:
                raise InputError(f"no decision {digest.hex()} was made here")
            anchor = self.anchor
            held = anchor if anchor is not None and row[0] < anchor.head.size else None
            return True, make_receipt(self.log, row[0], held).to_bytes()

    def close(self) -> None:
        """Bring everything to the log and close the files."""
        self.flush()
        self.store()
        self._journal.close()
        self._index.close()
        self.log.close()

    def _append(self, batch: list[Noted]) -> None:
        places = self.log.append([noted.entry for noted in batch])
        rows = [(noted.digest, at) for noted, at in zip(batch, places, strict=True)]
        try:
            with self._index:
                self._index.executemany("INSERT OR REPLACE INTO place VALUES (?, ?)", rows)
        except sqlite3.Error as failed:
            raise StorageError(f"the index of decisions: {failed}", hint=_REBUILT) from None
        for noted in batch:
            self._lately.pop(noted.digest, None)

    def _recover(self) -> None:
        """Append what an earlier process kept and did not bring to the log."""
        left = self._journal.left()
        known = set(self.log.entries(max(0, self.log.size - len(left))))
        lost = [entry for entry in left if entry not in known]
        for at in range(0, len(lost), BATCH):
            batch = [Noted(_digest_in(entry), b"", 0, entry) for entry in lost[at : at + BATCH]]
            self._append(batch)
        self._journal.forget()


def _digest_in(entry: bytes) -> bytes:
    """Give the digest of the statement in an envelope of ours."""
    return sha256(b64decode(json.loads(entry)["payload"]))


def _open_index(path: Path, log: Log) -> sqlite3.Connection:
    """Open the table of digests and places; what the log has beyond it is read again."""
    index = sqlite3.connect(path, check_same_thread=False)
    index.execute("PRAGMA journal_mode=WAL")
    index.execute("PRAGMA synchronous=NORMAL")
    index.execute(
        "CREATE TABLE IF NOT EXISTS place(digest BLOB PRIMARY KEY, entry INTEGER) WITHOUT ROWID"
    )
    (count,) = index.execute("SELECT count(*) FROM place").fetchone()
    start = count if count <= log.size else 0
    if start == 0:
        index.execute("DELETE FROM place")
    entries = enumerate(log.entries(start), start)
    with index:
        index.executemany(
            "INSERT OR REPLACE INTO place VALUES (?, ?)",
            ((_digest_in(entry), at) for at, entry in entries),
        )
    return index
