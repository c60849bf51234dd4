"""The judge of rounds: who may do what, every refusal and event, and where each token is."""

import re
import runpy
from dataclasses import astuple, replace
from pathlib import Path

import pytest
from courts import TABLE, court
from games import task
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from counterpoise.chain import deploy
from counterpoise.chain.compiled import contract_path
from counterpoise.core.errors import Reverted
from counterpoise.federation.judge import BENCHES, NO_OPENING, Accusation, JudgeClient
from counterpoise.federation.judge_rules import MODEL_BLOB, PARTS, SHARE, UPDATE_BLOB, Place
from counterpoise.federation.rounds import RoundsClient
from counterpoise.federation.rounds_rules import CLOSING, Result
from counterpoise.federation.rules.trace import Opening

JOBS = runpy.run_path(str(Path(__file__).parents[1] / "jobs" / "conftest.py"))
refused = JOBS["refused"]
WINDOW, DAY, BOND = 800, 86_400, 640
WORD = bytes(32)
HELD = court(task(pot=1_000_003), 2, rows=5)
TRACE, BEFORE = HELD.cases[1].trace, HELD.cases[0].trace


@pytest.fixture(scope="module")
def one_world():
    return build()


def build(token_name="CreditToken"):
    w = JOBS["build_world"](token_name)
    rounds = deploy(w.chain, w.minter, "Rounds", w.jobs.address, w.cohort.address)
    w.rounds = RoundsClient(rounds)
    arguments = {"ScoreCells": [TABLE]}
    benches = [deploy(w.chain, w.minter, n, *arguments.get(n, [])).address for n, _ in BENCHES]
    judge = deploy(w.chain, w.minter, "RoundJudge", rounds.address, benches)
    w.judge = JudgeClient(judge, w.token)
    w.coordinator, w.challenger = w.provider, w.ann
    for account in (w.coordinator, w.challenger):
        w.token.transact(account, "approve", judge.address, 2**255)
    return w


@pytest.fixture
def world(one_world):
    yield from JOBS["undone"](one_world)


def funded(w):
    return w.jobs.create_and_fund(
        w.sponsor,
        provider=w.cohort.address,
        evaluator=w.rounds.address,
        expires=w.now + 10 * DAY,
        budget=1_000_003,
    )


def opened(w, bond=BOND):
    job = funded(w)
    w.cohort.open(w.sponsor, job, stake=0, rounds=w.rounds.address)
    w.judge.open(w.sponsor, job, HELD.articles, bond)
    w.rounds.open(
        w.sponsor,
        job,
        coordinator=w.coordinator.address,
        rounds=5,
        challenge_seconds=WINDOW,
        task_digest=WORD,
        judge=w.judge.address,
    )
    return job


def bonded(w):
    job = opened(w)
    w.judge.deposit(w.coordinator, job)
    return job


def content(trace, model=WORD):
    roots = (trace.section("updates").root, trace.root, trace.section("scores").root)
    return Result(*roots, WORD, 0, model, WORD)


def play(w, job, *traces):
    """Post rounds with these traces; give their records."""
    for trace in traces:
        number = w.rounds.state(job).round_id + 1
        w.rounds.commit(w.coordinator, job, number, WORD)
        w.rounds.result(w.coordinator, job, number, content(trace))
    return [posted.record for posted in w.rounds.results(job)]


def accused(w, job, number, records):
    before = records[number - 2] if number > 1 else None
    contracts = (w.rounds.address, w.cohort.address)
    return Place.of(31337, contracts, job, number, (records[number - 1], before))


# The context of these traces is of another contract, so every header is false.
HEADER = Accusation(
    "header", (TRACE.head, TRACE.opening("round", 0), BEFORE.head, BEFORE.opening("round", 0))
)


