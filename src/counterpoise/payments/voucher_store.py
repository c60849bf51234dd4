"""Keeps the highest voucher of every channel, through power cuts and kills.

A log that only grows: a record counts once `sync` has returned, and callers that wait at the same
time share one fsync. At the start the log is read again.
"""

from __future__ import annotations

import threading
from pathlib import Path

from counterpoise.core.errors import InputError, StorageError
from counterpoise.payments.voucher_book import Kept, VoucherBook
from counterpoise.payments.voucher_log import FrameLog, read_records

_COMPACT_BYTES = 1 << 22
"""A log longer than this, and than four times what it was when it was last written anew, is
written anew: each channel once."""


def read_vouchers(path: Path) -> dict[bytes, Kept]:
    """Give what is kept of every channel, by its id, also while a seller has the file open.

    Nothing is locked or written; what was not synced yet may be missing.

    Raises
    ------
    InputError :
        The file is no log of vouchers.
    StorageError :
        A record that was synced is broken.
    """
    return VoucherBook.read(read_records(path)).kept


class VoucherStore:
    """The vouchers of one seller in one file. Any number of threads may share it.

    Parameters
    ----------
    path :
        The log; made where it is missing.
    now :
        Unix time; exact payments that expired before it are forgotten where the log got long.

    Raises
    ------
    Busy :
        Another process has it open.
    InputError :
        The file is no log of vouchers.
    StorageError :
        A record that was synced is broken: the file was damaged after it was written.
    """

    def __init__(self, path: Path, now: int = 0) -> None:
        self.path = path
        self._lock = threading.Condition()
        self._pending: list[bytes] = []
        self._added = self._synced = 0
        self._is_syncing, self._broken = False, ""
        self._is_open = True
        self._log = FrameLog(path)
        self._book = VoucherBook.read(self._log.records)
        self._log.records.clear()
        self._now, self._least = now, 0
        if self._log.size > _COMPACT_BYTES:
            self._log.rewrite(self._book.records(now))
            self._least = self._log.size

    def channels(self) -> dict[bytes, Kept]:
        """Give what is kept of every channel, by its id."""
        with self._lock:
            return dict(self._book.kept)

    def unanswered(self) -> list[bytes]:
        """Give the channels and exact payments that were charged, by their ids."""
        with self._lock:
            return [*self._book.kept, *self._book.exact]

    def kept(self, channel: bytes) -> Kept | None:
        """Give what is kept of a channel."""
        with self._lock:
            return self._book.kept.get(channel)

    def charge(self, kept: Kept) -> int:
        """Take note of a charge; it is durable once `sync` of the number given has returned.

        Raises
        ------
        InputError :
            The charge is not above the one before, or is above the voucher's ceiling.
        """
        channel, voucher = kept.voucher.channel, kept.voucher
        if not 0 <= kept.base <= kept.charged <= voucher.ceiling or len(kept.request) != 32:
            raise InputError(f"a charge of {kept.charged} under a voucher of {voucher.ceiling}")
        with self._lock:
            self._check()
            before = self._book.kept.get(channel)
            if before is not None and kept.charged <= before.charged:
                raise InputError(f"{kept.charged} is charged, {before.charged} was already")
            return self._append(self._book.charge(kept))

    def spend(self, key: bytes, request: bytes, before: int, now: int) -> int:
        """Take note that an exact payment goes to the chain for a request.

        Parameters
        ----------
        key, request :
            32 bytes each that name the two.
        before :
            Unix time at which the payment expires.
        now :
            Unix time; what expired before it may be forgotten.
        """
        if len(key) != 32 or len(request) != 32:
            raise InputError("an exact payment and its request are named by 32 bytes each")
        with self._lock:
            self._check()
            self._now = max(self._now, now)
            return self._append(self._book.spend(key, request, before, now))

    def spent(self, key: bytes) -> bytes | None:
        """Give the request that an exact payment was brought for."""
        with self._lock:
            return self._book.exact.get(key, (None, 0))[0]

    def drop(self, channel: bytes) -> int:
        """Forget a channel that was claimed and emptied."""
        with self._lock:
            self._check()
            return self._append(self._book.drop(channel))

    def sync(self, number: int | None = None) -> None:
        """Wait until a record, or every record so far, lies on the disk.

        Raises
        ------
        StorageError :
            The disk refused. Nothing more is taken: what was charged last may be lost, so the
            seller must stop and start again.
        """
        with self._lock:
            wanted = self._added if number is None else number
            while self._synced < wanted:
                self._check()
                if self._is_syncing:
                    self._lock.wait()
                    continue
                self._is_syncing = True
                records, self._pending = self._pending, []
                upto, is_long = self._added, self._log.size > max(_COMPACT_BYTES, 4 * self._least)
                if is_long:
                    records = self._book.records(self._now)
                self._lock.release()
                failure = "the writing was cut short"
                try:
                    self._write(records, anew=is_long)
                    failure = ""
                except OSError as wrong:
                    failure = str(wrong)
                finally:
                    self._lock.acquire()
                    self._is_syncing = False
                    self._lock.notify_all()
                self._broken = failure
                self._synced = self._synced if failure else upto
            self._check()

    def close(self) -> None:
        """Write what is left and let go of the file."""
        if not self._is_open:
            return
        try:
            self.sync()
        finally:
            self._is_open = False
            self._log.close()

    def __enter__(self) -> VoucherStore:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _check(self) -> None:
        if self._broken:
            raise StorageError(
                f"{self.path}: {self._broken}", hint="free the disk, then start the seller again"
            )

    def _write(self, records: list[bytes], *, anew: bool) -> None:
        if anew:
            self._log.rewrite(records)
            self._least = self._log.size
        else:
            self._log.append(records)

    def _append(self, records: list[bytes]) -> int:
        if not self._is_open:
            raise StorageError(f"{self.path} is closed")
        self._pending += records
        self._added += len(records)
        return self._added
