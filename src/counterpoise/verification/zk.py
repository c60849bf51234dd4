"""Zero-knowledge proofs of answers: typed calls to the contract, and the prover."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from counterpoise.chain import Account, Chain, Contract, Receipt, deploy
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, Reverted, VerificationError
from counterpoise.core.units import Address
from counterpoise.inference import IntegerModel, parse_answer
from counterpoise.verification.evaluators import Verdict, answer_of, check_answer, fetch_verdict
from counterpoise.verification.prover import Evidence, Level, Request, Status
from counterpoise.verification.zk_key import ZkKey, check_key, load_key

NO_CEREMONY = bytes(32)


@dataclass(frozen=True, slots=True)
class Pin:
    """The key that the owner of a model pinned; `development`: its SRS is not the ceremony's."""

    digest: bytes
    settings: bytes
    srs: bytes
    ceremony: bytes
    development: bool


class ZkClient:
    """The contract of zero-knowledge proofs at one address.

    Parameters
    ----------
    contract :
        The deployed ``ZkProofs``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address

    @classmethod
    def deploy(
        cls,
        chain: Chain,
        account: Account,
        models: Address,
        verifier: Address,
        *,
        ceremony: bytes = NO_CEREMONY,
        production: bool = False,
    ) -> ZkClient:
        """Deploy it over a registry of models and a verifier; see `deploy_verifier`.

        Parameters
        ----------
        ceremony :
            `Srs.points` of the ceremony whose SRS is trusted.
        production :
            Whether keys of any other SRS are refused; otherwise they are marked.
        """
        return cls(deploy(chain, account, "ZkProofs", models, verifier, production, ceremony))

    def pin(self, owner: Account, key: ZkKey) -> Receipt:
        """Pin the key of a model, once; its owner."""
        words = list(key.words)
        return self.contract.transact(owner, "pin", key.model, words, key.settings, key.srs.digest)

    def pin_of(self, model: bytes) -> Pin:
        """Fetch the key that is pinned for a model.

        Raises
        ------
        InputError :
            None is.
        """
        found = Pin(*self.contract.call("pin_of", model))
        if not any(found.digest):
            raise InputError(
                f"no key is pinned for model {model.hex()}",
                hint="its owner pins one: counterpoise verification zk setup, then ZkClient.pin",
            )
        return found

    def prove(
        self, sender: Account, request: Request, answer: bytes, proof: bytes, key: ZkKey
    ) -> Receipt:
        """Bring a proof; the answer is final in this transaction."""
        logits = list(parse_answer(answer)[0])
        question = (request.asker, request.id, request.salt, request.values)
        return self.contract.transact(
            sender, "prove", *question, logits, proof, b"".join(key.words)
        )

    def verdict(self, asker: Address, question: int) -> Verdict:
        """Fetch where a question stands."""
        return fetch_verdict(self.contract, asker, question)

    def check_pin(self, model: IntegerModel, settings: bytes, srs_folder: Path) -> Pin:
        """Check that the pinned key is what the model and its published settings make.

        Raises
        ------
        VerificationError :
            It is not: proofs under it say nothing of this model.
        """
        pinned = self.pin_of(model.id)
        check_key(model, settings, srs_folder, pinned.digest, pinned.srs)
        return pinned


class Zk:
    """The prover of a node that holds a model's proving key.

    Parameters
    ----------
    client :
        The contract that the questions name as their evaluator; None to prove and verify alone.
    key :
        The proving key, or the folder in which `make_key` made it.
    """

    level = Level.ZK

    def __init__(self, client: ZkClient | None, key: ZkKey | Path) -> None:
        self.client = client
        self.key = load_key(key) if isinstance(key, Path) else key

    def prove(self, model: IntegerModel, request: Request) -> Evidence:
        """Run the model and the circuit, and prove that they agree.

        Raises
        ------
        VerificationError :
            The circuit computes another answer than the model.
        """
        answer = answer_of(model, request)
        self._check_model(model)
        logits, proof = self.key.circuit().prove(request.values)
        if tuple(logits) != parse_answer(answer)[0]:
            raise VerificationError(f"the circuit gives {logits}, the model {answer.hex()}")
        return Evidence(self.level, answer, keccak(proof), proof)

    def verify(self, model: IntegerModel, request: Request, evidence: Evidence) -> None:
        """Raise `VerificationError` unless the proof proves this answer to this input."""
        check_answer(self.level, model, request, evidence)
        self._check_model(model)
        if evidence.digest != keccak(evidence.proof):
            raise VerificationError("the evidence names the digest of another proof")
        logits = parse_answer(evidence.answer)[0]
        if not self.key.circuit().verify(request.values, logits, evidence.proof):
            raise VerificationError("the proof is false")

    def advance(self, account: Account, request: Request, evidence: Evidence) -> Status:
        """Bring the proof unless the question is decided; tell where it stands."""
        if self.client is None:
            raise InputError("this prover knows no contract", hint="give it a ZkClient")
        found = self.client.verdict(request.asker, request.id)
        if found.status == Status.NONE:
            try:
                self.client.prove(account, request, evidence.answer, evidence.proof, self.key)
            except Reverted:
                # Another node may have been faster; if not, the refusal is ours.
                if self.client.verdict(request.asker, request.id).status == Status.NONE:
                    raise
        return self.client.verdict(request.asker, request.id).status

    def _check_model(self, model: IntegerModel) -> None:
        if self.key.model != model.id:
            raise InputError(
                f"the key in {self.key.folder} is of model {self.key.model.hex()}, "
                f"not of {model.id.hex()}"
            )
