"""The rounds contract: who may post what and when, what it keeps, and how a job ends."""

import re
import runpy
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.chain import artifact_of, deploy
from counterpoise.chain.compiled import contract_path
from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.federation.rounds import (
    COMMITMENT,
    REVEAL,
    Committed,
    Finished,
    Opened,
    Posted,
    ResultPosted,
    RolledBack,
    RoundsClient,
    RoundsState,
)
from counterpoise.federation.rounds_rules import (
    CLOSING,
    NO_WORD,
    NOBODY,
    PATIENCE,
    Record,
    Result,
    commitment_word,
    result_word,
)
from counterpoise.jobs import Stage, Status

CONTRACTS = Path(__file__).parent / "contracts"
JOBS = runpy.run_path(str(Path(__file__).parents[1] / "jobs" / "conftest.py"))
refused = JOBS["refused"]
DAY, WINDOW = 86_400, 600
POT, STAKE = 100 * TOKEN, 5 * TOKEN
TASK, WHY, ROOT = b"t" * 32, b"y" * 32, b"c" * 32


@pytest.fixture(scope="module")
def one_world():
    world = JOBS["build_world"]()
    contract = deploy(world.chain, world.minter, "Rounds", world.jobs.address, world.cohort.address)
    world.rounds = RoundsClient(contract)
    world.judge = deploy(world.chain, world.stranger, artifact_of(CONTRACTS / "Magistrate.vy"))
    world.coordinator = world.provider
    return world


@pytest.fixture
def world(one_world):
    yield from JOBS["undone"](one_world)


def funded(w, **changes):
    terms = {
        "provider": w.cohort.address,
        "evaluator": w.rounds.address,
        "expires": w.now + 10 * DAY,
    }
    return w.jobs.create_and_fund(w.sponsor, **(terms | changes), budget=POT)


def opened(w, rounds=2, *, members=("ann", "bob"), **changes):
    job = funded(w)
    w.cohort.open(w.sponsor, job, stake=STAKE, rounds=w.rounds.address)
    for name in members:
        w.cohort.join(w.roles[name], job, b"d" * 32)
    open_rounds(w, job, rounds=rounds, **changes)
    return job


def open_rounds(w, job, sponsor=None, **changes):
    terms = {
        "coordinator": w.coordinator.address,
        "rounds": 2,
        "challenge_seconds": WINDOW,
        "task_digest": TASK,
        "judge": w.judge.address,
    }
    return w.rounds.open(sponsor or w.sponsor, job, **(terms | changes))


def content(w, job, round_id, ann=10, bob=5):
    due = {w.ann.address: ann * round_id * TOKEN, w.bob.address: bob * round_id * TOKEN}
    claims = w.cohort.claims(job, round_id, due)
    mark = bytes([round_id]) * 31
    return Result(
        mark + b"u", mark + b"t", mark + b"s", claims.root, claims.total, mark + b"m", mark + b"e"
    )


def play(w, job, *numbers):
    for number in numbers:
        w.rounds.commit(w.coordinator, job, number, ROOT)
        w.rounds.result(w.coordinator, job, number, content(w, job, number))


def tell(w, name, *args):
    message = w.rounds.contract.encode(name, *args)
    return w.judge.transact(w.stranger, "act", w.rounds.address, message)


def roll_back(w, job, number, record=None):
    record = record or w.rounds.results(job)[number - 1].record
    return tell(w, "rollback", job, number, record.values(), WHY)


