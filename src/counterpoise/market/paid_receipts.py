"""What was really paid in a market: by jobs, channels and exact payments, each counted once.

A channel's money reaches the seller in two steps: a claim takes note of it, a settlement moves
the tokens. The claim is the receipt; the settlement is no payment of anyone's. An exact payment is
one transfer on the payer's own signature; plain transfers are gifts, and support no rating.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from counterpoise.chain import Contract, Event
from counterpoise.core.units import Address
from counterpoise.identity import (
    EventTail,
    IdentityClient,
    JobReceipts,
    Move,
    Paid,
    paid_to,
    read_moves,
)
from counterpoise.payments import BATCH_SETTLEMENT, ChannelConfig, ChannelsClient

if TYPE_CHECKING:
    from counterpoise.network import Network


class ChannelReceipts:
    """Channels: what was claimed for whoever stood for the agent, claim by claim.

    Parameters
    ----------
    token :
        The one token whose channels count; anyone can fill a channel with a token of his own.
    """

    def __init__(self, identity: IdentityClient, channels: ChannelsClient, token: Address) -> None:
        self._identity, self._token = identity, token
        self._name = f"channel/0x{channels.address.hex()}"
        self._configs: dict[bytes, ChannelConfig] = {}
        names = ["ChannelCreated", "Claimed"]
        self._tail = EventTail(channels.contract, names, self._read)

    def all(self) -> Sequence[Paid]:
        """Fetch every claim in the token, whoever was paid."""
        return self._tail.rows()

    def paid(self, agent: int) -> list[Paid]:
        """Fetch every claim for an agent; those of one channel support a rating together."""
        return paid_to(self._identity.standings(agent), self.all())

    def _read(self, events: Sequence[Event]) -> Iterator[Paid]:
        self._configs |= _configs_in(events)
        for event in events:
            if event.name == "ChannelCreated":
                continue
            channel = bytes(event.args["channelId"])
            config, amount = self._configs[channel], event.args["claimAmount"]
            if config.token != self._token or not amount:
                continue
            series = f"{self._name}/{channel.hex()}"
            name = f"{series}/{event.args['newTotalClaimed']}"
            terms = (config.payer, config.receiver, amount)
            yield Paid(name, *terms, event.block_number, event.log_index, series)


class ExactReceipts:
    """Exact payments: transfers that the payer authorized by a signature (EIP-3009).

    Parameters
    ----------
    token :
        An ERC-20 with the events of EIP-3009, such as ``CreditToken``.
    """

    def __init__(self, identity: IdentityClient, token: Contract) -> None:
        self._identity = identity
        self._name = f"exact/0x{token.address.hex()}"
        self._tail = EventTail(token, ["AuthorizationUsed", "Transfer"], self._read)

    def all(self) -> Sequence[Paid]:
        """Fetch every such transfer, whoever was paid."""
        return self._tail.rows()

    def paid(self, agent: int) -> list[Paid]:
        """Fetch every such transfer to whoever stood for an agent."""
        return paid_to(self._identity.standings(agent), self.all())

    def _read(self, events: Sequence[Event]) -> Iterator[Paid]:
        used: Event | None = None
        for event in events:
            args = event.args
            if event.name == "AuthorizationUsed":
                used = event
                continue
            if used is None or (used.tx_hash, used.args["authorizer"]) != (
                event.tx_hash,
                args["sender"],
            ):
                continue
            name = f"{self._name}/0x{args['sender'].hex()}/{bytes(used.args['nonce']).hex()}"
            used = None  # one authorization, one transfer
            if args["amount"]:
                terms = (args["sender"], args["receiver"], args["amount"])
                yield Paid(name, *terms, event.block_number, event.log_index)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Tokens that came into the contract of channels, or a channel that they were put into."""

    block: int
    log_index: int
    tx_hash: bytes
    account: Address
    amount: int


