"""A seller's till: the rules of a paid route together with a chain and a clock.

    admit  ->  do the work  ->  finish  ->  send the answer  ->  answered
    admit  ->  begin  ->  (charge_to  ->  send a block) …  ->  finish  ->  answered

The second line is for streams. A payer may also ask for what is left in its channel: then the
ticket says so (`Ticket.refund`), there is no work to do, and `finish` gives it back. Every step
may wait for the chain or the disk, and any number of threads may take them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from counterpoise.chain import Account
from counterpoise.core.errors import ChainError, InputError, Reverted, VerificationError
from counterpoise.payments.channels import ChannelsClient
from counterpoise.payments.facilitator import Facilitator
from counterpoise.payments.seller import Seller
from counterpoise.payments.terms import Look, Refusal, Ticket
from counterpoise.payments.wire import Response, read_payment
from counterpoise.payments.wire_schemes import hexed

Headers = Iterable[tuple[str, str]] | Mapping[str, str]


class Till:
    """Takes the payments of one seller.

    Parameters
    ----------
    clock :
        Gives the Unix time.
    authorizer :
        The key of the receiver's authorizer; without it no refund is given over the wire.
    """

    def __init__(
        self,
        seller: Seller,
        channels: ChannelsClient,
        facilitator: Facilitator,
        clock: Callable[[], float],
        authorizer: Account | None = None,
    ) -> None:
        if authorizer is not None and authorizer.address != seller.terms.authorizer:
            raise InputError("the key is not that of the authorizer whom the terms name")
        self.seller, self.channels, self.facilitator = seller, channels, facilitator
        self._authorizer = authorizer
        self._clock = clock
        self._transactions: dict[Ticket, bytes] = {}

    def admit(
        self, headers: Headers, price: int, request: bytes, resource: str
    ) -> Ticket | Refusal:
        """Judge a request by its headers; a deposit that comes with it is brought first.

        Parameters
        ----------
        price :
            In base units; what a call may cost at most.
        request :
            32 bytes that name the request: its method, path and body.
        """
        try:
            payment = read_payment(headers)
        except InputError as wrong:
            return self._refusal(price, resource, f"invalid_payload: {wrong.message}")
        if payment is None:
            return Refusal(self.seller.offer(price, resource))
        try:
            can_refund = self._authorizer is not None
            is_refund = can_refund and payment.payload.get("type") == "refund"
            judge = self.seller.open_refund if is_refund else self.seller.open
            step = judge(payment, price, request, self._now(), resource)
            if isinstance(step, Look):
                self._look(step)
                step = judge(payment, price, request, self._now(), resource)
            if isinstance(step, Look):
                return self._refusal(price, resource, "verification_state_unavailable")
            return step if isinstance(step, Refusal) else self._prepare(step, price, resource)
        except ChainError as failed:
            return self._refusal(price, resource, f"chain_unavailable: {failed.message}")

    def begin(self, ticket: Ticket) -> Response | Refusal:
        """Give what is told ahead of a stream, before its cost is known: that it is the price.

        A channel is charged by `charge_to` and `finish`; an exact payment is brought here. If the
        stream turns out cheaper, a payer of a channel learns so from `finish`'s response, where
        that can still be told, or from the corrective answer 402 to its next call.
        """
        if ticket.exact is not None:
            return self._bring(ticket)
        return self.seller.response(ticket, None, self._transaction(ticket, keep=True))

    def charge_to(self, ticket: Ticket, total: int) -> None:
        """Charge a stream up to a total; durable when it returns, so that the block may leave.

        Whoever pays by an exact payment has paid already. If the payer goes away, or the rest of
        the stream fails, `cancel` leaves it at what was charged so far.

        Raises
        ------
        VerificationError :
            The place was lost: more time passed since the last block than a call may take.
        InputError :
            The total is above the price, or fell.
        """
        if ticket.exact is None:
            self.seller.store.sync(self.seller.charge_to(ticket, total, self._now()))

    def finish(self, ticket: Ticket, amount: int | None = None) -> Response | Refusal:
        """Charge for work that was done; the answer may leave if this gives a `Response`.

        A refusal means that nothing was charged: the answer must be dropped. Where the chain is
        silent, the same payment and request may be sent again.
        """
        if ticket.refund:
            return self._refund(ticket)
        if ticket.exact is not None:
            done = self._bring(ticket)
            self._transactions.pop(ticket, None)
            self.seller.release(ticket)
            return done
        amount = ticket.price if amount is None else amount
        try:
            self.seller.store.sync(self.seller.charge(ticket, amount))
        except VerificationError as failed:
            return self._give_up(ticket, failed)
        return self.seller.response(ticket, amount, self._transaction(ticket))

    def cancel(self, ticket: Ticket) -> Response | None:
        """Charge nothing more: the work failed. Gives what to tell of a deposit that was made."""
        charged, transaction = self.seller.release(ticket), self._transaction(ticket)
        if ticket.channel is None or ticket.deposit is None:
            return None
        return self.seller.response(ticket, charged, transaction)

    def answered(self, ticket: Ticket) -> None:
        """Take note that the whole answer was sent."""
        self.seller.answered(ticket)

    def _prepare(self, ticket: Ticket, price: int, resource: str) -> Ticket | Refusal:
        """Do on the chain what must be done before the work."""
        try:
            if ticket.deposit is not None:
                self._transactions[ticket] = self.facilitator.deposit(ticket.deposit)
                state, block = self.channels.look(ticket.deposit.config)
                refused = self.seller.funded(ticket, state, self._now(), block, resource)
                if refused is not None:
                    self._transactions.pop(ticket, None)
                    return refused
            elif ticket.exact is not None and not self.facilitator.is_paid(ticket.exact.transfer):
                self.facilitator.check(ticket.exact)
            elif ticket.exact is not None and not ticket.is_repeat:
                raise Reverted("transferWithAuthorization", "authorization is used")
        except ChainError as failed:
            self.seller.release(ticket)
            name = "deposit" if ticket.deposit is not None else "transaction"
            return self._refusal(price, resource, f"{name}_simulation_failed: {failed.message}")
        return ticket

    def _bring(self, ticket: Ticket) -> Response | Refusal:
        """Bring an exact payment, once for a ticket; the place stays held if that went well."""
        assert ticket.exact is not None
        if ticket not in self._transactions:
            try:
                self.seller.store.sync(self.seller.charge(ticket))
                self._transactions[ticket] = self.facilitator.transfer(ticket.exact)
            except (ChainError, VerificationError) as failed:
                return self._give_up(ticket, failed)
        return self.seller.response(ticket, None, self._transaction(ticket, keep=True))

    def _refund(self, ticket: Ticket) -> Response | Refusal:
        """Claim what was charged and give back what the payer asked for."""
        assert ticket.channel is not None
        assert self._authorizer is not None
        config, kept = ticket.channel.config, self.seller.store.kept(ticket.key)
        try:
            state = self.channels.channel(config)
            claim = kept.claim() if kept and kept.charged > state.claimed else None
            sent = self.facilitator.refund(self._authorizer, config, ticket.refund, claim)
            state = self.channels.channel(config)
        except ChainError as failed:
            return self._give_up(ticket, failed)
        return self.seller.refunded(ticket, state, hexed(sent) if sent else "")

    def _give_up(self, ticket: Ticket, failed: ChainError | VerificationError) -> Refusal:
        self.seller.release(ticket)
        self._transactions.pop(ticket, None)
        return self._refusal(ticket.price, "", f"{_reason(failed)}: {failed.message}")

    def _look(self, step: Look) -> None:
        state, block = self.channels.look(step.config)
        self.seller.saw(step.config.id(self.channels.domain), state, self._now(), block)

    def _transaction(self, ticket: Ticket, keep: bool = False) -> str:
        digest = self._transactions.get(ticket, b"")
        if not keep:
            self._transactions.pop(ticket, None)
        return hexed(digest) if digest else ""

    def _refusal(self, price: int, resource: str, reason: str) -> Refusal:
        return Refusal(self.seller.offer(price, resource, reason))

    def _now(self) -> int:
        return int(self._clock())


def _reason(failed: ChainError | VerificationError) -> str:
    if isinstance(failed, VerificationError):
        return "reservation_expired"
    return "transaction_failed" if isinstance(failed, Reverted) else "settlement_pending"
