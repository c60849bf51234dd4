"""The quorum: typed calls to its contract, and the prover of a member."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

from counterpoise.chain import Account, Chain, Contract, Domain, Receipt, artifact, deploy
from counterpoise.core.errors import Reverted, VerificationError
from counterpoise.core.units import Address
from counterpoise.inference import IntegerModel, input_commitment
from counterpoise.jobs import TokenClient
from counterpoise.verification.evaluators import (
    Verdict,
    answer_of,
    check_answer,
    fetch_verdict,
)
from counterpoise.verification.prover import Evidence, Level, Request, Status
from counterpoise.verification.quorum_rules import (
    NAME,
    VERSION,
    QuorumTerms,
    SignedAnswer,
    commitment,
    compact,
    secret_salt,
    signers,
    subject,
)


@dataclass(frozen=True, slots=True)
class Member:
    """What a member has at stake, from when it may withdraw (0: not leaving), what it has open."""

    stake: int
    leaves: int
    open: int
    seated: bool


@dataclass(frozen=True, slots=True)
class Round:
    """A round of commits and reveals; without members there is none in progress."""

    attempt: int
    opened: int
    commits_end: int
    reveals_end: int
    total: int
    members: Sequence[Address]
    revealed: Sequence[bool]

    def has_revealed(self, member: Address) -> bool:
        """Tell whether a member of the round has revealed."""
        return bool(self.revealed[list(self.members).index(member)])


class QuorumClient:
    """The quorum at one address.

    Parameters
    ----------
    contract :
        The deployed ``Quorum``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address
        self.terms = QuorumTerms(*contract.call("terms"))
        token = Contract(contract.chain, self.terms.token, artifact("CreditToken"))
        self.token = TokenClient(token)

    @classmethod
    def deploy(cls, chain: Chain, account: Account, terms: QuorumTerms) -> QuorumClient:
        """Deploy a quorum without members."""
        return cls(deploy(chain, account, "Quorum", astuple(terms)))

    def domain(self) -> Domain:
        """Give the domain in which signed answers are good."""
        return Domain(NAME, VERSION, self.contract.chain.chain_id(), self.address)

    def join(self, member: Account, stake: int) -> Receipt:
        """Take a seat with a stake, or add to it; approves it first where that is needed."""
        if self.token.allowance(member.address, self.address) < stake:
            self.token.approve(member, self.address, stake)
        return self.contract.transact(member, "join", stake)

    def leave(self, member: Account) -> Receipt:
        """Give up the seat; the stake can be withdrawn after the delay."""
        return self.contract.transact(member, "leave")

    def withdraw(self, member: Account) -> Receipt:
        """Take the stake back."""
        return self.contract.transact(member, "withdraw")

    def commit(
        self, member: Account, asker: Address, question: int, about: bytes, seal: bytes
    ) -> Receipt:
        """Commit to an answer; see `quorum_rules`: `about` is a subject, `seal` a commitment."""
        return self.contract.transact(member, "commit", asker, question, about, seal)

    def reveal(
        self, member: Account, asker: Address, question: int, answer: bytes, salt: bytes
    ) -> Receipt:
        """Show the answer that was committed to."""
        return self.contract.transact(member, "reveal", asker, question, answer, salt)

    def settle(self, sender: Account, asker: Address, question: int) -> Receipt:
        """End a round that is over; anyone may."""
        return self.contract.transact(sender, "settle", asker, question)

    def sign(self, member: Account, signed: SignedAnswer) -> bytes:
        """Sign an answer, 65 bytes, for anyone to bring to the chain with those of others."""
        return member.sign_digest(signed.digest(self.domain()))

    def attest(self, sender: Account, signed: SignedAnswer, signatures: list[bytes]) -> Receipt:
        """Make an answer final that the quorum has signed; anyone may send it."""
        words = [compact(one) for one in signers(self.domain(), signed, signatures).values()]
        question = (signed.asker, signed.id, signed.answer)
        return self.contract.transact(sender, "attest", *question, words)

    def convict(
        self,
        sender: Account,
        first: SignedAnswer,
        second: SignedAnswer,
        signatures: tuple[bytes, bytes],
    ) -> Receipt:
        """Take the stake of a member that has signed two answers to one question."""
        question = (first.asker, first.id, first.model, first.input)
        words = [compact(one) for one in signatures]
        return self.contract.transact(
            sender, "convict", *question, first.answer, second.answer, words
        )

    def member(self, account: Address) -> Member:
        """Fetch what an account has at stake."""
        return Member(*self.contract.call("member", account))

    def seated(self) -> list[Address]:
        """Fetch the members that may answer now."""
        return list(self.contract.call("seated"))

    def total_stake(self) -> int:
        """Fetch the stake of all seated members."""
        return int(self.contract.call("total_stake"))

    def round(self, asker: Address, question: int) -> Round:
        """Fetch the round in progress."""
        return Round(*self.contract.call("round", asker, question))

    def verdict(self, asker: Address, question: int) -> Verdict:
        """Fetch where a question stands."""
        return fetch_verdict(self.contract, asker, question)