def test_a_job_runs_its_rounds_and_pays_by_the_last(world):
    w, before = world, {n: world.balance(world.roles[n]) for n in ("sponsor", "ann", "bob")}
    job = opened(w)
    opening = w.rounds.events(job)[0]
    assert opening == Opened(
        job, w.coordinator.address, w.judge.address, 2, WINDOW, PATIENCE, TASK, opening.block
    )
    play(w, job, 1, 2)
    state = w.rounds.state(job)
    expires = w.jobs.job(job).expires
    assert state == RoundsState(
        w.coordinator.address,
        w.judge.address,
        2,
        WINDOW,
        PATIENCE,
        expires,
        POT,
        2,
        False,
        False,
        w.chain.block().time,
        30 * TOKEN,
    )
    w.chain.warp(WINDOW)
    w.rounds.finish(w.stranger, job)
    assert w.jobs.job(job).status is Status.COMPLETED
    last = w.rounds.results(job)[-1]
    purse = w.cohort.purse(job)
    assert (purse.stage, purse.round_id, purse.owed, purse.spare) == (
        Stage.PAID,
        2,
        30 * TOKEN,
        70 * TOKEN,
    )
    assert w.cohort.pay_root(job) == last.record.content.pay_root
    end = w.rounds.events(job)[-1]
    word = w.rounds.digest_of_round(job, 2)
    assert end == Finished(job, 2, word, 30 * TOKEN, end.block, end.tx_hash)
    completed = [e for e in w.jobs.history(job) if e.name == "JobCompleted"]
    assert completed[0].args["reason"] == word
    submitted = [e for e in w.jobs.history(job) if e.name == "JobSubmitted"]
    assert submitted[0].args["deliverable"] == last.record.content.model_digest

    claims = w.cohort.claims(job, 2, {w.ann.address: 20 * TOKEN, w.bob.address: 10 * TOKEN})
    for name in ("ann", "bob"):
        account = w.roles[name].address
        w.cohort.claim(w.stranger, job, account, claims.due[account], claims.proof(account))
        w.cohort.withdraw(w.stranger, job, account)
    w.cohort.refund(w.stranger, job)
    after = {n: w.balance(w.roles[n]) - before[n] for n in before}
    assert after == {"sponsor": -30 * TOKEN, "ann": 20 * TOKEN, "bob": 10 * TOKEN}
    assert w.balance(w.cohort) == w.balance(w.jobs) == 0


def test_the_word_of_a_round_is_what_its_event_spells_out(world):
    w, job = world, opened(world)
    place = (31337, w.rounds.address, job, 1)
    assert w.rounds.digest_of_round(job, 1) == NO_WORD
    w.rounds.commit(w.coordinator, job, 1, ROOT)
    committed = w.rounds.commitments(job)[0]
    block = w.chain.block()
    assert committed == Committed(
        job, 1, ROOT, block.time, block.number, block.hash, committed.tx_hash
    )
    word = commitment_word(*place, committed.commitments_root, committed.time)
    assert w.rounds.digest_of_round(job, 1) == word
    w.rounds.result(w.coordinator, job, 1, content(w, job, 1))
    posted = w.rounds.results(job)[0]
    assert posted.record == Record(word, w.chain.block().time, 0, content(w, job, 1))
    assert w.rounds.digest_of_round(job, 1) == result_word(*place, posted.record)
    assert w.rounds.digest_of_round(job, 2) == NO_WORD
    for changed in (
        replace(posted.record, time=posted.record.time + 1),
        replace(posted.record, previous_total=1),
        replace(posted.record, commitment=bytes(32)),
        replace(posted.record, content=replace(posted.record.content, evidence=bytes(32))),
    ):
        assert result_word(*place, changed) != w.rounds.digest_of_round(job, 1)


def test_the_first_round_and_the_next_spend_the_same_gas(world):
    w, job, spent = world, opened(world), []
    for number in (1, 2):
        commit = w.rounds.commit(w.coordinator, job, number, ROOT)
        result = w.rounds.result(w.coordinator, job, number, content(w, job, number))
        spent.append(commit.gas_used + result.gas_used)
    assert max(spent) <= 110_000
    assert abs(spent[1] - spent[0]) < 1_000


def test_rounds_are_opened_once_by_the_sponsor_of_a_funded_job_of_the_cohort(world):
    w, job = world, funded(world)
    with refused("rounds: not the sponsor"):
        open_rounds(w, job, sponsor=w.stranger)
    with refused("rounds: not the evaluator of the job"):
        open_rounds(w, funded(w, evaluator=w.evaluator.address))
    with refused("rounds: not a job of the cohort"):
        open_rounds(w, funded(w, provider=w.evaluator.address))
    unfunded = w.jobs.create(
        w.sponsor, provider=w.cohort.address, evaluator=w.rounds.address, expires=w.now + 10 * DAY
    )
    with refused("rounds: the job is not funded"):
        open_rounds(w, unfunded)
    open_rounds(w, job)
    with refused("rounds: already open"):
        open_rounds(w, job)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"coordinator": NOBODY}, "no coordinator"),
        ({"judge": b"\xff" * 20}, "the judge is no contract"),
        ({"rounds": 0}, "number of rounds out of range"),
        ({"rounds": 2**16}, "number of rounds out of range"),
        ({"challenge_seconds": 0}, "challenge window out of range"),
        ({"challenge_seconds": 2**32}, "challenge window out of range"),
        ({"patience_seconds": 0}, "patience out of range"),
        ({"patience_seconds": 2**32}, "patience out of range"),
        ({"challenge_seconds": 10 * DAY - 3600 + 10}, "expiry too near to open"),
    ],
)
def test_rounds_are_not_opened_when(world, changes, reason):
    with refused(f"rounds: {reason}"):
        open_rounds(world, funded(world), **changes)


