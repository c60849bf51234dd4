"""Any history of the rounds of a job: the contract follows its rules, and all tokens are there."""

import runpy
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from counterpoise.chain import artifact_of, deploy
from counterpoise.core.errors import Reverted
from counterpoise.federation import rounds_rules as rules
from counterpoise.federation.rounds import RoundsClient
from counterpoise.federation.rounds_rules import CLOSING, NOBODY, Plan, Record, Result
from counterpoise.jobs import Status

CONTRACTS = Path(__file__).parent / "contracts"
JOBS = runpy.run_path(str(Path(__file__).parents[1] / "jobs" / "conftest.py"))
QUICK = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
BUDGET, STAKE, WINDOW, PATIENCE, LIFE = 1000, 10, 40, 90, 500

totals = st.sampled_from((0, 1, 300, 300, BUDGET, BUDGET + 1))
numbers = st.integers(-1, 1)


class RoundsMachine(RuleBasedStateMachine):
    """One job's rounds beside `rounds_rules`, fed with the same calls."""

    shared = None
    rounds = None
    judge = None

    def __init__(self):
        super().__init__()
        self.world = self.shared
        self.place = self.world.chain.snapshot()
        self.fallen = []

    def teardown(self):
        self.world.chain.revert(self.place)

    @initialize(planned=st.integers(1, 4), judged=st.booleans())
    def begin(self, planned, judged):
        w = self.world
        self.job = w.jobs.create_and_fund(
            w.sponsor,
            provider=w.cohort.address,
            evaluator=self.rounds.address,
            expires=w.now + CLOSING + LIFE,
            budget=BUDGET,
        )
        w.cohort.open(w.sponsor, self.job, stake=STAKE, rounds=self.rounds.address)
        w.cohort.join(w.ann, self.job, bytes(32))
        judge = self.judge.address if judged else NOBODY
        self.plan = Plan(
            31337,
            self.rounds.address,
            self.job,
            w.provider.address,
            judge,
            planned,
            WINDOW,
            PATIENCE,
            w.jobs.job(self.job).expires,
            BUDGET,
        )
        self.course = rules.open_rounds(self.plan, w.now)
        self.rounds.open(
            w.sponsor,
            self.job,
            coordinator=w.provider.address,
            rounds=planned,
            challenge_seconds=WINDOW,
            patience_seconds=PATIENCE,
            task_digest=bytes(32),
            judge=judge,
        )

    def agree(self, expected, call):
        """Run a rule and the contract; both go on, or both refuse for the same reason."""
        try:
            wanted = expected(self.world.now)
        except Reverted as refusal:
            wanted = refusal.reason
        try:
            call()
        except Reverted as refusal:
            assert refusal.reason == wanted
            return False
        assert not isinstance(wanted, str), f"the contract did not refuse: {wanted}"
        self.course = wanted
        return True

    def content(self, round_id, total):
        due = {self.world.ann.address: total}
        root = self.world.cohort.claims(self.job, max(round_id, 0), due).root
        mark = bytes([max(round_id, 0)]) * 32
        return Result(mark, mark, mark, root, total, mark, mark)

    @rule(off=numbers, honest=st.sampled_from((True, True, True, False)))
    def commit(self, off, honest):
        caller = self.world.provider if honest else self.world.ann
        number = max(0, self.course.last + 1 + off * (not honest))
        self.agree(
            lambda now: rules.commit(
                self.plan, self.course, caller.address, now, number, b"c" * 32
            ),
            lambda: self.rounds.commit(caller, self.job, number, b"c" * 32),
        )

    @rule(off=st.sampled_from((0, 0, 0, 1, -1)), total=totals, honest=st.integers(0, 5))
    def result(self, off, total, honest):
        caller = self.world.provider if honest else self.world.ann
        number = max(0, self.course.last + 1 + off)
        content = self.content(number, total)
        self.agree(
            lambda now: rules.result(self.plan, self.course, caller.address, now, number, content),
            lambda: self.rounds.result(caller, self.job, number, content),
        )

    @rule(total=totals)
    def play(self, total):
        """A whole round; random steps rarely make one."""
        self.commit(0, True)
        self.result(0, total, 1)

    def record_of(self, number, twist):
        if twist and self.fallen:
            return self.fallen[-1]
        if 1 <= number <= self.course.last:
            record = self.course.records[number - 1]
            return replace(record, time=record.time + 1) if twist else record
        return Record(bytes(32), 0, 0, self.content(1, 0))

    @precondition(lambda self: self.course.last > 0)
    @rule(number=st.integers(0, 5), twist=st.integers(0, 4), judged=st.sampled_from((1, 1, 1, 0)))
    def rollback(self, number, twist, judged):
        number = number % (self.course.last + 1) if twist else max(1, number % 5)
        record = self.record_of(number, twist == 1)
        caller = self.judge.address if judged else self.world.ann.address
        call = ("rollback", self.job, number, record.values(), bytes(32))
        before = self.course.records
        message = self.rounds.contract.encode(*call)
        if self.agree(
            lambda now: rules.rollback(self.plan, self.course, caller, now, number, record),
            lambda: (
                self.judge.transact(self.world.stranger, "act", self.rounds.address, message)
                if judged
                else self.rounds.contract.transact(self.world.ann, *call)
            ),
        ):
            self.fallen += before[number - 1 :]

    @rule(off=st.sampled_from((0, 0, 0, -1, 1)), twist=st.sampled_from((0, 0, 0, 1)))
    def finish(self, off, twist):
        number = max(0, self.course.last + off)
        record = self.record_of(number, twist)
        self.agree(
            lambda now: rules.finish(self.plan, self.course, now, number, record),
            lambda: self.rounds.contract.transact(
                self.world.stranger, "finish", self.job, number, record.values()
            ),
        )

    @rule(seconds=st.sampled_from((5, 20, WINDOW, WINDOW, PATIENCE)))
    def wait(self, seconds):
        if self.world.now + seconds < self.plan.expires:
            self.world.chain.warp(seconds)

    @invariant()
    def the_contract_stands_where_the_rules_stand(self):
        state = self.rounds.state(self.job)
        found = (state.round_id, state.committed, state.finished, state.time, state.total)
        course = self.course
        assert found == (
            course.last,
            bool(course.commitment),
            course.finished,
            course.time,
            course.total,
        )

    @invariant()
    def every_word_is_the_hash_of_what_the_rules_keep(self):
        for number in range(6):
            word = rules.digest_of_round(self.plan, self.course, number)
            assert self.rounds.digest_of_round(self.job, number) == word

    @invariant()
    def the_events_rebuild_what_stands(self):
        found = tuple(posted.record for posted in self.rounds.results(self.job))
        assert found == self.course.records

    @invariant()
    def the_pot_is_in_escrow_or_in_the_cohort_and_nowhere_else(self):
        w = self.world
        done = self.course.finished
        assert (w.jobs.job(self.job).status is Status.COMPLETED) == done
        assert w.balance(w.jobs) == (0 if done else BUDGET)
        assert w.balance(w.cohort) == (BUDGET if done else 0) + STAKE
        if done:
            purse = w.cohort.purse(self.job)
            assert (purse.owed, purse.spare) == (self.course.total, BUDGET - self.course.total)


def test_any_history_of_rounds_follows_the_rules_and_conserves_the_pot():
    world = JOBS["build_world"]()
    contract = deploy(world.chain, world.minter, "Rounds", world.jobs.address, world.cohort.address)
    puppet = deploy(world.chain, world.stranger, artifact_of(CONTRACTS / "Magistrate.vy"))
    world.jobs.token.approve(world.sponsor, world.jobs.address, 2**255)
    world.jobs.token.approve(world.ann, world.cohort.address, 2**255)

    class Machine(RoundsMachine):
        shared = world
        rounds = RoundsClient(contract)
        judge = puppet

    run_state_machine_as_test(Machine, settings=QUICK)
