"""Answers that were given lately, so that the same payment for the same request gets the same.

A buyer that saw no answer sends the same voucher and request again. Whether the first answer
arrived cannot be known, so it is given again for a while, free and without new work. It ends when
the buyer goes on (its next voucher shows that it knows what was charged), or after some time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from counterpoise.payments import Response, Seller, Ticket


@dataclass(slots=True)
class Given:
    """One answer as it left."""

    ticket: Ticket
    status: int
    body: bytes
    media: str
    headers: Mapping[str, str]
    response: Response
    until: float
    left: bool = False


class Shelf:
    """The answers given lately, by channel or exact payment.

    Parameters
    ----------
    seconds :
        How long an answer that left is given again.
    bytes_kept :
        Of bodies in all; the oldest go first. An answer that is known not to have left stays
        unanswered for the seller even then, and is made anew when it is asked for again.
    """

    def __init__(self, seller: Seller, seconds: float = 60.0, bytes_kept: int = 1 << 26) -> None:
        self._seller, self._seconds, self._most = seller, seconds, bytes_kept
        self._given: OrderedDict[bytes, Given] = OrderedDict()
        self._size = 0

    def put(
        self,
        ticket: Ticket,
        status: int,
        body: bytes,
        media: str,
        headers: Mapping[str, str],
        response: Response,
        now: float,
    ) -> Given:
        """Keep an answer that is about to leave."""
        self._drop(self._given.pop(ticket.key, None))
        given = Given(ticket, status, body, media, headers, response, now + self._seconds)
        self._given[ticket.key] = given
        self._size += len(body)
        self._sweep(now)
        return given

    def find(self, ticket: Ticket) -> Given | None:
        """Give the answer that was given for the same payment and request."""
        given = self._given.get(ticket.key)
        return given if given is not None and given.ticket.request == ticket.request else None

    def went_on(self, ticket: Ticket) -> None:
        """A new payment of the same payer came: it knows of the answer before."""
        given = self._given.pop(ticket.key, None)
        if given is not None:
            self._drop(given)
            self._seller.answered(given.ticket)

    def _sweep(self, now: float) -> None:
        while self._given:
            given = next(iter(self._given.values()))
            if given.until > now and self._size <= self._most:
                return
            self._given.popitem(last=False)
            self._drop(given)
            if given.left:
                self._seller.answered(given.ticket)

    def _drop(self, given: Given | None) -> None:
        if given is not None:
            self._size -= len(given.body)