class Quorum:
    """The prover of one member: it commits to its own answer, reveals it, settles.

    Nothing is kept between calls. The salt of a commitment follows from the account's key, so a
    node that is killed between commit and reveal goes on where it was.

    Parameters
    ----------
    client :
        The quorum that the questions name as their evaluator.
    clock :
        The time in Unix seconds, for a chain without blocks while nothing happens.
    """

    level = Level.QUORUM

    def __init__(self, client: QuorumClient, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        self.clock = clock

    def prove(self, model: IntegerModel, request: Request) -> Evidence:
        """Run the model; members vouch for the answer, so there is no proof beside it."""
        return Evidence(self.level, answer_of(model, request), bytes(32), b"")

    def verify(self, model: IntegerModel, request: Request, evidence: Evidence) -> None:
        """Raise `VerificationError` unless the answer is the one that the model gives."""
        check_answer(self.level, model, request, evidence)

    def sign(self, account: Account, request: Request, evidence: Evidence) -> bytes:
        """Sign an answer, for a member that collects signatures instead of a round."""
        return self.client.sign(account, signed_answer(request, evidence))

    def attest(
        self, account: Account, request: Request, evidence: Evidence, signatures: list[bytes]
    ) -> Status:
        """Bring an answer that enough members have signed; tell where the question stands."""
        self.client.attest(account, signed_answer(request, evidence), signatures)
        return self.client.verdict(request.asker, request.id).status

    def advance(self, account: Account, request: Request, evidence: Evidence) -> Status:
        """Commit, reveal or settle, whatever is due; tell where the question stands."""
        status = self.client.verdict(request.asker, request.id).status
        if status in (Status.FINAL, Status.FAILED):
            return status
        try:
            self._step(account, request, evidence)
        except Reverted:
            # Another member may have been faster; if not, the refusal is ours.
            if self.client.verdict(request.asker, request.id).status == status:
                raise
        return self.client.verdict(request.asker, request.id).status

    def _step(self, account: Account, request: Request, evidence: Evidence) -> None:
        asker, question = request.asker, request.id
        found = self.client.round(asker, question)
        now = max(self.client.contract.chain.block().time + 1, int(self.clock()))
        if account.address in found.members:
            if now < found.commits_end:
                return
            if not found.has_revealed(account.address) and now < found.reveals_end:
                salt = self._salt(account, request, found.attempt)
                self._check_sealed(account, request, evidence, salt, found.attempt)
                self.client.reveal(account, asker, question, evidence.answer, salt)
                found = self.client.round(asker, question)
        elif (now < found.commits_end or not found.members) and now <= request.deadline:
            salt = self._salt(account, request, found.attempt)
            seal = self._seal(account, request, evidence, salt)
            about = subject(request.model, input_commitment(request.salt, request.values))
            self.client.commit(account, asker, question, about, seal)
            return
        if found.members and (all(found.revealed) or now >= found.reveals_end):
            self.client.settle(account, asker, question)

    def _salt(self, account: Account, request: Request, attempt: int) -> bytes:
        chain_id = self.client.contract.chain.chain_id()
        place = (chain_id, self.client.address, request.asker, request.id, attempt)
        return secret_salt(account, *place)

    def _seal(self, account: Account, request: Request, evidence: Evidence, salt: bytes) -> bytes:
        chain_id = self.client.contract.chain.chain_id()
        place = (chain_id, self.client.address, request.asker, request.id, account.address)
        return commitment(*place, evidence.answer, salt)

    def _check_sealed(
        self, account: Account, request: Request, evidence: Evidence, salt: bytes, attempt: int
    ) -> None:
        """Refuse to reveal what was not committed to, before it costs a transaction."""
        place = (request.asker, request.id, account.address, attempt)
        mine = [
            event.args["commitment"]
            for event in self.client.contract.events("Committed")
            if tuple(event.args[name] for name in ("asker", "id", "account", "attempt")) == place
        ]
        if mine and mine[-1] != self._seal(account, request, evidence, salt):
            raise VerificationError(
                f"question {request.id}: the answer is not the one committed to",
                hint="give the evidence that was committed; the model or the input has changed",
            )


def signed_answer(request: Request, evidence: Evidence) -> SignedAnswer:
    """Give what members sign of a request's answer."""
    hidden = input_commitment(request.salt, request.values)
    return SignedAnswer(request.asker, request.id, request.model, hidden, evidence.answer)
