"""Any history of a committee: it holds exactly the stakes, and decides as `quorum_rules` says."""

from dataclasses import dataclass, field

import pytest
from committee import NAMES, STAKE, build
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from counterpoise.core.errors import Reverted
from counterpoise.verification import QuorumTerms, SignedAnswer, Status
from counterpoise.verification.quorum_rules import PPM, compact, fault, fine, winner

QUICK = settings(
    max_examples=12,
    stateful_step_count=16,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
ANSWERS = [value.to_bytes(4, "big", signed=True) + b"\0\1" for value in (-9, 4, 7)]
names = st.sampled_from(NAMES)
answers = st.sampled_from(ANSWERS)
sides = st.integers(0, 3)


@dataclass
class Course:
    """What the machine knows of one question."""

    request: object
    committed: dict = field(default_factory=dict)
    revealed: dict = field(default_factory=dict)
    total: int = 0
    final: bytes | None = None


class QuorumMachine(RuleBasedStateMachine):
    """Four questions before one committee, whose members come, go, answer, lie and fall silent."""

    shared = None

    def __init__(self):
        super().__init__()
        self.five = self.shared
        self.place = self.five.chain.snapshot()
        self.stakes = dict.fromkeys(NAMES, STAKE)
        self.seated = set(NAMES)
        self.terms = self.five.quorum.terms
        self.names = {account.address: name for name, account in self.five.members.items()}

    def teardown(self):
        self.five.chain.revert(self.place)

    @initialize()
    def ask(self):
        self.courses = [Course(self.five.ask(life=86_400)) for _ in range(4)]

    def tries(self, call):
        """Run a call; tell whether the contract took it."""
        try:
            call()
        except Reverted as refusal:
            assert refusal.reason.startswith("quorum: "), refusal
            return False
        return True

    @rule(who=names, amount=st.sampled_from((1, STAKE // 2)))
    def join(self, who, amount):
        self.five.token.transact(
            self.five.members[who], "approve", self.five.quorum.address, amount
        )
        if self.tries(lambda: self.five.quorum.join(self.five.members[who], amount)):
            self.stakes[who] += amount
            self.seated.add(who)

    @rule(who=st.sampled_from(NAMES[3:]))
    def leave(self, who):
        left = self.tries(lambda: self.five.quorum.leave(self.five.members[who]))
        assert left == (who in self.seated)
        self.seated.discard(who)

    @rule(who=names)
    def withdraw(self, who):
        if self.tries(lambda: self.five.quorum.withdraw(self.five.members[who])):
            assert who not in self.seated
            assert all(who not in course.committed for course in self.courses)
            self.stakes[who] = 0

    @rule(side=sides, who=names, answer=answers)
    def commit(self, side, who, answer):
        course = self.courses[side]
        before = sum(self.stakes[name] for name in self.seated)
        member = self.five.members[who]
        if self.tries(lambda: self.five.commit(member, course.request, answer)):
            assert who in self.seated and who not in course.committed and course.final is None
            course.total = max(course.total, before) if course.committed else before
            course.committed[who] = answer

    def reveal(self, side, who, honest):
        course = self.courses[side]
        answer = course.committed.get(who, ANSWERS[0])
        if not honest:
            answer = ANSWERS[(ANSWERS.index(answer) + 1) % 3]
        member = self.five.members[who]
        if self.tries(lambda: self.five.reveal(member, course.request, answer)):
            assert course.committed[who] == answer and who not in course.revealed
            course.revealed[who] = answer

    def settle(self, side):
        course = self.courses[side]
        if not self.tries(lambda: self.five.settle(course.request)):
            return
        if course.final is None:
            weights = {name: self.stakes[name] for name in course.revealed}
            course.final = winner(course.revealed, weights, course.total, self.terms)
            for who in course.committed:
                if fault(course.revealed.get(who), course.final, self.terms):
                    self.stakes[who] -= fine(self.stakes[who], self.terms)
                    if self.stakes[who] < self.terms.least_stake:
                        self.seated.discard(who)
        course.committed, course.revealed = {}, {}

    @rule(side=sides, answer=answers, who=st.sets(names))
    def attest(self, side, answer, who):
        course = self.courses[side]
        request = course.request
        hidden = self.five.questions.call("question", request.id)[1]
        signed = SignedAnswer(request.asker, request.id, request.model, hidden, answer)
        members = sorted((self.five.members[name] for name in who), key=lambda m: m.address)
        words = [compact(self.five.quorum.sign(member, signed)) for member in members]
        place = (request.asker, request.id, answer, words)
        call = self.five.quorum.contract
        if self.tries(lambda: call.transact(self.five.minter, "attest", *place)):
            weight = sum(self.stakes[name] for name in who)
            assert course.final is None and who <= self.seated and len(who) >= self.terms.quorum
            assert 2 * weight > sum(self.stakes[name] for name in self.seated)
            course.final = answer

    @rule(
        side=sides,
        votes=st.dictionaries(
            names,
            st.tuples(answers, st.sampled_from((True, True, False))),
            min_size=3,
        ),
    )
    def play(self, side, votes):
        """A round with some members, of whom some fall silent; settled when it is over."""
        for who, (answer, _) in votes.items():
            self.commit(side, who, answer)
        self.wait(61)
        for who, (_, reveals) in votes.items():
            if reveals:
                self.reveal(side, who, honest=True)
        self.wait(61)
        self.settle(side)

    @rule(side=sides, who=st.sets(names, min_size=3), answer=answers, liar=names)
    def agree(self, side, who, answer, liar):
        """A round in which most agree, and one tries to reveal what it did not commit to."""
        for name in who:
            self.commit(side, name, answer)
        self.wait(61)
        self.reveal(side, liar, honest=False)
        for name in who:
            self.reveal(side, name, honest=True)
        self.settle(side)

    @rule(seconds=st.sampled_from((30, 61, 125, 86_400)))
    def wait(self, seconds):
        self.five.chain.warp(seconds)

    @invariant()
    def it_holds_what_is_at_stake(self):
        assert self.five.balance(self.five.quorum) == sum(self.stakes.values())
        seated = sum(self.stakes[name] for name in self.seated)
        assert self.five.quorum.total_stake() == seated
        found = {self.names[address] for address in self.five.quorum.seated()}
        assert found == self.seated

    @invariant()
    def what_is_final_stays(self):
        for course in self.courses if hasattr(self, "courses") else ():
            verdict = self.five.verdict(course.request)
            assert (verdict.status == Status.FINAL) == (course.final is not None)
            if course.final is not None:
                assert verdict.answer == course.final


@pytest.mark.slow
@pytest.mark.parametrize("median", [False, True])
def test_every_history_keeps_the_stakes_and_the_rules(median):
    QuorumMachine.shared = build(median=median, tolerance=3, fine_ppm=600_000, quorum=2)
    run_state_machine_as_test(QuorumMachine, settings=QUICK)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 9)), min_size=1, max_size=13))
def test_the_median_has_half_of_the_stake_on_each_side(votes):
    members = [bytes([place]) * 20 for place in range(len(votes))]
    reveals = {
        member: value.to_bytes(4, "big", signed=True) + b"\0\0"
        for member, (value, _) in zip(members, votes, strict=True)
    }
    weights = {member: weight for member, (_, weight) in zip(members, votes, strict=True)}
    terms = QuorumTerms(bytes(20), 1, 1, median=True)
    found = winner(reveals, weights, sum(weights.values()), terms)
    middle = int.from_bytes(found[:4], "big", signed=True)
    below = sum(weight for value, weight in votes if value < middle)
    above = sum(weight for value, weight in votes if value > middle)
    assert 2 * below < sum(weights.values()) and 2 * above <= sum(weights.values())


def test_a_fine_is_a_part_of_the_stake():
    terms = QuorumTerms(bytes(20), 1, 1, fine_ppm=PPM // 3)
    assert fine(10, terms) == 3 and fine(0, terms) == 0
