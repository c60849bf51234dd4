"""Any history of two cohorts: the contract follows its rules and holds exactly what it owes."""

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

from counterpoise.chain import deploy
from counterpoise.core.errors import Reverted
from counterpoise.jobs import NO_CLAIMS, CumulativeClaims, Stage, cohort_rules
from counterpoise.jobs import rules as job_rules
from counterpoise.jobs.cohort_rules import leaf

QUICK = settings(
    max_examples=20,
    stateful_step_count=18,  # many of them are several calls
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
MEMBERS = ("ann", "bob", "cleo")
PEOPLE = (*MEMBERS, "sponsor")
BUDGET, LIFE = 1000, 400

sides = st.integers(0, 1)
members = st.sampled_from(MEMBERS)
shares = st.lists(st.integers(0, 360), min_size=3, max_size=3)


class CohortMachine(RuleBasedStateMachine):
    """Two cohorts beside `cohort_rules`, fed with the same calls."""

    shared = None
    judge = None

    def __init__(self):
        super().__init__()
        self.world = self.shared
        self.place = self.world.chain.snapshot()
        self.ids, self.jobs, self.cohorts, self.trees = [], [], [], [None, None]
        self.purses = {name: self.world.balance(self.world.roles[name]) for name in PEOPLE}

    def teardown(self):
        self.check_members()
        self.check_purses()
        self.world.chain.revert(self.place)

    @initialize(
        stakes=st.tuples(st.sampled_from((0, 1, 50)), st.sampled_from((7, 50))),
        first=st.sets(members),
    )
    def open_both(self, stakes, first):
        w = self.world
        for stake in stakes:
            job = w.jobs.create_and_fund(
                w.sponsor,
                provider=w.cohort.address,
                evaluator=self.judge.address,
                expires=w.now + LIFE,
                budget=BUDGET,
            )
            w.cohort.open(w.sponsor, job, stake=stake, rounds=self.judge.address)
            self.purses["sponsor"] -= BUDGET
            self.ids.append(job)
            self.jobs.append(w.jobs.job(job))
            self.cohorts.append(
                cohort_rules.Cohort(self.judge.address, stake, self.jobs[-1].expires)
            )
        for name in sorted(first):
            self.join(0, name)

    def address(self, name):
        return self.world.roles[name].address

    def agree(self, expected, call):
        """Run a rule and the contract; both give a result, or both refuse for the same reason."""
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

    def tell(self, contract, name, *args):
        message = contract.encode(name, *args)
        self.judge.transact(self.world.stranger, "act", contract.address, message)

    @rule(side=sides, who=members)
    def join(self, side, who):
        found = self.agree(
            lambda now: cohort_rules.join(self.cohorts[side], self.address(who), now),
            lambda: self.world.cohort.join(self.world.roles[who], self.ids[side], bytes(32)),
        )
        if found:
            self.cohorts[side] = found
            self.purses[who] -= found.stake

    @rule(side=sides, who=members, amount=st.sampled_from((0, 1, 7, 50, 51)), fair=st.booleans())
    def slash(self, side, who, amount, fair):
        call = ("slash", self.ids[side], self.address(who), amount, bytes(32))
        caller = self.judge.address if fair else self.address("stranger")
        contract = self.world.cohort.contract
        found = self.agree(
            lambda now: cohort_rules.slash(
                self.cohorts[side], caller, self.address(who), amount, now
            ),
            lambda: (
                self.tell(contract, *call)
                if fair
                else contract.transact(self.world.stranger, *call)
            ),
        )
        self.cohorts[side] = found or self.cohorts[side]

    @rule(side=sides, dues=shares, lie=st.sampled_from((0, 0, 0, -1, 400)))
    def deliver(self, side, dues, lie):
        job, round_id = self.ids[side], 2
        due = {self.address(name): amount for name, amount in zip(MEMBERS, dues, strict=True)}
        tree = CumulativeClaims(31337, self.world.cohort.address, job, round_id, due)
        total = max(0, tree.total + lie)

        def expected(now):
            after = cohort_rules.deliver(
                self.cohorts[side],
                self.jobs[side],
                self.judge.address,
                round_id=round_id,
                root=tree.root,
                total=total,
            )
            return after, job_rules.submit(self.jobs[side], self.world.cohort.address, now)

        call = ("deliver", job, round_id, bytes(32), tree.root, total)
        found = self.agree(expected, lambda: self.tell(self.world.cohort.contract, *call))
        if found:
            self.cohorts[side], self.jobs[side] = found
            self.trees[side] = tree

    @rule(side=sides, good=st.sampled_from((True, True, True, False)))
    def decide(self, side, good):
        step = job_rules.complete if good else job_rules.reject
        call = ("complete" if good else "reject", self.ids[side], bytes(32), b"")
        found = self.agree(
            lambda now: step(self.jobs[side], self.judge.address),
            lambda: self.tell(self.world.jobs.contract, *call),
        )
        if found:
            self.jobs[side] = found
            self.purses["sponsor"] += 0 if good else BUDGET

    @rule(side=sides)
    def settle(self, side):
        found = self.agree(
            lambda now: cohort_rules.settle(self.cohorts[side], self.jobs[side]),
            lambda: self.world.cohort.settle(self.world.stranger, self.ids[side]),
        )
        self.cohorts[side] = found or self.cohorts[side]

    @precondition(lambda self: any(self.trees))
    @rule(side=sides, who=members, forged=st.sampled_from((0, 0, 0, 1)), swap=st.booleans())
    def claim(self, side, who, forged, swap):
        tree = self.trees[side if self.trees[side] else 1 - side]
        account, job = self.address(who), self.ids[side]
        due = tree.due.get(account, 0) + forged
        proof = tree.proof(account) if account in tree.due else []
        proof = proof[::-1] if swap else proof
        the_leaf = leaf(31337, self.world.cohort.address, job, 2, account, due)
        found = self.agree(
            lambda now: cohort_rules.claim(self.cohorts[side], account, due, the_leaf, proof),
            lambda: self.world.cohort.claim(self.world.stranger, job, account, due, proof),
        )
        if found:
            self.cohorts[side], amount = found
            self.purses[who] += amount

    @rule(side=sides, who=members)
    def withdraw(self, side, who):
        account = self.address(who)
        found = self.agree(
            lambda now: cohort_rules.withdraw(self.cohorts[side], self.jobs[side], account, now),
            lambda: self.world.cohort.withdraw(self.world.stranger, self.ids[side], account),
        )
        if found:
            self.cohorts[side], amount = found
            self.purses[who] += amount

    @rule(side=sides)
    def refund(self, side):
        found = self.agree(
            lambda now: cohort_rules.refund(self.cohorts[side], self.jobs[side], now),
            lambda: self.world.cohort.refund(self.world.stranger, self.ids[side]),
        )
        if found:
            self.cohorts[side], amount = found
            self.purses["sponsor"] += amount

    @precondition(lambda self: self.world.now > self.jobs[0].expires - 60)
    @rule(side=sides)
    def expire(self, side):
        found = self.agree(
            lambda now: job_rules.claim_refund(self.jobs[side], now),
            lambda: self.world.jobs.claim_refund(self.world.stranger, self.ids[side]),
        )
        if found:
            self.jobs[side] = found
            self.purses["sponsor"] += BUDGET

    @rule(side=sides, dues=shares, lie=st.sampled_from((0, 0, -1)), steps=st.integers(1, 3))
    def end_well(self, side, dues, lie, steps):
        """What an honest evaluator does in one transaction; random steps rarely get there."""
        self.deliver(side, dues, lie)
        if steps > 1:
            self.decide(side, True)
        if steps > 2:
            self.settle(side)

    @rule(side=sides, dues=shares, lie=st.sampled_from((0, 0, -1)))
    def live_and_pay(self, side, dues, lie):
        for who in MEMBERS:
            self.join(side, who)
        self.end_well(side, dues, lie, 3)
        self.all_claim(side)

    @rule(side=sides)
    def all_claim(self, side):
        for who in MEMBERS if self.trees[side] else ():
            self.claim(side, who, 0, False)

    @rule(side=sides)
    def all_leave(self, side):
        for who in MEMBERS:
            self.withdraw(side, who)
        self.refund(side)

    @rule(who=members, amount=st.sampled_from((1, 7)))
    def prove_a_fault(self, who, amount):
        for side in (0, 1):
            self.slash(side, who, amount, True)

    @rule(seconds=st.sampled_from((5, 60, 60, 60, 3600)))
    def wait(self, seconds):
        self.world.chain.warp(seconds)

    @invariant()
    def it_holds_what_it_owes(self):
        # A cohort whose escrow was paid and not yet settled holds the whole pot besides.
        unsettled = sum(
            BUDGET
            for job, cohort in zip(self.jobs, self.cohorts, strict=True)
            if job.status is job_rules.Status.COMPLETED and cohort.stage is Stage.DELIVERED
        )
        held = sum(cohort.held for cohort in self.cohorts) + unsettled
        assert self.world.balance(self.world.cohort) == held

    def check_purses(self):
        found = {name: self.world.balance(self.world.roles[name]) for name in PEOPLE}
        assert found == self.purses

    @invariant()
    def the_contract_owes_what_the_rules_say(self):
        for job, cohort in zip(self.ids, self.cohorts, strict=True):
            purse = self.world.cohort.purse(job)
            found = (purse.stage, purse.owed, purse.spare)
            assert found == (cohort.stage, cohort.owed, cohort.spare)

    def check_members(self):
        for job, cohort in zip(self.ids, self.cohorts, strict=True):
            assert self.world.cohort.pay_root(job) == (cohort.root or NO_CLAIMS)
            for name in MEMBERS:
                member = self.world.cohort.member(job, self.address(name))
                assert member == cohort.members.get(self.address(name))


def test_any_history_of_cohorts_follows_the_rules_and_conserves_tokens(world, odd):
    puppet = deploy(world.chain, world.stranger, odd("Puppet"))
    world.jobs.token.approve(world.sponsor, world.jobs.address, 2**255)
    for name in MEMBERS:
        world.jobs.token.approve(world.roles[name], world.cohort.address, 2**255)

    class Machine(CohortMachine):
        shared = world
        judge = puppet

    run_state_machine_as_test(Machine, settings=QUICK)
