"""Any history of any jobs: the escrow follows its rules and holds exactly what it owes."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from counterpoise.core.errors import Reverted
from counterpoise.jobs import NOBODY, Status, rules

QUICK = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
CALLERS = ("sponsor", "provider", "evaluator", "stranger")
PARTIES = (*CALLERS, "nobody")
BUDGETS = (0, 1, 7, 2**96 - 1, 2**96)

callers = st.sampled_from(CALLERS)
parties = st.sampled_from(PARTIES)
jobs = st.integers(0, 2)


class EscrowMachine(RuleBasedStateMachine):
    """The contract beside `rules`, fed with the same calls."""

    shared = None

    def __init__(self):
        super().__init__()
        self.world = self.shared
        self.place = self.world.chain.snapshot()
        self.known = {}
        self.purses = {name: self.world.balance(self.account(name)) for name in CALLERS}

    def teardown(self):
        self.check_purses()
        self.world.chain.revert(self.place)

    def account(self, name):
        return self.world.roles[name]

    def address(self, name):
        return NOBODY if name == "nobody" else self.account(name).address

    def job_of(self, index):
        return sorted(self.known)[index % len(self.known)]

    def agree(self, expected, call):
        """Run a rule and the contract; both give a job, or both refuse for the same reason."""
        try:
            wanted = expected(self.world.now)
        except Reverted as refusal:
            wanted = refusal.reason
        try:
            call()
        except Reverted as refusal:
            assert refusal.reason == wanted
            return None
        assert not isinstance(wanted, str), f"the contract did not refuse: {wanted}"
        return wanted

    def step(self, index, expected, call):
        job = self.job_of(index)
        before = self.known[job]
        after = self.agree(lambda now: expected(before, now), lambda: call(job))
        if after is None:
            return
        self.known[job] = after
        if after.status.holds_escrow and not before.status.holds_escrow:
            self.move(before.client, -before.budget)
        if before.status.holds_escrow and not after.status.holds_escrow:
            paid = after.provider if after.status is Status.COMPLETED else after.client
            self.move(paid, before.budget)

    def move(self, address, amount):
        for name in CALLERS:
            if self.address(name) == address:
                self.purses[name] += amount

    @precondition(lambda self: len(self.known) < 3)
    @rule(client=callers, provider=parties, evaluator=parties, life=st.sampled_from((-1, 0, 1, 40)))
    def create(self, client, provider, evaluator, life):
        expires = self.world.now + life
        terms = {"provider": self.address(provider), "evaluator": self.address(evaluator)}
        made = self.agree(
            lambda now: rules.create(
                self.address(client), now, **terms, expires=expires, hook=NOBODY
            ),
            lambda: self.world.jobs.create(self.account(client), **terms, expires=expires),
        )
        if made:
            self.known[self.world.jobs.count()] = made

    @precondition(lambda self: len(self.known) < 3)
    @rule(life=st.integers(20, 90), budget=st.sampled_from(BUDGETS[1:3]))
    def create_ready(self, life, budget):
        """A job as most are, so that the later steps are reached often."""
        w = self.world
        job = w.jobs.create(
            w.sponsor,
            provider=w.provider.address,
            evaluator=w.evaluator.address,
            expires=w.now + 1 + life,
        )
        parties_of = (w.sponsor.address, w.provider.address, w.evaluator.address)
        w.jobs.set_budget(w.provider, job, budget)
        self.known[job] = rules.Job(*parties_of, NOBODY, budget, w.jobs.job(job).expires)

    @precondition(lambda self: self.known)
    @rule(index=jobs, caller=callers, provider=parties)
    def set_provider(self, index, caller, provider):
        who, chosen = self.address(caller), self.address(provider)
        self.step(
            index,
            lambda job, now: rules.set_provider(job, who, chosen),
            lambda job: self.world.jobs.set_provider(self.account(caller), job, chosen),
        )

    @precondition(lambda self: self.known)
    @rule(index=jobs, caller=callers, amount=st.sampled_from(BUDGETS))
    def set_budget(self, index, caller, amount):
        who = self.address(caller)
        self.step(
            index,
            lambda job, now: rules.set_budget(job, who, amount),
            lambda job: self.world.jobs.set_budget(self.account(caller), job, amount),
        )

    @precondition(lambda self: self.known)
    @rule(index=jobs, caller=st.sampled_from(("sponsor", "sponsor", "stranger")), off=st.booleans())
    def fund(self, index, caller, off):
        expected = self.known[self.job_of(index)].budget + (1 if off else 0)
        if expected > self.world.balance(self.account(caller)):
            return
        who = self.address(caller)
        self.step(
            index,
            lambda job, now: rules.fund(job, who, now, expected),
            lambda job: self.world.jobs.fund(self.account(caller), job, expected),
        )

    @precondition(lambda self: self.known)
    @rule(index=jobs, caller=st.sampled_from(("provider", "provider", "sponsor")))
    def submit(self, index, caller):
        who = self.address(caller)
        self.step(
            index,
            lambda job, now: rules.submit(job, who, now),
            lambda job: self.world.jobs.submit(self.account(caller), job, bytes(32)),
        )

    @precondition(lambda self: self.known)
    @rule(index=jobs, caller=st.sampled_from(("evaluator", "evaluator", "sponsor")))
    def complete(self, index, caller):
        who = self.address(caller)
        self.step(
            index,
            lambda job, now: rules.complete(job, who),
            lambda job: self.world.jobs.complete(self.account(caller), job),
        )

    @precondition(lambda self: self.known)
    @rule(index=jobs, caller=callers)
    def reject(self, index, caller):
        who = self.address(caller)
        self.step(
            index,
            lambda job, now: rules.reject(job, who),
            lambda job: self.world.jobs.reject(self.account(caller), job),
        )

    @precondition(lambda self: self.known)
    @rule(index=jobs)
    def claim_refund(self, index):
        self.step(
            index,
            rules.claim_refund,
            lambda job: self.world.jobs.claim_refund(self.world.stranger, job),
        )

    @precondition(lambda self: self.known)
    @rule(index=jobs, times=st.integers(1, 4))
    def advance(self, index, times):
        """The next steps that a job usually takes; random ones rarely get there."""
        for _ in range(times):
            job = self.known[self.job_of(index)]
            if job.status is Status.OPEN:
                self.fund(index, "sponsor", False)
            elif job.status is Status.FUNDED:
                self.submit(index, "provider")
            elif job.status is Status.SUBMITTED:
                self.complete(index, "evaluator")

    @precondition(lambda self: self.known)
    @rule(index=jobs, second=st.sampled_from((-1, 0, 3599, 3600)))
    def refund_at_the_stroke(self, index, second):
        """Ask for a refund around the two moments at which one becomes possible."""
        when = self.known[self.job_of(index)].expires + second
        if when > self.world.now:
            self.world.warp_to(when)
        self.claim_refund(index)

    @precondition(lambda self: len(self.known) == 3)
    @rule(seconds=st.sampled_from((5, 5, 30, 3600)))
    def wait(self, seconds):
        self.world.chain.warp(seconds)

    @invariant()
    def it_holds_what_it_owes(self):
        owed = sum(job.budget for job in self.known.values() if job.status.holds_escrow)
        assert self.world.balance(self.world.jobs) == owed

    def check_purses(self):
        found = {name: self.world.balance(self.account(name)) for name in CALLERS}
        assert found == self.purses

    @invariant()
    def every_job_is_as_the_rules_say(self):
        assert {job: self.world.jobs.job(job) for job in self.known} == self.known


def test_any_history_of_jobs_follows_the_rules_and_conserves_tokens(world):
    for name in CALLERS:
        world.jobs.token.approve(world.roles[name], world.jobs.address, 2**255)

    class Machine(EscrowMachine):
        shared = world

    run_state_machine_as_test(Machine, settings=QUICK)
