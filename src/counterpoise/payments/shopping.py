"""How a paid call goes on a buyer's side, without a network: what is sent, what an answer means.

A call is a generator. It asks for one thing at a time and is told what came of it: a `Request`
is answered by an `Answer`, or `Unreachable` is thrown into it; a `ChannelConfig` is answered by
what stands of that channel on its chain. Whoever runs it may wait or await.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from counterpoise.core.errors import InputError, Unreachable, VerificationError
from counterpoise.payments.budget import Budget
from counterpoise.payments.json_members import Json
from counterpoise.payments.purse import Purse
from counterpoise.payments.rules import Channel
from counterpoise.payments.signing import ChannelConfig
from counterpoise.payments.wire import (
    BATCH,
    REQUIRED,
    RESPONSE,
    SIGNATURE,
    Offer,
    Payment,
    Required,
    Response,
    pack,
    unpack,
)
from counterpoise.payments.wire_schemes import ChannelPayment, ExactPayment

_ROUNDS = 4
"""Answers 402 that one call bears: the price, a lost count, a changed price."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to a server."""

    method: str
    address: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; names of headers in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Bought:
    """An answer with what was paid for it, in base units; `offer` is None where it was free."""

    answer: Answer
    paid: int = 0
    offer: Offer | None = None
    response: Response | None = None


T = TypeVar("T")
Step = Request | ChannelConfig
Told = Answer | Channel
Steps = Generator[Step, Told, T]