def test_the_largest_plan_fits_its_word(world):
    w = world
    job = w.jobs.create_and_fund(
        w.sponsor,
        provider=w.cohort.address,
        evaluator=w.rounds.address,
        expires=2**40 - 1,
        budget=POT,
    )
    big = 2**32 - 1
    open_rounds(
        w,
        job,
        coordinator=b"\xff" * 20,
        rounds=2**16 - 1,
        challenge_seconds=big,
        patience_seconds=big,
    )
    state = w.rounds.state(job)
    assert (state.coordinator, state.judge) == (b"\xff" * 20, w.judge.address)
    assert (state.rounds, state.challenge_seconds, state.patience_seconds) == (2**16 - 1, big, big)
    assert (state.expires, state.budget, state.round_id) == (2**40 - 1, POT, 0)


def test_only_the_coordinator_posts_and_in_order(world):
    w, job = world, opened(world)
    for caller in (w.sponsor, w.ann, w.stranger):
        with refused("rounds: not the coordinator"):
            w.rounds.commit(caller, job, 1, ROOT)
        with refused("rounds: not the coordinator"):
            w.rounds.result(caller, job, 1, content(w, job, 1))
    with refused("rounds: not committed"):
        w.rounds.result(w.coordinator, job, 1, content(w, job, 1))
    for wrong in (0, 2):
        with refused("rounds: not the next round to commit"):
            w.rounds.commit(w.coordinator, job, wrong, ROOT)
    w.rounds.commit(w.coordinator, job, 1, ROOT)
    with refused("rounds: already committed"):
        w.rounds.commit(w.coordinator, job, 1, b"x" * 32)
    for wrong in (0, 2):
        with refused("rounds: not the round in progress"):
            w.rounds.result(w.coordinator, job, wrong, content(w, job, 1))
    w.rounds.result(w.coordinator, job, 1, content(w, job, 1))
    with refused("rounds: not the round in progress"):
        w.rounds.result(w.coordinator, job, 1, content(w, job, 1))
    play(w, job, 2)
    with refused("rounds: no more rounds planned"):
        w.rounds.commit(w.coordinator, job, 3, ROOT)


def test_the_total_due_may_fall_and_never_exceeds_the_budget(world):
    w, job = world, opened(world, rounds=3)
    w.rounds.commit(w.coordinator, job, 1, ROOT)
    first = content(w, job, 1)
    with refused("rounds: the total due exceeds the budget"):
        w.rounds.result(w.coordinator, job, 1, replace(first, pay_total=POT + 1))
    with refused("rounds: the total due exceeds the budget"):
        w.rounds.result(w.coordinator, job, 1, replace(first, pay_total=2**256 - 1))
    w.rounds.result(w.coordinator, job, 1, first)
    w.rounds.commit(w.coordinator, job, 2, ROOT)
    w.rounds.result(w.coordinator, job, 2, replace(first, pay_total=first.pay_total - 1))
    assert w.rounds.results(job)[-1].record.previous_total == first.pay_total
    w.rounds.commit(w.coordinator, job, 3, ROOT)
    w.rounds.result(w.coordinator, job, 3, replace(first, pay_total=POT))
    assert w.rounds.state(job).total == POT


def test_no_result_is_posted_whose_window_would_reach_into_the_last_hour(world):
    w, job = world, opened(world)
    last_moment = w.jobs.job(job).expires - CLOSING - WINDOW
    w.warp_to(last_moment - 1)
    w.rounds.commit(w.coordinator, job, 1, ROOT)
    w.rounds.result(w.coordinator, job, 1, content(w, job, 1))
    with refused("rounds: expiry too near"):
        w.rounds.commit(w.coordinator, job, 2, ROOT)
    assert w.rounds.state(job).round_id == 1


