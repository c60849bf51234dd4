"""What comes out of a paid call, before any tongue writes it."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field

from counterpoise.market.gateway.service import Service
from counterpoise.payments import Refusal, Required, Response, Ticket, pack

RESPONSE, REQUIRED = "payment-response", "payment-required"
_CHAIN_AWAY = ("chain_unavailable", "verification_state_unavailable")


@dataclass(slots=True)
class Outcome:
    """An answer that may leave.

    Parameters
    ----------
    body :
        All of it, or a generator that charges before each piece; close it when the buyer leaves.
    headers :
        Names in lower case; payment, decision and receipt are among them.
    required :
        What is to be paid, where the status is 402.
    response :
        What the payer is told of the charge, where something was paid.
    ticket :
        The payment that was charged; None where nothing was.
    """

    status: int
    body: bytes | AsyncGenerator[bytes, None]
    media: str
    headers: Mapping[str, str] = field(default_factory=dict)
    required: Required | None = None
    response: Response | None = None
    ticket: Ticket | None = None
    on_left: Callable[[], None] | None = None

    def left(self) -> None:
        """Take note that the whole body was handed to a buyer who was still there."""
        if self.on_left is not None:
            self.on_left()


def problem_of(
    service: Service,
    status: int,
    text: str,
    *,
    wait: float = 0.0,
    response: Response | None = None,
) -> Outcome:
    """Give an error in the words of a service; `wait` in seconds becomes Retry-After."""
    body, media = service.problem(status, text)
    headers = {}
    if wait or status == 503:
        headers["retry-after"] = str(max(1, math.ceil(wait)))
    if response is not None:
        headers[RESPONSE] = pack(response)
    return Outcome(status, body, media, headers, response=response)


def refused(service: Service, refusal: Refusal) -> Outcome:
    """Give the answer 402; 503 where the payment could not be judged, for the chain is away."""
    reason = refusal.reason
    if reason.startswith(_CHAIN_AWAY):
        return problem_of(service, 503, f"the payment cannot be judged now: {reason}", wait=2.0)
    body, media = service.problem(402, reason or "payment required")
    headers = {REQUIRED: pack(refusal.required)}
    return Outcome(402, body, media, headers, required=refusal.required)
