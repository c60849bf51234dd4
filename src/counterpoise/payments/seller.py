"""The rules of a paid route: what is offered, what is taken, and when a price counts as charged.

Nothing here asks a chain or a clock: times and what stands on the chain come in, and what must be
done outside comes out. A price is charged only after the work is done; a charge is durable before
its answer leaves; an answer that never left is given again for the same voucher and request, so
that neither side loses when the seller dies in between.

An answer that leaves in blocks is charged in steps, each before its block. Who asks again after it
was cut off, with the same voucher and request, gets it from its beginning: up to what was charged
it is free, beyond that it is charged, and the whole never costs more than the price. Whoever signs
another voucher instead owes what was charged so far, and nothing for the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from counterpoise.chain import Block
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.payments.openings import Openings
from counterpoise.payments.places import Held, Places
from counterpoise.payments.rules import Channel
from counterpoise.payments.signing import ChannelConfig, Voucher
from counterpoise.payments.terms import (
    BATCH_ERROR,
    Look,
    NotTaken,
    Refusal,
    Terms,
    Ticket,
    check_balance,
)
from counterpoise.payments.voucher_book import Kept
from counterpoise.payments.voucher_store import VoucherStore
from counterpoise.payments.wire import EXACT, Payment, Required, Response
from counterpoise.payments.wire_schemes import ChannelPayment, ExactPayment, channel_json, corrected


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
        self._lock = threading.RLock()
        self._places = Places(store.unanswered(), terms.repeats)
        self._openings = Openings(terms, store, self._places, terms.token_domain, check_voucher)

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
            self.terms.check_offer(payment.offer)
            if payment.offer.scheme == EXACT:
                return self._open_exact(payment, price, request, now)
            paid = ChannelPayment.from_json(payment.payload)
            if paid.kind == "refund":
                raise NotTaken(f"{BATCH_ERROR}payload_type")
            self._openings.check(paid)
            with self._lock:
                return self._openings.call(paid, payment.offer, price, request, now)
        except NotTaken as wrong:
            return Refusal(self._corrective(wrong, price, resource))
        except (InputError, VerificationError) as wrong:
            return Refusal(self.offer(price, resource, f"invalid_payload: {wrong.message}"))

    def open_refund(
        self, payment: Payment, price: int, request: bytes, now: int, resource: str = ""
    ) -> Ticket | Refusal | Look:
        """Judge a payer's wish for what is left in its channel; like `open`, but without work."""
        try:
            self.terms.check_offer(payment.offer)
            paid = ChannelPayment.from_json(payment.payload)
            self._openings.check(paid)
            with self._lock:
                return self._openings.refund(paid, request, now)
        except NotTaken as wrong:
            return Refusal(self._corrective(wrong, price, resource))
        except (InputError, VerificationError) as wrong:
            return Refusal(self.offer(price, resource, f"invalid_payload: {wrong.message}"))

    def saw(self, channel: bytes, state: Channel, now: int, block: Block | None = None) -> None:
        """Take note of what stands of a channel on the chain, at the end of a block.

        Whoever watches the chain looks for that block again: see `relied_on`.
        """
        with self._lock:
            self._places.saw(channel, state, now, block)

    def relied_on(self) -> frozenset[tuple[int, bytes]]:
        """Give number and hash of each block that a look came from and nobody checked since."""
        with self._lock:
            return self._places.relied_on()

    def checked(self, blocks: Iterable[tuple[int, bytes]]) -> None:
        """Take note that these blocks still stand, or that looks were doubted since they fell."""
        with self._lock:
            self._places.checked(blocks)

    def doubt(self, channel: bytes | None = None) -> None:
        """Look at a channel, or at all, again before it is next served."""
        with self._lock:
            self._places.doubt(channel)

    def funded(
        self, ticket: Ticket, state: Channel, now: int, block: Block, resource: str = ""
    ) -> Refusal | None:
        """Take note of a deposit by its receipt; refuses if it is not enough after all."""
        assert ticket.channel is not None
        self.saw(ticket.key, state, now, block)
        try:
            check_balance(ticket.channel.voucher.ceiling, state, 0)
        except NotTaken as wrong:
            self.release(ticket)
            return Refusal(self._corrective(wrong, ticket.price, resource))
        return None

    def charge(self, ticket: Ticket, amount: int | None = None) -> int:
        """Take the price, or less; durable once `store.sync` of the number given has returned.

        What the request was charged before, in steps or before it was asked for again, is a part
        of `amount`. The place is free afterwards.

        Raises
        ------
        VerificationError :
            The place was lost: the call took longer than it may.
        InputError :
            More is charged than was offered, or less than was charged already.
        """
        with self._lock:
            held = self._held(ticket)
            number = self._charge(held, ticket.price if amount is None else amount)
            if ticket.exact is None:
                self._places.free(ticket)
            return number

    def charge_to(self, ticket: Ticket, total: int, now: int) -> int:
        """Charge a stream up to a total; durable like `charge`, before its block may leave.

        Parameters
        ----------
        total :
            Base units for all blocks so far, this one included; it never falls.
        now :
            Unix time; the place is held from it as long as for a new call.
        """
        with self._lock:
            held = self._held(ticket)
            number = self._charge(held, total)
            held.until = now + self.terms.hold
            return number

    def release(self, ticket: Ticket) -> int:
        """Give a place up: the work failed, or the payer went away. Gives what was charged."""
        with self._lock:
            held = self._places.held(ticket)
            self._places.free(ticket)
            return 0 if held is None else held.total

    def answered(self, ticket: Ticket) -> None:
        """Take note that the whole answer left: from now on a repeat is another call."""
        with self._lock:
            self._places.left(ticket.key)
            self._places.free(ticket)

    def response(
        self, ticket: Ticket, amount: int | None = None, transaction: str = ""
    ) -> Response:
        """Give what the payer is told of a charge.

        Parameters
        ----------
        amount :
            What the request costs in all; None where that is not known yet: then the whole price
            is told, and a payer whose call cost less is set right by the answer 402 to its next.
        """
        network, told = self.terms.network, ticket.price if amount is None else amount
        if ticket.channel is None:
            assert ticket.exact is not None
            return Response(True, network, transaction, ticket.exact.transfer.payer, told)
        with self._lock:
            if ticket.is_repeat:
                told = max(told, min(self._charged(ticket.key) - ticket.base, ticket.price))
            place = self._places.place(ticket.key)
            state = channel_json(ticket.key, place.channel, ticket.base + told)
        extra = {"chargedAmount": str(told), "channelState": state}
        payer = ticket.channel.config.payer
        deposited = None if ticket.deposit is None else ticket.deposit.amount
        return Response(True, network, transaction, payer, deposited, None, extra)

    def refunded(self, ticket: Ticket, state: Channel, transaction: str) -> Response:
        """Give what the payer is told of a refund; the channel is looked at again afterwards."""
        assert ticket.channel is not None
        with self._lock:
            self._places.doubt(ticket.key)
            self._places.free(ticket)
            row = channel_json(ticket.key, state, self._charged(ticket.key))
        payer, extra = ticket.channel.config.payer, {"channelState": row}
        return Response(True, self.terms.network, transaction, payer, ticket.refund, None, extra)

    def _held(self, ticket: Ticket) -> Held:
        held = self._places.held(ticket)
        if held is None:
            raise VerificationError("the call took longer than its place was reserved")
        return held

    def _charge(self, held: Held, total: int) -> int:
        ticket = held.ticket
        if not held.total <= total <= ticket.price:
            raise InputError(
                f"{total} is charged, {ticket.price} was offered, {held.total} charged already"
            )
        held.total = total
        if ticket.exact is not None:
            self._places.expect(ticket.key)
            before = ticket.exact.transfer.valid_before
            return self.store.spend(ticket.key, ticket.request, before, held.until)
        assert ticket.channel is not None
        paid, charged = ticket.channel, ticket.base + total
        if charged <= self._charged(ticket.key):
            return 0
        self._places.expect(ticket.key)
        return self.store.charge(
            Kept(paid.config, paid.voucher, charged, ticket.request, ticket.base)
        )

    def _open_exact(self, payment: Payment, price: int, request: bytes, now: int) -> Ticket:
        paid = ExactPayment.from_json(payment.payload)
        self._openings.check_exact(paid)
        with self._lock:
            return self._openings.exact(paid, payment.offer, price, request, now)

    def _charged(self, channel: bytes) -> int:
        return self._openings.charged(channel)

    def _corrective(self, wrong: NotTaken, price: int, resource: str) -> Required:
        """Give the answer 402, with the channel's state where the payer lost count."""
        required = self.offer(price, resource, wrong.reason)
        if wrong.channel is None:
            return required
        with self._lock:
            state = self._places.place(wrong.channel).channel
            charged, kept = self._charged(wrong.channel), self.store.kept(wrong.channel)
        voucher = None if kept is None or kept.voucher.ceiling < charged else kept.voucher
        return corrected(required, channel_json(wrong.channel, state, charged), voucher)