def convict(w, job, number, records, accusation=HEADER, sender=None, articles=HELD.articles):
    place = accused(w, job, number, records)
    before = records[number - 2] if number > 1 else None
    return w.judge.convict(
        sender or w.challenger, place, (records[number - 1], before), articles, accusation
    )


def names(w, receipt):
    return [event.name for event in w.judge.contract.events_in(receipt)]


def test_a_job_is_instituted_once_by_its_sponsor(world):
    w, job = world, funded(world)
    with refused("judge: not the sponsor"):
        w.judge.open(w.stranger, job, HELD.articles, BOND)
    for amount in (0, SHARE - 1, 2**96):
        with refused("judge: bond out of range"):
            w.judge.open(w.sponsor, job, HELD.articles, amount)
    with refused("judge: articles of another pot"):
        w.judge.open(w.sponsor, job, replace(HELD.articles, pot=1), BOND)
    receipt = w.judge.open(w.sponsor, job, HELD.articles, BOND)
    event = w.judge.contract.events_in(receipt)[0]
    assert event.name == "Instituted"
    assert (event.args["articles"], event.args["amount"]) == (HELD.articles.digest, BOND)
    assert w.judge.articles_of(job) == HELD.articles.digest
    with refused("judge: already open"):
        w.judge.open(w.sponsor, job, HELD.articles, BOND)
    unfunded = w.jobs.create(
        w.sponsor, provider=w.cohort.address, evaluator=w.rounds.address, expires=w.now + DAY
    )
    with refused("judge: the job is not funded"):
        w.judge.open(w.sponsor, unfunded, HELD.articles, BOND)


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": 0},
        {"rows": 2**14 + 1},
        {"members": 0},
        {"members": 15},
        {"members": 65, "scoring": 1},
        {"inputs": 0},
        {"inputs": 513},
        {"classes": 1},
        {"classes": 257},
        {"scale_bits": 21},
        {"feature_bits": 15},
        {"scale_bits": 5},
        {"params": 5},
        {"params": 4097, "hidden": 1},
        {"hidden": 2},
        {"scoring": 3},
        {"strategy": 2},
        {"pay_rule": 3},
        {"rounds": 0},
        {"classes": 60, "params": 240},
    ],
    ids=str,
)
def test_articles_beyond_what_can_be_judged_are_refused(world, changes):
    articles = replace(HELD.articles, **changes)
    assert not articles.is_judgeable()
    with refused("judge: articles beyond what can be judged"):
        world.judge.open(world.sponsor, funded(world), articles, BOND)


def test_results_count_only_under_a_whole_bond(world):
    w, job = world, opened(world)
    w.rounds.commit(w.coordinator, job, 1, WORD)
    with refused("rounds: the coordinator is not bonded"):
        w.rounds.result(w.coordinator, job, 1, content(BEFORE))
    with refused("judge: not the coordinator"):
        w.judge.contract.transact(w.stranger, "deposit", job)
    receipt = w.judge.deposit(w.coordinator, job)
    assert names(w, receipt) == ["Bonded"]
    assert w.judge.is_bonded(job)
    assert w.judge.bond(job).locked == BOND
    assert w.judge.deposit(w.coordinator, job) is None
    with refused("judge: nothing is missing of the bond"):
        w.judge.contract.transact(w.coordinator, "deposit", job)
    w.rounds.result(w.coordinator, job, 1, content(BEFORE))


