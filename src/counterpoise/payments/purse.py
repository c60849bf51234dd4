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


@dataclass(slots=True)
class Pocket:
    """What a buyer knows of one channel, in base units."""

    config: ChannelConfig
    channel: bytes
    balance: int = 0
    charged: int = 0


class Purse:
    """Signs the payments of one account.

    Parameters
    ----------
    random :
        Gives so many random bytes.
    """

    def __init__(self, account: Account, budget: Budget, random: Callable[[int], bytes]) -> None:
        self.account, self.budget, self._random = account, budget, random
        self._pockets: dict[tuple[str, ChannelConfig], Pocket] = {}
        self._signers: dict[int, Vouchers] = {}

    def pockets(self) -> list[Pocket]:
        """Give what is known of every channel."""
        return list(self._pockets.values())

    def knows(self, offer: Offer, lane: int) -> bool:
        """Whether the channel that pays for an offer is known."""
        return (offer.network, self.config(offer, lane)) in self._pockets

    def open(self, offer: Offer, lane: int, state: Channel) -> None:
        """Begin with what stands of a channel on its chain; an empty one where it is not read."""
        config = self.config(offer, lane)
        domain = channel_domain(_chain(offer))
        pocket = Pocket(config, config.id(domain), state.balance - state.pending, state.claimed)
        self._pockets[offer.network, config] = pocket

    def saw(self, offer: Offer, lane: int, state: Channel) -> None:
        """Take note of a channel's balance on its chain."""
        self._pocket(offer, lane).balance = state.balance - state.pending

    def left(self, offer: Offer, lane: int) -> int:
        """Give what a channel has that was not charged, in base units."""
        pocket = self._pocket(offer, lane)
        return pocket.balance - pocket.charged

    def exact(self, offer: Offer, now: int) -> ExactPayment:
        """Sign a transfer of exactly the price."""
        payer, nonce = self.account.address, self._random(32)
        transfer = Transfer(payer, offer.receiver, offer.amount, now + offer.timeout, nonce)
        return ExactPayment(transfer, self.account.sign_digest(transfer.digest(_token(offer))))

    def channel(self, offer: Offer, lane: int, now: int) -> ChannelPayment:
        """Sign the next voucher of a channel, with a deposit where it does not suffice."""
        pocket = self._pocket(offer, lane)
        ceiling = pocket.charged + offer.amount
        deposit = self._deposit(offer, pocket, now) if ceiling > pocket.balance else None
        voucher = self._vouchers(offer).sign(self.account, pocket.channel, ceiling)
        kind: Kind = "voucher" if deposit is None else "deposit"
        return ChannelPayment(kind, pocket.config, voucher, deposit)

    def refund(self, offer: Offer, lane: int, amount: int | None) -> ChannelPayment:
        """Sign the wish for what is left in a channel, or for an amount of it."""
        pocket = self._pocket(offer, lane)
        voucher = self._vouchers(offer).sign(self.account, pocket.channel, pocket.charged)
        return ChannelPayment("refund", pocket.config, voucher, None, amount)

    def refunded(self, offer: Offer, lane: int, response: Response) -> None:
        """Take note of what a seller says it gave back, at most what was left."""
        pocket = self._pocket(offer, lane)
        left = max(0, pocket.balance - pocket.charged)
        pocket.balance -= left if response.amount is None else min(left, response.amount)

    def charged(self, offer: Offer, sent: ChannelPayment, response: Response | None) -> int:
        """Take note of what a seller says it charged; gives the amount.

        An answer without a word about it counts as charged in full.

        Raises
        ------
        VerificationError :
            More was charged than was offered.
        """
        pocket = self._pockets[offer.network, sent.config]
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
        channel = pocket.channel
        row = json_object(offer.extra["channelState"], "channelState")
        charged = amount_in(row, "chargedCumulativeAmount", "channelState", 128)
        most = max(pocket.charged, self._proved(offer, channel))
        if charged > most or bytes_in(row, "channelId", "channelState") != channel:
            return None
        less, pocket.charged = pocket.charged - charged, charged
        pocket.balance = amount_in(row, "balance", "channelState", 128)
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
            self._vouchers(offer).check(voucher, self.account.address)
        except VerificationError:
            return 0
        return ceiling

    def _pocket(self, offer: Offer, lane: int) -> Pocket:
        return self._pockets[offer.network, self.config(offer, lane)]

    def _vouchers(self, offer: Offer) -> Vouchers:
        chain = _chain(offer)
        if chain not in self._signers:
            self._signers[chain] = Vouchers(channel_domain(chain))
        return self._signers[chain]

    def config(self, offer: Offer, lane: int) -> ChannelConfig:
        """Give the terms of the channel that pays for an offer.

        Parameters
        ----------
        lane :
            Which of several channels to the same seller.
        """
        payer, extra = self.account.address, offer.extra
        delay = whole_in(extra, "withdrawDelay", "offer.extra", 40)
        if not MIN_WITHDRAW_DELAY <= delay <= MAX_WITHDRAW_DELAY:
            raise InputError(f"offer.extra.withdrawDelay: {delay} s is no delay of a channel")
        authorizer = address_in(extra, "receiverAuthorizer", "offer.extra")
        salt = lane.to_bytes(32, "big")
        return ChannelConfig(payer, payer, offer.receiver, authorizer, offer.asset, delay, salt)

    def _deposit(self, offer: Offer, pocket: Pocket, now: int) -> SignedDeposit:
        least = pocket.charged + offer.amount - pocket.balance
        wished = _announced(offer.extra)
        amount = self.budget.deposit(offer, least, wished)
        salt, before = int.from_bytes(self._random(32), "big"), now + offer.timeout
        nonce = deposit_nonce(pocket.channel, salt)
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
