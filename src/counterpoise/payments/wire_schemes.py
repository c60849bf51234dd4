"""The payloads of the schemes ``exact`` and ``batch-settlement`` in x402's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, cast

from counterpoise.core.errors import InputError
from counterpoise.jobs import Payment as Transfer
from counterpoise.payments.channels import SignedDeposit
from counterpoise.payments.json_members import (
    Json,
    address_in,
    amount_in,
    bytes_in,
    checksummed,
    json_object,
    whole_in,
)
from counterpoise.payments.rules import Channel
from counterpoise.payments.signing import ChannelConfig, Voucher
from counterpoise.payments.wire import BATCH, Required

_CONFIG = (
    "payer",
    "payerAuthorizer",
    "receiver",
    "receiverAuthorizer",
    "token",
    "withdrawDelay",
    "salt",
)
Kind = Literal["deposit", "voucher", "refund"]


@dataclass(frozen=True, slots=True)
class ChannelPayment:
    """A voucher with its channel's terms; a deposit or a refund may come with it.

    Parameters
    ----------
    amount :
        What is to be refunded, in base units; None for all that is left.
    """

    kind: Kind
    config: ChannelConfig
    voucher: Voucher
    deposit: SignedDeposit | None = None
    amount: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Give it as x402 writes it."""
        value: dict[str, Any] = {"type": self.kind, "channelConfig": config_json(self.config)}
        value["voucher"] = {
            "channelId": hexed(self.voucher.channel),
            "maxClaimableAmount": str(self.voucher.ceiling),
            "signature": hexed(self.voucher.signature),
        }
        if self.deposit is not None:
            signed = self.deposit
            authorization = {
                "validAfter": str(signed.valid_after),
                "validBefore": str(signed.valid_before),
                "salt": hexed(signed.salt.to_bytes(32, "big")),
                "signature": hexed(signed.signature),
            }
            value["deposit"] = {
                "amount": str(signed.amount),
                "authorization": {"erc3009Authorization": authorization},
            }
        if self.kind == "refund" and self.amount is not None:
            value["amount"] = str(self.amount)
        return value

    @classmethod
    def from_json(cls, source: Json) -> ChannelPayment:
        """Read the payload of ``batch-settlement``; `InputError` names what is wrong."""
        kind = source.get("type")
        if kind not in ("deposit", "voucher", "refund"):
            raise InputError(f"payload.type: deposit, voucher or refund was wanted, not {kind!r}")
        config = config_of(source.get("channelConfig"))
        row, name = json_object(source.get("voucher"), "voucher"), "voucher"
        voucher = Voucher(
            bytes_in(row, "channelId", name, 32),
            amount_in(row, "maxClaimableAmount", name, 128),
            bytes_in(row, "signature", name),
        )
        deposit = _deposit(config, source.get("deposit")) if kind == "deposit" else None
        refund = kind == "refund" and source.get("amount") is not None
        amount = amount_in(source, "amount", "payload", 128) if refund else None
        return cls(cast("Kind", kind), config, voucher, deposit, amount)


@dataclass(frozen=True, slots=True)
class ExactPayment:
    """A signed transfer (EIP-3009) of exactly the price."""

    transfer: Transfer
    signature: bytes

    def to_json(self) -> dict[str, Any]:
        """Give it as x402 writes it."""
        transfer = self.transfer
        authorization = {
            "from": checksummed(transfer.payer),
            "to": checksummed(transfer.receiver),
            "value": str(transfer.amount),
            "validAfter": str(transfer.valid_after),
            "validBefore": str(transfer.valid_before),
            "nonce": hexed(transfer.nonce),
        }
        return {"authorization": authorization, "signature": hexed(self.signature)}

    @classmethod
    def from_json(cls, source: Json) -> ExactPayment:
        """Read the payload of ``exact``; `InputError` names what is wrong."""
        row, name = json_object(source.get("authorization"), "authorization"), "authorization"
        transfer = Transfer(
            address_in(row, "from", name),
            address_in(row, "to", name),
            amount_in(row, "value", name),
            whole_in(row, "validBefore", name, 256),
            bytes_in(row, "nonce", name, 32),
            whole_in(row, "validAfter", name, 256),
        )
        return cls(transfer, bytes_in(source, "signature", "payload"))


