"""Validators and keepers at work: through crashes, reorgs, rivals, and bad providers."""

import random
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from markets import NAMES, PAY
from service import (
    CHARACTERS,
    MODEL,
    RULE,
    STAKES,
    bank_of,
    good,
    questions,
)

from counterpoise.chain import Account
from counterpoise.consensus import Policy, Reply, run
from counterpoise.consensus.fixed import ONE
from counterpoise.consensus.journal import Journal
from counterpoise.consensus.rules import Cell, Settlement, with_dues
from counterpoise.consensus.scoring import Kind
from counterpoise.core.digest import sha256
from counterpoise.core.errors import Busy, InputError, StorageError, Unreachable
from counterpoise.core.units import TOKEN

GOOD, LAZY, LYING = (NAMES.index(name) for name in ("cleo", "dan", "eve"))


@pytest.fixture
def pair(later):
    """Two validators and a keeper, in the second epoch."""
    return later.keeper(), later.validator("ann"), later.validator("bob")


def test_who_is_right_is_paid_and_who_is_lazy_or_lies_is_not(service):
    said, keeper = [], service.keeper()
    ann, bob = (service.validator(name, say=said.append) for name in ("ann", "bob"))
    pair = (keeper, ann, bob)
    first = service.epoch(*pair)
    assert all(
        cell == Cell() for cell in first.final
    )  # nothing was sealed before: nobody is weighed
    before = service.market.balance(service.market.ann)
    second = service.epoch(*pair)
    dues = [cell.due for cell in second.final]
    assert dues[GOOD] > 49 * TOKEN and dues[LAZY] == dues[LYING] == 0
    assert PAY - PAY // 10**8 < sum(dues) <= PAY
    assert service.market.balance(service.market.ann) == before + dues[0]
    service.settle(ann, bob)
    assert not [line for line in said if "refused" in line]  # nothing is sent that was done
    assert said.count("epoch 2: revealed") == 2


def test_no_provider_ever_hears_a_question_twice(service):
    """Not even where both validators draw from one bank."""
    bank, pool = bank_of(300, 1), questions(300, 2)
    shared = [service.validator(name, bank=bank, pool=pool) for name in ("ann", "bob")]
    keeper = service.keeper()
    for _ in range(3):
        service.epoch(keeper, *shared)
    labelled = {case.question for case in bank}
    checks = Counter(question for _, question in service.heard if question in labelled)
    assert len(checks) == 2 * 2 * 3 * RULE.checks and set(checks.values()) == {1}
    others = Counter((name, one) for name, one in service.heard if one not in labelled)
    assert set(others.values()) == {1}
    assert not service.verdict().false


def test_what_another_has_opened_is_not_asked_again(service):
    """The bank is shared; the questions of who leaves fall to who stays."""
    bank = bank_of(80, 1)
    ann, bob = (service.validator(name, bank=bank, pool=[]) for name in ("ann", "bob"))
    keeper, market = service.keeper(), service.market
    for _ in range(2):
        service.epoch(keeper, ann, bob)
    market.client.unstake(market.ann, STAKES["ann"])
    for _ in range(4):
        service.epoch(keeper, bob)
    heard = Counter(question for _, question in service.heard)
    assert len(heard) > 70 and set(heard.values()) == {1}
    assert not service.verdict().false


def test_who_answers_only_what_it_takes_for_a_check_is_paid_less(later):
    """Both know every answer; one is silent on a third of what it hears."""
    service = later
    heard = []

    def choosy(question):
        heard.append(question)
        return None if len(heard) % 3 == 0 else good(question)

    characters = CHARACTERS | {"lazy": choosy}
    keeper = service.keeper()
    validators = [service.validator(n, ask=service.ask(characters)) for n in ("ann", "bob")]
    ledger = service.epoch(keeper, *validators)
    assert 0 < ledger.final[LAZY].due < ledger.final[GOOD].due * 2 // 3


def test_who_remembers_questions_to_know_a_check_again_learns_nothing(later):
    """It answers well only what it has heard before."""
    service = later
    memory = set()

    def elephant(question):
        known = question in memory
        memory.add(question)
        return good(question) if known else CHARACTERS["lazy"](question)

    characters = CHARACTERS | {"lazy": elephant}
    keeper = service.keeper()
    validators = [service.validator(n, ask=service.ask(characters)) for n in ("ann", "bob")]
    for _ in range(2):
        ledger = service.epoch(keeper, *validators)
    assert ledger.final[LAZY].due == 0


