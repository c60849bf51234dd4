"""Acceptance: who is silent loses, an arbiter decides what is contested, no money is stuck."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from acceptance_world import (
    BOND,
    BUDGET,
    DAY,
    EVIDENCE,
    GROUNDS,
    HOUR,
    NO,
    PUPPET,
    WORK,
    YES,
    build_world,
    refused,
)
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from counterpoise.chain import Account, artifact_of, deploy
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, Reverted
from counterpoise.core.units import TOKEN
from counterpoise.jobs import Status as JobStatus
from counterpoise.market import acceptance_rules as rules
from counterpoise.market.acceptance_client import AcceptanceClient
from counterpoise.market.acceptance_rules import Outcome, Ruling, Stage
from counterpoise.oracle import payout
from counterpoise.verification import (
    QuorumClient,
    QuorumTerms,
    SignedAnswer,
    Status,
)

FUND, SUBMIT = (
    keccak(shape)[:4]
    for shape in (b"fund(uint256,uint256,bytes)", b"submit(uint256,bytes32,bytes)")
)
SOURCES = Path(rules.__file__).parent


@pytest.fixture(scope="module")
def one_world():
    built = build_world()
    yield built
    built.chain.close()


@pytest.fixture
def world(one_world):
    place = one_world.chain.snapshot()
    yield one_world
    one_world.chain.revert(place)


class Purses:
    """What each party has gained since, in base units; what was burnt; what is still held."""

    def __init__(self, world):
        self.world = world
        self.start, self.supply = self._purses(), world.token.call("totalSupply")

    def _purses(self):
        return [self.world.balance(who) for who in (self.world.client, self.world.provider)]

    def gained(self):
        now = self._purses()
        burnt = self.supply - self.world.token.call("totalSupply")
        held = self.world.balance(self.world.acceptance) + self.world.balance(self.world.jobs)
        return *(n - s for n, s in zip(now, self.start, strict=True)), burnt, held


def status(world, job):
    return world.jobs.job(job).status


def test_an_accepted_job_is_paid_at_once(world):
    purses = Purses(world)
    job = world.delivered()
    world.acceptance.accept(world.client, job)
    assert status(world, job) is JobStatus.COMPLETED
    assert purses.gained() == (-BUDGET, BUDGET, 0, 0)
    assert world.acceptance.outcome(job) == (Outcome.ACCEPTED, True)


def test_silence_through_the_window_pays_by_anyones_call_and_not_a_second_earlier(world):
    purses = Purses(world)
    job = world.delivered()
    end = world.acceptance.case(job).since + DAY
    world.warp_to(end - 1)
    with refused("acceptance: the client may still object"):
        world.acceptance.conclude(world.stranger, job)
    world.warp_to(end)
    with refused("acceptance: the window is over"):
        world.acceptance.object_to(world.client, job)
    world.acceptance.conclude(world.stranger, job)
    assert purses.gained() == (-BUDGET, BUDGET, 0, 0)
    assert world.acceptance.outcome(job) == (Outcome.SILENCE, True)


def test_who_delivers_nothing_in_time_is_not_paid_and_the_client_waits_for_no_expiry(world):
    purses = Purses(world)
    job = world.funded()
    latest = world.acceptance.case(job).latest
    assert latest == world.jobs.job(job).expires - world.usual.seconds
    world.warp_to(latest)
    with refused("acceptance: work may still be submitted"):
        world.acceptance.conclude(world.stranger, job)
    world.chain.warp(1)
    with refused("jobs: the hook refused before"):
        world.jobs.submit(world.provider, job, WORK)
    with refused("acceptance: too late to be judged before the expiry"):
        world.acceptance.contract.call(
            "beforeAction", job, SUBMIT, WORK + bytes(64), sender=world.jobs.address
        )
    world.acceptance.conclude(world.stranger, job)
    assert purses.gained() == (0, 0, 0, 0)
    assert world.acceptance.outcome(job) == (Outcome.NOTHING_DELIVERED, False)


def test_work_of_the_last_second_can_be_judged_before_any_refund(world):
    """The latest delivery, objection and defence, and the most patient arbiter, fit."""
    purses = Purses(world)
    job = world.funded(expires=world.now + world.usual.seconds + 100)
    world.warp_to(world.acceptance.case(job).latest)
    world.jobs.submit(world.provider, job, WORK)
    world.warp_to(world.acceptance.case(job).ends - 1)
    world.acceptance.object_to(world.client, job)
    world.warp_to(world.acceptance.case(job).ends - 1)
    world.acceptance.defend(world.provider, job)
    case = world.acceptance.case(job)
    world.warp_to(case.ends - 3)
    world.tell(job)
    assert world.now == case.ends - 2 < world.jobs.job(job).expires
    with refused("jobs: not yet expired"):
        world.jobs.claim_refund(world.client, job)
    assert world.now == case.ends - 1
    world.acceptance.conclude(world.stranger, job)
    assert purses.gained()[1] == BUDGET + BOND // 2


def test_a_provider_that_does_not_defend_is_not_paid_and_the_bond_comes_back(world):
    purses = Purses(world)
    job = world.objected()
    end = world.acceptance.case(job).since + HOUR
    world.warp_to(end - 1)
    with refused("acceptance: the provider may still defend"):
        world.acceptance.conclude(world.stranger, job)
    world.warp_to(end)
    with refused("acceptance: the time to defend is over"):
        world.acceptance.defend(world.provider, job)
    world.acceptance.conclude(world.stranger, job)
    assert purses.gained() == (0, 0, 0, 0)
    assert world.acceptance.outcome(job) == (Outcome.UNDEFENDED, False)


@pytest.mark.parametrize("answer", [YES, NO, b"\1", b"", bytes(64) + YES])
def test_the_arbiters_word_decides_pay_and_the_losers_bond(world, answer):
    purses = Purses(world)
    job = world.defended()
    with refused("acceptance: the arbiter has not ruled"):
        world.acceptance.conclude(world.stranger, job)
    world.tell(job, answer=answer, providers=("ann", "bob"))
    world.acceptance.conclude(world.stranger, job)
    good = Ruling(Status.FINAL, answer).is_good
    assert good == (answer.endswith(YES))
    due = payout(BOND, good, ("ann", "bob"))
    kept = sum(due.providers)
    client, provider, burnt, held = purses.gained()
    assert (client, provider) == (
        due.disputer - BOND - BUDGET * good,
        due.asserter - BOND + BUDGET * good,
    )
    assert (burnt, held) == (due.burnt, kept)
    for name in ("ann", "bob"):
        world.acceptance.withdraw(world.stranger, world.roles[name].address)
        assert world.balance(world.roles[name]) == due.providers[0]
    assert world.balance(world.acceptance) == 0
    with refused("acceptance: nothing earned"):
        world.acceptance.withdraw(world.ann, world.ann.address)


def test_a_ruling_without_workers_burns_the_whole_fee(world):
    purses = Purses(world)
    job = world.defended()
    world.tell(job, providers=())
    world.acceptance.conclude(world.stranger, job)
    assert purses.gained()[2:] == (BOND // 2, 0)


@pytest.mark.parametrize("how", ["silent", "proposed", "failed", "broken"])
def test_without_a_ruling_the_client_is_refunded_and_both_bonds_come_back(world, how):
    purses = Purses(world)
    job = world.defended()
    case = world.acceptance.case(job)
    if how == "silent":
        world.warp_to(case.deadline)
        with refused("acceptance: the arbiter has not ruled"):
            world.acceptance.conclude(world.stranger, job)
        world.warp_to(case.deadline + 1)
    elif how == "failed":
        world.tell(job, Status.FAILED)
    else:
        world.tell(job, Status.PROPOSED)
        if how == "broken":
            world.arbiter.transact(world.stranger, "fall_silent", True)
        world.warp_to(case.ends - 1)
        with pytest.raises(Reverted):
            world.acceptance.conclude(world.stranger, job)
        world.warp_to(case.ends)
    world.acceptance.conclude(world.stranger, job)
    assert purses.gained() == (0, 0, 0, 0)
    assert world.acceptance.outcome(job) == (Outcome.NO_RULING, False)


def test_parties_settle_between_themselves_until_a_defence(world):
    purses = Purses(world)
    job = world.objected()
    world.acceptance.accept(world.client, job)
    assert purses.gained() == (-BUDGET, BUDGET, 0, 0), "the objection is taken back"
    for made in (world.funded, world.delivered, world.objected):
        again = Purses(world)
        job = made()
        world.acceptance.concede(world.provider, job)
        assert again.gained() == (0, 0, 0, 0)
    job = world.defended()
    with refused("acceptance: nothing to accept"):
        world.acceptance.accept(world.client, job)
    with refused("acceptance: nothing to concede"):
        world.acceptance.concede(world.provider, job)


def test_what_was_refunded_by_time_still_gives_its_bonds_back(world):
    """Nobody concluded for a whole hour after the expiry; the bonds are not lost."""
    purses = Purses(world)
    objected, defended, delivered = world.objected(), world.defended(), world.delivered()
    world.tell(defended, answer=NO)
    world.chain.warp(8 * DAY)
    for job in (objected, defended, delivered):
        world.jobs.claim_refund(world.stranger, job)
    assert world.balance(world.acceptance) == 3 * BOND
    for job in (objected, defended, delivered):
        world.acceptance.conclude(world.stranger, job)
        outcome, paid = world.acceptance.outcome(job)
        assert not paid and status(world, job) is JobStatus.EXPIRED
        assert outcome in (Outcome.UNDEFENDED, Outcome.NO_RULING, Outcome.SILENCE)
    assert purses.gained() == (0, 0, 0, 0)


def test_nothing_is_concluded_twice(world):
    job = world.delivered()
    world.acceptance.accept(world.client, job)
    for call in (world.acceptance.conclude, world.acceptance.accept, world.acceptance.concede):
        with pytest.raises(Reverted, match="acceptance: nothing to"):
            call(world.client, job)
    with refused("acceptance: nothing to object to"):
        world.acceptance.object_to(world.client, job)
    with refused("acceptance: nothing to conclude"):
        world.acceptance.conclude(world.stranger, job)


def test_each_word_is_its_partys_alone(world):
    job = world.delivered()
    for who in (world.provider, world.stranger):
        with refused("acceptance: not the client to accept"):
            world.acceptance.accept(who, job)
        with refused("acceptance: not the client to object"):
            world.acceptance.contract.transact(who, "object", job, GROUNDS)
    with refused("acceptance: not the provider to concede"):
        world.acceptance.concede(world.client, job)
    job = world.objected()
    for who in (world.client, world.stranger):
        with refused("acceptance: not the provider to defend"):
            world.acceptance.contract.transact(who, "defend", job, GROUNDS)
    with refused("acceptance: nothing to defend"):
        world.acceptance.contract.transact(world.provider, "defend", job + 1, GROUNDS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bond": TOKEN - 1}, "bond below the least"),
        ({"bond": BUDGET + 1}, "bond above the budget"),
        ({"arbiter": b"\x01" * 20}, "the arbiter is no contract"),
        ({"window": 599}, "window out of range"),
        ({"defence": 0}, "window out of range"),
        ({"patience": 2**32}, "window out of range"),
        ({"arbitration": 7 * DAY}, "the job expires too soon"),
    ],
)
def test_terms_that_could_not_be_kept_are_refused_when_the_job_is_funded(world, change, reason):
    job = world.open()
    terms = replace(world.usual, **{"bond": BOND, **change})
    with refused("jobs: the hook refused before"):
        world.jobs.fund(world.client, job, BUDGET, terms.params())
    with refused(f"acceptance: {reason}"):
        world.acceptance.contract.call(
            "beforeAction", job, FUND, terms.params(), sender=world.jobs.address
        )
    if "arbiter" not in change:
        expires = world.jobs.job(job).expires
        with refused(f"acceptance: {reason}"):
            rules.agree(terms, TOKEN, BUDGET, world.now, expires)


def test_the_hook_takes_only_its_own_jobs_of_its_own_escrow(world):
    contract = world.acceptance.contract
    other = world.open(evaluator=world.stranger.address)
    with refused("jobs: the hook refused before"):
        world.jobs.fund(world.client, other, BUDGET)
    with refused("acceptance: not the evaluator of the job"):
        contract.call("beforeAction", other, FUND, b"", sender=world.jobs.address)
    with refused("acceptance: no terms"):
        contract.call("beforeAction", world.open(), FUND, b"\0" * 160, sender=world.jobs.address)
    with refused("acceptance: not the escrow"):
        contract.transact(world.stranger, "beforeAction", other, FUND, b"")
    with refused("acceptance: not the escrow after"):
        contract.transact(world.stranger, "afterAction", other, FUND, b"")


def test_a_job_without_the_hook_has_no_case_and_is_refunded_by_time(world):
    job = world.jobs.create_and_fund(
        world.client,
        provider=world.provider.address,
        evaluator=world.acceptance.address,
        expires=world.now + DAY,
        budget=BUDGET,
    )
    world.jobs.submit(world.provider, job, WORK)
    with pytest.raises(InputError, match="nothing was agreed"):
        world.acceptance.case(job)
    with refused("acceptance: nothing to conclude"):
        world.acceptance.conclude(world.stranger, job)
    world.chain.warp(DAY + HOUR)
    world.jobs.claim_refund(world.stranger, job)
    assert status(world, job) is JobStatus.EXPIRED


def test_an_evaluator_that_is_the_provider_by_proxy_decides_nothing_here(world):
    """The arbiter is fixed as the client funds; the provider's own has no say."""
    job = world.defended()
    proxy = deploy(world.chain, world.stranger, artifact_of(PUPPET))
    message = world.jobs.contract.encode("complete", job, EVIDENCE, b"")
    with pytest.raises(Reverted):
        proxy.transact(world.provider, "act", world.jobs.address, message)
    with refused("jobs: not the evaluator"):
        world.jobs.complete(world.provider, job)
    assert status(world, job) is JobStatus.SUBMITTED


