"""The rules of channels, which ``BatchSettlement.vy`` agrees with for every input.

A book is a value; each step gives the next one, or `Reverted` with the contract's own reason.
Callers and times come in as arguments, and whether a signature was good comes with its row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NoReturn

from counterpoise.core.errors import Reverted
from counterpoise.core.units import Address
from counterpoise.payments.signing import (
    MAX_AMOUNT,
    MAX_WITHDRAW_DELAY,
    MIN_WITHDRAW_DELAY,
    NOBODY,
    ChannelConfig,
)


class Fault(IntEnum):
    """What is wrong with a row of a batch, as ``ClaimSkipped`` tells it."""

    APPLIED = 0
    REPLAYED = 1
    STRANGER = 2
    ABOVE_CEILING = 3
    ABOVE_BALANCE = 4
    UNSIGNED = 5
    TOO_GREAT = 6


REASONS = {
    Fault.STRANGER: "only the receiver claims",
    Fault.ABOVE_CEILING: "claim exceeds the voucher",
    Fault.ABOVE_BALANCE: "claim exceeds the balance",
    Fault.UNSIGNED: "voucher: invalid signature",
    Fault.TOO_GREAT: "the receiver's total is too great",
}


@dataclass(frozen=True, slots=True)
class Channel:
    """What stands in the contract of one channel, in base units.

    Parameters
    ----------
    balance :
        All that was deposited and not given back; what was claimed is a part of it.
    pending, since :
        The announced withdrawal and its Unix time; 0 where there is none.
    refunds :
        How many refunds there were: the nonce of the next signed one.
    """

    balance: int = 0
    claimed: int = 0
    pending: int = 0
    since: int = 0
    refunds: int = 0

    @property
    def unclaimed(self) -> int:
        """What can still be claimed, refunded or withdrawn."""
        return self.balance - self.claimed


@dataclass(frozen=True, slots=True)
class Earned:
    """What was claimed for a receiver in one token, and how much of it was paid out."""

    claimed: int = 0
    settled: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a batch; `is_signed` tells whether the payer's side signed its ceiling."""

    config: ChannelConfig
    ceiling: int
    total: int
    is_signed: bool = True


@dataclass(frozen=True, slots=True)
class Book:
    """Every channel by its terms, and every receiver's totals by receiver and token."""

    channels: Mapping[ChannelConfig, Channel] = field(default_factory=dict)
    earned: Mapping[tuple[Address, Address], Earned] = field(default_factory=dict)

    def channel(self, config: ChannelConfig) -> Channel:
        """Give a channel; one that was never filled is empty."""
        return self.channels.get(config, Channel())

    def held(self, token: Address) -> int:
        """What the contract must hold of a token: what is unclaimed, and claimed but not paid."""
        unclaimed = sum(c.unclaimed for terms, c in self.channels.items() if terms.token == token)
        unpaid = (e.claimed - e.settled for (_, coin), e in self.earned.items() if coin == token)
        return unclaimed + sum(unpaid)

    def _with(self, config: ChannelConfig, **changes: int) -> Book:
        after = replace(self.channel(config), **changes)
        return replace(self, channels={**self.channels, config: after})


def _refuse(call: str, reason: str) -> NoReturn:
    raise Reverted(f"BatchSettlement.{call}", f"payments: {reason}")


def deposit(book: Book, config: ChannelConfig, amount: int, arrived: int) -> Book:
    """Fill a channel; `arrived` is by how much the contract's tokens grew."""
    names = (
        (config.payer, "no payer"),
        (config.receiver, "no receiver"),
        (config.receiver_authorizer, "no receiver authorizer"),
        (config.token, "no token"),
    )
    for party, reason in names:
        if party == NOBODY:
            _refuse("deposit", reason)
    if amount == 0:
        _refuse("deposit", "nothing deposited")
    if not MIN_WITHDRAW_DELAY <= config.withdraw_delay <= MAX_WITHDRAW_DELAY:
        _refuse("deposit", "withdraw delay out of range")
    balance = book.channel(config).balance + amount
    if balance > MAX_AMOUNT:
        _refuse("deposit", "balance too great")
    if arrived != amount:
        _refuse("deposit", "another amount arrived")
    return book._with(config, balance=balance)


