"""A payer's way out of its channels without the seller: announce, wait, take what is left."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.chain import Account
from counterpoise.core.errors import InputError
from counterpoise.payments.channels import ChannelsClient
from counterpoise.payments.rules import Channel
from counterpoise.payments.signing import ChannelConfig


@dataclass(frozen=True, slots=True)
class Standing:
    """One channel of a payer.

    Parameters
    ----------
    ready :
        Unix time from which an announced withdrawal can be finished; None if none is announced.
    """

    config: ChannelConfig
    state: Channel

    @property
    def ready(self) -> int | None:
        """When an announced withdrawal can be finished."""
        return self.state.since + self.config.withdraw_delay if self.state.pending else None


class Withdrawals:
    """Takes a payer's tokens out of its channels; it pays the gas for that.

    What was promised by vouchers can be claimed until a withdrawal is finished, and a seller that
    watches will do so: what comes back is what nobody claimed. A seller that answers gives it
    back at once instead: `Buyer.refund`.

    Parameters
    ----------
    payer :
        The channels' payer, or the key that signs vouchers for it.
    """

    def __init__(self, channels: ChannelsClient, payer: Account) -> None:
        self._channels, self._payer = channels, payer

    def channels(self, from_block: int = 0) -> dict[bytes, Standing]:
        """Give the payer's channels that were opened since a block, by their ids."""
        return {
            channel: Standing(config, self._channels.channel(config))
            for channel, config in self._channels.configs(from_block).items()
            if self._is_mine(config)
        }

    def announce(self, config: ChannelConfig, amount: int | None = None) -> int:
        """Announce a withdrawal; gives the Unix time from which it can be finished.

        Parameters
        ----------
        amount :
            Base units; all that is not claimed by default.

        Raises
        ------
        InputError :
            It is another payer's channel, or nothing is left in it.
        Reverted :
            A withdrawal is announced already, or more is asked for than is left.
        """
        if not self._is_mine(config):
            raise InputError("the channel is another payer's")
        state = self._channels.channel(config)
        amount = state.balance - state.claimed if amount is None else amount
        if amount == 0:
            raise InputError("nothing is left in the channel that is not claimed")
        self._channels.initiate_withdraw(self._payer, config, amount)
        return self._channels.channel(config).since + config.withdraw_delay

    def finish(self, config: ChannelConfig) -> int:
        """Take what was announced, or what is left of it; gives the base units that came back.

        Raises
        ------
        InputError :
            Nothing was announced, or the delay is not over.
        """
        standing = Standing(config, self._channels.channel(config))
        if standing.ready is None:
            raise InputError("nothing was announced", hint="announce the withdrawal first")
        head = self._channels.contract.chain.block()
        if head.time + 1 < standing.ready:
            raise InputError(f"not before {standing.ready}; the chain's time is {head.time}")
        receipt = self._channels.finalize_withdraw(self._payer, config)
        events = self._channels.contract.events_in(receipt)
        return sum(int(e.args["amount"]) for e in events if e.name == "WithdrawFinalized")

    def _is_mine(self, config: ChannelConfig) -> bool:
        return self._payer.address in (config.payer, config.payer_authorizer)