def test_who_says_it_runs_a_model_and_does_not_loses_by_the_re_runs(later):
    service = later

    def other_logits(question):
        answer = MODEL.answer(question)
        return Reply(bytes([answer[0] ^ 1]) + answer[1:], 2)  # the decision stays right

    characters = CHARACTERS | {"lazy": other_logits}
    models = {GOOD: MODEL, LAZY: MODEL}
    asks = {"ask": service.ask(characters), "models": models}
    validators = [service.validator(name, **asks) for name in ("ann", "bob")]
    keeper = service.keeper()
    ledger = service.epoch(keeper, *validators)
    assert ledger.final[GOOD].due > 0 and ledger.final[LAZY].due == 0
    assert not service.verdict().false


def test_what_somebody_wants_answered_is_asked_with_the_checks_and_never_shown(service):
    private = [b"secret question %d" % number for number in range(9)]
    asks = {
        "models": {GOOD: MODEL},
        "traffic": private,
        "ask": service.ask(dict.fromkeys(CHARACTERS, answers)),
    }
    ann = service.validator("ann", **asks)
    service.settle(service.keeper(), ann)
    asked = {question for _, question in service.heard}
    assert set(private) <= asked
    content = ann.journal.sheet(1)
    for question in private:
        for told in (question, sha256(question), sha256(answers(question).answer)):
            assert told.hex().encode() not in content
    shown_ = [one for one in ann.examiner.sheet(1).exchanges if one.kind is Kind.TRAFFIC]
    assert len(shown_) == 9 + 6 and all(one.answer for one in shown_)


def answers(question):
    return Reply(b"answer to " + question, 2)


def test_a_validator_without_checks_weighs_nobody_and_earns_nothing(service):
    keeper = service.keeper()
    ann, idle = service.validator("ann"), service.validator("bob", bank=[])
    for _ in range(2):
        ledger = service.epoch(keeper, ann, idle)
    assert not any(ledger.closed[-1].facts.rows[1].words)
    assert ledger.final[1].dividend == 0 and ledger.final[0].dividend > 0
    assert not service.verdict().false


def test_a_number_taken_in_the_epoch_is_not_asked(later, pair):
    service = later
    keeper, ann, _ = pair
    service.settle(keeper)
    market = service.market
    market.client.leave(market.cleo)
    market.client.register(market.stranger, GOOD)
    service.heard.clear()
    ann.step()
    assert {name for name, _ in service.heard} == {"dan", "eve"}


def test_lies_are_convicted_or_objected_to_by_whoever_is_there(later, pair):
    service = later
    _, ann, bob = pair
    keeper, market = service.keeper("stranger"), service.market
    service.settle(keeper, ann, bob)
    for when in ("commits_end", "reveals_end"):
        market.warp_to(getattr(market.client.epoch(), when) + 1)
        service.settle(ann, bob)
    market.token.transact(Account.local(b"minter"), "mint", market.keeper.address, 3 * PAY)
    market.propose(market.twisted(LYING, "rank", 9))
    assert keeper.step() and market.client.proposal() is None
    market.propose(market.twisted(GOOD, "rank"))
    before = market.balance(market.ann)
    assert ann.step()
    assert market.client.proposal() is None and market.balance(market.ann) > before
    ledger = market.client.ledger()
    right = ledger.settle().cells
    stolen = [replace(right[0], dividend=0), replace(right[1], dividend=ONE), *right[2:]]
    market.propose(Settlement(with_dues(ledger.facts, stolen), {}))
    assert not any(map(market.client.ledger().is_convictable, market.client.ledger().lies()))
    bob.step()
    assert market.client.proposal().objections == STAKES["bob"]
    assert not bob.step() and ann.step()
    assert market.client.proposal() is None
    assert keeper.step()  # the right one
    assert not market.client.ledger().lies()
    assert not ann.step() and not keeper.step()


class Crash(BaseException):
    """The process dies here."""


