"""How a payment is judged when it comes in: one function for each kind of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from counterpoise.chain import Domain
from counterpoise.core.errors import VerificationError
from counterpoise.payments.places import Places
from counterpoise.payments.signing import ChannelConfig, Voucher
from counterpoise.payments.terms import (
    BATCH_ERROR,
    EXACT_ERROR,
    Look,
    NotTaken,
    Terms,
    Ticket,
    check_balance,
    check_times,
    check_transfer,
    exact_key,
)
from counterpoise.payments.voucher_book import Kept
from counterpoise.payments.voucher_store import VoucherStore
from counterpoise.payments.wire import Offer
from counterpoise.payments.wire_schemes import ChannelPayment, ExactPayment

MISMATCH, BUSY = f"{BATCH_ERROR}cumulative_amount_mismatch", f"{BATCH_ERROR}channel_busy"
_LOOKED = 5
"""Seconds for which a look at a channel is good enough to give its tokens back."""


@dataclass(slots=True)
class Openings:
    """Judges payments by what a seller knows; its owner locks, except around `check`.

    Each of the other functions gives a ticket that holds its place, or raises `NotTaken`.
    """

    terms: Terms
    store: VoucherStore
    places: Places
    token: Domain
    check_voucher: Callable[[ChannelConfig, Voucher], None]

    def check(self, paid: ChannelPayment) -> None:
        """Raise `NotTaken` unless channel and voucher are of these terms, and signed."""
        self.terms.check_config(paid.config, paid.voucher.channel)
        try:
            self.check_voucher(paid.config, paid.voucher)
        except VerificationError:
            raise NotTaken(f"{BATCH_ERROR}voucher_signature") from None

    def call(
        self, paid: ChannelPayment, offer: Offer, price: int, request: bytes, now: int
    ) -> Ticket | Look:
        """A call that a channel pays for; `Look` if the chain must be asked first."""
        config, voucher = paid.config, paid.voucher
        self._check_free(voucher.channel, now)
        kept, place = self.store.kept(voucher.channel), self.places.place(voucher.channel)
        is_fresh = 0 <= now - place.seen <= self.terms.freshness
        if kept is not None and self._is_unanswered(kept, voucher, request):
            if kept.charged < voucher.ceiling:  # the rest must still be there to be charged
                if not is_fresh:
                    return Look(config)
                check_balance(voucher.ceiling, place.channel, 0)
            return self._repeat(kept, paid, now)
        if offer.amount != price:
            raise NotTaken("price_changed")
        if paid.deposit is not None:
            check_times(paid.deposit.valid_after, paid.deposit.valid_before, now, BATCH_ERROR)
        if not is_fresh:
            return Look(config)
        base = self.charged(voucher.channel)
        if voucher.ceiling != base + price:
            raise NotTaken(MISMATCH, voucher.channel)
        arriving = 0 if paid.deposit is None else paid.deposit.amount
        check_balance(voucher.ceiling, place.channel, arriving)
        ticket = Ticket(voucher.channel, price, request, base, paid, None, paid.deposit)
        return self.places.hold(ticket, now + self.terms.hold)

    def refund(self, paid: ChannelPayment, request: bytes, now: int) -> Ticket | Look:
        """A payer that wants back what is left; its voucher is over what was charged so far."""
        channel = paid.voucher.channel
        self._check_free(channel, now)
        place = self.places.place(channel)
        if not 0 <= now - place.seen <= _LOOKED:
            return Look(paid.config)
        charged = self.charged(channel)
        if paid.voucher.ceiling != charged:
            raise NotTaken(MISMATCH, channel)
        if paid.amount == 0:
            raise NotTaken(f"{BATCH_ERROR}refund_amount_invalid")
        left = place.channel.balance - charged
        if left <= 0 or (paid.amount is not None and paid.amount > left):
            raise NotTaken(f"{BATCH_ERROR}refund_no_balance")
        amount = left if paid.amount is None else paid.amount
        ticket = Ticket(channel, 0, request, charged, paid, refund=amount)
        return self.places.hold(ticket, now + self.terms.hold)

    def exact(
        self, paid: ExactPayment, offer: Offer, price: int, request: bytes, now: int
    ) -> Ticket:
        """A call that is paid by a transfer of its price."""
        transfer = paid.transfer
        key = exact_key(transfer)
        spent = self.store.spent(key)
        if spent is not None and (spent != request or not self.places.is_expected(key)):
            raise NotTaken(f"{EXACT_ERROR}nonce_already_used")
        if spent is None:
            if offer.amount != price:
                raise NotTaken("price_changed")
            if transfer.amount != price:
                raise NotTaken(f"{EXACT_ERROR}payload_authorization_value_mismatch")
            check_times(transfer.valid_after, transfer.valid_before, now, EXACT_ERROR)
        if self.places.is_held(key, now):
            raise NotTaken(f"{EXACT_ERROR}nonce_already_used")
        if spent is not None:
            self.places.repeat(key)
        ticket = Ticket(key, transfer.amount, request, 0, None, paid, None, spent is not None)
        return self.places.hold(ticket, now + self.terms.hold)

    def check_exact(self, paid: ExactPayment) -> None:
        """Raise `NotTaken` unless the payer signed a transfer to this seller."""
        check_transfer(paid, self.terms.receiver, self.token)

    def charged(self, channel: bytes) -> int:
        """Give what a channel was charged in all."""
        kept, claimed = self.store.kept(channel), self.places.place(channel).channel.claimed
        return claimed if kept is None else max(kept.charged, claimed)

    def _check_free(self, channel: bytes, now: int) -> None:
        if self.places.is_held(channel, now):
            raise NotTaken(BUSY)

    def _is_unanswered(self, kept: Kept, voucher: Voucher, request: bytes) -> bool:
        is_same = kept.voucher == voucher and kept.request == request
        return is_same and self.places.is_expected(voucher.channel)

    def _repeat(self, kept: Kept, paid: ChannelPayment, now: int) -> Ticket:
        """A request that was charged before, at the price it was made at."""
        price = kept.voucher.ceiling - kept.base
        ticket = Ticket(paid.voucher.channel, price, kept.request, kept.base, paid, is_repeat=True)
        self.places.repeat(ticket.key)
        return self.places.hold(ticket, now + self.terms.hold)
