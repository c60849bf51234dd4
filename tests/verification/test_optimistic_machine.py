"""Any history of bonded answers: the contract keeps its rules, and every token is accounted for."""

from court import (
    BOND,
    DEMAND_BOND,
    LIVENESS,
    REVEAL,
    ROLES,
    SALT,
    build_court,
    off_by_one,
    random_input,
    random_net,
    with_payload,
)
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN
from counterpoise.verification.cells import asserted_of, first_false, open_cell
from counterpoise.verification.judge_rules import Kind, claim_of
from counterpoise.verification.optimistic_rules import NOBODY, BondBook

QUICK = settings(
    max_examples=14,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
NET = random_net(2, 4, 3, 2, 1)
VALUES = random_input(3, NET)
TRUTH = NET.trace(VALUES, SALT)
LIES = [with_payload(TRUTH, place, off_by_one(0)) for place in (1, 2, 3)]
TRACES = [TRUTH, *LIES]
PEOPLE = ROLES[:3]

people = st.sampled_from(PEOPLE)
questions = st.integers(0, 1)
leaves = st.integers(0, 3)
traces = st.integers(0, 3)


def claim(number):
    return claim_of(NET.id, TRACES[number].root)


class BondMachine(RuleBasedStateMachine):
    """Two questions beside a `BondBook` that is fed with the same calls."""

    shared = None

    def __init__(self):
        super().__init__()
        self.court = self.shared
        self.place = self.court.chain.snapshot()

    def teardown(self):
        self.court.chain.revert(self.place)

    @initialize()
    def begin(self):
        self.book = BondBook(BOND, DEMAND_BOND, LIVENESS, REVEAL)
        self.asked = [self.court.ask(NET, VALUES, life=10**6) for _ in range(2)]
        self.supply = self.court.token.call("totalSupply")
        self.burnt = 0

    def key(self, question):
        request = self.asked[question]
        return request.asker, request.id

    def agree(self, expected, call):
        """Run a rule and the contract; both go on, or both refuse for the same reason."""
        try:
            expected()
            wanted = None
        except Reverted as refusal:
            wanted = refusal.reason
        try:
            call()
            found = None
        except Reverted as refusal:
            found = refusal.reason
        assert found == wanted

    def transact(self, who, name, question, *rest):
        return lambda: self.court.call(getattr(self.court, who), name, self.asked[question], *rest)

    @rule(who=people, question=questions, trace=traces, published=st.booleans())
    def propose(self, who, question, trace, published):
        account, now = getattr(self.court, who), self.court.now
        self.agree(
            lambda: self.book.propose(account.address, now, self.key(question), claim(trace), 4),
            lambda: self.court.propose(
                self.asked[question], TRACES[trace], who=account, published=published
            ),
        )

    @rule(who=people, question=questions, trace=traces, honest=st.booleans())
    def convict(self, who, question, trace, honest):
        said = asserted_of(TRACES[trace])
        cell = first_false(NET, TRUTH, said) if honest else open_cell(NET, said, Kind.LENGTH, 1)
        cell = cell or open_cell(NET, said, Kind.DECISION, 0)
        address = getattr(self.court, who).address
        self.agree(
            lambda: self.book.convict(
                address, self.key(question), claim(trace), is_false=honest and trace > 0
            ),
            self.transact(who, "convict", question, cell.values()),
        )

    def standing_claim(self, question, trace):
        """Mostly the claim that stands; else that of some trace."""
        one = self.book.standing.get(self.key(question))
        return one.claim if one and trace else claim(trace)

    @rule(who=people, question=questions, trace=traces, leaf=leaves)
    def demand(self, who, question, trace, leaf):
        meant, now = self.standing_claim(question, trace), self.court.now
        address = getattr(self.court, who).address
        self.agree(
            lambda: self.book.demand(address, now, self.key(question), meant, leaf),
            self.transact(who, "demand", question, meant, leaf),
        )

    @rule(who=people, question=questions, leaf=leaves, wrong=st.booleans())
    def reveal(self, who, question, leaf, wrong):
        one, now = self.book.standing.get(self.key(question)), self.court.now
        meant = next((t for t in TRACES if one and claim_of(NET.id, t.root) == one.claim), TRUTH)
        payload = meant.payloads[leaf] if leaf else SALT + VALUES
        payload = payload + b"\0" if wrong else payload
        rest = (NET.id, leaf, payload, list(meant.opening(leaf)))
        self.agree(
            lambda: self.book.reveal(now, self.key(question), leaf, is_right=not wrong),
            self.transact(who, "reveal", question, *rest),
        )

    @rule(who=people, question=questions, leaf=leaves)
    def forfeit(self, who, question, leaf):
        now = self.court.now
        self.agree(
            lambda: self.book.forfeit(now, self.key(question), leaf),
            self.transact(who, "forfeit", question, leaf),
        )

    @rule(who=people, question=questions)
    def settle(self, who, question):
        now = self.court.now
        self.agree(
            lambda: self.book.settle(now, self.key(question)),
            self.transact(who, "settle", question),
        )

    @rule(who=people)
    def withdraw(self, who):
        account = getattr(self.court, who)
        self.agree(
            lambda: self.book.withdraw(account.address),
            lambda: self.court.optimistic.transact(account, "withdraw"),
        )

    @rule()
    def burn(self):
        def burnt():
            self.burnt += self.book.burn()

        self.agree(burnt, lambda: self.court.optimistic.transact(self.court.stranger, "burn"))

    @rule(seconds=st.sampled_from((1, REVEAL, LIVENESS, 2 * REVEAL)))
    def wait(self, seconds):
        self.court.chain.warp(seconds)

    @invariant()
    def every_token_is_accounted_for(self):
        held = self.court.balance(self.court.optimistic)
        assert held == self.book.held()
        outside = sum(self.court.balance(getattr(self.court, who)) for who in PEOPLE)
        assert held + outside + self.burnt == 3000 * TOKEN == self.supply
        assert self.supply - self.court.token.call("totalSupply") == self.burnt

    @invariant()
    def the_contract_stands_where_the_book_does(self):
        for question, request in enumerate(self.asked):
            key = self.key(question)
            assert self.court.status(request) == self.book.status(key)
            if self.book.status(key) in (1, 2):
                assert self.court.proposal(request)[3] == self.book.ends(key)
        for who in PEOPLE:
            address = getattr(self.court, who).address
            assert self.court.optimistic.call("balanceOf", address) == self.book.balance(address)
        assert self.court.optimistic.call("balanceOf", NOBODY) == self.book.balance(NOBODY)


def test_any_history_keeps_the_rules_and_every_token():
    BondMachine.shared = build_court()
    BondMachine.shared.publish(NET)
    run_state_machine_as_test(BondMachine, settings=QUICK)