def test_a_committed_round_can_come_too_late(world):
    w, job = world, opened(world)
    w.rounds.commit(w.coordinator, job, 1, ROOT)
    w.warp_to(w.jobs.job(job).expires - CLOSING - WINDOW + 1)
    with refused("rounds: expiry too near"):
        w.rounds.result(w.coordinator, job, 1, content(w, job, 1))


def test_no_result_counts_while_the_coordinator_is_not_bonded(world):
    w, job = world, opened(world)
    play(w, job, 1)
    w.judge.transact(w.stranger, "vouch", False)
    w.rounds.commit(w.coordinator, job, 2, ROOT)
    with refused("rounds: the coordinator is not bonded"):
        w.rounds.result(w.coordinator, job, 2, content(w, job, 2))
    w.judge.transact(w.stranger, "vouch", True)
    w.rounds.result(w.coordinator, job, 2, content(w, job, 2))
    assert w.rounds.state(job).round_id == 2


def test_a_member_puts_its_own_commitment_and_reveal_on_the_record(world):
    w, job = world, opened(world)
    w.rounds.post(w.ann, job, 1, COMMITMENT, b"h" * 32)
    w.rounds.post(w.bob, job, 1, REVEAL, b"r" * 32)
    found = [(e.account, e.kind, e.digest) for e in w.rounds.events(job) if isinstance(e, Posted)]
    assert found == [(w.ann.address, 0, b"h" * 32), (w.bob.address, 1, b"r" * 32)]
    with refused("rounds: not a member"):
        w.rounds.post(w.stranger, job, 1, COMMITMENT, b"h" * 32)
    with refused("rounds: unknown kind of post"):
        w.rounds.post(w.ann, job, 1, 2, b"h" * 32)
    for wrong in (0, 2):
        with refused("rounds: not the round to post in"):
            w.rounds.post(w.ann, job, wrong, COMMITMENT, b"h" * 32)


def test_nothing_is_paid_before_the_last_window_ends(world):
    w, job = world, opened(world)
    play(w, job, 1, 2)
    w.warp_to(w.rounds.state(job).time + WINDOW - 1)
    with refused("rounds: the window is open"):
        w.rounds.finish(w.coordinator, job)
    w.rounds.finish(w.stranger, job)
    with refused("rounds: already finished"):
        w.rounds.finish(w.stranger, job)
    for step in (
        lambda: w.rounds.commit(w.coordinator, job, 3, ROOT),
        lambda: w.rounds.result(w.coordinator, job, 3, content(w, job, 2)),
        lambda: w.rounds.post(w.ann, job, 3, COMMITMENT, ROOT),
        lambda: tell(w, "convict", job, w.ann.address, 1, WHY),
        lambda: roll_back(w, job, 2),
    ):
        with refused("rounds: already finished"):
            step()


def test_a_round_may_follow_while_the_one_before_is_in_its_window(world):
    w, job = world, opened(world)
    play(w, job, 1)
    assert w.chain.block().time < w.rounds.results(job)[0].record.time + WINDOW
    play(w, job, 2)
    assert w.rounds.state(job).round_id == 2


def test_finishing_takes_the_true_record_of_the_last_round(world):
    w, job = world, opened(world)
    play(w, job, 1, 2)
    w.chain.warp(WINDOW)
    first, last = (posted.record for posted in w.rounds.results(job))
    more = replace(last, content=replace(last.content, pay_total=POT))
    for number, record, reason in (
        (1, first, "not the last result"),
        (0, first, "not the last result"),
        (3, last, "not the last result"),
        (2, first, "not the record of the last result"),
        (2, more, "not the record of the last result"),
        (2, replace(last, time=1), "not the record of the last result"),
    ):
        with refused(f"rounds: {reason}"):
            w.rounds.contract.transact(w.stranger, "finish", job, number, record.values())


def test_a_coordinator_that_falls_silent_does_not_keep_the_pay(world):
    w, job = world, opened(world, patience_seconds=DAY)
    play(w, job, 1)
    w.rounds.commit(w.coordinator, job, 2, ROOT)
    posted = w.rounds.results(job)[0].record.time
    w.warp_to(posted + DAY - 1)
    with refused("rounds: more rounds are due"):
        w.rounds.finish(w.stranger, job)
    w.rounds.finish(w.stranger, job)
    assert w.cohort.purse(job).owed == 15 * TOKEN
    assert w.jobs.job(job).status is Status.COMPLETED


