"""What an application cost: gas of each transaction, from its receipt, and bytes of its proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from counterpoise.apps.lending.desk import DeskClient
from counterpoise.chain import Log
from counterpoise.core.errors import InputError
from counterpoise.inference import Net
from counterpoise.network import Network
from counterpoise.verification import Level

KINDS = ("request", "proof", "dispute", "fulfil")
EVALUATORS = ("Quorum", "Optimistic", "ZkProofs", "Direct")


@dataclass(frozen=True, slots=True)
class Spent:
    """One transaction on the way from an application to its decision.

    Parameters
    ----------
    kind :
        ``request`` (the applicant), ``proof`` and ``dispute`` (nodes), or ``fulfil`` (with the
        callback that prices the loan).
    what :
        The evaluator's or the oracle's event that it is named by.
    """

    kind: str
    what: str
    gas: int


def spent_on(network: Network, desk: DeskClient, number: int) -> list[Spent]:
    """Give the transactions of one application, in order; approvals and drawn fees left out."""
    history = {event.name: event for event in desk.history(number)}
    end = history.get("Offered") or history.get("Declined")
    if end is None:
        raise InputError(f"loan {number} is not decided")
    names = {network.charter.contracts[n]: n for n in EVALUATORS if n in network.charter.contracts}
    oracle = network.contract("Oracle")
    places = [desk.address, oracle.address, *names]
    logs = network.chain.logs(history["Applied"].block_number, end.block_number, places)
    by_transaction: dict[bytes, list[Log]] = {}
    for log in logs:
        by_transaction.setdefault(log.tx_hash, []).append(log)
    found = []
    for tx_hash, own in by_transaction.items():
        events = [_event(network, desk, names, log) for log in own]
        named = next((_kind(event) for event in events if _kind(event)[0]), ("", ""))
        receipt = network.chain.receipt(tx_hash)
        if named[0] and receipt is not None:
            found.append(Spent(*named, receipt.gas_used))
    return found


def _event(
    network: Network, desk: DeskClient, names: Mapping[bytes, str], log: Log
) -> tuple[str, str]:
    """Name the contract and the event of a log."""
    if log.address == desk.address:
        contract, name = desk.contract, "LoanDesk"
    else:
        name = names.get(log.address, "Oracle")
        contract = network.contract(name)
    event = contract.decode(log)
    return name, event.name if event else ""


def _kind(event: tuple[str, str]) -> tuple[str, str]:
    """Say what a transaction is for by one of its events; empty where it says nothing."""
    contract, name = event
    if event == ("LoanDesk", "Applied"):
        return "request", name
    if event == ("Oracle", "Fulfilled"):
        return "fulfil", name
    if name in ("Convicted", "Demanded", "Forfeited"):
        return "dispute", name
    if contract in ("ZkProofs", "Direct") and name in STEPS:
        return "proof", "prove" if contract == "ZkProofs" else "run"
    if contract in EVALUATORS and name in STEPS:
        return "proof", STEPS[name]
    return "", ""


STEPS = {"Committed": "commit", "Revealed": "reveal", "Proposed": "propose", "Settled": "settle"}
"""Events of evaluators, and what the transaction did."""


def proof_bytes(network: Network, desk: DeskClient, number: int, net: Net, proof: int) -> int:
    """Give the bytes of calldata that carry the proof of a loan's answer to the chain.

    Parameters
    ----------
    proof :
        Length of the zero-knowledge proof with its key, where the answer was proven by one.
    """
    level, place = Level(desk.loan(number).level), (bytes(20), number)
    answer, word, values = bytes(4 * net.outputs + 2), bytes(32), bytes(net.inputs)
    if level is Level.QUORUM:
        quorum, members = network.contract("Quorum"), len(providers(network, number))
        commit = quorum.encode("commit", *place, word, word)
        return members * (len(commit) + len(quorum.encode("reveal", *place, answer, word)))
    if level is Level.OPTIMISTIC:
        hidden = [bytes(layer.outputs) for layer in net.shape.layers[:-1]]
        optimistic = network.contract("Optimistic")
        return len(optimistic.encode("propose_with_trace", *place, word, answer, hidden))
    if level is Level.DIRECT:
        return len(network.contract("Direct").encode("answer", *place, word, values))
    zk, logits = network.contract("ZkProofs"), [0] * net.outputs
    return len(zk.encode("prove", *place, word, values, logits, bytes(proof), b""))


def providers(network: Network, number: int) -> list[bytes]:
    """Give who shared the fee of a request."""
    for event in network.contract("Oracle").events("Fulfilled"):
        if event.args["id"] == number:
            return list(event.args["providers"])
    return []
