"""Checks, scores and sheets: pure, in integers, and hard to game."""

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from service import MODEL, bank_of, questions

from counterpoise.chain import Account
from counterpoise.consensus import Case, Exchange, Reserve, Rule, Sheet, is_sealed, read_sheet, seal
from counterpoise.consensus.checks import deal, draw, falls_to, sealed_leaf
from counterpoise.consensus.http_ask import HttpAsk, first_output, whole
from counterpoise.consensus.planning import Bound, Window, plan
from counterpoise.consensus.scoring import Graded, Kind, Score, score, weights
from counterpoise.core.errors import InputError, Unreachable, VerificationError
from counterpoise.core.units import PPM
from counterpoise.payments import Answer, Bought

QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
LABELS = st.sampled_from([b"a", b"b", b"c"])
CHECKS = st.lists(st.tuples(LABELS, st.sampled_from([b"", b"a", b"b", b"c"]), st.integers(1, 30)))


def graded(told, kind=Kind.CHECK):
    return [Graded(kind, label, answer, steps) for label, answer, steps in told]


@QUICK
@given(CHECKS, st.sampled_from([b"a", b"b", b"c"]))
def test_who_always_gives_the_same_answer_scores_nothing(told, same):
    assert score(graded([(label, same, 1) for label, _, _ in told]), Rule()).total == 0


@QUICK
@given(CHECKS, CHECKS, CHECKS, st.integers(0, PPM))
def test_every_part_of_a_score_is_a_part_and_more_right_is_never_less(
    checks, reruns, traffic, haste
):
    rule = Rule(patience=20, haste=haste)
    rest = [*graded(reruns, Kind.RERUN), *graded(traffic, Kind.TRAFFIC)]
    found = score([*graded(checks), *rest], rule)
    for part in (found.skill, found.agreement, found.answered, found.promptness, found.total):
        assert 0 <= part <= PPM
    better = [(label, label, 1) for label, _, _ in checks]
    assert score([*graded(better), *rest], rule).total >= found.total


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ([], Score()),
        ([(Kind.TRAFFIC, b"", b"x", 1)], Score(0, PPM, PPM, PPM, 0)),
        # three of four right, two by the best constant answer; the fourth silent
        (
            [
                (Kind.CHECK, x, y, 1)
                for x, y in ((b"a", b"a"), (b"b", b"b"), (b"a", b"a"), (b"b", b""))
            ],
            Score(500_000, PPM, 750_000, PPM, 375_000),
        ),
        # right, but as late as patience bears: promptness is 1/20
        (
            [(Kind.CHECK, x, x, 20) for x in (b"a", b"b")],
            Score(PPM, PPM, PPM, 50_000, 810_000),
        ),
        ([(Kind.CHECK, x, x, 21) for x in (b"a", b"b")], Score(0, PPM, 0, 0, 0)),
        # all checks right, and half of the re-runs: it does not run the model it says
        (
            [(Kind.CHECK, x, x, 1) for x in (b"a", b"b")]
            + [(Kind.RERUN, b"long", x, 1) for x in (b"long", b"g")],
            Score(PPM, 500_000, PPM, PPM, 500_000),
        ),
        # no checks: skill is that on re-runs
        ([(Kind.RERUN, x, x, 1) for x in (b"a", b"b")], Score(PPM, PPM, PPM, PPM, PPM)),
    ],
)
def test_a_score_is_worked_out_by_hand(told, wanted):
    found = score([Graded(*one) for one in told], Rule(patience=20))
    assert replace(found, agreement=found.agreement if told else 0) == wanted


def test_the_last_bytes_are_compared_if_the_rule_says_so():
    told = [Graded(Kind.CHECK, x, b"long " + x, 1) for x in (b"a", b"b")]
    assert score(told, Rule(compared=1)).total == PPM and score(told, Rule()).total == 0


def test_silence_on_what_does_not_look_like_a_check_costs():
    checks = [(Kind.CHECK, x, x, 1) for x in (b"a", b"b")] * 8
    whole_ = [Graded(*one) for one in [*checks, *[(Kind.TRAFFIC, b"", b"x", 1)] * 8]]
    lazy = [Graded(*one) for one in [*checks, *[(Kind.TRAFFIC, b"", b"", 0)] * 8]]
    assert score(whole_, Rule()).total == PPM
    assert score(lazy, Rule()).total == 666_666


