"""Our client of paid routes: pays ``batch-settlement`` and ``exact``, within a budget.

It remembers what a route costs and sends the payment first, so that a call is one round trip.
What a seller says was charged counts only up to a ceiling that this key signed.
"""

from __future__ import annotations

import queue
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from counterpoise.chain import Account
from counterpoise.core.errors import InputError, Unreachable, VerificationError
from counterpoise.payments.budget import Budget
from counterpoise.payments.json_members import Json
from counterpoise.payments.purse import Purse, ReadChannel
from counterpoise.payments.wire import (
    BATCH,
    EXACT,
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


Send = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""Sends a request (method, address, headers, body); raises `Unreachable` if no answer comes."""


class Buyer:
    """Fetches what must be paid for. Any number of threads may share it.

    Parameters
    ----------
    send :
        The transport; by default the standard library's.
    read_channel :
        See `Purse`.
    lanes :
        Channels to each seller: so many calls may run at the same time, the others wait.
    schemes :
        Which schemes are taken, the best one first.
    resends :
        How often a payment is sent again where no answer came; it is charged at most once.
    """

    def __init__(
        self,
        account: Account,
        budget: Budget,
        *,
        send: Send | None = None,
        read_channel: ReadChannel | None = None,
        lanes: int = 1,
        schemes: tuple[str, ...] = (BATCH, EXACT),
        resends: int = 2,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.budget, self.schemes = budget, schemes
        self._purse = Purse(account, budget, random, read_channel)
        self._send, self._resends, self._clock = send or send_by_http, resends, clock
        self._offers: dict[tuple[str, str], tuple[Offer, Json]] = {}
        self._lanes: queue.SimpleQueue[int] = queue.SimpleQueue()
        for lane in range(lanes):
            self._lanes.put(lane)

    def fetch(
        self, address: str, method: str = "GET", body: bytes = b"", headers: Mapping[str, str] = {}
    ) -> Bought:
        """Fetch an address, and pay for it where that is asked.

        Raises
        ------
        InputError :
            No offer is within the budget, or the seller's offers cannot be read.
        VerificationError :
            The seller refused the payment, or charged more than it offered.
        Unreachable :
            No answer came; whether it was charged is not known.
        """
        lane = self._lanes.get()
        try:
            return self._fetch(lane, address, method, body, headers)
        finally:
            self._lanes.put(lane)

    def _fetch(
        self, lane: int, address: str, method: str, body: bytes, headers: Mapping[str, str]
    ) -> Bought:
        place = method, address.partition("?")[0]
        offer, extensions = self._offers.get(place, (None, {}))
        reason = ""
        for _ in range(_ROUNDS):
            bought = self._try(offer, extensions, lane, address, method, body, headers)
            if bought.answer.status != 402:
                return bought
            required = _required(bought.answer)
            reason = required.error or reason
            sent_before, offer = offer, self._choose(required)
            self._offers[place] = offer, (extensions := required.extensions)
            if sent_before is not None and not self._is_worth_another(required, offer, lane):
                break
        raise VerificationError(
            f"{address} refused to be paid: {reason or 'no reason given'}",
            hint="look at the reason; nothing was charged",
        )

    def _try(
        self,
        offer: Offer | None,
        extensions: Json,
        lane: int,
        address: str,
        method: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> Bought:
        """Send a request once, paid if there is an offer, and settle the account of it."""
        if offer is None:
            return Bought(self._send(method, address, headers, body))
        self.budget.promise(offer)
        paid = 0
        try:
            payload = self._payload(offer, lane)
            header = pack(Payment(offer, payload.to_json(), address, extensions))
            answer = self._deliver(method, address, {**headers, SIGNATURE: header}, body)
            text = answer.headers.get(RESPONSE.lower())
            response = None if text is None else Response.from_json(unpack(text, RESPONSE))
            done = response.success if response is not None else answer.status < 400
            if done and answer.status != 402:
                paid = offer.amount
                if isinstance(payload, ChannelPayment):
                    paid = self._purse.charged(offer, payload, response)
            return Bought(answer, paid, offer, response)
        except Unreachable:
            paid = offer.amount
            raise
        finally:
            self.budget.give_back(offer, offer.amount - paid)

    def _deliver(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Send a payment, and the same one again where no answer came or it is not yet settled."""
        for _ in range(self._resends):
            try:
                answer = self._send(method, address, headers, body)
            except Unreachable:
                continue
            if answer.status != 402 or not _is_pending(answer):
                return answer
        return self._send(method, address, headers, body)

    def _payload(self, offer: Offer, lane: int) -> ChannelPayment | ExactPayment:
        now = int(self._clock())
        if offer.scheme == BATCH:
            return self._purse.channel(offer, lane, now)
        return self._purse.exact(offer, now)

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

    def _is_worth_another(self, required: Required, offer: Offer, lane: int) -> bool:
        reason = required.error or ""
        if reason.endswith(("cumulative_amount_mismatch", "cumulative_below_claimed")):
            less = self._purse.resync(offer, lane)
            self.budget.give_back(offer, max(0, less or 0))
            return less is not None
        return reason == "price_changed"


def send_by_http(method: str, address: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send a request with the standard library; `Unreachable` if no answer comes in 60 s."""
    if not address.startswith(("http://", "https://")):
        raise InputError(f"{address!r} is no address of HTTP")
    request = urllib.request.Request(  # noqa: S310
        address, data=body or None, headers=dict(headers), method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as found:  # noqa: S310
            return _answer(found.status, found.headers.items(), found.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return _answer(refused.code, refused.headers.items(), refused.read())
    except OSError as failed:
        raise Unreachable(f"{address} does not answer: {failed}") from None


def _answer(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Answer:
    return Answer(status, {name.lower(): text for name, text in headers}, body)


def _required(answer: Answer) -> Required:
    text = answer.headers.get(REQUIRED.lower())
    if text is None:
        raise InputError("an answer 402 without PAYMENT-REQUIRED", hint="x402 version 2 has it")
    return Required.from_json(unpack(text, REQUIRED))


def _is_pending(answer: Answer) -> bool:
    return (_required(answer).error or "").startswith("settlement_pending")
