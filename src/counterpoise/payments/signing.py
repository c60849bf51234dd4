"""What the parties of a channel sign: EIP-712 digests of x402's scheme ``batch-settlement``.

References
----------
x402 v2, scheme ``batch-settlement`` on EVM chains; EIP-712; EIP-3009.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from counterpoise.chain import Domain, eip712_digest
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address

BATCH_SETTLEMENT = bytes.fromhex("4020074e9dF2ce1deE5A9C1b5c3f541D02a10003")
DEPOSIT_COLLECTOR = bytes.fromhex("4020806089470a89826cB9fB1f4059150b550004")
MULTICALL = bytes.fromhex("cA11bde05977b3631167028862bE2a173976CA11")
"""Where x402's clients expect the contracts, on every chain."""

NAME, VERSION = "x402 Batch Settlement", "1"
MIN_WITHDRAW_DELAY, MAX_WITHDRAW_DELAY = 900, 2_592_000
MAX_AMOUNT = 2**128 - 1
NOBODY = bytes(20)

CONFIG = (
    "ChannelConfig(address payer,address payerAuthorizer,address receiver,"
    "address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)"
)
VOUCHER = "Voucher(bytes32 channelId,uint128 maxClaimableAmount)"
REFUND = "Refund(bytes32 channelId,uint256 nonce,uint128 amount)"
_ENTRY = "ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)"
BATCH = f"ClaimBatch(ClaimEntry[] claims){_ENTRY}"


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """The terms of a channel, fixed for ever: they are its id.

    Parameters
    ----------
    payer_authorizer :
        Whose key signs vouchers; `NOBODY` where the payer itself does, which may be a contract
        (EIP-1271).
    receiver_authorizer :
        Who may claim and refund beside the receiver, also by signature.
    withdraw_delay :
        Seconds between the announcement of a withdrawal and the withdrawal, 900 to 2,592,000.
    salt :
        32 bytes that tell channels between the same parties apart.
    """

    payer: Address
    payer_authorizer: Address
    receiver: Address
    receiver_authorizer: Address
    token: Address
    withdraw_delay: int = MIN_WITHDRAW_DELAY
    salt: bytes = bytes(32)

    def values(self) -> tuple[Address, Address, Address, Address, Address, int, bytes]:
        """Give the members in the order in which they are hashed and sent."""
        payers, receivers = (
            (self.payer, self.payer_authorizer),
            (self.receiver, self.receiver_authorizer),
        )
        return (*payers, *receivers, self.token, self.withdraw_delay, self.salt)

    def id(self, domain: Domain) -> bytes:
        """Give the channel's id, 32 bytes: another one on every chain and contract."""
        return _channel_id(self, domain)

    @property
    def voucher_signer(self) -> Address:
        """Whose signature a voucher needs."""
        return self.payer if self.payer_authorizer == NOBODY else self.payer_authorizer


@lru_cache(maxsize=16_384)
def _channel_id(config: ChannelConfig, domain: Domain) -> bytes:
    """Every call of a channel asks for it, and it never changes."""
    return eip712_digest(domain, CONFIG, config.values())


@dataclass(frozen=True, slots=True)
class Voucher:
    """A payer's word that up to `ceiling` base units of a channel may be claimed, in all."""

    channel: bytes
    ceiling: int
    signature: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of a batch: the channel's terms, its voucher, and the total that is claimed of it."""

    config: ChannelConfig
    voucher: Voucher
    total: int

    def row(self) -> tuple[object, ...]:
        """Give the row as the contract takes it."""
        return (self.config.values(), self.voucher.ceiling), self.voucher.signature, self.total


def channel_domain(chain_id: int, contract: Address = BATCH_SETTLEMENT) -> Domain:
    """Give the domain in which the signatures of a chain's channels are good."""
    return Domain(NAME, VERSION, chain_id, contract)


def voucher_digest(domain: Domain, channel: bytes, ceiling: int) -> bytes:
    """Give the 32 bytes that a payer signs for one more call."""
    return eip712_digest(domain, VOUCHER, (channel, ceiling))


def refund_digest(domain: Domain, channel: bytes, nonce: int, amount: int) -> bytes:
    """Give the 32 bytes that a receiver's authorizer signs to give tokens back."""
    return eip712_digest(domain, REFUND, (channel, nonce, amount))


def batch_digest(domain: Domain, entries: Iterable[tuple[bytes, int, int]]) -> bytes:
    """Give the 32 bytes that a receiver's authorizer signs for a batch.

    Parameters
    ----------
    entries :
        Channel id, ceiling and claimed total of each row, in the order of the rows.
    """
    kind = keccak(_ENTRY.encode())
    hashes = [keccak(kind + c + _word(top) + _word(total)) for c, top, total in entries]
    struct = keccak(keccak(BATCH.encode()) + keccak(b"".join(hashes)))
    return keccak(b"\x19\x01" + domain.separator() + struct)


def deposit_nonce(channel: bytes, salt: int) -> bytes:
    """Give the EIP-3009 nonce that binds a deposit's authorization to one channel."""
    return keccak(channel + salt.to_bytes(32, "big"))


def _word(amount: int) -> bytes:
    if not 0 <= amount <= MAX_AMOUNT:
        raise InputError(f"an amount of {amount} is not below 2**128 base units")
    return amount.to_bytes(32, "big")
