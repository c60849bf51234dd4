"""Brings what was signed to the chain and pays the gas: exact transfers, deposits and refunds.

A payer needs no coin of the chain. An authorization is good once, so bringing it again after a
transaction was dropped never pays twice.
"""

from __future__ import annotations

from collections.abc import Callable

from counterpoise.chain import Account, Receipt
from counterpoise.core.errors import Reverted, Unreachable
from counterpoise.jobs import Payment as Transfer
from counterpoise.jobs import TokenClient
from counterpoise.payments.channels import ChannelsClient, SignedDeposit
from counterpoise.payments.signing import ChannelConfig, Claim, deposit_nonce
from counterpoise.payments.wire_schemes import ExactPayment


class Facilitator:
    """Settles the payments in one token.

    Parameters
    ----------
    relay :
        Whose coin pays the gas; it never holds a payer's tokens.
    attempts :
        How many times a transaction that does not get mined is sent.
    """

    def __init__(
        self, channels: ChannelsClient, token: TokenClient, relay: Account, attempts: int = 3
    ) -> None:
        self.channels, self.token, self.relay = channels, token, relay
        self._attempts = attempts

    def check(self, payment: ExactPayment) -> None:
        """Raise `Reverted` with the token's reason if the transfer would be refused now."""
        contract, values = self.token.contract, payment.transfer.values()
        v, r, s = payment.signature[64], payment.signature[:32], payment.signature[32:64]
        sender = self.relay.address
        contract.call("transferWithAuthorization", *values, v, r, s, sender=sender)

    def is_paid(self, transfer: Transfer) -> bool:
        """Whether this authorization was used already."""
        return self.token.is_used(transfer.payer, transfer.nonce)

    def transfer(self, payment: ExactPayment) -> bytes:
        """Bring an exact payment; gives the transaction's hash, or nothing if another did.

        Raises
        ------
        Reverted :
            The token refused it; nothing was paid.
        Unreachable :
            It is not known yet whether it was paid; ask `is_paid` later.
        """
        transfer = payment.transfer
        return self._bring(
            lambda: self.token.pay(self.relay, transfer, payment.signature),
            lambda: self.is_paid(transfer),
        )

    def deposit(self, signed: SignedDeposit) -> bytes:
        """Bring a deposit; gives the transaction's hash, or nothing if it was brought before."""
        config = signed.config
        nonce = deposit_nonce(config.id(self.channels.domain), signed.salt)
        return self._bring(
            lambda: self.channels.deposit(self.relay, signed),
            lambda: self.token.is_used(config.payer, nonce),
        )

    def refund(
        self, authorizer: Account, config: ChannelConfig, amount: int, claim: Claim | None
    ) -> bytes:
        """Claim what was charged and give an amount back, in one transaction or not at all.

        Parameters
        ----------
        authorizer :
            The receiver's authorizer, who signs both.
        claim :
            The row that claims what was charged; None where nothing is left to be claimed.

        Raises
        ------
        Reverted :
            The contract refused; nothing was claimed or given back.
        Unreachable :
            It is not known yet whether it was.
        """
        before = self.channels.channel(config).refunds
        signature = self.channels.sign_refund(authorizer, config, amount)

        def send() -> Receipt:
            if claim is None:
                return self.channels.refund_signed(self.relay, config, amount, signature)
            rows = [claim]
            signed = self.channels.sign_batch(authorizer, rows)
            return self.channels.claim_and_refund(
                self.relay, rows, signed, config, amount, signature
            )

        return self._bring(send, lambda: self.channels.channel(config).refunds > before)

    def _bring(self, send: Callable[[], Receipt], is_done: Callable[[], bool]) -> bytes:
        if is_done():
            return b""
        for attempt in range(self._attempts):
            try:
                return send().tx_hash
            except Reverted:
                if not is_done():
                    raise
                return b""
            except Unreachable:
                if is_done():
                    return b""
                if attempt == self._attempts - 1:
                    raise
        raise Unreachable("nothing was sent", hint="give at least one attempt")