def test_weights_are_in_proportion_and_none_where_nobody_scores():
    assert weights({1: Score(), 2: Score()}, 3) == [0, 0, 0]
    assert weights({0: Score(total=1), 2: Score(total=3)}, 3) == [21_845, 0, 65_535]
    with pytest.raises(InputError, match="a score of number 3"):
        weights({3: Score(total=1)}, 3)
    for wrong in ({"patience": 0}, {"haste": PPM + 1}, {"checks": -1}):
        with pytest.raises(InputError):
            Rule(**wrong)


def test_a_draw_takes_labels_in_turns_and_no_question_twice():
    bank = [*bank_of(60, 3), *bank_of(60, 3)]
    rare = [Case(b"rare %d" % k, b"rare") for k in range(3)]
    drawn = draw([*bank, *rare], 9, b"seed")
    assert len({one.digest for one in drawn}) == 9
    assert sum(one.label == b"rare" for one in drawn) == 3
    assert drawn != draw([*bank, *rare], 9, b"other seed")
    spoiled = {one.digest for one in drawn}
    again = draw([*bank, *rare], 200, b"seed", spoiled)
    assert len(again) == 63 - 9 and not spoiled & {one.digest for one in again}


def test_a_shared_bank_is_divided_and_who_leaves_moves_only_its_own():
    digests = [one.digest for one in bank_of(300, 5)]
    before = {one: falls_to(one, {1, 4, 7}) for one in digests}
    after = {one: falls_to(one, {1, 7}) for one in digests}
    counts = [list(before.values()).count(number) for number in (1, 4, 7)]
    assert min(counts) > 70
    assert all(after[one] == before[one] for one in digests if before[one] != 4)
    assert falls_to(digests[0], set()) is None


def test_each_check_is_dealt_to_one_provider():
    cases = bank_of(20, 9)
    dealt = deal(cases, [5, 2, 9], 4, {cases[0].digest})
    places = [place for row in dealt.values() for place in row]
    assert len(places) == len(set(places)) == 12 and 0 not in places
    assert {len(row) for row in deal(cases, [1, 2, 3], 50).values()} == {6}
    assert deal(cases, [], 4) == {}


def planned(**changes):
    reserve = Reserve(bytes(32), tuple(bank_of(24, 9)))
    told = {
        "seed": b"s",
        "numbers": [2, 3],
        "rule": Rule(checks=6, others=4),
        "bound": Bound(7, reserve),
        "pool": questions(40, 11),
        "traffic": questions(5, 12),
        "models": {3: MODEL},
        "spoiled": set(),
        "window": Window(100, 200),
    }
    return plan(**(told | changes))


def test_a_plan_mixes_everything_and_follows_from_its_seed():
    found = planned()
    assert found == planned() and found != planned(seed=b"t")
    assert [one.turn for one in found] == list(range(25))
    assert [one.due for one in found] == sorted(one.due for one in found)
    assert found[0].due >= 100 and found[-1].due <= 200
    kinds = [one.kind for one in found]
    assert sum(a != b for a, b in itertools.pairwise(kinds)) > 6
    numbers = [one.number for one in found]
    assert sum(a != b for a, b in itertools.pairwise(numbers)) > 6
    assert (kinds.count(Kind.CHECK), kinds.count(Kind.RERUN), kinds.count(Kind.TRAFFIC)) == (
        12,
        4,
        9,
    )
    assert all(one.label == MODEL.answer(one.question) for one in found if one.kind is Kind.RERUN)
    assert len({one.question for one in found}) == 25
    spoiled = {Case(one.question, b"x").digest for one in found}
    assert not {one.question for one in planned(spoiled=set(spoiled))} & {
        one.question for one in found
    }


