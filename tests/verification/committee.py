"""A committee of five with a question before it, and what a test needs around them."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from counterpoise.chain import Account, Contract, Workbench, artifact_of, deploy, open_chain
from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN
from counterpoise.inference import Layer, Net, input_commitment
from counterpoise.verification import Quorum, QuorumClient, QuorumTerms, Request
from counterpoise.verification.quorum_rules import commitment, subject

CONTRACTS = Path(__file__).parent / "contracts"
START = 1_700_000_000
STAKE = 100 * TOKEN
NAMES = ("ann", "bob", "cleo", "dan", "eve")
LIFE = 3600
SALT = bytes(range(32))
TRUE, FALSE = bytes.fromhex("000000070001"), bytes.fromhex("fffffff90000")


@contextmanager
def refused(reason):
    """The block must be refused with exactly this reason."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == reason


def small_net():
    return Net((Layer(np.array([[3, -2]]), np.array([-10])),))


@dataclass
class Committee:
    """One chain with a token, an asker, and a quorum whose members are seated."""

    chain: Workbench
    token: Contract
    questions: Contract
    quorum: QuorumClient
    members: dict[str, Account]
    minter: Account

    def __getattr__(self, name):
        if name in self.__dict__.get("members", {}):
            return self.members[name]
        raise AttributeError(name)

    @property
    def asker(self):
        return self.questions.address

    @property
    def now(self):
        return self.chain.block().time + 1

    def newcomer(self, name, amount=1000 * TOKEN):
        """An account with gas money and tokens."""
        account = Account.local(name.encode())
        self.chain.fund(account.address, 10**21)
        self.token.transact(self.minter, "mint", account.address, amount)
        return account

    def ask(self, model=None, values=b"\x0a\x02", evaluator=None, life=LIFE, salt=SALT):
        """Put a question to the quorum and give it as a request."""
        model = model or small_net()
        hidden = input_commitment(salt, values)
        place = evaluator or self.quorum.address
        deadline = self.now + life
        self.questions.transact(self.minter, "ask", model.id, hidden, place, deadline)
        number = self.questions.call("count")
        return Request(self.asker, number, model.id, salt, values, deadline)

    def seal(self, member, request, answer, salt=SALT, asker=None, question=None):
        place = (asker or request.asker, request.id if question is None else question)
        return commitment(
            self.chain.chain_id(), self.quorum.address, *place, member.address, answer, salt
        )

    def commit(self, member, request, answer, salt=SALT, seal=None):
        seal = seal or self.seal(member, request, answer, salt)
        about = subject(request.model, input_commitment(request.salt, request.values))
        return self.quorum.commit(member, request.asker, request.id, about, seal)

    def reveal(self, member, request, answer, salt=SALT):
        return self.quorum.reveal(member, request.asker, request.id, answer, salt)

    def settle(self, request):
        return self.quorum.settle(self.minter, request.asker, request.id)

    def verdict(self, request):
        return self.quorum.verdict(request.asker, request.id)

    def play(self, request, answers, silent=()):
        """A whole round: who answers what, and who commits and is silent; then it is settled."""
        for member, answer in answers:
            self.commit(member, request, answer)
        for member in silent:
            self.commit(member, request, TRUE)
        self.pass_commits(request)
        for member, answer in answers:
            self.reveal(member, request, answer)
        if silent:
            self.pass_reveals(request)
        return self.settle(request)

    def pass_commits(self, request):
        self._warp_to(self.quorum.round(request.asker, request.id).commits_end)

    def pass_reveals(self, request):
        self._warp_to(self.quorum.round(request.asker, request.id).reveals_end)

    def _warp_to(self, when):
        if when > self.now:
            self.chain.warp(when - self.now)

    def prover(self):
        return Quorum(self.quorum, clock=lambda: START)

    def balance(self, who):
        return self.token.call("balanceOf", getattr(who, "address", who))

    def stake(self, member):
        return self.quorum.member(member.address).stake


def build(**changes):
    chain = open_chain("embedded:", clock=lambda: START)
    minter = Account.local(b"minter")
    chain.fund(minter.address, 10**21)
    token = deploy(chain, minter, "CreditToken", minter.address)
    questions = deploy(chain, minter, artifact_of(CONTRACTS / "Questions.vy"))
    terms = replace(QuorumTerms(token.address, 10 * TOKEN, 3), **changes)
    quorum = QuorumClient.deploy(chain, minter, terms)
    made = Committee(chain, token, questions, quorum, {}, minter)
    for name in NAMES:
        made.members[name] = made.newcomer(name)
        quorum.join(made.members[name], STAKE)
    return made