def test_the_constructor_refuses_what_no_job_could_use(world):
    usual = world.usual
    wrong = [
        (replace(usual, arbiter=b"\1" * 20), "the usual arbiter is no contract"),
        (replace(usual, bond=0), "bond out of range"),
        (replace(usual, bond=2**96), "bond out of range"),
        (replace(usual, window=10), "window out of range"),
        (replace(usual, window=2**32 - 1), "the usual windows are too long"),
    ]
    for terms, reason in wrong:
        with refused(f"acceptance: {reason}"):
            AcceptanceClient.deploy(world.chain, world.minter, world.jobs.address, terms)
    with refused("acceptance: the escrow is no contract"):
        AcceptanceClient.deploy(world.chain, world.minter, b"\1" * 20, usual)


def test_a_question_is_open_only_while_a_defence_is_and_names_parties_and_work(world):
    ask = lambda job: world.acceptance.contract.call("question", job)  # noqa: E731
    nothing = (bytes(32), bytes(32), bytes(20), 0)
    assert ask(world.objected()) == nothing
    job = world.defended()
    parties = (world.client.address, world.provider.address)
    wanted = rules.question_input(world.jobs.address, job, *parties, WORK)
    deadline = world.acceptance.case(job).deadline
    assert ask(job) == (rules.ACCEPT_WORK, wanted, world.arbiter.address, deadline)
    world.tell(job)
    world.acceptance.conclude(world.stranger, job)
    assert ask(job) == nothing


