"""A buyer's side of channels: what it deposited, what was charged, and the next voucher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from counterpoise.chain import Account, Domain
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.jobs import Payment as Transfer
from counterpoise.payments.budget import Budget
from counterpoise.payments.channels import SignedDeposit
from counterpoise.payments.json_members import (
    Json,
    address_in,
    amount_in,
    bytes_in,
    json_object,
    text_in,
    whole_in,
)
from counterpoise.payments.rules import Channel
from counterpoise.payments.signing import (
    DEPOSIT_COLLECTOR,
    MAX_WITHDRAW_DELAY,
    MIN_WITHDRAW_DELAY,
    ChannelConfig,
    Voucher,
    channel_domain,
    deposit_nonce,
)
from counterpoise.payments.vouchers import Vouchers
from counterpoise.payments.wire import BATCH, Offer, Response
from counterpoise.payments.wire_schemes import ChannelPayment, ExactPayment, Kind

ReadChannel = Callable[[ChannelConfig], Channel]


@dataclass(slots=True)
class Pocket:
    """What a buyer knows of one channel, in base units."""

    config: ChannelConfig
    balance: int = 0
    charged: int = 0


class Purse:
    """Signs the payments of one account.

    Parameters
    ----------
    read_channel :
        Reads a channel from a chain, such as `ChannelsClient.channel`; without it a buyer that
        forgot its channels fills them again.
    random :
        Gives so many random bytes.
    """

    def __init__(
        self,
        account: Account,
        budget: Budget,
        random: Callable[[int], bytes],
        read_channel: ReadChannel | None = None,
    ) -> None:
        self.account, self.budget = account, budget
        self._random, self._read_channel = random, read_channel
        self._pockets: dict[bytes, Pocket] = {}

    def exact(self, offer: Offer, now: int) -> ExactPayment:
        """Sign a transfer of exactly the price."""
        payer, nonce = self.account.address, self._random(32)
        transfer = Transfer(payer, offer.receiver, offer.amount, now + offer.timeout, nonce)
        return ExactPayment(transfer, self.account.sign_digest(transfer.digest(_token(offer))))

    def channel(self, offer: Offer, lane: int, now: int) -> ChannelPayment:
        """Sign the next voucher of a channel, with a deposit where it does not suffice."""
        pocket, vouchers = self._pocket(offer, lane), Vouchers(channel_domain(_chain(offer)))
        channel = pocket.config.id(vouchers.domain)
        ceiling = pocket.charged + offer.amount
        deposit = self._deposit(offer, pocket, channel, now) if ceiling > pocket.balance else None
        voucher = vouchers.sign(self.account, channel, ceiling)
        kind: Kind = "voucher" if deposit is None else "deposit"
        return ChannelPayment(kind, pocket.config, voucher, deposit)

    def charged(self, offer: Offer, sent: ChannelPayment, response: Response | None) -> int:
        """Take note of what a seller says it charged; gives the amount.

        An answer without a word about it counts as charged in full.

        Raises
        ------
        VerificationError :
            More was charged than was offered.
        """
        pocket = self._pockets[sent.voucher.channel]
        told = response is not None and "chargedAmount" in response.extra
        amount = offer.amount
        if response is not None and told:
            amount = amount_in(response.extra, "chargedAmount", "response.extra", 128)
        if amount > offer.amount:
            raise VerificationError(f"{amount} was charged, {offer.amount} was offered")
        pocket.charged += amount
        if sent.deposit is not None:
            pocket.balance += sent.deposit.amount
        return amount

    def resync(self, offer: Offer, lane: int) -> int | None:
        """Take over what a seller says was charged, if this key signed for as much.

        Gives by how much less that is than was thought, in base units: a stream that was cut off
        costs less than was told ahead of it. None where nothing was taken over.
        """
        if offer.scheme != BATCH or offer.extra.get("channelState") is None:
            return None
        pocket = self._pocket(offer, lane)
        channel = pocket.config.id(channel_domain(_chain(offer)))
        row = json_object(offer.extra["channelState"], "channelState")
        charged = amount_in(row, "chargedCumulativeAmount", "channelState", 128)
        most = max(pocket.charged, self._proved(offer, channel))
        if charged > most or bytes_in(row, "channelId", "channelState") != channel:
            return None
        less, pocket.charged = pocket.charged - charged, charged
        pocket.balance = amount_in(row, "balance", "channelState", 128)
        if self._read_channel is not None:
            pocket.balance = self._read_channel(pocket.config).balance
        return less

    def _proved(self, offer: Offer, channel: bytes) -> int:
        """Give the ceiling of the voucher that a seller shows, if this key signed it."""
        shown = offer.extra.get("voucherState")
        if shown is None:
            return 0
        row = json_object(shown, "voucherState")
        ceiling = amount_in(row, "signedMaxClaimable", "voucherState", 128)
        voucher = Voucher(channel, ceiling, bytes_in(row, "signature", "voucherState"))
        try:
            Vouchers(channel_domain(_chain(offer))).check(voucher, self.account.address)
        except VerificationError:
            return 0
        return ceiling

    def _pocket(self, offer: Offer, lane: int) -> Pocket:
        config = self._config(offer, lane)
        channel = config.id(channel_domain(_chain(offer)))
        if channel not in self._pockets:
            pocket = Pocket(config)
            if self._read_channel is not None:
                state = self._read_channel(config)
                pocket.balance, pocket.charged = state.balance - state.pending, state.claimed
            self._pockets[channel] = pocket
        return self._pockets[channel]

    def _config(self, offer: Offer, lane: int) -> ChannelConfig:
        payer, extra = self.account.address, offer.extra
        delay = whole_in(extra, "withdrawDelay", "offer.extra", 40)
        if not MIN_WITHDRAW_DELAY <= delay <= MAX_WITHDRAW_DELAY:
            raise InputError(f"offer.extra.withdrawDelay: {delay} s is no delay of a channel")
        authorizer = address_in(extra, "receiverAuthorizer", "offer.extra")
        salt = lane.to_bytes(32, "big")
        return ChannelConfig(payer, payer, offer.receiver, authorizer, offer.asset, delay, salt)

    def _deposit(self, offer: Offer, pocket: Pocket, channel: bytes, now: int) -> SignedDeposit:
        least = pocket.charged + offer.amount - pocket.balance
        wished = _announced(offer.extra)
        amount = self.budget.deposit(offer, least, wished)
        salt, before = int.from_bytes(self._random(32), "big"), now + offer.timeout
        nonce = deposit_nonce(channel, salt)
        transfer = Transfer(
            self.account.address, DEPOSIT_COLLECTOR, amount, before, nonce, by_receiver=True
        )
        signature = self.account.sign_digest(transfer.digest(_token(offer)))
        return SignedDeposit(pocket.config, amount, before, salt, signature)


def _announced(extra: Json) -> int:
    wished = extra.get("minDeposit")
    return 0 if wished is None else amount_in(extra, "minDeposit", "offer.extra", 128)


def _chain(offer: Offer) -> int:
    kind, _, number = offer.network.partition(":")
    if kind != "eip155" or not (number.isascii() and number.isdecimal()):
        raise InputError(f"{offer.network!r} is no EVM chain")
    return int(number)


def _token(offer: Offer) -> Domain:
    name, version = (text_in(offer.extra, part, "offer.extra") for part in ("name", "version"))
    return Domain(name, version, _chain(offer), offer.asset)