def test_the_last_hour_is_kept_for_finishing_with_what_stands(world):
    w, job = world, opened(world, patience_seconds=2**32 - 1)
    play(w, job, 1)
    w.warp_to(w.jobs.job(job).expires - CLOSING - 1)
    with refused("rounds: more rounds are due"):
        w.rounds.finish(w.stranger, job)
    w.rounds.finish(w.stranger, job)
    assert w.jobs.job(job).status is Status.COMPLETED


def test_a_job_without_any_result_is_refunded_and_its_stakes_come_back(world):
    w, before = world, world.balance(world.sponsor)
    job = opened(w)
    w.rounds.commit(w.coordinator, job, 1, ROOT)
    with pytest.raises(InputError, match="no result to finish with"):
        w.rounds.finish(w.stranger, job)
    w.warp_to(w.jobs.job(job).expires)
    w.jobs.claim_refund(w.stranger, job)
    w.cohort.withdraw(w.stranger, job, w.ann.address)
    assert w.balance(w.sponsor) == before
    assert w.balance(w.cohort) == STAKE


def test_a_finish_that_comes_after_the_expiry_is_refused_by_the_escrow(world):
    w, job = world, opened(world)
    play(w, job, 1, 2)
    w.warp_to(w.jobs.job(job).expires)
    with refused("jobs: expired"):
        w.rounds.finish(w.stranger, job)


def test_a_convicted_round_falls_and_takes_the_later_ones_with_it(world):
    w, job = world, opened(world, rounds=4)
    play(w, job, 1, 2, 3)
    w.rounds.commit(w.coordinator, job, 4, ROOT)
    records = [posted.record for posted in w.rounds.results(job)]
    roll_back(w, job, 2)
    fall = w.rounds.events(job)[-1]
    assert fall == RolledBack(job, 2, 3, 15 * TOKEN, WHY, fall.block)
    assert [posted.record for posted in w.rounds.results(job)] == records[:1]
    assert [committed.round_id for committed in w.rounds.commitments(job)] == [1]
    state = w.rounds.state(job)
    assert (state.round_id, state.committed, state.total) == (1, False, 15 * TOKEN)
    assert w.rounds.digest_of_round(job, 1) != NO_WORD
    assert [w.rounds.digest_of_round(job, n) for n in (2, 3, 4)] == [NO_WORD] * 3
    with refused("rounds: no such result to roll back"):
        roll_back(w, job, 3, records[2])
    with refused("rounds: not the last result"):
        w.rounds.contract.transact(w.stranger, "finish", job, 3, records[2].values())
    play(w, job, 2, 3, 4)
    assert w.rounds.state(job).round_id == 4
    w.chain.warp(WINDOW)
    w.rounds.finish(w.stranger, job)
    assert w.cohort.purse(job).owed == 60 * TOKEN


def test_every_round_can_fall(world):
    w, job = world, opened(world)
    play(w, job, 1, 2)
    roll_back(w, job, 1)
    assert w.rounds.results(job) == []
    assert w.rounds.state(job).total == 0
    with pytest.raises(InputError, match="no result"):
        w.rounds.finish(w.stranger, job)
    with refused("rounds: not the last result"):
        w.rounds.contract.transact(
            w.stranger, "finish", job, 0, Record(bytes(32), 0, 0, content(w, job, 1)).values()
        )


def test_only_the_judge_throws_a_result_out_and_only_in_its_window(world):
    w, job = world, opened(world)
    play(w, job, 1)
    record = w.rounds.results(job)[0].record
    for caller in (w.sponsor, w.coordinator, w.ann, w.stranger):
        with refused("rounds: not the judge"):
            w.rounds.contract.transact(caller, "rollback", job, 1, record.values(), WHY)
        with refused("rounds: not the judge"):
            w.rounds.contract.transact(caller, "convict", job, w.ann.address, 1, WHY)
    for number in (0, 2):
        with refused("rounds: no such result to roll back"):
            roll_back(w, job, number, record)
    with refused("rounds: not the record that fell"):
        roll_back(w, job, 1, replace(record, previous_total=POT))
    w.warp_to(record.time + WINDOW - 1)
    place = w.chain.snapshot()
    roll_back(w, job, 1)
    w.chain.revert(place)
    w.chain.mine()
    with refused("rounds: the window has closed"):
        roll_back(w, job, 1, record)