def config_json(config: ChannelConfig) -> dict[str, Any]:
    """Give a channel's terms as x402 writes them."""
    return {
        "payer": checksummed(config.payer),
        "payerAuthorizer": checksummed(config.payer_authorizer),
        "receiver": checksummed(config.receiver),
        "receiverAuthorizer": checksummed(config.receiver_authorizer),
        "token": checksummed(config.token),
        "withdrawDelay": config.withdraw_delay,
        "salt": hexed(config.salt),
    }


def config_of(value: object) -> ChannelConfig:
    """Read a channel's terms."""
    row = json_object(value, "channelConfig")
    texts = tuple(row.get(member) for member in _CONFIG)
    if not all(isinstance(text, (str, int)) for text in texts):
        return _config_of(row)
    return _same_config(texts)


@lru_cache(maxsize=16_384)
def _same_config(texts: tuple[str | int, ...]) -> ChannelConfig:
    """Every call of a channel brings the same terms."""
    return _config_of(dict(zip(_CONFIG, texts, strict=True)))


def _config_of(row: Json) -> ChannelConfig:
    name = "channelConfig"
    return ChannelConfig(
        address_in(row, "payer", name),
        address_in(row, "payerAuthorizer", name),
        address_in(row, "receiver", name),
        address_in(row, "receiverAuthorizer", name),
        address_in(row, "token", name),
        whole_in(row, "withdrawDelay", name, 40),
        bytes_in(row, "salt", name, 32),
    )


def channel_json(channel_id: bytes, channel: Channel, charged: int) -> dict[str, Any]:
    """Give a channel's state as the seller tells it."""
    return {
        "channelId": hexed(channel_id),
        "balance": str(channel.balance),
        "totalClaimed": str(channel.claimed),
        "withdrawRequestedAt": channel.since,
        "refundNonce": str(channel.refunds),
        "chargedCumulativeAmount": str(charged),
    }


def corrected(required: Required, state: Json, voucher: Voucher | None) -> Required:
    """Tell a payer that lost count what stands of its channel, and what it signed last."""
    extra: dict[str, Any] = {"channelState": state}
    if voucher is not None:
        signature = hexed(voucher.signature)
        extra["voucherState"] = {
            "signedMaxClaimable": str(voucher.ceiling),
            "signature": signature,
        }
    offers = tuple(
        replace(offer, extra={**offer.extra, **extra}) if offer.scheme == BATCH else offer
        for offer in required.offers
    )
    return replace(required, offers=offers)


def hexed(value: bytes) -> str:
    """Write bytes as 0x and hex digits."""
    return "0x" + value.hex()


def _deposit(config: ChannelConfig, value: object) -> SignedDeposit:
    row = json_object(value, "deposit")
    forms: Mapping[str, Any] = json_object(row.get("authorization"), "deposit.authorization")
    if forms.get("erc3009Authorization") is None:
        raise InputError(
            "deposit.authorization: only erc3009Authorization is taken",
            hint="sign receiveWithAuthorization (EIP-3009); Permit2 is not supported",
        )
    name = "deposit.authorization.erc3009Authorization"
    form = json_object(forms["erc3009Authorization"], name)
    return SignedDeposit(
        config,
        amount_in(row, "amount", "deposit", 128),
        whole_in(form, "validBefore", name, 256),
        int.from_bytes(bytes_in(form, "salt", name, 32), "big"),
        bytes_in(form, "signature", name),
        whole_in(form, "validAfter", name, 256),
    )
