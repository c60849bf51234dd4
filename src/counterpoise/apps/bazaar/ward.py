"""A contract as a buyer: it asks through the oracle, the liar is first, and is convicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from counterpoise.apps.bazaar.wares import NAME, Wares
from counterpoise.chain import Account, Contract, deploy
from counterpoise.core.digest import sha256
from counterpoise.core.errors import ChainError
from counterpoise.core.units import TOKEN
from counterpoise.network import Network
from counterpoise.oracle import Inbox, OracleClient, OracleNode, Stage, open_node, publish_model
from counterpoise.verification import Level, OptimisticClient

FEE = 2 * TOKEN
ANSWER_SECONDS = 86_400
MOST_STEPS = 60


@dataclass(frozen=True, slots=True)
class Told:
    """What the contract was told, and what the liar wanted it to be told."""

    question: int
    diseased: bool
    lie: bool


class Ward:
    """Deploys the contract, asks about one patient, and lets sellers answer.

    Parameters
    ----------
    owner :
        Asks through the contract and pays the fee.
    """

    def __init__(self, network: Network, owner: Account, wares: Wares, seed: bytes) -> None:
        self.network, self.owner, self._seed = network, owner, seed
        self.oracle = OracleClient(network.contract("Oracle"))
        self.optimistic = OptimisticClient(network.contract("Optimistic"))
        self._model = wares.imported.model
        self._row = wares.patients[0][-1].tobytes()
        self._rows = wares.checks[0]

    def publish(self, seller: Account, wares: Wares) -> None:
        """Register the model, so that contracts can name it."""
        card = wares.imported.card.to_bytes()
        publish_model(self.network, seller, self._model, name=NAME, card=card)

    def ask(self) -> tuple[int, bytes]:
        """Ask about a patient of whom the chain sees a salted commitment.

        Returns
        -------
        tuple
            The question's number and the salt.
        """
        model = self._model.id
        contract: Contract = deploy(
            self.network.chain, self.owner, "SecondOpinion", self.oracle.address, model
        )
        salt = sha256(self._seed + b"salt of the ward")
        commitment = Inbox(self.network.store, self.network.mailbox).put(salt, self._row)
        token = self.network.contract("CreditToken")
        token.transact(self.owner, "approve", contract.address, FEE)
        until = self.network.chain.block("latest").time + ANSWER_SECONDS
        terms = (commitment, int(Level.OPTIMISTIC), FEE, until, bytes(32))
        contract.transact(self.owner, "ask", *terms)
        self.contract = contract
        return int(contract.events("Asked")[-1].args["id"]), salt

    def lie(self, liar: Account, question: int, salt: bytes) -> bool:
        """Propose the opposite with a bond; gives what was proposed: diseased or not."""
        model = self._model
        if not self.optimistic.is_admitted(model.id):
            self.optimistic.admit(liar, model.id)
        truth = model.trace(self._row, salt)
        right = truth.answer[-1]
        decisions = model.run(self._rows).decisions
        other = self._rows[decisions == 1 - right][0].tobytes()
        false = replace(truth, payloads=(*truth.payloads[:-1], model.answer(other)))
        place = (self.oracle.address, question, model.id)
        self.optimistic.propose(liar, *place, false, publish=True)
        return bool(1 - right)

    def serve(self, node: OracleNode, question: int) -> None:
        """Let an honest node dispute and answer; windows pass at once."""
        for _ in range(MOST_STEPS):
            if node.step():
                continue
            if self.oracle.request_of(question).stage is Stage.ANSWERED:
                return
            self.network.warp(int(self.optimistic.contract.call("liveness_seconds")) + 1)
        raise ChainError(f"question {question} is not answered by any node")

    def withdraw(self, sellers: Sequence[Account]) -> None:
        """Draw what the oracle and the bonds' contract have set aside for sellers."""
        for seller in sellers:
            if self.oracle.credit(seller.address):
                self.oracle.withdraw(seller, seller.address)
            if self.optimistic.balance(seller.address):
                self.optimistic.withdraw(seller)

    def told(self, question: int, lie: bool) -> Told:
        """Give what the contract has on record."""
        return Told(question, bool(self.contract.call("opinion", question)[3]), lie)


def open_seller_node(network: Network, seller: Account, home: Path) -> OracleNode:
    """Open the node of a seller that answers contracts, too."""
    return open_node(network, seller, home, levels=[Level.OPTIMISTIC])