def test_a_conviction_pays_half_burns_half_and_lets_the_round_fall(world):
    w, job = world, bonded(world)
    records = play(w, job, BEFORE, TRACE, TRACE)
    supply, before = w.token.call("totalSupply"), w.balance(w.challenger)
    receipt = convict(w, job, 2, records)
    event = w.judge.contract.events_in(receipt)[0]
    assert event.name == "Convicted"
    assert (event.args["paid"], event.args["burnt"]) == (BOND // 2, BOND // 2)
    assert w.balance(w.challenger) == before + BOND // 2
    assert w.token.call("totalSupply") == supply - BOND // 2
    assert w.balance(w.judge) == 0
    assert w.rounds.state(job).round_id == 1
    assert not w.judge.is_bonded(job)
    # An earlier round of the same window can still fall; there is nothing left to pay.
    first = Accusation("header", (BEFORE.head, BEFORE.opening("round", 0), b"", NO_OPENING))
    receipt = convict(w, job, 1, records, first)
    assert w.judge.contract.events_in(receipt)[0].args["paid"] == 0
    w.judge.deposit(w.coordinator, job)
    assert len(play(w, job, BEFORE)) == 1


def test_a_coordinator_that_convicts_itself_loses_half(world):
    w, job = world, bonded(world)
    before = w.balance(w.coordinator)
    records = play(w, job, BEFORE)
    first = Accusation("header", (BEFORE.head, BEFORE.opening("round", 0), b"", NO_OPENING))
    convict(w, job, 1, records, first, sender=w.coordinator)
    assert w.balance(w.coordinator) == before + BOND // 2
    assert w.balance(w.judge) == 0


def test_only_evidence_of_the_round_convicts(world):
    w, job = world, bonded(world)
    records = play(w, job, BEFORE, TRACE)
    with refused("judge: not the record of the round"):
        convict(w, job, 2, [records[0], replace(records[1], time=1)])
    with refused("judge: not the record of the round before"):
        convict(w, job, 2, [replace(records[0], time=1), records[1]])
    with refused("judge: not the articles of the job"):
        convict(w, job, 2, records, articles=replace(HELD.articles, quorum=2))
    place = accused(w, job, 2, records)
    data = w.judge.bench(0).encode("header", *HEADER.call(place, HELD.articles))
    tail = [records[1].values(), records[0].values(), astuple(HELD.articles)]
    with refused("judge: no such bench"):
        w.judge.contract.transact(w.challenger, "convict", job, 2, *tail, 4, data[:4], b"")
    right = Accusation("shape", (TRACE.head,))
    with refused("judge: the number is right"):
        convict(w, job, 2, records, right)
    table = w.judge.bench(1).encode("table")
    with refused("judge: the number is right"):
        w.judge.contract.transact(w.challenger, "convict", job, 2, *tail, 1, table[:4], b"")
    other = replace(HEADER, arguments=(BEFORE.head, *HEADER.arguments[1:]))
    with refused("cells: not the head of the trace"):
        convict(w, job, 2, records, other)
    w.warp_to(records[1].time + WINDOW)
    with refused("rounds: the window has closed"):
        convict(w, job, 2, records)


def test_the_bond_comes_back_when_no_window_can_be_open(world):
    w, job = world, bonded(world)
    records = play(w, job, BEFORE)
    with refused("judge: windows may be open"):
        w.judge.release(w.stranger, job)
    w.warp_to(w.jobs.job(job).expires - CLOSING)
    w.rounds.contract.transact(w.stranger, "finish", job, 1, records[0].values())
    before = w.balance(w.coordinator)
    assert names(w, w.judge.release(w.stranger, job)) == ["Released"]
    assert w.balance(w.coordinator) == before + BOND
    with refused("judge: no bond"):
        w.judge.release(w.stranger, job)
    with refused("judge: the job is finished"):
        w.judge.contract.transact(w.coordinator, "deposit", job)


def test_an_expired_job_gives_the_bond_back_too(world):
    w, job = world, bonded(world)
    w.warp_to(w.jobs.job(job).expires)
    w.judge.release(w.stranger, job)
    assert w.balance(w.judge) == 0


def demanded(w, job, number, record, section=3, index=1):
    return w.judge.demand(w.challenger, job, number, record, section, index)


def test_a_demand_is_answered_with_the_entry(world):
    w, job = world, bonded(world)
    record = play(w, job, BEFORE, TRACE)[1]
    receipt = demanded(w, job, 2, record)
    event = next(e for e in w.judge.contract.events_in(receipt) if e.name == "Demanded")
    assert event.args["deadline"] == w.chain.block().time + WINDOW // PARTS
    assert event.args["amount"] == BOND // SHARE
    word = event.args["word"]
    found = w.judge.demand_of(job, 2, word, 3, 1)
    assert (found.account, found.amount) == (w.challenger.address, BOND // SHARE)
    with refused("judge: already demanded"):
        demanded(w, job, 2, record)
    with refused("judge: there is time to reveal"):
        w.judge.lapse(w.stranger, job, 2, record, 3, 1)
    with refused("judge: the demand is open"):
        w.judge.withdraw(w.stranger, job, 2, record, 3, 1)
    before = w.balance(w.coordinator)
    opening = TRACE.opening("rows", 1)
    with refused("cells: an entry is not in the trace"):
        w.judge.reveal(w.coordinator, job, 2, record, replace(opening, entry=b"x"))
    receipt = w.judge.reveal(w.stranger, job, 2, record, opening)
    event = w.judge.contract.events_in(receipt)[0]
    assert (event.args["entry"], tuple(event.args["proof"])) == (opening.entry, opening.proof)
    assert w.balance(w.coordinator) == before + BOND // SHARE
    assert w.judge.demand_of(job, 2, word, 3, 1).deadline == 0
    with refused("judge: already answered"):
        w.judge.reveal(w.stranger, job, 2, record, opening)
    with refused("judge: already demanded"):
        demanded(w, job, 2, record)
    with refused("judge: never demanded"):
        w.judge.reveal(w.stranger, job, 2, record, TRACE.opening("rows", 0))


def test_an_entry_that_does_not_exist_is_answered_with_the_head(world):
    w, job = world, bonded(world)
    record = play(w, job, BEFORE, TRACE)[1]
    demanded(w, job, 2, record, 3, 99)
    beyond = Opening(TRACE.head, 3, 99, b"", ())
    with refused("judge: an entry beyond the last"):
        w.judge.reveal(w.stranger, job, 2, record, replace(beyond, entry=b"x"))
    w.judge.reveal(w.stranger, job, 2, record, beyond)
    for section, index in ((11, 0), (MODEL_BLOB, 1), (102, 0)):
        with refused("judge: nothing to demand"):
            demanded(w, job, 2, record, section, index)


def test_blobs_are_demanded_and_revealed(world):
    w, job = world, bonded(world)
    model = next(iter(HELD.blobs.values()))
    w.rounds.commit(w.coordinator, job, 1, WORD)
    digest = next(iter(HELD.blobs))
    w.rounds.result(w.coordinator, job, 1, content(BEFORE, digest))
    record = w.rounds.results(job)[0].record
    entry = BEFORE.opening("updates", 0)
    update = HELD.blobs[entry.entry[28:60]]
    demanded(w, job, 1, record, MODEL_BLOB, 0)
    demanded(w, job, 1, record, UPDATE_BLOB, 0)
    demanded(w, job, 1, record, UPDATE_BLOB, 9)
    reveal = w.judge.reveal_blob
    with refused("judge: not the blob of the model"):
        reveal(w.stranger, job, 1, record, MODEL_BLOB, NO_OPENING, b"x")
    with refused("judge: an entry is revealed otherwise"):
        reveal(w.stranger, job, 1, record, 3, entry, b"x")
    with refused("judge: a blob is revealed otherwise"):
        w.judge.reveal(w.stranger, job, 1, record, replace(entry, section=UPDATE_BLOB))
    with refused("judge: not the blob of the update"):
        reveal(w.stranger, job, 1, record, UPDATE_BLOB, entry, b"x")
    with refused("judge: a blob beyond the last"):
        reveal(w.stranger, job, 1, record, UPDATE_BLOB, replace(entry, index=9), b"x")
    reveal(w.stranger, job, 1, record, MODEL_BLOB, NO_OPENING, model)
    receipt = reveal(w.stranger, job, 1, record, UPDATE_BLOB, entry, update)
    assert w.judge.contract.events_in(receipt)[0].args["entry"] == update
    reveal(w.stranger, job, 1, record, UPDATE_BLOB, replace(entry, index=9), b"")
    assert w.balance(w.judge) == BOND


def test_silence_costs_the_bond(world):
    w, job = world, bonded(world)
    record = play(w, job, BEFORE, TRACE)[1]
    before = w.balance(w.challenger)
    demanded(w, job, 2, record)
    w.warp_to(w.now - 1 + WINDOW // PARTS + 1)
    with refused("judge: too late to reveal"):
        w.judge.reveal(w.stranger, job, 2, record, TRACE.opening("rows", 1))
    receipt = w.judge.lapse(w.stranger, job, 2, record, 3, 1)
    event = w.judge.contract.events_in(receipt)[0]
    assert (event.args["challenger"], event.args["cell"]) == (w.challenger.address, bytes(4))
    assert w.balance(w.challenger) == before + BOND // 2
    assert w.balance(w.judge) == 0
    assert w.rounds.state(job).round_id == 1


def test_a_moot_demand_gives_its_deposit_back(world):
    w, job = world, bonded(world)
    records = play(w, job, BEFORE, TRACE)
    before = w.balance(w.challenger)
    demanded(w, job, 2, records[1])
    convict(w, job, 2, records)
    with refused("judge: not the record of the round"):
        w.judge.lapse(w.stranger, job, 2, records[1], 3, 1)
    receipt = w.judge.withdraw(w.stranger, job, 2, records[1], 3, 1)
    assert names(w, receipt) == ["Withdrawn"]
    assert w.balance(w.challenger) == before + BOND // 2
    assert w.balance(w.judge) == 0


def test_demands_leave_time_for_an_answer_and_a_conviction(world):
    w, job = world, bonded(world)
    record = play(w, job, BEFORE, TRACE)[1]
    w.warp_to(record.time + WINDOW - 2 * (WINDOW // PARTS) - 1)
    demanded(w, job, 2, record)
    w.chain.mine()
    with refused("judge: too late to demand"):
        demanded(w, job, 2, record, 3, 0)
    with refused("judge: not the record of the round"):
        demanded(w, job, 2, replace(record, time=1), 3, 0)


def test_a_job_without_a_bond_has_nothing_to_demand(world):
    w, job = world, funded(world)
    w.cohort.open(w.sponsor, job, stake=0, rounds=w.rounds.address)
    w.rounds.open(
        w.sponsor,
        job,
        coordinator=w.coordinator.address,
        rounds=5,
        challenge_seconds=WINDOW,
        task_digest=WORD,
    )
    record = play(w, job, BEFORE)[0]
    with refused("judge: the job has no bond"):
        demanded(w, job, 1, record)


def odd_bonded(token_name):
    """A bonded job whose bond is in a token that can be told to misbehave."""
    w = build(token_name)
    return w, opened(w)


def test_a_token_that_keeps_a_fee_or_refuses_is_refused():
    w, job = odd_bonded("OddToken")
    w.token.transact(w.minter, "set_fault", 4)
    with refused("judge: the token kept a fee"):
        w.judge.contract.transact(w.coordinator, "deposit", job)
    w.token.transact(w.minter, "set_fault", 2)
    with refused("judge: the token refused"):
        w.judge.contract.transact(w.coordinator, "deposit", job)
    w.token.transact(w.minter, "set_fault", 0)
    w.judge.contract.transact(w.coordinator, "deposit", job)
    w.token.transact(w.minter, "set_fault", 1)
    w.warp_to(w.jobs.job(job).expires)
    with refused("judge: the token refused to pay"):
        w.judge.release(w.stranger, job)


def test_every_reason_of_the_judge_is_unique_and_tested():
    reasons = re.findall(r'"judge: ([^"]+)"', contract_path("RoundJudge").read_text())
    assert len(reasons) == len(set(reasons))
    tested = Path(__file__).read_text()
    odd = {
        "the token refused",
        "the token kept a fee",
        "the token refused to pay",
        "the job has no bond",
    }
    assert [reason for reason in reasons if reason not in tested and reason not in odd] == []


class JudgeMachine(RuleBasedStateMachine):
    """Any order of bonds, rounds, demands and convictions: the judge holds what it owes."""

    shared = None

    def __init__(self):
        super().__init__()
        self.world = w = self.shared
        self.place = w.chain.snapshot()
        self.job = opened(w)
        self.locked, self.open = 0, {}
        self.burnt, self.supply = 0, w.token.call("totalSupply")

    def teardown(self):
        self.world.chain.revert(self.place)

    def tried(self, call):
        try:
            return call() or True
        except Reverted:
            return None

    @rule()
    def bond(self):
        if self.tried(lambda: self.world.judge.deposit(self.world.coordinator, self.job)):
            self.locked = BOND

    @rule()
    def post(self):
        w, number = self.world, self.world.rounds.state(self.job).round_id + 1
        self.tried(lambda: w.rounds.commit(w.coordinator, self.job, number, WORD))
        trace = BEFORE if number == 1 else TRACE
        posted = self.tried(
            lambda: w.rounds.result(w.coordinator, self.job, number, content(trace))
        )
        assert posted is None or self.locked == BOND

    @rule(number=st.integers(1, 2))
    def accuse(self, number):
        w, records = self.world, [p.record for p in self.world.rounds.results(self.job)]
        if number > len(records):
            return
        first = Accusation("header", (BEFORE.head, BEFORE.opening("round", 0), b"", NO_OPENING))
        one = first if number == 1 else HEADER
        if self.tried(lambda: convict(w, self.job, number, records, one)):
            self.burnt += self.locked - self.locked // 2
            self.locked = 0

    @rule(index=st.integers(0, 2))
    def ask(self, index):
        w, records = self.world, [p.record for p in self.world.rounds.results(self.job)]
        if records and self.tried(
            lambda: demanded(w, self.job, len(records), records[-1], 9, index)
        ):
            self.open[index, len(records), records[-1]] = True

    @rule(which=st.integers(0, 5), how=st.sampled_from(("reveal", "lapse", "withdraw")))
    def settle(self, which, how):
        w = self.world
        if not self.open:
            return
        key = list(self.open)[which % len(self.open)]
        index, number, record = key
        if how == "reveal":
            trace = BEFORE if number == 1 else TRACE
            opening = trace.opening("standing", index)
            done = self.tried(lambda: w.judge.reveal(w.stranger, self.job, number, record, opening))
        else:
            call = getattr(w.judge, how)
            done = self.tried(lambda: call(w.stranger, self.job, number, record, 9, index))
        if done:
            del self.open[key]
            if how == "lapse":
                self.burnt += self.locked - self.locked // 2
                self.locked = 0

    @rule(seconds=st.sampled_from((20, WINDOW // PARTS, WINDOW)))
    def wait(self, seconds):
        self.world.chain.warp(seconds)

    @rule()
    def give_back(self):
        if self.tried(lambda: self.world.judge.release(self.world.stranger, self.job)):
            self.locked = 0

    @invariant()
    def it_holds_what_it_owes(self):
        w = self.world
        assert w.judge.bond(self.job).locked == self.locked
        assert w.balance(w.judge) == self.locked + len(self.open) * (BOND // SHARE)
        assert w.token.call("totalSupply") == self.supply - self.burnt


def test_any_history_of_the_judge_conserves_bonds_and_deposits(one_world):
    class Machine(JudgeMachine):
        shared = one_world

    quick = settings(
        max_examples=8,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=quick)