def fault_of(book: Book, row: Row, claimant: Address) -> Fault:
    """Tell what is wrong with a row: the first of the faults, in the contract's order."""
    channel, config = book.channel(row.config), row.config
    if claimant not in (config.receiver, config.receiver_authorizer):
        return Fault.STRANGER
    if row.total <= channel.claimed:
        return Fault.REPLAYED
    if row.total > row.ceiling:
        return Fault.ABOVE_CEILING
    if row.total > channel.balance:
        return Fault.ABOVE_BALANCE
    earned = book.earned.get((config.receiver, config.token), Earned())
    if earned.claimed + row.total - channel.claimed > MAX_AMOUNT:
        return Fault.TOO_GREAT
    return Fault.APPLIED if row.is_signed else Fault.UNSIGNED


def claim(book: Book, rows: Sequence[Row], claimant: Address) -> Book:
    """Take note of a batch; a replayed row is passed over, any other fault undoes all."""
    if not rows:
        _refuse("claim", "no claims")
    for row in rows:
        fault = fault_of(book, row, claimant)
        if fault in REASONS:
            _refuse("claim", REASONS[fault])
        if fault is Fault.APPLIED:
            book = _applied(book, row)
    return book


def claim_each(book: Book, rows: Sequence[Row], claimant: Address) -> tuple[Book, list[Fault]]:
    """Take note of what is good in a batch; gives the fault of each row."""
    faults = []
    for row in rows:
        faults.append(fault_of(book, row, claimant))
        if faults[-1] is Fault.APPLIED:
            book = _applied(book, row)
    return book, faults


def _applied(book: Book, row: Row) -> Book:
    gained = row.total - book.channel(row.config).claimed
    place = row.config.receiver, row.config.token
    before = book.earned.get(place, Earned())
    after = replace(before, claimed=before.claimed + gained)
    book = replace(book, earned={**book.earned, place: after})
    return book._with(row.config, claimed=row.total)


def settle(book: Book, receiver: Address, token: Address) -> tuple[Book, int]:
    """Pay out what was claimed; gives the amount, which may be 0."""
    before = book.earned.get((receiver, token), Earned())
    after = replace(before, settled=before.claimed)
    amount = before.claimed - before.settled
    return replace(book, earned={**book.earned, (receiver, token): after}), amount


def initiate_withdraw(
    book: Book, config: ChannelConfig, amount: int, caller: Address, now: int
) -> Book:
    """Announce a withdrawal by the payer's side."""
    channel = book.channel(config)
    if not _is_payer(config, caller):
        _refuse("initiateWithdraw", "only the payer withdraws")
    if amount == 0:
        _refuse("initiateWithdraw", "nothing to withdraw")
    if channel.since:
        _refuse("initiateWithdraw", "a withdrawal is pending")
    if amount > channel.unclaimed:
        _refuse("initiateWithdraw", "withdraw exceeds what is left")
    return book._with(config, pending=amount, since=now)


def finalize_withdraw(
    book: Book, config: ChannelConfig, caller: Address, now: int
) -> tuple[Book, int]:
    """Withdraw after the delay; gives the amount, capped by what is left unclaimed."""
    channel = book.channel(config)
    if not _is_payer(config, caller):
        _refuse("finalizeWithdraw", "only the payer finalizes")
    if not channel.since:
        _refuse("finalizeWithdraw", "no withdrawal is pending")
    if now < channel.since + config.withdraw_delay:
        _refuse("finalizeWithdraw", "the delay is not over")
    amount = min(channel.pending, channel.unclaimed)
    return book._with(config, balance=channel.balance - amount, pending=0, since=0), amount


def refund(book: Book, config: ChannelConfig, amount: int, caller: Address) -> tuple[Book, int]:
    """Give tokens back by the receiver's side; gives the amount, capped by what is unclaimed."""
    if caller not in (config.receiver, config.receiver_authorizer):
        _refuse("refund", "only the receiver refunds")
    if amount == 0:
        _refuse("refund", "nothing to refund")
    channel = book.channel(config)
    given = min(amount, channel.unclaimed)
    left = max(channel.pending - given, 0)
    changes = {"balance": channel.balance - given, "refunds": channel.refunds + 1, "pending": left}
    return book._with(config, **changes, since=channel.since if left else 0), given


def _is_payer(config: ChannelConfig, caller: Address) -> bool:
    return caller in (config.payer, config.payer_authorizer) and caller != NOBODY
