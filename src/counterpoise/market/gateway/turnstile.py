"""Lets payments in: the common ones at once on the event loop, what needs the chain in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.market.gateway.service import Call
from counterpoise.market.offers import OfferDesk, offer_extension
from counterpoise.payments import Look, Payment, Refusal, Response, Ticket, Till, read_payment

Result = TypeVar("Result")
_BATCH = "batch-settlement"
_NOBODY = "0x" + "00" * 20
THREADS = 16
SIGNATURES = ("payment-signature", "x-payment")


class Turnstile:
    """Admits the payments of one seller.

    Parameters
    ----------
    offers :
        Signs what is offered, and keeps a price for whoever has the offer; None for neither.
    """

    def __init__(self, till: Till, offers: OfferDesk | None, clock: Callable[[], float]) -> None:
        self.till, self.seller, self._offers, self._clock = till, till.seller, offers, clock
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="till")

    async def admit(
        self, call: Call, price: int, headers: Mapping[str, str]
    ) -> tuple[Ticket, Address] | Refusal:
        """Give the ticket of a good payment and who paid, or why it is refused."""
        given = {name: headers[name] for name in SIGNATURES if name in headers}
        try:
            payment = read_payment(given) if given else None
        except InputError as wrong:
            reason = f"invalid_payload: {wrong.message}"
            return Refusal(self.seller.offer(price, call.path, reason))
        if payment is None:
            return self._offered(Refusal(self.seller.offer(price, call.path)), call, price)
        price = self._price(payment, price, call)
        step: Ticket | Refusal | Look | None = None
        if _is_quick(payment):
            now = int(self._clock())
            step = self.seller.open(payment, price, call.request, now, call.path)
        if step is None or isinstance(step, Look):
            step = await self._in_thread(
                lambda: self.till.admit(given, price, call.request, call.path)
            )
        if isinstance(step, Refusal):
            return self._offered(step, call, price)
        return step, payer_of(step)

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
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

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
