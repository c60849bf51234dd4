"""The nodes of the demonstration: real oracle nodes, each with a key and a folder of its own.

Three are the quorum's committee. The first answers at every level; the second watches bonded
answers and convicts those that are false.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from counterpoise.apps.lending.applicants import Asking
from counterpoise.apps.lending.scorecard import Scorecard
from counterpoise.chain import Account
from counterpoise.core.errors import ChainError
from counterpoise.core.units import TOKEN
from counterpoise.inference import Net
from counterpoise.network import Network
from counterpoise.oracle import OracleClient, OracleNode, Stage
from counterpoise.verification import (
    Challenger,
    Direct,
    DirectClient,
    Level,
    Optimistic,
    OptimisticClient,
    Prover,
    Quorum,
    QuorumClient,
    Verdict,
    fetch_verdict,
)

NAMES = ("node-1", "node-2", "node-3")
STAKE = 25 * TOKEN
WAIT, MOST_WAITS = 300, 100
CONTRACTS = {
    Level.QUORUM: "Quorum",
    Level.OPTIMISTIC: "Optimistic",
    Level.ZK: "ZkProofs",
    Level.DIRECT: "Direct",
}


@dataclass(frozen=True, slots=True)
class Served:
    """How long an answer took: at the wall, and in windows that the chain's clock had to pass."""

    wall: float
    windows: int


class Service:
    """The oracle's nodes, made to work one question at a time.

    Parameters
    ----------
    folder :
        Under it each node has its own.
    """

    def __init__(self, network: Network, folder: Path, levels: Mapping[int, Prover]) -> None:
        self.network = network
        self.oracle = OracleClient(network.contract("Oracle"))
        self.optimistic = OptimisticClient(network.contract("Optimistic"))
        mine: list[dict[int, Prover]] = [
            dict(levels),
            {k: v for k, v in levels.items() if k in (Level.QUORUM, Level.OPTIMISTIC)},
            {k: v for k, v in levels.items() if k == Level.QUORUM},
        ]
        self.nodes = [
            OracleNode(
                network,
                network.account(name),
                own,
                self.verdict_of,
                folder / name,
                watchers={1: Challenger(self.optimistic).challenge} if name == NAMES[1] else {},
            )
            for name, own in zip(NAMES, mine, strict=True)
        ]

    def close(self) -> None:
        """Let go of the nodes' folders."""
        for node in self.nodes:
            node.close()

    def verdict_of(self, level: int, number: int) -> Verdict:
        """Fetch what the evaluator of a level says of a request."""
        contract = self.network.contract(CONTRACTS[Level(level)])
        return fetch_verdict(contract, self.oracle.address, number)

    def prepare(self, card: Net) -> None:
        """Let the committee stake, and take the model in where that is done once."""
        quorum = QuorumClient(self.network.contract("Quorum"))
        for name in NAMES:
            account = self.network.account(name)
            if quorum.member(account.address).stake < STAKE:
                quorum.join(account, STAKE)
        direct = DirectClient(self.network.contract("Direct"))
        first = self.network.account(NAMES[0])
        if not direct.is_loaded(card.id):
            direct.load(first, card)
        if not self.optimistic.is_admitted(card.id):
            self.optimistic.admit(first, card.id)

    def serve(self, number: int) -> Served:
        """Let the nodes work until a request is answered; windows pass at once."""
        started, opened = time.perf_counter(), self.network.chain.block().time
        waits = 0
        while self.oracle.request_of(number).stage is Stage.OPEN:
            moved = [node.step() for node in self.nodes]
            for node in self.nodes:
                node.supply.wait(1)
            if not any(moved):
                waits += 1
                if waits > MOST_WAITS:
                    raise ChainError(f"request {number} is not answered by any node")
                self._let_pass(number)
        return Served(time.perf_counter() - started, self.network.chain.block().time - opened)

    def _let_pass(self, number: int) -> None:
        """Let a bonded answer's window pass at once; or a while, where it is not known for what."""
        ends = self.optimistic.proposal(self.oracle.address, number).ends
        left = ends - self.network.chain.block().time
        self.network.warp(left if left > 0 else WAIT)

    def lie(self, liar: Account, card: Scorecard, asking: Asking, number: int) -> bytes:
        """Let a node propose, with its bond, the answer that a usual borrower would get.

        Returns
        -------
        The false answer.
        """
        truth = card.net.trace(asking.data, asking.salt)
        false = replace(truth, payloads=(*truth.payloads[:-1], card.net.answer(card.reference)))
        if not self.optimistic.proposal(self.oracle.address, number).proposed:
            place = (self.oracle.address, number, card.net.id)
            self.optimistic.propose(liar, *place, false, publish=True)
        return false.answer


def provers(network: Network, zk: Prover | None) -> dict[int, Prover]:
    """Give a prover for every level that this network offers and this installation can prove."""
    found: dict[int, Prover] = {
        int(Level.QUORUM): Quorum(QuorumClient(network.contract("Quorum"))),
        int(Level.OPTIMISTIC): Optimistic(OptimisticClient(network.contract("Optimistic"))),
        int(Level.DIRECT): Direct(DirectClient(network.contract("Direct"))),
    }
    return found if zk is None else {**found, int(Level.ZK): zk}


@contextmanager
def serving(network: Network, folder: Path, levels: Mapping[int, Prover]) -> Iterator[Service]:
    """Open the nodes, and let go of them."""
    service = Service(network, folder, levels)
    try:
        yield service
    finally:
        service.close()
