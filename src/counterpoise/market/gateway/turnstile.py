"""Lets payments in: the common ones at once on the event loop, what needs the chain in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.market.gateway.service import Call, UpstreamFailed
from counterpoise.market.offers import OfferDesk, offer_extension
from counterpoise.payments import Look, Payment, Refusal, Response, Ticket, Till, read_payment

Result = TypeVar("Result")
_BATCH = "batch-settlement"
_NOBODY = "0x" + "00" * 20
THREADS, WAITING = 16, 64
SIGNATURES = ("payment-signature", "x-payment")


@dataclass(frozen=True, slots=True)
class Paid:
    """The payment that came with a request; `fault` says why it could not be read."""

    headers: Mapping[str, str]
    payment: Payment | None
    fault: str | None = None

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> Paid:
        """Read it from headers with names in lower case."""
        given = {name: headers[name] for name in SIGNATURES if name in headers}
        try:
            return cls(given, read_payment(given) if given else None)
        except InputError as wrong:
            return cls(given, None, f"invalid_payload: {wrong.message}")

    @property
    def is_refund(self) -> bool:
        """Whether a payer asks for what is left of its channel."""
        return self.payment is not None and self.payment.payload.get("type") == "refund"


class Turnstile:
    """Admits the payments of one seller.

    Parameters
    ----------
    offers :
        Signs what is offered, and keeps a price for whoever has the offer; None for neither.
    """

    def __init__(self, till: Till, offers: OfferDesk | None, clock: Callable[[], float]) -> None:
        self.till, self.seller, self._offers, self._clock = till, till.seller, offers, clock
        self._waiting = 0
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="till")

    async def admit(self, call: Call, price: int, paid: Paid) -> tuple[Ticket, Address] | Refusal:
        """Give the ticket of a good payment and who paid, or why it is refused."""
        payment = paid.payment
        if payment is None:
            refusal = Refusal(self.seller.offer(price, call.path, paid.fault))
            return self._offered(refusal, call, price)
        price = self._price(payment, price, call)
        step: Ticket | Refusal | Look | None = None
        if _is_quick(payment):
            now = int(self._clock())
            step = self.seller.open(payment, price, call.request, now, call.path)
        if step is None or isinstance(step, Look):
            step = await self._in_thread(
                lambda: self.till.admit(paid.headers, price, call.request, call.path)
            )
        if isinstance(step, Refusal):
            return self._offered(step, call, price)
        return step, payer_of(step)

    async def refund(self, call: Call, paid: Paid) -> Response | Refusal:
        """Give a payer back what is left of its channel, as the till allows it."""

        def give() -> Response | Refusal:
            ticket = self.till.admit(paid.headers, 0, call.request, call.path)
            return ticket if isinstance(ticket, Refusal) else self.till.finish(ticket)

        return await self._in_thread(give)

    async def begin(self, ticket: Ticket) -> Response | Refusal:
        """See `Till.begin`: an exact payment is brought before a stream begins."""
        if ticket.exact is None:
            return self.till.begin(ticket)
        return await self._in_thread(lambda: self.till.begin(ticket))

    async def finish(self, ticket: Ticket, amount: int) -> Response | Refusal:
        """See `Till.finish`: for what waits for the chain."""
        return await self._in_thread(lambda: self.till.finish(ticket, amount))

    def close(self) -> None:
        """Let go of the threads, once their work is done."""
        self._pool.shutdown()

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        """Do what waits for the chain; so few at once that they never take all other calls' room.

        Raises
        ------
        UpstreamFailed :
            503: too many wait already.
        """
        if self._waiting >= WAITING:
            raise UpstreamFailed("too many payments wait for the chain", status=503)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    def _price(self, payment: Payment, current: int, call: Call) -> int:
        """Give the price of now, or an earlier one that a signed offer keeps for this call."""
        if self._offers is None or payment.offer.amount == current:
            return current
        return self._offers.price(
            payment.extensions,
            payment.offer.amount,
            current,
            resource=_resource(call),
            request=call.request,
            now=int(self._clock()),
        )

    def _offered(self, refusal: Refusal, call: Call, price: int) -> Refusal:
        """Put a signed offer to a price that is told anew."""
        if self._offers is None or refusal.reason not in ("", "price_changed"):
            return refusal
        envelope = self._offers.issue(
            _resource(call), price, int(self._clock()), request=call.request
        )
        extensions = {**refusal.required.extensions, **offer_extension(envelope)}
        return Refusal(replace(refusal.required, extensions=extensions))


def payer_of(ticket: Ticket) -> Address:
    """Give who pays."""
    if ticket.channel is not None:
        return ticket.channel.config.payer
    assert ticket.exact is not None
    return ticket.exact.transfer.payer


def _resource(call: Call) -> str:
    return f"{call.method} {call.path}"


def _is_quick(payment: Payment) -> bool:
    """Whether a payment is a mere voucher of a key: judged without the chain."""
    if payment.offer.scheme != _BATCH or payment.payload.get("type") != "voucher":
        return False
    config = payment.payload.get("channelConfig")
    return isinstance(config, dict) and config.get("payerAuthorizer") != _NOBODY
