"""Keeps the highest voucher of every channel, through power cuts and kills.

A log that only grows: a record counts once `sync` has returned, and callers that wait at the same
time share one fsync. At the start the log is read again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from counterpoise.core.errors import InputError, StorageError
from counterpoise.payments.signing import ChannelConfig, Claim, Voucher
from counterpoise.payments.voucher_log import FrameLog

_TERMS, _CHARGE, _DROP, _EXACT = 1, 2, 3, 4
_COMPACT_BYTES = 1 << 22
"""A log longer than this is written anew at the start, each channel once."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one channel.

    Parameters
    ----------
    charged :
        Base units that were charged in all; never above the voucher's ceiling.
    request :
        32 bytes that name the request that was last charged for.
    base :
        Base units that were charged before that request.
    """

    config: ChannelConfig
    voucher: Voucher
    charged: int
    request: bytes
    base: int = 0

    def claim(self) -> Claim:
        """Give the row that claims all that was charged."""
        return Claim(self.config, self.voucher, self.charged)


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
        self._kept: dict[bytes, Kept] = {}
        self._terms: dict[bytes, ChannelConfig] = {}
        self._exact: dict[bytes, tuple[bytes, int]] = {}
        self._pending: list[bytes] = []
        self._added = self._synced = 0
        self._is_syncing, self._broken = False, ""
        self._is_open = True
        self._log = FrameLog(path)
        for record in self._log.records:
            self._apply(record)
        if self._log.size > _COMPACT_BYTES:
            self._compact(now)

    def channels(self) -> dict[bytes, Kept]:
        """Give what is kept of every channel, by its id."""
        with self._lock:
            return dict(self._kept)

    def unanswered(self) -> list[bytes]:
        """Give the channels and exact payments that were charged, by their ids."""
        with self._lock:
            return [*self._kept, *self._exact]

    def kept(self, channel: bytes) -> Kept | None:
        """Give what is kept of a channel."""
        with self._lock:
            return self._kept.get(channel)

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
            before = self._kept.get(channel)
            if before is not None and kept.charged <= before.charged:
                raise InputError(f"{kept.charged} is charged, {before.charged} was already")
            if channel not in self._terms:
                self._terms[channel] = kept.config
                self._append(_terms_record(channel, kept.config))
            self._kept[channel] = kept
            return self._append(_charge_record(kept))

    def spend(self, key: bytes, request: bytes, before: int) -> int:
        """Take note that an exact payment goes to the chain for a request.

        Parameters
        ----------
        key, request :
            32 bytes each that name the two.
        before :
            Unix time at which the payment expires.
        """
        if len(key) != 32 or len(request) != 32:
            raise InputError("an exact payment and its request are named by 32 bytes each")
        with self._lock:
            self._exact[key] = request, min(before, 2**64 - 1)
            return self._append(_exact_record(key, *self._exact[key]))

    def spent(self, key: bytes) -> bytes | None:
        """Give the request that an exact payment was brought for."""
        with self._lock:
            return self._exact.get(key, (None, 0))[0]

    def drop(self, channel: bytes) -> int:
        """Forget a channel that was claimed and emptied."""
        with self._lock:
            self._kept.pop(channel, None)
            self._terms.pop(channel, None)
            return self._append(bytes((_DROP,)) + channel)

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
                upto = self._added
                self._lock.release()
                failure = "the writing was cut short"
                try:
                    self._log.append(records)
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

    def _append(self, body: bytes) -> int:
        self._check()
        if not self._is_open:
            raise StorageError(f"{self.path} is closed")
        self._pending.append(body)
        self._added += 1
        return self._added

    def _apply(self, body: bytes) -> None:
        kind, channel = body[0], body[1:33]
        if kind == _TERMS:
            self._terms[channel] = _terms_of(body)
        elif kind == _CHARGE:
            kept = _charge_of(body, self._terms[channel])
            before = self._kept.get(channel)
            if before is None or kept.charged > before.charged:
                self._kept[channel] = kept
        elif kind == _EXACT:
            self._exact[channel] = body[33:65], int.from_bytes(body[65:73], "big")
        elif kind == _DROP:
            self._kept.pop(channel, None)
            self._terms.pop(channel, None)

    def _compact(self, now: int) -> None:
        """Write the log anew: each channel once, and exact payments that may still be brought."""
        self._exact = {key: spent for key, spent in self._exact.items() if spent[1] > now}
        records = [_terms_record(c, kept.config) for c, kept in self._kept.items()]
        records += [_charge_record(kept) for kept in self._kept.values()]
        records += [_exact_record(key, *spent) for key, spent in self._exact.items()]
        self._log.rewrite(records)


def _exact_record(key: bytes, request: bytes, before: int) -> bytes:
    return bytes((_EXACT,)) + key + request + before.to_bytes(8, "big")


def _terms_record(channel: bytes, config: ChannelConfig) -> bytes:
    parties = config.payer + config.payer_authorizer + config.receiver
    parties += config.receiver_authorizer + config.token
    return (
        bytes((_TERMS,))
        + channel
        + parties
        + config.withdraw_delay.to_bytes(5, "big")
        + config.salt
    )


def _terms_of(body: bytes) -> ChannelConfig:
    payer, payers, receiver, receivers, token = (body[at : at + 20] for at in range(33, 133, 20))
    delay = int.from_bytes(body[133:138], "big")
    return ChannelConfig(payer, payers, receiver, receivers, token, delay, body[138:170])


def _charge_record(kept: Kept) -> bytes:
    voucher = kept.voucher
    amounts = kept.charged, voucher.ceiling, kept.base
    numbers = b"".join(amount.to_bytes(16, "big") for amount in amounts)
    return bytes((_CHARGE,)) + voucher.channel + numbers + kept.request + voucher.signature


def _charge_of(body: bytes, config: ChannelConfig) -> Kept:
    charged, ceiling, base = (int.from_bytes(body[at : at + 16], "big") for at in (33, 49, 65))
    return Kept(config, Voucher(body[1:33], ceiling, body[113:]), charged, body[81:113], base)
