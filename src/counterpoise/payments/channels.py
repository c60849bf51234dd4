"""Typed calls to the contract of channels: the only Python that knows its ABI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.chain import Account, Block, Chain, Contract, Domain, Event, Receipt, artifact
from counterpoise.core.errors import InputError, Reverted, VerificationError
from counterpoise.core.units import Address
from counterpoise.jobs import Payment, TokenClient
from counterpoise.payments.rules import Channel, Earned, Fault
from counterpoise.payments.signing import (
    BATCH_SETTLEMENT,
    DEPOSIT_COLLECTOR,
    NOBODY,
    ChannelConfig,
    Claim,
    Voucher,
    batch_digest,
    channel_domain,
    deposit_nonce,
    refund_digest,
    voucher_digest,
)
from counterpoise.payments.vouchers import Vouchers

MAX_ROWS = 100
"""Rows that one batch may have."""


@dataclass(frozen=True, slots=True)
class SignedDeposit:
    """A payer's authorization to fill one channel (EIP-3009), for anyone to bring.

    Parameters
    ----------
    valid_after, valid_before :
        Unix times between which it is good, both excluded.
    salt :
        A number that the payer uses once for this channel.
    """

    config: ChannelConfig
    amount: int
    valid_before: int
    salt: int
    signature: bytes
    valid_after: int = 0

    def collector_data(self) -> bytes:
        """Give what the collector is told: the ABI of the times, the salt and the signature."""
        words = (self.valid_after, self.valid_before, self.salt, 128, len(self.signature))
        head = b"".join(word.to_bytes(32, "big") for word in words)
        return head + self.signature + bytes(-len(self.signature) % 32)


class ChannelsClient:
    """The contract of channels on one chain.

    Parameters
    ----------
    chain :
        Where it lies.
    address, collector :
        The contract, and who brings deposits; the addresses that x402's clients know.

    Raises
    ------
    InputError :
        There is no code at the address.
    """

    def __init__(
        self,
        chain: Chain,
        address: Address = BATCH_SETTLEMENT,
        collector: Address = DEPOSIT_COLLECTOR,
    ) -> None:
        if not chain.code(address):
            raise InputError(
                f"there is no contract of channels at 0x{address.hex()} on this chain",
                hint="found a network on a local chain, or call place_contracts(chain)",
            )
        self.contract = Contract(chain, address, artifact("BatchSettlement"))
        self.address, self.collector = address, collector
        self.domain: Domain = channel_domain(chain.chain_id(), address)
        self.vouchers = Vouchers(self.domain)

    def sign_deposit(
        self,
        payer: Account,
        config: ChannelConfig,
        amount: int,
        *,
        token: TokenClient,
        valid_before: int,
        salt: int,
    ) -> SignedDeposit:
        """Sign a deposit that another brings, so that the payer needs no gas.

        Raises
        ------
        InputError :
            The channel is of another payer or token.
        """
        if (config.payer, config.token) != (payer.address, token.address):
            raise InputError(
                "the channel is of another payer or token", hint="see the channel's config"
            )
        nonce = deposit_nonce(config.id(self.domain), salt)
        payment = Payment(
            payer.address, self.collector, amount, valid_before, nonce, by_receiver=True
        )
        signature = token.sign_payment(payer, payment)
        return SignedDeposit(config, amount, valid_before, salt, signature)

    def deposit(self, relay: Account, signed: SignedDeposit) -> Receipt:
        """Bring a signed deposit to the chain; anyone may."""
        return self.deposit_through(
            relay, signed.config, signed.amount, self.collector, signed.collector_data()
        )

    def deposit_through(
        self, sender: Account, config: ChannelConfig, amount: int, collector: Address, data: bytes
    ) -> Receipt:
        """Fill a channel through any collector."""
        return self.contract.transact(sender, "deposit", config.values(), amount, collector, data)

    def claim(self, receiver: Account, claims: Sequence[Claim]) -> Receipt:
        """Take note of vouchers on the chain, all or none; moves no token."""
        return self.contract.transact(receiver, "claim", _rows(claims))

    def claim_each(self, receiver: Account, claims: Sequence[Claim]) -> Receipt:
        """Take note of what is good among vouchers; see `skipped` for the rest."""
        return self.contract.transact(receiver, "claimEach", _rows(claims))

    def skipped(self, receipt: Receipt) -> list[tuple[bytes, Fault]]:
        """Give the channel ids that a `claim_each` passed over, and why."""
        events = self.contract.events_in(receipt)
        rows = [event.args for event in events if event.name == "ClaimSkipped"]
        return [(bytes(row["channelId"]), Fault(row["fault"])) for row in rows]

    def check_claim(self, receiver: Address, claim: Claim) -> None:
        """Raise `Reverted` with the contract's reason if this row would undo a batch now."""
        self.contract.call("claim", _rows([claim]), sender=receiver)

    def sign_batch(self, authorizer: Account, claims: Sequence[Claim]) -> bytes:
        """Sign a batch, 65 bytes, for anyone to bring."""
        entries = [(c.config.id(self.domain), c.voucher.ceiling, c.total) for c in claims]
        return authorizer.sign_digest(batch_digest(self.domain, entries))

    def claim_signed(self, relay: Account, claims: Sequence[Claim], signature: bytes) -> Receipt:
        """Bring a batch that the authorizer of all its rows signed; anyone may."""
        return self.contract.transact(relay, "claimWithSignature", _rows(claims), signature)

    def settle(self, sender: Account, receiver: Address, token: Address) -> Receipt:
        """Pay a receiver what was claimed for it; anyone may."""
        return self.contract.transact(sender, "settle", receiver, token)

    def initiate_withdraw(self, payer: Account, config: ChannelConfig, amount: int) -> Receipt:
        """Announce that the payer takes back what is not claimed."""
        return self.contract.transact(payer, "initiateWithdraw", config.values(), amount)

    def finalize_withdraw(self, payer: Account, config: ChannelConfig) -> Receipt:
        """Take it back after the delay, less what was claimed in between."""
        return self.contract.transact(payer, "finalizeWithdraw", config.values())

    def refund(self, receiver: Account, config: ChannelConfig, amount: int) -> Receipt:
        """Give unclaimed tokens back to the payer at once, by the receiver's side."""
        return self.contract.transact(receiver, "refund", config.values(), amount)

    def sign_refund(self, authorizer: Account, config: ChannelConfig, amount: int) -> bytes:
        """Sign a refund with the channel's present nonce, for anyone to bring."""
        channel = config.id(self.domain)
        nonce = int(self.contract.call("refundNonce", channel))
        return authorizer.sign_digest(refund_digest(self.domain, channel, nonce, amount))

    def refund_signed(
        self, relay: Account, config: ChannelConfig, amount: int, signature: bytes
    ) -> Receipt:
        """Bring a signed refund to the chain; anyone may."""
        arguments = self._refund_arguments(config, amount, signature)
        return self.contract.transact(relay, "refundWithSignature", *arguments)

    def claim_and_refund(
        self,
        relay: Account,
        claims: Sequence[Claim],
        claims_signature: bytes,
        config: ChannelConfig,
        amount: int,
        refund_signature: bytes,
    ) -> Receipt:
        """Claim and give the rest back in one transaction, both by signature, as x402 does."""
        first = self.contract.encode("claimWithSignature", _rows(claims), claims_signature)
        arguments = self._refund_arguments(config, amount, refund_signature)
        second = self.contract.encode("refundWithSignature", *arguments)
        return self.contract.transact(relay, "multicall", [first, second])

    def check_voucher(self, config: ChannelConfig, voucher: Voucher) -> None:
        """Raise `VerificationError` unless the payer's side signed a voucher of this channel.

        A key is recovered here; a payer that is a contract is asked on the chain (EIP-1271).
        """
        if voucher.channel != config.id(self.domain):
            raise VerificationError("the voucher is of another channel")
        signer = config.voucher_signer
        if config.payer_authorizer != NOBODY or not self.contract.chain.code(signer):
            self.vouchers.check(voucher, signer)
            return
        digest = voucher_digest(self.domain, voucher.channel, voucher.ceiling)
        if not _says_signed(self.contract.chain, signer, digest, voucher.signature):
            raise VerificationError(f"0x{signer.hex()} says that it did not sign the voucher")

    def channel(self, config: ChannelConfig) -> Channel:
        """Fetch what stands of a channel."""
        return self.look(config)[0]

    def look(self, config: ChannelConfig) -> tuple[Channel, Block]:
        """Fetch what stands of a channel, all of it at the end of one block, and that block."""
        block, channel = self.contract.chain.block(), config.id(self.domain)

        def ask(name: str) -> Any:
            return self.contract.call(name, channel, block=block.number)

        balance, claimed = ask("channels")
        pending, since = ask("pendingWithdrawals")
        return Channel(balance, claimed, pending, since, ask("refundNonce")), block

    def earned(self, receiver: Address, token: Address) -> Earned:
        """Fetch what was claimed for a receiver, and paid to it."""
        return Earned(*self.contract.call("receivers", receiver, token))

    def events(
        self, name: str | None = None, from_block: int = 0, to_block: int | None = None
    ) -> list[Event]:
        """Give the events of a closed range of blocks, such as ``WithdrawInitiated``."""
        return self.contract.events(name, from_block, to_block)

    def configs(self, from_block: int = 0) -> dict[bytes, ChannelConfig]:
        """Give the terms of every channel that was filled since a block, by its id."""
        events = self.contract.events("ChannelCreated", from_block)
        return {bytes(e.args["channelId"]): ChannelConfig(*e.args["config"]) for e in events}

    def _refund_arguments(
        self, config: ChannelConfig, amount: int, signature: bytes
    ) -> tuple[object, ...]:
        nonce = int(self.contract.call("refundNonce", config.id(self.domain)))
        return config.values(), amount, nonce, signature


def _rows(claims: Sequence[Claim]) -> list[tuple[object, ...]]:
    if len(claims) > MAX_ROWS:
        raise InputError(
            f"{len(claims)} claims in one batch, at most {MAX_ROWS}", hint="send several batches"
        )
    return [claim.row() for claim in claims]


def _says_signed(chain: Chain, party: Address, digest: bytes, signature: bytes) -> bool:
    """Ask a contract whether it signed (EIP-1271)."""
    magic = bytes.fromhex("1626ba7e")
    words = digest + (64).to_bytes(32, "big") + len(signature).to_bytes(32, "big")
    try:
        answer = chain.call(party, magic + words + signature + bytes(-len(signature) % 32))
    except Reverted:
        return False
    return answer == magic.ljust(32, b"\0")
