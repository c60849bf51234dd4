"""Charges for what was done and states it, and waits until both lie on the disk."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from counterpoise.core.digest import sha256
from counterpoise.core.errors import VerificationError
from counterpoise.market.gateway.commits import Commits
from counterpoise.market.gateway.debts import Debts
from counterpoise.market.gateway.evidence import Evidence, Noted
from counterpoise.market.gateway.outcome import RESPONSE
from counterpoise.market.gateway.service import Call, Reply, UpstreamFailed
from counterpoise.market.gateway.statements import Facts, answer_commitment, request_commitment
from counterpoise.market.gateway.turnstile import Turnstile, payer_of
from counterpoise.market.receipts_issued import HEADER, CallReceipt, to_header
from counterpoise.payments import Refusal, Response, Ticket, pack

DECISION, SALT, ENVELOPE = "decision", "decision-salt", "decision-envelope"
RECEIPT = HEADER.lower()


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered, as far as its statement wants to know.

    Parameters
    ----------
    body, answer :
        SHA-256 of the body that leaves, and of what the statement commits to.
    """

    body: bytes
    answer: bytes
    model: bytes
    commitment: bytes | None
    reference: bytes | None
    salt: bytes | None
    level: str


class Record:
    """Keeps charges and statements of one seller.

    Parameters
    ----------
    receipts :
        Whether a signed receipt goes with every paid answer.
    listing :
        Digest of the listing that receipts name; None for none.
    """

    def __init__(
        self,
        turnstile: Turnstile,
        evidence: Evidence,
        commits: Commits,
        debts: Debts,
        clock: Callable[[], float],
        *,
        receipts: bool = True,
        listing: bytes | None = None,
    ) -> None:
        self.evidence, self.commits, self.debts = evidence, commits, debts
        self.turnstile, self._seller, self._clock = turnstile, turnstile.seller, clock
        self._receipts, self._listing = receipts, listing

    async def finish(
        self, service: str, call: Call, ticket: Ticket, reply: Reply, headers: Mapping[str, str]
    ) -> tuple[Response, dict[str, str]] | Refusal:
        """Charge for a whole reply; gives what the payer is told, and the answer's headers."""
        amount = ticket.price if reply.charge is None else reply.charge
        if not 0 <= amount <= ticket.price:
            raise UpstreamFailed(f"the service charges {amount}, {ticket.price} was offered")
        response = await self._charged(ticket, amount)
        if isinstance(response, Refusal):
            return response
        told = await self._stated(service, call, _answered(call, reply), headers, ticket, response)
        return response, {**reply.headers, **told, RESPONSE: pack(response)}

    async def state(
        self, service: str, call: Call, reply: Reply, headers: Mapping[str, str]
    ) -> dict[str, str]:
        """State an answer that cost nothing; gives its headers."""
        told = await self._stated(service, call, _answered(call, reply), headers, None, None)
        return {**reply.headers, **told}

    async def finish_stream(
        self,
        service: str,
        call: Call,
        ticket: Ticket,
        total: int,
        answered: Answered,
        headers: Mapping[str, str],
    ) -> tuple[Response, dict[str, str]] | Refusal:
        """Charge for a whole stream and state it; gives what its last bytes may tell."""
        response = await self._charged(ticket, total)
        if isinstance(response, Refusal):
            return response
        told = await self._stated(service, call, answered, headers, ticket, response)
        return response, {**told, RESPONSE: pack(response)}

    async def abandon(
        self, service: str, call: Call, ticket: Ticket, answered: Answered, total: int
    ) -> None:
        """Leave a stream at what was charged, and state what of it left."""
        self.turnstile.till.cancel(ticket)
        response = self._seller.response(ticket, total)
        if ticket.channel is not None:
            self.debts.note(ticket.key, response)
        await self._stated(service, call, answered, {}, ticket, response)

    async def charge_to(self, ticket: Ticket, total: int) -> None:
        """Charge a stream up to a total, durably; `UpstreamFailed` where its place was lost."""
        if ticket.exact is None:
            try:
                self._seller.charge_to(ticket, total, int(self._clock()))
            except VerificationError as lost:
                raise UpstreamFailed(lost.message, status=504) from None
            await self.commits.durable()

    async def _charged(self, ticket: Ticket, amount: int) -> Response | Refusal:
        """Charge; a mere voucher's charge is durable only with the statement's commit."""
        if ticket.exact is not None or ticket.deposit is not None:
            response = await self.turnstile.finish(ticket, amount)
        else:
            try:
                self._seller.charge(ticket, amount)
            except VerificationError as lost:
                raise UpstreamFailed(lost.message, status=504) from None
            response = self._seller.response(ticket, amount)
        if isinstance(response, Response) and ticket.channel is not None:
            self.debts.note(ticket.key, response)
        return response

    async def _stated(
        self,
        service: str,
        call: Call,
        answered: Answered,
        headers: Mapping[str, str],
        ticket: Ticket | None,
        response: Response | None,
    ) -> dict[str, str]:
        salt, now = answered.salt or os.urandom(32), int(self._clock())
        commitment = answered.commitment or request_commitment(salt, call.request)
        facts = Facts(
            service,
            answered.model,
            commitment,
            answer_commitment(salt, answered.answer),
            answered.level,
            call.arrived,
            now,
            answered.reference,
        )
        noted = self.evidence.note(facts)
        if self._receipts and ticket is not None and response is not None:
            noted.receipt_of = self._receipt(call, answered.body, ticket, response, noted)
        await self.commits.durable()
        told = {DECISION: noted.digest.hex(), SALT: salt.hex()}
        if noted.receipt:
            told[RECEIPT] = to_header(noted.receipt)
        if headers.get(DECISION) == "envelope":
            told[ENVELOPE] = b64encode(noted.entry).decode()
        return told

    def _receipt(
        self, call: Call, body: bytes, ticket: Ticket, response: Response, noted: Noted
    ) -> CallReceipt | None:
        terms, charged, total = self._seller.terms, ticket.price, ticket.price
        channel: bytes | None = None
        transaction: bytes | None = None
        if ticket.channel is not None:
            charged = int(response.extra["chargedAmount"])
            total = int(response.extra["channelState"]["chargedCumulativeAmount"])
            channel = ticket.key
        else:
            transaction = bytes.fromhex(response.transaction.removeprefix("0x"))
            if not transaction:
                return None
        return CallReceipt(
            call.request,
            body,
            terms.network,
            terms.token,
            payer_of(ticket),
            terms.receiver,
            charged,
            total,
            channel,
            transaction,
            noted.digest,
            self._listing,
        )


def _answered(call: Call, reply: Reply) -> Answered:
    body = sha256(reply.body)
    return Answered(
        body,
        body if reply.answer is None else sha256(reply.answer),
        reply.model,
        reply.commitment,
        reply.reference,
        reply.salt,
        reply.level or call.level,
    )