def crashing(target, names, chance):
    """Let calls of these names die before they do anything, or after they did it."""
    for name in names:
        real = getattr(target, name)

        def call(*args, _real=real, **options):
            if chance.random() < 0.25:
                raise Crash
            found = _real(*args, **options)
            if chance.random() < 0.25:
                raise Crash
            return found

        setattr(target, name, call)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_validator_that_dies_anywhere_goes_on(service, seed):
    """Killed before and after every call that leaves it, it commits, reveals and shows once."""
    chance, market = random.Random(seed), service.market
    keeper, deaths = service.keeper(), 0
    bob = service.validator("bob")

    def live(until):
        nonlocal deaths
        while not until():
            ann = service.validator("ann")
            ann.client = type(ann.client)(market.client.contract)
            crashing(ann.client, ("commit", "reveal", "claim"), chance)
            crashing(ann.journal, ("plan", "begin", "finish", "seal", "keep_sheet"), chance)
            crashing(ann.journal, ("mark_shown",), chance)
            try:
                while ann.step():
                    pass
            except Crash:
                deaths += 1
            finally:
                ann.close()

    ledger = market.client.ledger
    for epoch in (1, 2):
        service.settle(keeper)
        live(lambda: 0 in ledger().commitments)
        service.settle(bob)
        market.warp_to(market.client.epoch().commits_end + 1)
        live(lambda: ledger().has_revealed(0))
        service.settle(bob)
        market.warp_to(market.client.epoch().reveals_end + 1)
        service.settle(keeper, bob)
        market.warp_to(market.client.proposal().ends + 1)
        keeper.step()
        assert len(ledger().closed) == epoch
        live(lambda n=epoch: shown(service, n))
    assert deaths > 10
    assert set(Counter(service.heard).values()) == {1}  # no question twice, whatever died
    assert not service.verdict().false
    names = [
        event.name for event in market.client.contract.events() if event.args.get("number") == 0
    ]
    assert names.count("Committed") == names.count("Revealed") == 2


def shown(service, epoch):
    over = service.market.client.ledger().closed[epoch - 1]
    return 0 in {one.sheet.validator for one in service.evidence.shown(over)}


def test_a_process_killed_while_it_asks_asks_nothing_twice(tmp_path):
    """kill -9 between marking questions and their answers."""
    script = """
import sys
from pathlib import Path
from counterpoise.consensus.asking import Reply
from counterpoise.consensus.journal import Journal, Question
from counterpoise.consensus.scoring import Kind
journal = Journal(Path(sys.argv[1]), b"owner", bytes(32))
rows = [Question(k, 2, Kind.CHECK, b"q%d" % k, b"l", 1, k, 0) for k in range(12)]
journal.plan(2, 1, rows)
journal.begin(2, rows[:8])
for one in rows[:3]:
    journal.finish(2, one, Reply(b"a", 1))
print("asking", flush=True)
sys.stdin.read()
"""
    path = tmp_path / "v" / "validator.sqlite"
    command = [sys.executable, "-c", script, str(path)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "asking\n"
    with pytest.raises(Busy, match="another process holds"):
        Journal(path, b"owner", bytes(32))
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close(), child.stdout.close()
    journal = Journal(path, b"owner", b"x" * 32)
    assert journal.secret == bytes(32) and journal.bound(2) == 1
    assert [one.turn for one in journal.asked(2)] == [0, 1, 2]
    assert [one.turn for one in journal.waiting(2)] == [8, 9, 10, 11]
    assert len(journal.spoiled()) == 8
    assert {one.kind for one in journal.asked(2)} == {Kind.CHECK}
    journal.close()
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="another validator or market"):
        Journal(path, b"other", bytes(32))
    path.write_bytes(b"no database, but a text that is long enough to be read as one" * 20)
    with pytest.raises(StorageError, match="failed"):
        Journal(path, b"owner", bytes(32))


def test_a_validator_killed_between_commit_and_reveal_reveals_after_it(later, pair):
    service = later
    keeper, ann, bob = pair
    service.settle(keeper, ann, bob)
    ann.close()
    market = service.market
    market.warp_to(market.client.epoch().commits_end + 1)
    again = service.validator("ann")
    assert again.step() and market.client.ledger().has_revealed(0)


def test_a_validator_that_misses_its_reveal_uses_what_it_sealed_later(later, pair):
    service = later
    keeper, ann, bob = pair
    service.settle(keeper, ann, bob)
    market = service.market
    for when in ("commits_end", "reveals_end"):  # ann is away
        market.warp_to(getattr(market.client.epoch(), when) + 1)
        service.settle(keeper, bob)
    market.warp_to(market.client.proposal().ends + 1)
    keeper.step()
    ledger = service.epoch(keeper, ann, bob)
    assert ledger.closed[1].cells[0].dividend == 0
    assert ledger.final[0].dividend > 0
    assert not service.verdict().false


@pytest.mark.parametrize("phase", ["commit", "reveal"])
def test_a_reorg_that_takes_a_step_away_is_made_good(later, pair, phase):
    service = later
    keeper, ann, bob = pair
    market = service.market
    service.settle(keeper)
    if phase == "reveal":
        service.settle(ann, bob)
        market.warp_to(market.client.epoch().commits_end + 1)
    before = market.chain.block("latest").number
    service.settle(ann)
    heard = len(service.heard)
    market.chain.reorg(market.chain.block("latest").number - before, keep=False)
    ledger = market.client.ledger()
    assert 0 not in ledger.commitments if phase == "commit" else not ledger.has_revealed(0)
    service.settle(ann)
    ledger = ann.reader.ledger()
    assert 0 in ledger.commitments if phase == "commit" else ledger.has_revealed(0)
    assert len(service.heard) == heard  # and asks nobody anew
    fresh = market.client.ledger()
    assert (ledger.rows, ledger.commitments) == (fresh.rows, fresh.commitments)