class Sponsors:
    """Who filled a channel that is another's: its money can come out on that payer's side.

    Deposits that the usual collector brings are the payer's own, by his signature. Any other
    collector may bring anybody's tokens.
    """

    def __init__(self, channels: ChannelsClient, token: Contract) -> None:
        self._home, self._collector = channels.address, channels.collector
        self._configs: dict[bytes, ChannelConfig] = {}
        names = ["ChannelCreated", "Deposited"]
        self._filled = EventTail(channels.contract, names, self._read_filled)
        self._brought = EventTail(token, ["Transfer"], self._read_brought)

    def moves(self) -> Iterator[Move]:
        """Fetch what others put into a payer's channels, as moves from them to him."""
        brought: dict[tuple[bytes, int], list[Arrival]] = defaultdict(list)
        for one in self._brought.rows():
            brought[one.tx_hash, one.amount].append(one)
        for filled in self._filled.rows():
            waiting = brought[filled.tx_hash, filled.amount]
            came = waiting.pop(0) if waiting else None
            if came is not None and came.account not in (self._collector, filled.account):
                place = (came.block, came.log_index)
                yield Move(*place, came.account, filled.account, came.amount)

    def _read_filled(self, events: Sequence[Event]) -> Iterator[Arrival]:
        self._configs |= _configs_in(events)
        for event in events:
            if event.name == "ChannelCreated":
                continue
            payer = self._configs[bytes(event.args["channelId"])].payer
            place = (event.block_number, event.log_index, event.tx_hash)
            yield Arrival(*place, payer, event.args["amount"])

    def _read_brought(self, events: Sequence[Event]) -> Iterator[Arrival]:
        for event in events:
            args = event.args
            if args["receiver"] == self._home:
                place = (event.block_number, event.log_index, event.tx_hash)
                yield Arrival(*place, args["sender"], args["amount"])


class PaidReceipts:
    """All that was paid in one token: the one source for summaries of ratings, and its moves.

    Parameters
    ----------
    jobs, channels :
        The escrow and the contract of channels; None on a chain without channels.
    hubs :
        Contracts that hold the money of many. They are no sellers, and what goes through them
        says nothing of who paid whom, but for what jobs and channels themselves log.
    """

    def __init__(
        self,
        identity: IdentityClient,
        token: Contract,
        jobs: Contract,
        channels: ChannelsClient | None = None,
        hubs: Iterable[Address] = (),
    ) -> None:
        self._identity = identity
        self._hubs = {jobs.address, *hubs}
        self._sources: list[JobReceipts | ChannelReceipts | ExactReceipts] = [
            JobReceipts(identity, jobs),
            ExactReceipts(identity, token),
        ]
        self._sponsors: Sponsors | None = None
        if channels is not None:
            self._hubs |= {channels.address, channels.collector}
            self._sources.append(ChannelReceipts(identity, channels, token.address))
            self._sponsors = Sponsors(channels, token)
        self._transfers = EventTail(token, ["Transfer"], lambda new: read_moves(new, self._hubs))

    @classmethod
    def of(cls, network: Network) -> PaidReceipts:
        """Give the source of a network: its escrow, its channels if it has them, its hubs."""
        contracts, chain = network.charter.contracts, network.chain
        channels = ChannelsClient(chain) if BATCH_SETTLEMENT in contracts.values() else None
        return cls(
            IdentityClient(network.contract("IdentityRegistry")),
            network.contract("CreditToken"),
            network.contract("Jobs"),
            channels,
            contracts.values(),
        )

    def paid(self, agent: int) -> list[Paid]:
        """Fetch every payment to an agent, each once, in the order of the chain."""
        return paid_to(self._identity.standings(agent), self._all())

    def moves(self) -> list[Move]:
        """Fetch who passed money to whom: transfers, and what jobs and channels paid out."""
        found = {(one.block, one.log_index): one for one in self._transfers.rows()}
        for paid in self._all():
            place = (paid.block, paid.log_index)
            found.setdefault(place, Move(*place, paid.payer, paid.payee, paid.amount))
        for one in self._sponsors.moves() if self._sponsors else ():
            found[one.block, one.log_index] = one
        return [found[place] for place in sorted(found)]

    def _all(self) -> list[Paid]:
        found = [
            one
            for source in self._sources
            for one in source.all()
            if one.payee not in self._hubs and one.payer not in self._hubs
        ]
        return sorted(found, key=lambda one: (one.block, one.log_index))


def _configs_in(events: Sequence[Event]) -> dict[bytes, ChannelConfig]:
    """Give the terms of the channels that some events made, wherever among the others."""
    made = [event.args for event in events if event.name == "ChannelCreated"]
    return {bytes(args["channelId"]): ChannelConfig(*args["config"]) for args in made}
