"""The one way of a paid call, for every tongue of the gateway.

    quote -> admit -> (the same answer again) -> serve -> charge, state -> disk -> answer

Nothing leaves before its charge and its statement are on the disk. Whatever fails before that
gives the payment's place up, and nothing is charged. See docs/explain/gateway.md.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping

from counterpoise.core.errors import (
    ChainError,
    CounterpoiseError,
    InputError,
    StorageError,
)
from counterpoise.market.gateway.given import Given, Shelf
from counterpoise.market.gateway.limits import Buckets, Limits
from counterpoise.market.gateway.metrics import Metrics
from counterpoise.market.gateway.outcome import RESPONSE, Outcome, problem_of, refused
from counterpoise.market.gateway.problems import JSON_MEDIA, status_of, text_of
from counterpoise.market.gateway.record import Record
from counterpoise.market.gateway.service import (
    NO_LEVEL,
    Call,
    NotServed,
    Reply,
    Service,
    Stream,
    UpstreamFailed,
)
from counterpoise.market.gateway.streaming import Streaming, gathered
from counterpoise.market.gateway.turnstile import Paid, Turnstile
from counterpoise.payments import Refusal, Response, Ticket, pack


class PaidDesk:
    """Takes a call through payment, service and evidence. Lives on one event loop.

    Parameters
    ----------
    turnstile :
        Lets payments in.
    record :
        Charges and states what was done, durably.
    clock :
        Gives the Unix time.
    """

    def __init__(
        self,
        turnstile: Turnstile,
        record: Record,
        limits: Limits,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.turnstile, self.record = turnstile, record
        self.limits, self.metrics, self._clock = limits, metrics, clock
        self.shelf = Shelf(turnstile.seller)
        self.trouble: Callable[[], str] = lambda: ""
        self._payers: Buckets[bytes] = Buckets(limits.payer)

    async def call(self, service: Service, call: Call, headers: Mapping[str, str]) -> Outcome:
        """Answer one call, and be paid for it.

        Parameters
        ----------
        headers :
            Names in lower case; the payment is in ``payment-signature``.
        """
        started = time.perf_counter()
        if self.metrics.in_flight >= self.limits.in_flight:
            return self._limited(service, "in_flight", 503, "too many calls are worked on", 1.0)
        self.metrics.in_flight += 1
        try:
            return await self._call(service, call, headers)
        except InputError as wrong:
            return problem_of(service, status_of(wrong), text_of(wrong.message, wrong.hint))
        except UpstreamFailed as failed:
            return problem_of(service, failed.status, failed.message)
        except (StorageError, ChainError) as failed:
            return problem_of(service, 503, failed.message)
        except CounterpoiseError as failed:
            return problem_of(service, 502, failed.message)
        finally:
            self.metrics.in_flight -= 1
            self.metrics.time(service.name, time.perf_counter() - started)

    async def _call(self, service: Service, call: Call, headers: Mapping[str, str]) -> Outcome:
        if trouble := self.trouble():
            raise UpstreamFailed(f"nothing is sold now: {trouble}", status=503)
        if call.level != NO_LEVEL and call.level not in service.levels:
            offered = ", ".join((NO_LEVEL, *service.levels))
            raise NotServed(422, f"no level {call.level!r} here", hint=f"there are {offered}")
        paid = Paid.read(headers)
        if paid.is_refund:
            return await self._refund(service, call, paid)
        price = service.quote(call).amount
        if price == 0:
            return await self._free(service, call, headers)
        admitted = await self.turnstile.admit(call, price, paid)
        if isinstance(admitted, Refusal):
            return self._refused(service, admitted)
        ticket, payer = admitted
        outcome: Outcome | None = None
        try:
            outcome = self._again(ticket) or self._held_back(service, ticket, payer)
            if outcome is None:
                call = call.paid_by(payer)
                reply = await self._work(service, call)
                outcome = await self._paid(service, call, ticket, reply, headers)
            return outcome
        except (InputError, UpstreamFailed) as failed:
            return self._failed(service, ticket, failed)
        finally:
            if outcome is None or outcome.ticket is None:
                self.turnstile.till.cancel(ticket)

    async def _paid(
        self,
        service: Service,
        call: Call,
        ticket: Ticket,
        reply: Reply | Stream,
        headers: Mapping[str, str],
    ) -> Outcome:
        """Charge for a reply, and give it as it may leave."""
        if isinstance(reply, Stream):
            begun = await self.turnstile.begin(ticket)
            if isinstance(begun, Refusal):
                return self._refused(service, begun)
            stream = Streaming(
                self.record,
                service.name,
                call,
                ticket,
                reply,
                headers,
                self.limits.seconds,
                lambda charged: self._count(service, charged),
            )
            return stream.outcome(begun)
        done = await self.record.finish(service.name, call, ticket, reply, headers)
        if isinstance(done, Refusal):
            return self._refused(service, done)
        response, told = done
        self._count(service, int(response.extra.get("chargedAmount", ticket.price)))
        given = self.shelf.put(
            ticket, reply.status, reply.body, reply.media, told, response, time.monotonic()
        )
        return self._given(given, reply)

    def _again(self, ticket: Ticket) -> Outcome | None:
        """Give the answer that was given before, or take note that the payer went on."""
        if not ticket.is_repeat:
            self.shelf.went_on(ticket)
            return None
        self.metrics.repeats += 1
        given = self.shelf.find(ticket)
        if given is None:
            return None
        self.turnstile.seller.release(ticket)
        return self._given(given)

    def _held_back(self, service: Service, ticket: Ticket, payer: bytes) -> Outcome | None:
        """Answer 429 or 503 where a payer's calls or debts are beyond their limits."""
        wait = self._payers.wait(payer, time.monotonic())
        if wait:
            return self._limited(service, "payer", 429, "too many calls of this payer", wait)
        if ticket.channel is not None and self.record.debts.is_over(ticket.key, ticket.price):
            return self._limited(
                service, "unsettled", 503, "the channel's debt is being claimed first", 2.0
            )
        return None

    async def _work(self, service: Service, call: Call) -> Reply | Stream:
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await service.serve(call)
        except TimeoutError:
            raise UpstreamFailed(
                f"no answer within {self.limits.seconds:g} s; nothing is charged", status=504
            ) from None

    async def door(self, service: Service, call: Call, headers: Mapping[str, str]) -> Outcome:
        """Answer a GET where another method is paid: clients of x402 ask for refunds there."""
        paid = Paid.read(headers)
        try:
            if paid.is_refund:
                return await self._refund(service, call, paid)
        except ChainError as failed:
            return problem_of(service, 503, failed.message)
        text = "the price is told to the request itself; GET is for refunds"
        return refused(
            service, Refusal(self.turnstile.seller.offer(1, call.path, paid.fault or text))
        )

    async def _refund(self, service: Service, call: Call, paid: Paid) -> Outcome:
        done = await self.turnstile.refund(call, paid)
        if isinstance(done, Refusal):
            return self._refused(service, done)
        channel = str(done.extra.get("channelState", {}).get("channelId", ""))
        body = json.dumps({"message": "Refund acknowledged", "channelId": channel}).encode()
        return Outcome(200, body, JSON_MEDIA, {RESPONSE: pack(done)}, response=done)

    async def _free(self, service: Service, call: Call, headers: Mapping[str, str]) -> Outcome:
        """Answer a call that costs nothing; it is stated like every other."""
        reply = await self._work(service, call)
        if isinstance(reply, Stream):
            reply = await gathered(reply, self.limits.seconds)
        told = await self.record.state(service.name, call, reply, headers)
        return Outcome(reply.status, reply.body, reply.media, told, on_left=reply.left)

    def _given(self, given: Given, reply: Reply | None = None) -> Outcome:
        also = None if reply is None else reply.left

        def left() -> None:
            given.left = True
            if also is not None:
                also()

        return Outcome(
            given.status,
            given.body,
            given.media,
            given.headers,
            response=given.response,
            ticket=given.ticket,
            on_left=left,
        )

    def _count(self, service: Service, charged: int) -> None:
        self.metrics.charged[service.name] += charged

    def _refused(self, service: Service, refusal: Refusal) -> Outcome:
        self.metrics.refuse(refusal.reason)
        return refused(service, refusal)

    def _failed(self, service: Service, ticket: Ticket, failed: CounterpoiseError) -> Outcome:
        """Answer a failure that cost nothing; a deposit that was made is told of."""
        status = failed.status if isinstance(failed, UpstreamFailed) else 400
        if isinstance(failed, InputError):
            status = status_of(failed)
        told: Response | None = self.turnstile.till.cancel(ticket)
        return problem_of(service, status, text_of(failed.message, failed.hint), response=told)

    def _limited(
        self, service: Service, limit: str, status: int, text: str, wait: float
    ) -> Outcome:
        self.metrics.limited[limit] += 1
        return problem_of(service, status, text, wait=wait)
