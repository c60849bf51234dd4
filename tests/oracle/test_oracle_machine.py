"""Any history of requests: the oracle follows its rules and holds exactly what it owes."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from oracle_world import NET

from counterpoise.core.errors import Reverted
from counterpoise.oracle import Answer, Stage, newest, rules, share
from counterpoise.verification import Status

QUICK = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
INPUTS = tuple(bytes([i]) * 32 for i in (1, 2))
NAMES = ("ann", "bob", "cleo")
PATIENCE = 7 * 86_400
requests = st.integers(0, 5)


class OracleMachine(RuleBasedStateMachine):
    """The contract beside `rules`, fed with the same calls."""

    shared = None

    def __init__(self):
        super().__init__()
        self.world = self.shared
        self.place = self.world.chain.snapshot()
        self.asks, self.told, self.answers = {}, {}, []
        self.credit = dict.fromkeys((self.world.roles[n].address for n in NAMES), 0)
        self.taken = self.refunded = self.paid = 0

    def teardown(self):
        self.world.chain.revert(self.place)

    def agree(self, expected, call):
        """Run a rule and the contract; both give something, or both refuse for one reason."""
        try:
            wanted = expected()
        except Reverted as refusal:
            wanted = refusal.reason
        try:
            call()
        except Reverted as refusal:
            assert refusal.reason == wanted
            return None
        assert not isinstance(wanted, str), f"the contract did not refuse: {wanted}"
        return wanted

    def id_of(self, index):
        return sorted(self.asks)[index % len(self.asks)]

    @precondition(lambda self: len(self.asks) < 6)
    @rule(
        level=st.integers(0, 4),
        at=st.sampled_from(INPUTS),
        fee=st.sampled_from((0, 1, 7, 10**18)),
        life=st.sampled_from((-1, 0, 3, 50, 50)),
        known=st.sampled_from((True, True, True, False)),
    )
    def ask(self, level, at, fee, life, known):
        w, deadline = self.world, self.world.now + life
        model, client = NET.id if known else bytes(32), w.client.address
        values = (model, at, level, bytes(20), 0, fee, deadline, bytes(32))
        offered, terms = level < 4, {"callback_gas": 0, "fee": fee, "deadline": deadline}
        made = self.agree(
            lambda: (
                rules.check_terms(w.now, level=level, offered=offered, known=known, **terms) or 1
            ),
            lambda: w.oracle.contract.transact(w.client, "request", *values),
        )
        if made:
            ask = rules.Ask(client, Stage.OPEN, level, model, at, bytes(20), 0, fee, deadline)
            self.asks[w.oracle.count()] = ask
            self.taken += fee

    @precondition(lambda self: self.asks)
    @rule(
        index=requests,
        status=st.sampled_from((*Status, Status.FINAL, Status.FINAL)),
        providers=st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
        age=st.sampled_from((0, 0, 5, 100)),
    )
    def tell(self, index, status, providers, age):
        id_ = self.id_of(index)
        if self.asks[id_].stage is not Stage.OPEN:
            return
        when = self.world.now - age
        self.world.tell(id_, status, providers, time=when)
        self.told[id_] = (status, [self.world.roles[n].address for n in providers], when)

    def ready(self, id_):
        return self.told.get(id_, (Status.NONE, [], 0))

    def settle(self, id_, after):
        status, providers, when = self.ready(id_)
        assert status is Status.FINAL
        self.asks[id_] = after
        self.answers.append(Answer(id_, Stage.ANSWERED, after.level, when, self.world_answer))
        for provider, due in share(after.fee, providers).items():
            self.credit[provider] += due

    @property
    def world_answer(self):
        return NET.answer(bytes((10, 2)))

    @precondition(lambda self: self.asks)
    @rule(index=requests)
    def fulfil(self, index):
        id_ = self.id_of(index)
        after = self.agree(
            lambda: rules.fulfil(self.asks[id_], self.ready(id_)[0]),
            lambda: self.world.oracle.fulfil(self.world.stranger, id_),
        )
        if after:
            self.settle(id_, after)

    @precondition(lambda self: self.asks)
    @rule(indexes=st.lists(requests, min_size=1, max_size=4))
    def fulfil_batch(self, indexes):
        ids, wanted = [self.id_of(index) for index in indexes], []
        for id_ in ids:
            ask = self.asks[id_]
            if ask.stage is Stage.OPEN and self.ready(id_)[0] is Status.FINAL:
                self.settle(id_, rules.fulfil(ask, Status.FINAL))
                wanted.append(id_)
        assert self.world.oracle.fulfil_batch(self.world.stranger, ids) == wanted

    @precondition(lambda self: self.asks)
    @rule(index=requests, jump=st.sampled_from((None, None, 0, 1, PATIENCE, PATIENCE + 1)))
    def cancel(self, index, jump):
        id_ = self.id_of(index)
        ask, w = self.asks[id_], self.world
        if jump is not None and ask.deadline + jump > w.now:
            w.warp_to(ask.deadline + jump)
        after = self.agree(
            lambda: rules.cancel(ask, self.ready(id_)[0], w.now, PATIENCE),
            lambda: w.oracle.cancel(w.stranger, id_),
        )
        if after:
            self.asks[id_] = after
            self.refunded += ask.fee

    @rule(name=st.sampled_from(NAMES))
    def withdraw(self, name):
        account = self.world.roles[name].address
        if self.credit[account]:
            self.world.oracle.withdraw(self.world.stranger, account)
            self.paid += self.credit[account]
            self.credit[account] = 0

    @invariant()
    def fees_taken_are_held_paid_or_refunded(self):
        held = self.world.balance(self.world.oracle)
        assert self.taken == held + self.paid + self.refunded
        still_open = sum(a.fee for a in self.asks.values() if a.stage is Stage.OPEN)
        assert held == still_open + sum(self.credit.values())

    @invariant()
    def every_request_and_credit_is_as_the_rules_say(self):
        oracle = self.world.oracle
        assert {id_: oracle.request_of(id_) for id_ in self.asks} == self.asks
        assert {one: oracle.credit(one) for one in self.credit} == self.credit

    @invariant()
    def the_latest_answer_is_the_newest(self):
        for at in INPUTS:
            about = [a for a in self.answers if self.asks[a.id].input == at]
            assert self.world.oracle.latest(NET.id, at) == newest(about)


def test_any_history_of_requests_follows_the_rules_and_conserves_fees(world):
    world.token.transact(world.client, "approve", world.oracle.address, 2**255)

    class Machine(OracleMachine):
        shared = world

    run_state_machine_as_test(Machine, settings=QUICK)