def test_every_step_is_logged_with_what_rebuilds_the_case(world):
    job = world.defended(terms={"bond": 7 * TOKEN, "window": 2 * DAY})
    world.tell(job, answer=NO)
    world.acceptance.conclude(world.stranger, job)
    world.acceptance.withdraw(world.stranger, world.ann.address)
    events = [(e.name, e.args) for e in world.acceptance.contract.events()]
    names = [name for name, _ in events]
    assert names == ["Agreed", "Delivered", "Objected", "Defended", "Concluded", "Withdrawn"]
    case = world.acceptance.case(job)
    agreed = events[0][1]
    assert rules.AcceptanceTerms(*agreed["terms"]) == case.terms
    assert (agreed["latest"], events[1][1]["deliverable"]) == (case.latest, WORK)
    assert {events[2][1]["grounds"], events[3][1]["grounds"]} == {GROUNDS}
    assert events[4][1]["evidence"] == EVIDENCE and not events[4][1]["paid"]


def test_a_bond_must_be_there(world):
    job = world.delivered()
    world.token.transact(
        world.client, "transfer", world.stranger.address, world.balance(world.client)
    )
    with pytest.raises(InputError, match="a bond of"):
        world.acceptance.object_to(world.client, job)
    with pytest.raises(Reverted):
        world.acceptance.contract.transact(world.client, "object", job, GROUNDS)
    assert world.acceptance.case(job).stage is Stage.DELIVERED


