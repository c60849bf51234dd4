"""On what terms a seller is paid, and the tests that a payment must pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from counterpoise.chain import Domain, recover
from counterpoise.core.digest import keccak
from counterpoise.core.errors import VerificationError
from counterpoise.core.units import Address
from counterpoise.jobs import Payment as Transfer
from counterpoise.payments.channels import SignedDeposit
from counterpoise.payments.json_members import checksummed
from counterpoise.payments.rules import Channel
from counterpoise.payments.signing import ChannelConfig, channel_domain
from counterpoise.payments.wire import BATCH, EXACT, Offer, Required
from counterpoise.payments.wire_schemes import ChannelPayment, ExactPayment

BATCH_ERROR, EXACT_ERROR = "invalid_batch_settlement_evm_", "invalid_exact_evm_"
_LEAST_HELD, _MOST_HELD = 5, 600
_LEAST_TIME_LEFT = 6
"""Seconds that an authorization must still be good when it comes in."""


class NotTaken(VerificationError):
    """Why a payment is refused, in x402's words; the channel whose state helps the payer."""

    def __init__(self, reason: str, channel: bytes | None = None) -> None:
        super().__init__(reason)
        self.reason, self.channel = reason, channel


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a seller is paid.

    Parameters
    ----------
    token_name, token_version :
        The EIP-712 domain of the token.
    authorizer :
        Who may claim and refund besides the receiver.
    withdraw_delay :
        Seconds that a payer must announce a withdrawal ahead.
    calls_per_deposit :
        How many times the price the announced least deposit is.
    timeout :
        Seconds that one call may take, or that may pass between two blocks of a stream.
    repeats :
        How often an answer that was charged for and may not have left is given again.
    """

    chain_id: int
    token: Address
    token_name: str
    token_version: str
    receiver: Address
    authorizer: Address
    withdraw_delay: int = 86_400
    calls_per_deposit: int = 1_000
    timeout: int = 60
    schemes: tuple[str, ...] = (BATCH, EXACT)
    repeats: int = 3

    @property
    def network(self) -> str:
        """The chain's CAIP-2 name."""
        return f"eip155:{self.chain_id}"

    @property
    def freshness(self) -> int:
        """Seconds for which a look at a channel on the chain is trusted."""
        return min(300, max(30, self.withdraw_delay // 3))

    @property
    def hold(self) -> int:
        """Seconds for which a call holds its place."""
        return min(_MOST_HELD, max(_LEAST_HELD, self.timeout))

    @property
    def token_domain(self) -> Domain:
        """The EIP-712 domain of the token."""
        return Domain(self.token_name, self.token_version, self.chain_id, self.token)

    def offer(self, scheme: str, price: int) -> Offer:
        """Give what one call costs under a scheme."""
        extra: dict[str, Any] = {"name": self.token_name, "version": self.token_version}
        if scheme == BATCH:
            extra["receiverAuthorizer"] = checksummed(self.authorizer)
            extra["withdrawDelay"] = self.withdraw_delay
            extra["minDeposit"] = str(price * self.calls_per_deposit)
        return Offer(scheme, self.network, self.token, price, self.receiver, self.timeout, extra)

    def check_offer(self, offer: Offer) -> None:
        """Raise `NotTaken` unless this is what is offered now, whatever the price."""
        prefix = EXACT_ERROR if offer.scheme == EXACT else BATCH_ERROR
        if offer.scheme not in self.schemes:
            raise NotTaken("unsupported_scheme")
        if offer.network != self.network:
            raise NotTaken(f"{prefix}network_mismatch")
        if offer.asset != self.token:
            raise NotTaken(f"{prefix}token_mismatch")
        if offer.receiver != self.receiver:
            raise NotTaken(f"{prefix}receiver_mismatch")

    def check_config(self, config: ChannelConfig, channel: bytes) -> None:
        """Raise `NotTaken` unless these are a channel's terms and its id."""
        wanted = (
            (config.receiver == self.receiver, "receiver_mismatch"),
            (config.receiver_authorizer == self.authorizer, "receiver_authorizer_mismatch"),
            (config.token == self.token, "token_mismatch"),
            (config.withdraw_delay == self.withdraw_delay, "withdraw_delay_mismatch"),
            (config.id(channel_domain(self.chain_id)) == channel, "channel_id_mismatch"),
        )
        for is_right, reason in wanted:
            if not is_right:
                raise NotTaken(BATCH_ERROR + reason)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer 402; `reason` is empty where nothing was paid at all."""

    required: Required

    @property
    def reason(self) -> str:
        """Why a payment was refused, in x402's words."""
        return self.required.error or ""


@dataclass(frozen=True, slots=True)
class Look:
    """The seller must know what stands of this channel on the chain; see `Seller.saw`."""

    config: ChannelConfig


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """A payment that was found good and holds its place until it is charged or released.

    Parameters
    ----------
    key :
        The channel's id, or the digest that names an exact payment.
    price :
        The most that the call may cost, in base units.
    base :
        What the channel had been charged before this request, in base units.
    deposit :
        What must be brought to the chain first; see `Seller.funded`.
    is_repeat :
        Whether this request was charged before and its answer may never have arrived.
    refund :
        Base units that the payer wants back; there is no work to do then, only `finish`.
    """

    key: bytes
    price: int
    request: bytes
    base: int = 0
    channel: ChannelPayment | None = None
    exact: ExactPayment | None = None
    deposit: SignedDeposit | None = None
    is_repeat: bool = False
    refund: int = 0


def check_balance(ceiling: int, state: Channel, arriving: int) -> None:
    """What is being withdrawn does not count: unclaimed vouchers hold nothing back."""
    if ceiling <= state.claimed:
        raise NotTaken(f"{BATCH_ERROR}cumulative_below_claimed")
    if ceiling > state.balance + arriving:
        raise NotTaken(f"{BATCH_ERROR}cumulative_exceeds_balance")
    if ceiling > state.balance + arriving - state.pending:
        raise NotTaken("withdrawal_pending")


def exact_key(transfer: Transfer) -> bytes:
    """Give the 32 bytes that name an exact payment: a payer uses each nonce once."""
    return keccak(transfer.payer + transfer.nonce)


def check_transfer(paid: ExactPayment, receiver: Address, token: Domain) -> None:
    """Raise `NotTaken` unless the payer's key signed a transfer to this receiver."""
    transfer = paid.transfer
    if transfer.receiver != receiver:
        raise NotTaken(f"{EXACT_ERROR}payload_recipient_mismatch")
    try:
        signer = recover(transfer.digest(token), paid.signature)
    except VerificationError:
        signer = b""
    if signer != transfer.payer:
        raise NotTaken(f"{EXACT_ERROR}payload_signature")


def check_times(after: int, before: int, now: int, prefix: str) -> None:
    """Raise `NotTaken` unless an authorization is good now and for a while."""
    if after >= now:
        raise NotTaken(f"{prefix}payload_authorization_valid_after")
    if before < now + _LEAST_TIME_LEFT:
        raise NotTaken(f"{prefix}payload_authorization_valid_before")