def a_sheet():
    reserve = Reserve(b"k" * 32, tuple(bank_of(6, 2)))
    check = lambda k, number: Exchange(  # noqa: E731
        number,
        Kind.CHECK,
        reserve.cases[k].question,
        reserve.cases[k].label,
        1,
        b"sig",
        k,
        reserve.salt(k),
        reserve.cases[k].label,
    )
    exchanges = (check(0, 2), check(1, 2), check(2, 3), Exchange(3, Kind.TRAFFIC, bytes(32)))
    place = (31337, bytes(19) + b"m", 4, 0, 4)
    rest = (Rule(), 3, reserve.leaves, {2: bytes(32)}, exchanges, bytes(32), b"n" * 32)
    return Sheet(*place, *rest)


def test_a_sheet_is_read_back_and_nothing_else_is():
    sheet = a_sheet()
    content = sheet.to_bytes()
    assert read_sheet(content) == sheet and read_sheet(content).salt == sheet.salt
    sheet.check_openings()
    record = json.loads(content)
    for wrong in (
        b"",
        b"[" * 100_000,
        b"[]",
        content + b" ",
        json.dumps(record).encode(),
        json.dumps(record | {"format": "x"}).encode(),
        json.dumps(record | {"width": 10**9}).encode(),
        json.dumps(record | {"epoch": "4"}).encode(),
        json.dumps(record | {"exchanges": [{}]}).encode(),
    ):
        with pytest.raises(VerificationError):
            read_sheet(wrong)


def test_a_sheet_of_one_label_more_or_less_has_another_salt():
    sheet = a_sheet()
    changed = replace(sheet, nonce=bytes(32)), replace(sheet, next_root=b"r" * 32)
    assert len({one.salt for one in (sheet, *changed)}) == 3


def test_a_sealed_case_says_nothing_and_opens_as_itself_alone():
    case = Case(b"question", b"label")
    assert sealed_leaf(b"s" * 32, case) != sealed_leaf(b"t" * 32, case)
    # the length keeps question and label apart
    assert sealed_leaf(bytes(32), case) != sealed_leaf(bytes(32), Case(b"questionl", b"abel"))
    for wrong in ((b"", b"x"), (b"x", b""), (b"x" * (1 << 20), b"y")):
        with pytest.raises(InputError):
            Case(*wrong)


def test_a_provider_cannot_deny_what_it_signed():
    provider = Account.local(b"provider")
    signature = seal(provider, b"question", b"answer")
    assert is_sealed(provider.address, b"question", b"answer", signature)
    for told in ((b"other", b"answer"), (b"question", b"other")):
        assert not is_sealed(provider.address, *told, signature)
    assert not is_sealed(bytes(20), b"question", b"answer", signature)
    for wrong in (b"", bytes(65), signature[:-1]):
        assert not is_sealed(provider.address, b"question", b"answer", wrong)


class Shop:
    """Answers as a buyer would."""

    def __init__(self, outcome):
        self.outcome = outcome

    def fetch(self, address, method, body, headers):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return Bought(self.outcome)


def test_asking_over_http_tells_whose_fault_silence_is():
    ticks = iter([10.0, 10.12])
    ask = HttpAsk({4: "http://x"}, Shop(Answer(200, {}, b"yes")), clock=lambda: next(ticks))
    assert ask.numbers() == [4]
    reply = ask.ask(4, b"?")
    assert (reply.answer, reply.steps, reply.seal) == (b"yes", 3, b"")
    for fault in (Unreachable("away"), VerificationError("refused"), Answer(503)):
        assert HttpAsk({4: "http://x"}, Shop(fault)).ask(4, b"?") is None
    with pytest.raises(Unreachable, match="too dear"):
        HttpAsk({4: "http://x"}, Shop(InputError("too dear"))).ask(4, b"?")


def test_the_first_output_of_an_inference_answer_is_read():
    assert first_output(b'{"outputs": [{"data": [[1], [2]]}]}') == b"[[1],[2]]"
    deep = b'["]]]]", ' + b"[" * 100_000
    for wrong in (b"", deep, b"{}", b"[1]", b'{"outputs": []}', b'{"outputs": [{"data": NaN}]}'):
        assert first_output(wrong) == b""
    assert whole(b"x") == b"x"
