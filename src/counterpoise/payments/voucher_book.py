"""What a log of vouchers says: each channel's last charge, and exact payments that were brought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from counterpoise.payments.signing import ChannelConfig, Claim, Voucher

_TERMS, _CHARGE, _DROP, _EXACT = 1, 2, 3, 4
_EXACT_KEPT = 2_592_000
"""Seconds for which an exact payment is remembered at most; the token knows of it for ever."""
_FEW = 1_024


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


@dataclass(slots=True)
class VoucherBook:
    """The state of a log, and the records that change it; its owner locks.

    Parameters
    ----------
    exact :
        By the key of an exact payment: the request it was brought for, and when it is forgotten.
    """

    kept: dict[bytes, Kept] = field(default_factory=dict)
    exact: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    _terms: dict[bytes, ChannelConfig] = field(default_factory=dict)
    _many: int = _FEW

    @classmethod
    def read(cls, records: Iterable[bytes]) -> VoucherBook:
        """Make a book of a log's records."""
        book = cls()
        for record in records:
            book._apply(record)
        return book

    def charge(self, kept: Kept) -> list[bytes]:
        """Take note of a charge; gives the records to write."""
        channel, written = kept.voucher.channel, []
        config = self._terms.get(channel)
        if config is None:
            config = self._terms[channel] = kept.config
            written.append(_terms_record(channel, config))
        self.kept[channel] = replace(kept, config=config)
        return [*written, _charge_record(kept)]

    def spend(self, key: bytes, request: bytes, before: int, now: int) -> list[bytes]:
        """Take note of an exact payment; those that expired are forgotten when there are many."""
        if len(self.exact) >= self._many:
            self._forget(now)
        self.exact[key] = request, min(before, now + _EXACT_KEPT)
        return [_exact_record(key, *self.exact[key])]

    def drop(self, channel: bytes) -> list[bytes]:
        """Forget a channel."""
        self.kept.pop(channel, None)
        self._terms.pop(channel, None)
        return [bytes((_DROP,)) + channel]

    def records(self, now: int = 0) -> list[bytes]:
        """Give the shortest log that says the same, without what expired before a Unix time."""
        self._forget(now)
        records = [_terms_record(c, kept.config) for c, kept in self.kept.items()]
        records += [_charge_record(kept) for kept in self.kept.values()]
        return records + [_exact_record(key, *spent) for key, spent in self.exact.items()]

    def _forget(self, now: int) -> None:
        self.exact = {key: spent for key, spent in self.exact.items() if spent[1] > now}
        self._many = max(_FEW, 2 * len(self.exact))

    def _apply(self, body: bytes) -> None:
        kind, channel = body[0], body[1:33]
        if kind == _TERMS:
            self._terms[channel] = _terms_of(body)
        elif kind == _CHARGE:
            kept = _charge_of(body, self._terms[channel])
            before = self.kept.get(channel)
            if before is None or kept.charged > before.charged:
                self.kept[channel] = kept
        elif kind == _EXACT:
            self.exact[channel] = body[33:65], int.from_bytes(body[65:73], "big")
        elif kind == _DROP:
            self.drop(channel)


def _exact_record(key: bytes, request: bytes, before: int) -> bytes:
    return bytes((_EXACT,)) + key + request + before.to_bytes(8, "big")


def _terms_record(channel: bytes, config: ChannelConfig) -> bytes:
    parties = config.payer + config.payer_authorizer + config.receiver
    parties += config.receiver_authorizer + config.token
    delay = config.withdraw_delay.to_bytes(5, "big")
    return bytes((_TERMS,)) + channel + parties + delay + config.salt


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
