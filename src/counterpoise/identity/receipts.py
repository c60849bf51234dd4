"""What was paid: proof that whoever rates an agent was its customer.

A source of receipts says what a client paid to an agent. Escrowed jobs are one; channels and
exact payments are others, behind the same Protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from counterpoise.chain import Contract
from counterpoise.core.units import Address
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
    """

    name: str
    payer: Address
    payee: Address
    amount: int
    block: int
    log_index: int


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
        The escrow, as ``Jobs`` deploys.
    """

    def __init__(self, identity: IdentityClient, jobs: Contract) -> None:
        self._identity = identity
        self._jobs = jobs

    def paid(self, agent: int) -> list[Paid]:
        """Fetch every finished job of an agent."""
        standings = self._identity.standings(agent)
        clients: dict[int, Address] = {}
        found: list[Paid] = []
        for event in self._jobs.events():
            args = event.args
            if event.name == "JobCreated":
                clients[args["jobId"]] = args["client"]
            elif event.name == "PaymentReleased":
                place = (event.block_number, event.log_index)
                if args["provider"] not in parties_at(standings, place):
                    continue
                job = args["jobId"]
                name = f"job/0x{self._jobs.address.hex()}/{job}"
                terms = (clients[job], args["provider"], args["amount"])
                found.append(Paid(name, *terms, *place))
        return found


def parties_at(standings: Sequence[Standing], place: tuple[int, int]) -> frozenset[Address]:
    """Give the owner and the wallet of an agent at a place on the chain; none before it was."""
    held = [one for one in standings if (one.block, one.index) <= place]
    return frozenset({held[-1].owner, held[-1].wallet} - {bytes(20)}) if held else frozenset()