class Shopper:
    """What a buyer remembers and decides; see `Buyer` for the parameters."""

    def __init__(
        self,
        purse: Purse,
        budget: Budget,
        schemes: tuple[str, ...],
        resends: int,
        clock: Callable[[], float],
        reads: bool,
    ) -> None:
        self.purse, self.budget, self.schemes = purse, budget, schemes
        self._resends, self._clock, self._reads = resends, clock, reads
        self._offers: dict[tuple[str, str], tuple[Offer, Json]] = {}

    def fetch(self, lane: int, request: Request) -> Steps[Bought]:
        """Fetch an address through one channel of each seller, paid where that is asked."""
        place = request.method, request.address.partition("?")[0]
        offer, extensions = self._offers.get(place, (None, {}))
        reason = ""
        for _ in range(_ROUNDS):
            bought = yield from self._try(offer, extensions, lane, request)
            if bought.answer.status != 402:
                return bought
            required = required_by(bought.answer)
            reason, sent_before = required.error or reason, offer
            offer, extensions = self._choose(required), required.extensions
            self._offers[place] = offer, extensions
            if sent_before is not None:
                is_worth = yield from self._is_worth_another(required, offer, lane)
                if not is_worth:
                    break
        raise VerificationError(
            f"{request.address} refused to be paid: {reason or 'no reason given'}",
            hint="look at the reason; nothing was charged",
        )

    def refund(self, lane: int, request: Request, amount: int | None) -> Steps[Response | None]:
        """Ask a seller for what is left in a channel; None where nothing is.

        Raises
        ------
        InputError :
            The address does not ask to be paid by a channel.
        VerificationError :
            The seller refused, with its reason.
        """
        offer, extensions = yield from self._channel_offer(request)
        yield from self._know(offer, lane)
        reason = "no reason given"
        for _ in range(2):
            if self.purse.left(offer, lane) <= 0:
                return None
            payload = self.purse.refund(offer, lane, amount)
            paid = self._paid(request, offer, payload, extensions)
            answer = yield from self._deliver(paid)
            response = _response(answer)
            if response is not None and response.success and answer.status != 402:
                self.purse.refunded(offer, lane, response)
                yield from self._look(offer, lane)
                return response
            if response is not None:
                reason = response.error or reason
                break
            required = required_by(answer)
            reason = required.error or reason
            again = yield from self._is_worth_another(required, self._batch(required), lane)
            if not again:
                break
        raise VerificationError(f"{request.address} gives nothing back: {reason}")

    def _try(
        self, offer: Offer | None, extensions: Json, lane: int, request: Request
    ) -> Steps[Bought]:
        """Send a request once, paid if there is an offer, and settle the account of it."""
        if offer is None:
            return Bought((yield from _send(request)))
        self.budget.promise(offer)
        paid = 0
        try:
            payload = yield from self._payload(offer, lane)
            answer = yield from self._deliver(self._paid(request, offer, payload, extensions))
            response = _response(answer)
            done = response.success if response is not None else answer.status < 400
            if done and answer.status != 402:
                paid = offer.amount
                if isinstance(payload, ChannelPayment):
                    paid = self.purse.charged(offer, payload, response)
            return Bought(answer, paid, offer, response)
        except Unreachable:
            paid = offer.amount
            raise
        finally:
            self.budget.give_back(offer, offer.amount - paid)

    def _deliver(self, request: Request) -> Steps[Answer]:
        """Send a payment, and the same one again where no answer came or it is not yet settled."""
        for _ in range(self._resends):
            try:
                answer = yield from _send(request)
            except Unreachable:
                continue
            if answer.status != 402 or not _is_pending(answer):
                return answer
        return (yield from _send(request))

    def _paid(
        self, request: Request, offer: Offer, payload: ChannelPayment | ExactPayment, more: Json
    ) -> Request:
        header = pack(Payment(offer, payload.to_json(), request.address, more))
        headers = {**request.headers, SIGNATURE: header}
        return Request(request.method, request.address, headers, request.body)

    def _payload(self, offer: Offer, lane: int) -> Steps[ChannelPayment | ExactPayment]:
        now = int(self._clock())
        if offer.scheme != BATCH:
            return self.purse.exact(offer, now)
        yield from self._know(offer, lane)
        return self.purse.channel(offer, lane, now)

    def _know(self, offer: Offer, lane: int) -> Steps[None]:
        if not self.purse.knows(offer, lane):
            state = Channel()
            if self._reads:
                state = yield from _read(self.purse.config(offer, lane))
            self.purse.open(offer, lane, state)

    def _look(self, offer: Offer, lane: int) -> Steps[None]:
        """Trust the chain more than the seller, where it can be read."""
        if self._reads:
            state = yield from _read(self.purse.config(offer, lane))
            self.purse.saw(offer, lane, state)

    def _channel_offer(self, request: Request) -> Steps[tuple[Offer, Json]]:
        answer = yield from _send(request)
        if answer.status != 402:
            raise InputError(f"{request.address} answers {answer.status} and asks for no payment")
        required = required_by(answer)
        return self._batch(required), required.extensions

    @staticmethod
    def _batch(required: Required) -> Offer:
        for offer in required.offers:
            if offer.scheme == BATCH:
                return offer
        raise InputError(f"the seller does not offer {BATCH}: there is no channel to it")

    def _choose(self, required: Required) -> Offer:
        """Take the first scheme of ours that is offered within the budget."""
        for scheme in self.schemes:
            for offer in required.offers:
                if offer.scheme == scheme and self.budget.allows(offer):
                    return offer
        for offer in required.offers:
            if offer.scheme in self.schemes:
                self.budget.promise(offer)
                self.budget.give_back(offer, offer.amount)
        raise InputError(
            "no scheme is offered that this buyer pays with",
            hint=f"it pays with {', '.join(self.schemes)}",
        )

    def _is_worth_another(self, required: Required, offer: Offer, lane: int) -> Steps[bool]:
        reason = required.error or ""
        if not reason.endswith(("cumulative_amount_mismatch", "cumulative_below_claimed")):
            return reason == "price_changed"
        less = self.purse.resync(offer, lane)
        if less is None:
            return False
        self.budget.give_back(offer, max(0, less))
        yield from self._look(offer, lane)
        return True


def required_by(answer: Answer) -> Required:
    """Read what an answer 402 asks for."""
    text = answer.headers.get(REQUIRED.lower())
    if text is None:
        raise InputError("an answer 402 without PAYMENT-REQUIRED", hint="x402 version 2 has it")
    return Required.from_json(unpack(text, REQUIRED))


def _response(answer: Answer) -> Response | None:
    text = answer.headers.get(RESPONSE.lower())
    return None if text is None else Response.from_json(unpack(text, RESPONSE))


def _is_pending(answer: Answer) -> bool:
    if REQUIRED.lower() not in answer.headers:
        return False
    return (required_by(answer).error or "").startswith("settlement_pending")


def _send(request: Request) -> Steps[Answer]:
    told = yield request
    assert isinstance(told, Answer)
    return told


def _read(config: ChannelConfig) -> Steps[Channel]:
    told = yield config
    assert isinstance(told, Channel)
    return told