def test_a_keeper_that_is_doubled_restarted_and_reorganised_keeps_time(later, pair):
    service = later
    keeper, ann, bob = pair
    other, market = service.keeper("stranger"), service.market
    assert keeper.step()  # opens
    market.chain.reorg(1, keep=False)
    assert other.step() and not keeper.step()
    service.settle(keeper, other, ann, bob)
    for when in ("commits_end", "reveals_end"):
        market.warp_to(getattr(market.client.epoch(), when) + 1)
        service.settle(ann, bob)
    stale = service.keeper()
    before = market.chain.block("latest").number
    assert stale.step()  # proposes
    market.chain.reorg(market.chain.block("latest").number - before, keep=False)
    assert market.client.proposal() is None
    assert stale.step() and not other.step()
    assert not market.client.ledger().lies()
    market.warp_to(market.client.proposal().ends + 1)
    assert other.step() and len(market.client.ledger().closed) == 2


def test_a_keeper_opens_only_where_there_is_something_to_pay_and_lets_lapse(service):
    said, market = [], service.market
    keeper = service.keeper(rest_seconds=100, say=said.append)
    assert not keeper.step()
    market.chain.warp(150)
    assert keeper.step() and said == ["epoch 1: opened, pays 100 tokens"]
    market.warp_to(market.client.epoch().reveals_end + 1)
    assert not keeper.step()  # nobody revealed: nothing to post
    market.warp_to(market.client.epoch().propose_end + 1)
    assert keeper.step() and said[-1] == "epoch 1: lapsed without a result"
    for seat in (market.ann, market.bob):
        market.client.unstake(
            seat, market.client.member(market.client.number_of(seat.address)).stake
        )
    market.chain.warp(200)
    assert not keeper.step() and not keeper.step()


def test_a_refusal_is_told_once_and_the_loop_outlives_what_is_away(service):
    said, market = [], service.market
    poor = service.keeper("stranger", say=said.append)
    market.token.transact(market.stranger, "transfer", market.ann.address, 1_000 * TOKEN)
    poor.step()
    market.client.contract.transact(
        market.ann, "commit", bytes(31) + b"\1"
    )  # commits to what it cannot show
    faults = iter([Unreachable("the node is away"), Unreachable("the node is away"), None])

    class Worker:
        def step(self):
            fault = next(faults)
            if fault:
                raise fault
            return False

    turns = iter([False, False, False, True])
    paused = []
    run([Worker()], lambda: next(turns), said.append, paused.append)
    assert said.count("waiting: the node is away") == 1 and len(paused) == 3


def test_questions_are_spread_and_time_that_runs_out_commits_what_there_is(service):
    market = service.market
    ann = service.validator("ann", policy=Policy(RULE, spread_seconds=1_000, margin_seconds=600))
    service.settle(service.keeper())
    opened = market.client.epoch().commits_end - 3_600
    while ann.step():
        pass
    few = len(service.heard)
    market.warp_to(opened + 500)
    while ann.step():
        pass
    assert few < len(service.heard) < 9 and not market.client.ledger().commitments
    market.warp_to(opened + 3_100)
    while ann.step():
        pass
    assert 0 in market.client.ledger().commitments and len(service.heard) == 9


def test_a_fault_on_our_side_costs_no_provider_anything(service):
    service_ask = service.ask()

    class Flaky:
        count = 0

        def numbers(self):
            return service_ask.numbers()

        def ask(self, number, question):
            self.count += 1
            if self.count % 2:
                raise Unreachable("our own line is down")
            return service_ask.ask(number, question)

    said = []
    ann = service.validator("ann", ask=Flaky(), say=said.append)
    service.settle(service.keeper(), ann)
    sheet = ann.examiner.sheet(1)
    assert len(sheet.exchanges) == 4 and all(one.answer for one in sheet.exchanges)
    assert "epoch 1: a question was lost: our own line is down" in said


def test_who_has_no_seat_does_nothing_and_says_so_once(service):
    said, market = [], service.market
    service.settle(service.keeper())
    market.client.stake(market.fay, 20 * TOKEN, 9)
    fay = service.validator("fay", say=said.append)
    market.client.unstake(market.fay, 20 * TOKEN)
    assert not fay.step() and not fay.step()
    assert said == ["epoch 1: no seat, or it came too late for it"]
