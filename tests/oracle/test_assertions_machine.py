"""Any history of assertions: bonds come back, are won or burnt, and nothing else happens."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from oracle_world import DAY, EVIDENCE, PATIENCE

from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN
from counterpoise.oracle import ASSERT_TRUTH, Draft, payout
from counterpoise.oracle.assertion_rules import holds
from counterpoise.verification import Status

QUICK = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
NAMES = ("ann", "bob", "cleo")
indexes = st.integers(0, 3)


class AssertionsMachine(RuleBasedStateMachine):
    """The contract beside its rules; every token is somewhere."""

    shared = None

    def __init__(self):
        super().__init__()
        self.world = self.shared
        self.place = self.world.chain.snapshot()
        self.known, self.rulings, self.results = [], {}, {}
        self.purses = {n: self.world.balance(self.world.roles[n]) for n in NAMES}
        self.credit = dict.fromkeys(NAMES, 0)
        self.supply = self.world.token.call("totalSupply")
        self.burnt = 0

    def teardown(self):
        self.world.chain.revert(self.place)

    def at(self, index):
        return self.known[index % len(self.known)]

    def refuses(self, call, reason):
        """Make a call that the contract must refuse for this reason."""
        try:
            call()
        except Reverted as refusal:
            assert refusal.reason == f"assertions: {reason}"
        else:
            raise AssertionError(f"the contract did not refuse: {reason}")

    @precondition(lambda self: len(self.known) < 4)
    @rule(who=st.sampled_from(NAMES), bond=st.sampled_from((10 * TOKEN, 10 * TOKEN + 7)))
    def make(self, who, bond):
        w = self.world
        one = Draft(bytes([len(self.known)]), bond, 100, w.token.address)
        id_ = w.assertions.assert_truth(w.roles[who], w.roles[who].address, one)
        self.known.append((id_, who, bond, w.chain.block().time + 100))
        self.purses[who] -= bond

    @precondition(lambda self: self.known)
    @rule(index=indexes, who=st.sampled_from(NAMES))
    def dispute(self, index, who):
        w, (id_, _, bond, expires) = self.world, self.at(index)
        late, again = w.now >= expires, id_ in self.rulings
        call = lambda: w.assertions.dispute(w.roles[who], id_, w.roles[who].address)  # noqa: E731
        if again or late:
            self.refuses(call, "already disputed" if again else "expired")
            return
        call()
        deadline = w.chain.block().time + DAY
        self.rulings[id_] = [who, deadline, Status.NONE, b"", ()]
        self.purses[who] -= bond

    @precondition(lambda self: self.rulings)
    @rule(
        index=indexes,
        status=st.sampled_from((*Status, Status.FINAL, Status.FINAL)),
        answer=st.sampled_from((b"\0\1", b"\0\0", b"")),
        providers=st.lists(st.sampled_from(NAMES), max_size=3),
    )
    def decide(self, index, status, answer, providers):
        id_ = sorted(self.rulings)[index % len(self.rulings)]
        if id_ in self.results:
            return
        w = self.world
        addresses = [w.roles[n].address for n in providers]
        values = (int(status), addresses, answer, EVIDENCE, w.now)
        number = int.from_bytes(id_, "big")
        w.levels[0].transact(w.stranger, "tell", w.assertions.address, number, *values)
        self.rulings[id_][2:] = [status, answer, tuple(providers)]

    @precondition(lambda self: self.known)
    @rule(index=indexes)
    def settle(self, index):
        w, (id_, asserter, bond, expires) = self.world, self.at(index)
        call = lambda: w.assertions.settle(w.stranger, id_)  # noqa: E731
        if id_ in self.results:
            self.refuses(call, "already settled")
        elif id_ not in self.rulings:
            if w.now < expires:
                self.refuses(call, "not yet expired")
                return
            call()
            self.purses[asserter] += bond
            self.results[id_] = True
        else:
            self.settle_disputed(id_, asserter, bond, call)

    def settle_disputed(self, id_, asserter, bond, call):
        disputer, deadline, status, answer, providers = self.rulings[id_]
        now = self.world.now
        over = now > deadline + PATIENCE
        hopeless = status is Status.FAILED or (status is Status.NONE and now > deadline)
        if not (over or hopeless or status is Status.FINAL):
            self.refuses(call, "the arbiter has not ruled")
            return
        call()
        ruled = status is Status.FINAL and not over
        truth = holds(ASSERT_TRUTH, b"", answer) if ruled else None
        due = payout(bond, truth, providers if ruled else ())
        self.purses[asserter] += due.asserter
        self.purses[disputer] += due.disputer
        for name, part in zip(providers, due.providers, strict=False):
            self.credit[name] += part
        self.burnt += due.burnt
        self.results[id_] = bool(truth)

    @rule(name=st.sampled_from(NAMES))
    def withdraw(self, name):
        if self.credit[name]:
            self.world.assertions.withdraw(self.world.stranger, self.world.roles[name].address)
            self.purses[name] += self.credit[name]
            self.credit[name] = 0

    @rule(seconds=st.sampled_from((10, 100, DAY, PATIENCE)))
    def wait(self, seconds):
        self.world.chain.warp(seconds)

    @invariant()
    def it_holds_what_it_owes(self):
        bonds = sum(
            bond * (2 if id_ in self.rulings else 1)
            for id_, _, bond, _ in self.known
            if id_ not in self.results
        )
        held = self.world.balance(self.world.assertions)
        assert held == bonds + sum(self.credit.values())
        assert self.world.token.call("totalSupply") == self.supply - self.burnt

    @invariant()
    def every_purse_and_result_is_as_the_rules_say(self):
        w = self.world
        assert {n: w.balance(w.roles[n]) for n in NAMES} == self.purses
        assert {n: w.assertions.credit(w.roles[n].address) for n in NAMES} == self.credit
        assert {id_: w.assertions.result(id_) for id_ in self.results} == self.results


def test_any_history_of_assertions_follows_the_rules_and_conserves_bonds(world):
    for name in NAMES:
        world.token.transact(world.roles[name], "approve", world.assertions.address, 2**255)

    class Machine(AssertionsMachine):
        shared = world

    run_state_machine_as_test(Machine, settings=QUICK)
