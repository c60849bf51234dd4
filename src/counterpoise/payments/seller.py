"""The rules of a paid route: what is offered, what is taken, and when a price counts as charged.

Nothing here asks a chain or a clock: times and what stands on the chain come in, and what must be
done outside comes out. A price is charged only after the work is done; a charge is durable before
its answer leaves; an answer that never left is given again for the same voucher and request, so
that neither side loses when the seller dies in between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from counterpoise.chain import Domain, recover
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.payments.rules import Channel
from counterpoise.payments.signing import ChannelConfig, Voucher
from counterpoise.payments.terms import (
    BATCH_ERROR,
    EXACT_ERROR,
    Look,
    NotTaken,
    Refusal,
    Terms,
    Ticket,
    check_balance,
    check_times,
    exact_key,
)
from counterpoise.payments.voucher_store import Kept, VoucherStore
from counterpoise.payments.wire import BATCH, EXACT, Payment, Required, Response
from counterpoise.payments.wire_schemes import ChannelPayment, ExactPayment, channel_json, hexed

MISMATCH, BUSY = f"{BATCH_ERROR}cumulative_amount_mismatch", f"{BATCH_ERROR}channel_busy"
LEAST_RESERVED, MOST_RESERVED = 5, 600


@dataclass(slots=True)
class _Place:
    """What a seller knows of a channel beside what is durable."""

    channel: Channel = field(default_factory=Channel)
    seen: int = -(1 << 62)


class Seller:
    """Decides about the payments of one seller. Any number of threads may share it.

    Parameters
    ----------
    store :
        Where charges are kept; what it holds at the start may be unanswered.
    check_voucher :
        Raises `VerificationError` unless the payer's side signed; see
        `ChannelsClient.check_voucher`.
    """

    def __init__(
        self,
        terms: Terms,
        store: VoucherStore,
        check_voucher: Callable[[ChannelConfig, Voucher], None],
    ) -> None:
        self.terms, self.store = terms, store
        self._check_voucher = check_voucher
        names = terms.token_name, terms.token_version
        self._token_domain = Domain(*names, terms.chain_id, terms.token)
        self._lock = threading.RLock()
        self._places: dict[bytes, _Place] = {}
        self._reserved: dict[bytes, Ticket] = {}
        self._unanswered: set[bytes] = set(store.channels())
        self._answered_exact: set[bytes] = set()

    def offer(self, price: int, resource: str = "", error: str | None = None) -> Required:
        """Give the answer 402 for a resource at a price in base units."""
        offers = tuple(self.terms.offer(scheme, price) for scheme in self.terms.schemes)
        return Required(offers, resource, error)

    def open(
        self, payment: Payment, price: int, request: bytes, now: int, resource: str = ""
    ) -> Ticket | Refusal | Look:
        """Judge a payment and reserve its channel.

        Parameters
        ----------
        request :
            32 bytes that name the request: its method, path and body.
        now :
            Unix time.
        """
        try:
            self.terms.check_offer(payment.offer, price)
            if payment.offer.scheme == EXACT:
                return self._open_exact(
                    ExactPayment.from_json(payment.payload), price, request, now
                )
            return self._open_channel(
                ChannelPayment.from_json(payment.payload), price, request, now
            )
        except NotTaken as wrong:
            return Refusal(self._corrective(wrong, price, resource))
        except (InputError, VerificationError) as wrong:
            return Refusal(self.offer(price, resource, f"invalid_payload: {wrong.message}"))

    def saw(self, channel: bytes, state: Channel, now: int) -> None:
        """Take note of what stands of a channel on the chain."""
        with self._lock:
            self._places[channel] = _Place(state, now)

    def doubt(self, channel: bytes | None = None) -> None:
        """Look at a channel, or at all, again before it is next served."""
        with self._lock:
            if channel is None:
                self._places.clear()
            else:
                self._places.pop(channel, None)

    def funded(
        self, ticket: Ticket, state: Channel, now: int, resource: str = ""
    ) -> Refusal | None:
        """Take note of a deposit by its receipt; refuses if it is not enough after all."""
        assert ticket.channel is not None
        self.saw(ticket.key, state, now)
        try:
            check_balance(ticket.channel.voucher.ceiling, state, 0)
        except NotTaken as wrong:
            self.release(ticket)
            return Refusal(self._corrective(wrong, ticket.price, resource))
        return None

    def charge(self, ticket: Ticket, amount: int | None = None) -> int:
        """Take the price, or less; durable once `store.sync` of the number given has returned.

        A repeat costs nothing more.

        Raises
        ------
        VerificationError :
            The place was lost: the call took longer than it may.
        InputError :
            More is charged than was offered.
        """
        amount = ticket.price if amount is None else amount
        if not 0 <= amount <= ticket.price:
            raise InputError(f"{amount} is charged, {ticket.price} was offered")
        with self._lock:
            if self._reserved.get(ticket.key) is not ticket:
                raise VerificationError("the call took longer than its place was reserved")
            if ticket.exact is not None:
                before = ticket.exact.transfer.valid_before
                return self.store.spend(ticket.key, ticket.request, before)
            del self._reserved[ticket.key]
            if ticket.is_repeat or amount == 0:
                return 0
            self._unanswered.add(ticket.key)
            assert ticket.channel is not None
            paid, charged = ticket.channel, self._charged(ticket.key) + amount
            return self.store.charge(Kept(paid.config, paid.voucher, charged, ticket.request))

    def release(self, ticket: Ticket) -> None:
        """Give a place up without a charge: the work failed."""
        with self._lock:
            if self._reserved.get(ticket.key) is ticket:
                del self._reserved[ticket.key]

    def answered(self, ticket: Ticket) -> None:
        """Take note that the whole answer left: from now on a repeat is another call."""
        with self._lock:
            self._unanswered.discard(ticket.key)
            if ticket.exact is not None:
                self._answered_exact.add(ticket.key)
        self.release(ticket)

    def response(self, ticket: Ticket, amount: int, transaction: str = "") -> Response:
        """Give what the payer is told of a charge."""
        network = self.terms.network
        if ticket.channel is None:
            assert ticket.exact is not None
            return Response(True, network, transaction, ticket.exact.transfer.payer, amount)
        with self._lock:
            place = self._places.get(ticket.key, _Place())
            state = channel_json(ticket.key, place.channel, self._charged(ticket.key))
        extra = {"chargedAmount": str(amount), "channelState": state}
        payer = ticket.channel.config.payer
        deposited = None if ticket.deposit is None else ticket.deposit.amount
        return Response(True, network, transaction, payer, deposited, None, extra)

    def _open_channel(
        self, paid: ChannelPayment, price: int, request: bytes, now: int
    ) -> Ticket | Look:
        config, voucher = paid.config, paid.voucher
        if paid.kind == "refund":
            raise NotTaken(f"{BATCH_ERROR}payload_type")
        self.terms.check_config(config, voucher.channel)
        try:
            self._check_voucher(config, voucher)
        except VerificationError:
            raise NotTaken(f"{BATCH_ERROR}voucher_signature") from None
        if paid.deposit is not None:
            check_times(paid.deposit.valid_after, paid.deposit.valid_before, now, BATCH_ERROR)
        with self._lock:
            held = self._reserved.get(voucher.channel)
            if held is not None and now < held.until:
                raise NotTaken(BUSY)
            kept = self.store.kept(voucher.channel)
            if kept is not None and self._is_unanswered(kept, voucher, request):
                return self._reserve(
                    Ticket(voucher.channel, price, request, now, paid, is_repeat=True)
                )
            place = self._places.get(voucher.channel)
            if place is None or not 0 <= now - place.seen <= self.terms.freshness:
                return Look(config)
            if voucher.ceiling != self._charged(voucher.channel) + price:
                raise NotTaken(MISMATCH, voucher.channel)
            arriving = 0 if paid.deposit is None else paid.deposit.amount
            check_balance(voucher.ceiling, place.channel, arriving)
            ticket = Ticket(voucher.channel, price, request, now, paid, None, paid.deposit)
            return self._reserve(ticket)

    def _open_exact(self, paid: ExactPayment, price: int, request: bytes, now: int) -> Ticket:
        transfer = paid.transfer
        if transfer.receiver != self.terms.receiver:
            raise NotTaken(f"{EXACT_ERROR}payload_recipient_mismatch")
        if transfer.amount != price:
            raise NotTaken(f"{EXACT_ERROR}payload_authorization_value_mismatch")
        try:
            signer = recover(transfer.digest(self._token_domain), paid.signature)
        except VerificationError:
            signer = b""
        if signer != transfer.payer:
            raise NotTaken(f"{EXACT_ERROR}payload_signature")
        key = exact_key(transfer)
        with self._lock:
            spent = self.store.spent(key)
            if spent is not None and (spent != request or key in self._answered_exact):
                raise NotTaken(f"{EXACT_ERROR}nonce_already_used")
            if spent is None:
                check_times(transfer.valid_after, transfer.valid_before, now, EXACT_ERROR)
            held = self._reserved.get(key)
            if held is not None and now < held.until:
                raise NotTaken(f"{EXACT_ERROR}nonce_already_used")
            is_repeat = spent is not None
            return self._reserve(Ticket(key, price, request, now, None, paid, None, is_repeat))

    def _reserve(self, ticket: Ticket) -> Ticket:
        seconds = min(MOST_RESERVED, max(LEAST_RESERVED, self.terms.timeout))
        kept = replace(ticket, until=ticket.until + seconds)
        self._reserved[ticket.key] = kept
        return kept

    def _is_unanswered(self, kept: Kept, voucher: Voucher, request: bytes) -> bool:
        is_same = kept.voucher == voucher and kept.request == request
        return is_same and voucher.channel in self._unanswered

    def _charged(self, channel: bytes) -> int:
        kept, place = self.store.kept(channel), self._places.get(channel)
        claimed = 0 if place is None else place.channel.claimed
        return claimed if kept is None else max(kept.charged, claimed)

    def _corrective(self, wrong: NotTaken, price: int, resource: str) -> Required:
        """Give the answer 402, with the channel's state where the payer lost count."""
        required = self.offer(price, resource, wrong.reason)
        if wrong.channel is None:
            return required
        with self._lock:
            place = self._places.get(wrong.channel, _Place())
            charged, kept = self._charged(wrong.channel), self.store.kept(wrong.channel)
        extra = {"channelState": channel_json(wrong.channel, place.channel, charged)}
        if kept is not None:
            signed = {"signedMaxClaimable": str(kept.voucher.ceiling)}
            extra["voucherState"] = signed | {"signature": hexed(kept.voucher.signature)}
        offers = tuple(
            replace(offer, extra={**offer.extra, **extra}) if offer.scheme == BATCH else offer
            for offer in required.offers
        )
        return replace(required, offers=offers)