RULING = bytes(4) + YES
"""An answer as models give it: one logit and the decision."""


def test_a_quorum_of_members_rules_by_signatures(world):
    terms = QuorumTerms(world.token.address, 25 * TOKEN, 2, 100_000, 300, 300, DAY, False, 0)
    quorum = QuorumClient.deploy(world.chain, world.minter, terms)
    members = [world.ann, world.bob]
    for member in members:
        world.token.transact(world.minter, "mint", member.address, 50 * TOKEN)
        quorum.join(member, 50 * TOKEN)
    purses = Purses(world)
    job = world.defended(terms={"arbiter": quorum.address, "bond": BOND})
    parties = (world.client.address, world.provider.address)
    about = rules.question_input(world.jobs.address, job, *parties, WORK)
    signed = SignedAnswer(world.acceptance.address, job, rules.ACCEPT_WORK, about, RULING)
    quorum.attest(world.stranger, signed, [quorum.sign(member, signed) for member in members])
    world.acceptance.conclude(world.stranger, job)
    assert purses.gained()[:2] == (-BUDGET - BOND, BUDGET + BOND // 2)
    assert world.acceptance.credit(world.ann.address) == BOND // 8


def test_every_refusal_of_the_contract_is_met_in_this_file():
    sources = [SOURCES / "Acceptance.vy", SOURCES / "lib" / "course.vy"]
    text = "".join(path.read_text() for path in sources)
    reasons = set(re.findall(r'"acceptance: ([^"]+)"', text))
    unmet = {"no bond given", "the token refused to pay"}  # the token's word
    mine = Path(__file__).read_text().split("def test_every_refusal", 1)[0]
    assert {reason for reason in reasons if reason not in mine} == unmet


def test_gas_of_each_way_to_the_end(world):
    """By receipts; a job without any evaluator contract costs about 300,000 in five steps."""
    client, provider = world.client, world.provider
    world.token.transact(client, "approve", world.jobs.address, 2**255)
    world.acceptance.accept(client, world.delivered())  # the contracts' first words are written
    job = world.open()
    gas = {
        "fund": world.jobs.fund(client, job, BUDGET).gas_used,
        "submit": world.jobs.submit(provider, job, WORK).gas_used,
        "object": world.acceptance.object_to(client, job, GROUNDS).gas_used,
        "defend": world.acceptance.defend(provider, job, GROUNDS).gas_used,
    }
    world.tell(job)
    gas["ruling"] = world.acceptance.conclude(world.stranger, job).gas_used
    gas["accept"] = world.acceptance.accept(client, world.delivered()).gas_used
    job = world.delivered()
    world.chain.warp(DAY)
    gas["silence"] = world.acceptance.conclude(world.stranger, job).gas_used
    most = {"fund": 140_000, "submit": 75_000, "accept": 80_000, "silence": 80_000}
    most |= {"object": 85_000, "defend": 75_000, "ruling": 160_000}
    assert not {name: used for name, used in gas.items() if used > most[name]}, gas


QUICK = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
indexes = st.integers(0, 3)
parties = st.sampled_from(("client", "provider", "stranger"))


class AcceptanceMachine(RuleBasedStateMachine):
    """The contract beside its rules; every token is somewhere."""

    shared = None

    def __init__(self):
        super().__init__()
        self.world = self.shared
        self.place = self.world.chain.snapshot()
        self.cases, self.rulings, self.ends, self.refunded = {}, {}, {}, set()
        self.purses = {n: self.world.balance(self.world.roles[n]) for n in ("client", "provider")}
        self.credit = {"ann": 0, "bob": 0}
        self.supply, self.burnt = self.world.token.call("totalSupply"), 0

    def teardown(self):
        self.world.chain.revert(self.place)

    def job(self, index):
        return list(self.cases)[index % len(self.cases)]

    def tries(self, call, rule_of):
        """Make a call that the contract must take or refuse exactly as the rule does."""
        try:
            wanted = rule_of()
        except Reverted as refusal:
            with refused(refusal.reason):
                call()
            return None
        call()
        return wanted

    @precondition(lambda self: len(self.cases) < 4)
    @rule(bond=st.sampled_from((None, 3 * TOKEN, 10 * TOKEN + 7)), spare=st.sampled_from((60, DAY)))
    def fund(self, bond, spare):
        w = self.world
        expires = w.now + w.usual.seconds + spare
        terms = rules.usual(w.usual, BUDGET) if bond is None else replace(w.usual, bond=bond)
        job = w.funded(None if bond is None else {"bond": bond}, expires=expires)
        self.cases[job] = rules.agree(terms, TOKEN, BUDGET, w.chain.block().time, expires)
        self.purses["client"] -= BUDGET

    @precondition(lambda self: self.cases)
    @rule(index=indexes)
    def deliver(self, index):
        w, job = self.world, self.job(index)
        case = self.cases[job]
        if job in self.ends or case.stage is not Stage.AGREED or w.now >= w.jobs.job(job).expires:
            return
        try:
            after = rules.deliver(case, w.now, WORK)
        except Reverted:
            with refused("jobs: the hook refused before"):
                w.jobs.submit(w.provider, job, WORK)
            return
        w.jobs.submit(w.provider, job, WORK)
        self.cases[job] = replace(after, since=w.chain.block().time)

    def moved(self, call, rule_of, job, payer):
        after = self.tries(call, rule_of)
        if after is not None:
            self.cases[job] = after
            self.purses[payer] -= after.terms.bond

    @precondition(lambda self: self.cases)
    @rule(index=indexes, who=parties)
    def object_to(self, index, who):
        w, job = self.world, self.job(index)
        call = lambda: w.acceptance.contract.transact(w.roles[who], "object", job, GROUNDS)  # noqa: E731
        now, case = w.now, self.closed(job)
        self.moved(call, lambda: rules.object_to(case, who == "client", now), job, "client")

    @precondition(lambda self: self.cases)
    @rule(index=indexes, who=parties)
    def defend(self, index, who):
        w, job = self.world, self.job(index)
        call = lambda: w.acceptance.contract.transact(w.roles[who], "defend", job, GROUNDS)  # noqa: E731
        now, case = w.now, self.closed(job)
        self.moved(call, lambda: rules.defend(case, who == "provider", now), job, "provider")

    def closed(self, job):
        """The case, its stage concluded if it has ended."""
        case = self.cases[job]
        return replace(case, stage=Stage.CONCLUDED) if job in self.ends else case

    @precondition(lambda self: any(c.stage is Stage.DEFENDED for c in self.cases.values()))
    @rule(
        index=indexes,
        status=st.sampled_from((*Status, Status.FINAL, Status.FINAL)),
        answer=st.sampled_from((YES, NO, b"")),
        providers=st.lists(st.sampled_from(("ann", "bob")), max_size=3),
    )
    def tell(self, index, status, answer, providers):
        open_ = [j for j, c in self.cases.items() if c.stage is Stage.DEFENDED]
        job = open_[index % len(open_)]
        if job not in self.ends:
            self.world.tell(job, status, answer, providers)
            self.rulings[job] = Ruling(status, answer, tuple(providers))

    @precondition(lambda self: self.cases)
    @rule(index=indexes, who=parties, word=st.sampled_from(("accept", "concede", "conclude")))
    def finish(self, index, who, word):
        w, job = self.world, self.job(index)
        case, now, ruling = self.closed(job), w.now, self.rulings.get(job, Ruling())
        ending = {
            "accept": lambda: rules.accept(case, who == "client"),
            "concede": lambda: rules.concede(case, who == "provider"),
            "conclude": lambda: rules.conclude(case, now, ruling),
        }
        end = self.tries(lambda: getattr(w.acceptance, word)(w.roles[who], job), ending[word])
        if end is None:
            return
        self.ends[job] = end
        if job not in self.refunded:
            self.purses["provider" if end.is_paid else "client"] += BUDGET
        bond = case.terms.bond
        if case.stage is Stage.OBJECTED:
            self.purses["client"] += bond
        elif case.stage is Stage.DEFENDED:
            ruled = end.outcome is Outcome.RULED
            truth = end.is_paid if ruled else None
            due = payout(bond, truth, ruling.providers if ruled else ())
            self.purses["client"] += due.disputer
            self.purses["provider"] += due.asserter
            self.burnt += due.burnt
            for name, part in zip(ruling.providers, due.providers, strict=False):
                self.credit[name] += part

    @precondition(lambda self: self.cases)
    @rule(index=indexes)
    def refund(self, index):
        w, job = self.world, self.job(index)
        found = w.jobs.job(job)
        grace = HOUR if found.status is JobStatus.SUBMITTED else 0
        if found.status.holds_escrow and w.now >= found.expires + grace:
            w.jobs.claim_refund(w.stranger, job)
            self.refunded.add(job)
            self.purses["client"] += BUDGET

    @rule(seconds=st.sampled_from((10, HOUR, 2 * HOUR, DAY)))
    def wait(self, seconds):
        self.world.chain.warp(seconds)

    @invariant()
    def it_holds_what_it_owes(self):
        owed = {Stage.OBJECTED: 1, Stage.DEFENDED: 2}
        bonds = sum(
            owed.get(case.stage, 0) * case.terms.bond
            for job, case in self.cases.items()
            if job not in self.ends
        )
        held = self.world.balance(self.world.acceptance)
        assert held == bonds + sum(self.credit.values())
        assert self.world.token.call("totalSupply") == self.supply - self.burnt

    @invariant()
    def every_purse_and_case_is_as_the_rules_say(self):
        w = self.world
        assert {n: w.balance(w.roles[n]) for n in self.purses} == self.purses
        assert {n: w.acceptance.credit(w.roles[n].address) for n in self.credit} == self.credit
        for job, case in self.cases.items():
            found = w.acceptance.case(job)
            assert found.stage is (Stage.CONCLUDED if job in self.ends else case.stage)
            if job not in self.ends:
                assert found == case


def test_any_history_follows_the_rules_and_conserves_every_token(world):
    class Machine(AcceptanceMachine):
        shared = world

    run_state_machine_as_test(Machine, settings=QUICK)


def test_a_job_always_ends_whoever_vanishes(world):
    """Each stage, everyone gone but a stranger: the money leaves escrow and bonds."""
    stranger = Account.local(b"anyone at all")
    world.chain.fund(stranger.address, 10**20)
    for made in (world.funded, world.delivered, world.objected, world.defended):
        job = made()
        world.warp_to(world.acceptance.case(job).ends)
        world.acceptance.conclude(stranger, job)
        assert not status(world, job).holds_escrow
    assert world.balance(world.acceptance) == world.balance(world.jobs) == 0
