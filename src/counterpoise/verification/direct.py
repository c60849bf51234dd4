"""The chain runs the model: typed calls to the contract, and its prover."""

from __future__ import annotations

from counterpoise.chain import Account, Chain, Contract, Receipt, deploy
from counterpoise.core.errors import InputError, Reverted
from counterpoise.core.units import Address
from counterpoise.inference import IntegerModel, Net
from counterpoise.verification.evaluators import Verdict, answer_of, check_answer, fetch_verdict
from counterpoise.verification.prover import Evidence, Level, Request, Status

MAX_WIDTH = 512
MAX_WORDS = 736
"""Words of 32 bytes for biases and weights that the code of one contract holds."""


class DirectClient:
    """The contract that runs models, at one address.

    Parameters
    ----------
    contract :
        The deployed ``Direct``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address

    @classmethod
    def deploy(cls, chain: Chain, account: Account) -> DirectClient:
        """Deploy the contract, without any model."""
        return cls(deploy(chain, account, "Direct"))

    def is_loaded(self, model: bytes) -> bool:
        """Fetch whether the weights of a model are on the chain."""
        return any(self.contract.call("code_of", model))

    def load(self, sender: Account, model: IntegerModel) -> Receipt:
        """Put the weights of a net on the chain; anyone, once.

        Raises
        ------
        InputError :
            The model is no net, or too large to be run in a contract.
        """
        return self.contract.transact(sender, "load", model.header, rows_of(model))

    def run(self, model: bytes, values: bytes) -> bytes:
        """Let the chain run a loaded model, without a transaction; gives the answer."""
        return bytes(self.contract.call("run", model, values))

    def answer(
        self, sender: Account, asker: Address, question: int, salt: bytes, values: bytes
    ) -> Receipt:
        """Answer a question; the bytes of its input are public from then on."""
        return self.contract.transact(sender, "answer", asker, question, salt, values)

    def verdict(self, asker: Address, question: int) -> Verdict:
        """Fetch where a question stands."""
        return fetch_verdict(self.contract, asker, question)


class Direct:
    """The prover of a node that has the chain run the model.

    Parameters
    ----------
    client :
        The contract that the questions name as their evaluator; the model must be loaded.
    """

    level = Level.DIRECT

    def __init__(self, client: DirectClient) -> None:
        self.client = client

    def prove(self, model: IntegerModel, request: Request) -> Evidence:
        """Run the model; the chain will do so again, so there is no proof beside the answer."""
        return Evidence(self.level, answer_of(model, request), bytes(32), b"")

    def verify(self, model: IntegerModel, request: Request, evidence: Evidence) -> None:
        """Raise `VerificationError` unless the answer is the one that the model gives."""
        check_answer(self.level, model, request, evidence)

    def advance(self, account: Account, request: Request, evidence: Evidence) -> Status:
        """Send the input to be run, unless it was; tell where the question stands."""
        place = (request.asker, request.id)
        status = self.client.verdict(*place).status
        if status is not Status.NONE:
            return status
        if self.client.contract.chain.block().time >= request.deadline:
            return status
        try:
            self.client.answer(account, *place, request.salt, request.values)
        except Reverted:
            # Another node may have been faster; if not, the refusal is ours.
            if self.client.verdict(*place).status is Status.NONE:
                raise
        return self.client.verdict(*place).status


def rows_of(model: IntegerModel) -> bytes:
    """Give what `load` takes: of each row its bias and its weights, without their marks.

    Raises
    ------
    InputError :
        The model is no net, or too large to be run in a contract.
    """
    if not isinstance(model, Net):
        raise InputError(
            "a forest does not run in the contract",
            hint="ask for quorum or optimistic answers instead",
        )
    layers = model.shape.layers
    widest = max(layer.inputs for layer in layers)
    words = sum(layer.outputs * (1 + -(-layer.inputs // 32)) for layer in layers)
    if widest > MAX_WIDTH or words > MAX_WORDS:
        raise InputError(
            f"a net of {words} words of weights, {widest} wide at most, does not run in the "
            f"contract: {MAX_WORDS} words and {MAX_WIDTH} inputs to a layer do",
            hint="ask for optimistic answers instead, or train a smaller net",
        )
    return b"".join(model.row(index)[4:] for index in range(model.rows))
