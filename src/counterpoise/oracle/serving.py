"""Opens a node on a network: which levels it can answer at, and whose answers it disputes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from counterpoise.chain import Account, Contract, Receipt, artifact
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.inference import IntegerModel
from counterpoise.network import Network
from counterpoise.oracle.client import OracleClient
from counterpoise.oracle.node import OracleNode
from counterpoise.oracle.policy import Policy, Purse, Say, Watcher, quiet
from counterpoise.verification import (
    Challenger,
    Direct,
    DirectClient,
    Evidence,
    Level,
    Optimistic,
    OptimisticClient,
    Prover,
    Quorum,
    QuorumClient,
    Request,
    Status,
    Verdict,
    Zk,
    ZkClient,
    fetch_verdict,
)

EVALUATORS = {
    Level.QUORUM: "Quorum",
    Level.OPTIMISTIC: "Optimistic",
    Level.ZK: "ZkProofs",
    Level.DIRECT: "Direct",
}
"""The contract that decides at each level a node can answer at."""


class BondPurse:
    """What the optimistic contract owes: bonds that came back, and rewards."""

    def __init__(self, client: OptimisticClient) -> None:
        self.client = client

    def credit(self, account: Address) -> int:
        """Fetch what an account can draw, in base units."""
        return self.client.balance(account)

    def withdraw(self, sender: Account, account: Address) -> Receipt:
        """Draw the sender's own balance."""
        return self.client.withdraw(sender)


class ZkKeys:
    """The zero-knowledge prover of a node: one proving key for each model that it proves.

    Parameters
    ----------
    keys :
        Folders that `make_key` made.
    """

    level = Level.ZK

    def __init__(self, client: ZkClient, keys: Iterable[Path]) -> None:
        provers = [Zk(client, folder) for folder in keys]
        self._provers = {prover.key.model: prover for prover in provers}

    def _of(self, model: bytes) -> Zk:
        if model not in self._provers:
            known = ", ".join(one.hex()[:12] for one in self._provers) or "none"
            raise InputError(
                f"there is no proving key of model {model.hex()}", hint=f"keys here: {known}"
            )
        return self._provers[model]

    def prove(self, model: IntegerModel, request: Request) -> Evidence:
        """Prove with the model's own key."""
        return self._of(request.model).prove(model, request)

    def verify(self, model: IntegerModel, request: Request, evidence: Evidence) -> None:
        """Verify with the model's own key."""
        self._of(request.model).verify(model, request, evidence)

    def advance(self, account: Account, request: Request, evidence: Evidence) -> Status:
        """Bring the proof to the chain."""
        return self._of(request.model).advance(account, request, evidence)


def evaluators(network: Network) -> dict[int, Contract]:
    """Give the contract of each level that the network's oracle offers."""
    oracle = OracleClient(network.contract("Oracle"))
    found = {level: oracle.evaluator_of(level) for level in EVALUATORS}
    return {
        int(level): Contract(network.chain, address, artifact(EVALUATORS[level]))
        for level, address in found.items()
        if any(address)
    }


def open_node(
    network: Network,
    account: Account,
    home: Path,
    *,
    levels: Iterable[Level] = (),
    policy: Policy | None = None,
    say: Say = quiet,
    publish_traces: bool = True,
    zk_keys: Sequence[Path] = (),
    clock: Callable[[], float] = time.time,
) -> OracleNode:
    """Open a node.

    Parameters
    ----------
    account :
        Answers, is paid, and has what its levels want: a seat for the quorum, tokens for bonds.
    home :
        The node's own folder.
    levels :
        Where it answers; every level that the network offers if none is named, but `ZK` only with
        a key. For `QUORUM` it needs a seat.
    zk_keys :
        Folders with the proving keys of models, for `ZK`.
    publish_traces :
        Whether small traces go on the chain with optimistic answers; with their hidden layers
        they tell something of the input.

    Raises
    ------
    InputError :
        The network offers none of the levels, or not one that is named.
    """
    offered = evaluators(network)
    usual = [level for level in sorted(offered) if level != Level.ZK or zk_keys]
    chosen = [int(level) for level in levels] or usual
    _check_offered(chosen, offered)
    provers = {
        level: _prover(level, offered[level], publish_traces, zk_keys, clock) for level in chosen
    }
    watchers: dict[int, Watcher] = {}
    purses: list[Purse] = []
    if Level.OPTIMISTIC in chosen:
        client = OptimisticClient(offered[Level.OPTIMISTIC])
        watchers[Level.OPTIMISTIC] = Challenger(client, clock=clock).challenge
        purses.append(BondPurse(client))
    asker = network.contract("Oracle").address

    def verdict_of(level: int, request: int) -> Verdict:
        return fetch_verdict(offered[level], asker, request)

    terms = policy or Policy()
    return OracleNode(
        network, account, provers, verdict_of, home, terms, watchers, purses, say, clock
    )


def _check_offered(chosen: Sequence[int], offered: Mapping[int, Contract]) -> None:
    missing = [Level(level).name.lower() for level in chosen if level not in offered]
    if missing or not chosen:
        known = ", ".join(Level(level).name.lower() for level in offered) or "none"
        raise InputError(
            f"the oracle offers no level {', '.join(missing) or 'at all'}", hint=f"it has {known}"
        )


def _prover(
    level: int,
    contract: Contract,
    publish_traces: bool,
    zk_keys: Sequence[Path],
    clock: Callable[[], float],
) -> Prover:
    if level == Level.QUORUM:
        return Quorum(QuorumClient(contract), clock)
    if level == Level.OPTIMISTIC:
        return Optimistic(OptimisticClient(contract), publish=publish_traces, clock=clock)
    if level == Level.ZK:
        return ZkKeys(ZkClient(contract), zk_keys)
    return Direct(DirectClient(contract))
