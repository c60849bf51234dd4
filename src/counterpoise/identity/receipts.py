"""What was paid: proof that whoever rates an agent was its customer.

A source of receipts says what a client paid to an agent. Escrowed jobs are one; channels and
exact payments are others, behind the same Protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from counterpoise.chain import Contract, Event
from counterpoise.core.units import Address
from counterpoise.identity.event_tail import EventTail
from counterpoise.identity.registry_client import IdentityClient, Standing


@dataclass(frozen=True, slots=True)
class Paid:
    """One payment of a client to an agent, which supports one rating.

    Parameters
    ----------
    name :
        What it is, unique among all sources, such as ``job/0x…/7``.
    payer, payee :
        The client; who got the money for the agent.
    amount :
        In base units of the token.
    block, log_index :
        Its place on the chain.
    series :
        Payments of one series, such as the claims of a channel, support a rating together: one
        rating uses up all of them that came before it. Empty for a payment by itself.
    """

    name: str
    payer: Address
    payee: Address
    amount: int
    block: int
    log_index: int
    series: str = ""


class Receipts(Protocol):
    """Says what was paid to an agent."""

    def paid(self, agent: int) -> Sequence[Paid]:
        """Fetch every payment to an agent, in the order of the chain."""
        ...


class JobReceipts:
    """Finished jobs: escrow released to whoever stood for the agent at that time.

    Parameters
    ----------
    identity :
        Says who owned the agent, and its wallet, at each block.
    jobs :
        The escrow, as ``Jobs`` deploys. Its events are read once and then continued.
    """

    def __init__(self, identity: IdentityClient, jobs: Contract) -> None:
        self._identity = identity
        self._escrow = f"job/0x{jobs.address.hex()}"
        self._clients: dict[int, Address] = {}
        self._tail = EventTail(jobs, ["JobCreated", "PaymentReleased"], self._read)

    def all(self) -> Sequence[Paid]:
        """Fetch every finished job, whoever worked."""
        return self._tail.rows()

    def paid(self, agent: int) -> list[Paid]:
        """Fetch every finished job of an agent."""
        return paid_to(self._identity.standings(agent), self.all())

    def _read(self, events: Sequence[Event]) -> Iterator[Paid]:
        for event in events:
            args = event.args
            job = args["jobId"]
            if event.name == "JobCreated":
                self._clients[job] = args["client"]
                continue
            name = f"{self._escrow}/{job}"
            terms = (self._clients[job], args["provider"], args["amount"])
            yield Paid(name, *terms, event.block_number, event.log_index)


def paid_to(standings: Sequence[Standing], paid: Iterable[Paid]) -> list[Paid]:
    """Give the payments to whoever stood for an agent at that time, by anyone who never did.

    Who ever owned the agent, or was its wallet, is no customer of it.
    """
    insiders = {party for one in standings for party in (one.owner, one.wallet)} - {bytes(20)}
    return [
        one
        for one in paid
        if one.payee in insiders
        and one.payer not in insiders
        and one.payee in parties_at(standings, (one.block, one.log_index))
    ]


def parties_at(standings: Sequence[Standing], place: tuple[int, int]) -> frozenset[Address]:
    """Give the owner and the wallet of an agent at a place on the chain; none before it was."""
    held = [one for one in standings if (one.block, one.index) <= place]
    return frozenset({held[-1].owner, held[-1].wallet} - {bytes(20)}) if held else frozenset()