def test_without_a_judge_nobody_can_throw_anything_out(world):
    w, job = world, opened(world, judge=NOBODY)
    play(w, job, 1)
    record = w.rounds.results(job)[0].record
    for caller in (w.sponsor, w.coordinator, w.stranger):
        with refused("rounds: not the judge"):
            w.rounds.contract.transact(caller, "rollback", job, 1, record.values(), WHY)


def test_a_rollback_does_not_put_the_finish_off_beyond_the_expiry(world):
    w, job = world, opened(world, rounds=3)
    play(w, job, 1)
    w.warp_to(w.jobs.job(job).expires - CLOSING - WINDOW - 2)
    w.rounds.commit(w.coordinator, job, 2, ROOT)
    w.rounds.result(w.coordinator, job, 2, content(w, job, 2))
    w.chain.warp(WINDOW - 10)
    roll_back(w, job, 2)
    w.warp_to(w.jobs.job(job).expires - CLOSING)
    w.rounds.finish(w.stranger, job)
    assert w.cohort.purse(job).owed == 15 * TOKEN


def test_a_proven_fault_is_slashed_through_the_judge_and_nobody_else(world):
    w, job = world, opened(world)
    receipt = tell(w, "convict", job, w.ann.address, TOKEN, WHY)
    found = [(e.name, *e.args.values()) for e in w.rounds.contract.events_in(receipt)]
    assert found == [("Convicted", job, w.ann.address, TOKEN, WHY)]
    member = w.cohort.member(job, w.ann.address)
    assert member is not None
    assert member.stake == STAKE - TOKEN
    with refused("cohort: more than the stake"):
        tell(w, "convict", job, w.ann.address, STAKE, WHY)


def test_a_job_that_was_never_opened_is_refused(world):
    w, job = world, opened(world)
    assert not any(w.rounds.state(99).coordinator)
    record = Record(bytes(32), 0, 0, content(w, job, 1))
    with refused("rounds: never opened"):
        w.rounds.contract.transact(w.stranger, "finish", 99, 1, record.values())
    with refused("rounds: never opened"):
        w.rounds.post(w.ann, 99, 1, COMMITMENT, ROOT)
    with refused("rounds: not the coordinator"):
        w.rounds.commit(w.coordinator, 99, 1, ROOT)


def test_a_finish_without_a_cohort_pays_nobody(world):
    w, job = world, funded(world)
    open_rounds(w, job, rounds=1)
    play(w, job, 1)
    w.chain.warp(WINDOW)
    with refused("cohort: not the rounds contract"):
        w.rounds.finish(w.stranger, job)
    w.cohort.open(w.sponsor, job, stake=0, rounds=w.rounds.address)
    w.rounds.finish(w.stranger, job)


def test_rounds_and_cohort_work_for_the_same_escrow(world):
    w = world
    other = deploy(w.chain, w.minter, "Jobs", w.token.address)
    with refused("rounds: the cohort works for other jobs"):
        deploy(w.chain, w.minter, "Rounds", other.address, w.cohort.address)


def test_events_of_other_jobs_are_left_out(world):
    w, job = world, opened(world)
    other = opened(w)
    play(w, other, 1)
    assert w.rounds.results(job) == []
    assert [e.job for e in w.rounds.events(other)] == [other] * 3
    assert isinstance(w.rounds.events(other)[-1], ResultPosted)


words = st.integers(0, 2**256 - 1)
hashes = st.binary(min_size=32, max_size=32)
results = st.builds(Result, hashes, hashes, hashes, hashes, words, hashes, hashes)
records = st.builds(Record, hashes, words, words, results)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(words, st.binary(min_size=20, max_size=20), words, words, records, hashes, words)
def test_words_of_different_rounds_differ(chain_id, contract, job, round_id, record, root, time):
    word = result_word(chain_id, contract, job, round_id, record)
    assert word == result_word(chain_id, contract, job, round_id, record)
    assert word != result_word(chain_id ^ 1, contract, job, round_id, record)
    assert word != result_word(chain_id, contract, job ^ 1, round_id, record)
    assert word != result_word(chain_id, contract, job, round_id ^ 1, record)
    assert word != commitment_word(chain_id, contract, job, round_id, root, time)


def test_every_reason_of_the_rounds_is_unique_and_tested():
    reasons = re.findall(r'"rounds: ([^"]+)"', contract_path("Rounds").read_text())
    assert len(reasons) == len(set(reasons))
    tested = "".join(path.read_text() for path in Path(__file__).parent.glob("test_rounds*.py"))
    assert [reason for reason in reasons if reason not in tested] == []
