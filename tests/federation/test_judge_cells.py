"""Benches agree with the rules in Python for every input, find every lie and no honest number."""

import random
from dataclasses import replace

import numpy as np
import pytest
from courts import STRANGER, benches, candidates, changed, court, posted_as
from games import task
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from counterpoise.federation.judge import Accusation
from counterpoise.federation.rules.trace import Opening, Trace

TASKS = {
    "exact": {"scoring": "exact"},
    "exact, mean": {"scoring": "exact", "strategy": "mean", "pay_rule": "per_round"},
    "path": {"scoring": "path", "classes": 3, "pay_rule": "steady"},
    "permutation": {"scoring": "permutation", "strategy": "mean", "pay_rule": "steady"},
    "perceptron": {"scoring": "exact", "hidden": (2,)},
    "void": {"scoring": "exact", "quorum": 9, "pay_rule": "per_round"},
}


@pytest.fixture(scope="module")
def bench():
    return benches()


@pytest.fixture(scope="module")
def courts(bench):
    made = {}

    def give(name):
        if name not in made:
            made[name] = court(task(**TASKS[name]), 3, bench.cohort, rows=70)
        return made[name]

    return give


def some(accusations, each, seed):
    """A few accusations of each cell, at random."""
    found = {}
    for one in accusations:
        found.setdefault(one.cell, []).append(one)
    rng = random.Random(seed)
    return [one for many in found.values() for one in rng.sample(many, min(each, len(many)))]


@pytest.mark.parametrize("name", TASKS)
def test_no_cell_of_an_honest_round_is_false_and_benches_say_so(bench, courts, name):
    held = courts(name)
    for number in (1, 2, 3):
        suspect = held.suspect(number)
        assert suspect.accusation() is None
        everything = list(candidates(suspect))
        assert not any(suspect.holds(one) for one in everything)
        for one in some(everything, 1, number):
            assert bench.agree(one, suspect.place, held.articles, held.world) is not True


# section, entry, where in it, bytes, and the cell that must find it
LIES = [
    ("exact", 2, "round", 0, 0, 32, "header"),
    ("exact", 2, "round", 0, 64, 8, "header"),
    ("exact", 2, "round", 0, 104, 1, "header"),
    ("exact", 3, "round", 0, 105, 32, "header"),
    ("exact", 3, "round", 0, 137, 16, None),
    ("exact", 3, "round", 0, 205, 8, "member"),
    ("exact", 3, "round", 0, 229, 1, "gate"),
    ("exact", 2, "updates", 1, 0, 20, "member"),
    ("exact", 2, "updates", 1, 20, 8, "member"),
    ("exact", 2, "updates", 1, 60, 1, "member"),
    ("exact", 2, "model", 0, 0, 8, "aggregate"),
    ("exact", 3, "model", 0, 0, 8, "aggregate"),
    ("exact", 3, "model", 0, 64, 8, "aggregate"),
    ("exact", 3, "model", 0, 128 + 32, 4, None),
    ("exact", 1, "model", 2, 0, 8, "column"),
    ("exact", 1, "model", 2, 8, 8, "column"),
    ("exact", 3, "rows", 5, 4, 4, "row"),
    ("exact", 3, "rows", 5, 12, 8, "row"),
    ("exact", 3, "rows", 5, 20, 8, "logit"),
    ("exact", 3, "rows", 5, 28, 8, "logit"),
    ("exact", 3, "losses", 9, 8 + 4 * 5, 4, "loss"),
    ("exact", 3, "losses", 9, 0, 8, "loss_sum"),
    ("exact", 3, "losses", 9, 260, 4, "loss_sum"),
    ("exact", 3, "utilities", 1, 8, 8, "utility"),
    ("exact", 3, "utilities", 0, 0, 8, "utility"),
    ("exact", 3, "steps", 1, 8, 8, "term"),
    ("exact", 3, "scores", 1, 20, 16, "score"),
    ("exact", 3, "scores", 1, 0, 20, "score"),
    ("exact", 3, "scores", 1, 36, 8, "positive"),
    ("exact", 3, "standing", 1, 0, 20, "standing"),
    ("exact", 3, "standing", 1, 20, 8, "standing"),
    ("exact", 3, "standing", 1, 28, 1, None),
    ("exact", 3, "standing", 1, 29, 8, None),
    ("exact", 3, "standing", 1, 37, 16, "standing"),
    ("exact", 3, "standing", 1, 53, 32, "standing"),
    ("exact", 3, "standing", 1, 85, 16, "standing"),
    ("exact", 3, "standing", 1, 101, 16, "running"),
    ("exact", 3, "standing", 1, 117, 16, "standing"),
    ("exact", 3, "standing", 1, 133, 16, "running"),
    ("exact", 3, "dues", 0, 36 + 20, 16, "due"),
    ("exact", 3, "dues", 0, 36, 20, "due"),
    ("path", 3, "losses", 30, 20, 4, "loss"),
    ("path", 3, "scores", 0, 20, 16, "score"),
    ("path", 3, "utilities", 1, 24, 8, "utility"),
    ("path", 3, "standing", 2, 117, 16, "standing"),
    ("permutation", 3, "steps", 4, 0, 2, "order"),
    ("permutation", 3, "steps", 4, 8, 4, "order"),
    ("permutation", 3, "steps", 4, 24, 8, "walk"),
    ("permutation", 3, "masks", 3, 0, 8, "order"),
    ("permutation", 3, "masks", 0, 0, 8, "nobody"),
    ("permutation", 3, "losses", 4, 12, 4, "loss"),
    ("permutation", 3, "scores", 2, 20, 16, "score"),
    ("perceptron", 3, "model", 1, 64, 8, "aggregate"),
    ("perceptron", 3, "rows", 3, 0, 4, "row"),
    ("perceptron", 3, "losses", 9, 0, 8, "loss_sum"),
    ("void", 3, "round", 0, 104, 1, "header"),
    ("void", 3, "standing", 0, 117, 16, "standing"),
    ("exact, mean", 3, "standing", 0, 117, 16, "standing"),
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: "-".join(map(str, lie)))
def test_one_false_number_is_one_false_cell(bench, courts, lie):
    name, number, section, index, at, size, cell = lie
    held = courts(name)
    posted = changed(held.cases[number - 1].trace, section, index, at, size)
    suspect = held.suspect(number, posted)
    found = suspect.accusation()
    assert found is not None, "nothing could be convicted"
    assert cell is None or found.cell == cell
    assert bench.agree(found, suspect.place, held.articles, held.world) is True


def test_the_loss_of_a_perceptron_is_not_judged(bench, courts):
    held = courts("perceptron")
    suspect = held.suspect(3, changed(held.cases[2].trace, "losses", 9, 8, 4))
    everything = [one for one in suspect._in_losses(9) if one.cell == "loss"]
    for one in everything[:3]:
        said = bench.agree(one, suspect.place, held.articles, held.world)
        assert said == "cells: losses of perceptrons are not judged"


@pytest.mark.parametrize(
    ("field", "wanted"),
    [("pay_root", "pay"), ("pay_total", "totals"), ("before_total", None)],
)
def test_a_false_field_of_the_result_is_found(bench, courts, field, wanted):
    held = courts("exact")
    place = held.cases[2].place
    false = bytes(31) + b"\1" if field == "pay_root" else place.pay_total + 1
    suspect = held.suspect(3, place=replace(place, **{field: false}))
    found = suspect.accusation()
    if wanted is None:
        assert found is None  # under cumulative pay the total before decides nothing
        return
    assert found is not None and found.cell == wanted
    assert bench.agree(found, suspect.place, held.articles, held.world) is True


def test_roots_that_are_not_those_of_the_head_are_found(bench, courts):
    held = courts("exact")
    for field in ("updates_root", "scores_digest"):
        suspect = held.suspect(3, place=replace(held.cases[2].place, **{field: b"x" * 32}))
        found = suspect.accusation()
        assert found is not None and found.cell == "shape"
        assert bench.agree(found, suspect.place, held.articles, held.world) is True


def test_a_section_of_another_shape_is_found(bench, courts):
    held = courts("exact")
    sections = held.cases[2].trace.sections
    for number, section in enumerate(sections):
        if not len(section.entries):
            continue
        cut = replace(section, entries=section.entries[:-1])
        posted = Trace((*sections[:number], cut, *sections[number + 1 :]))
        suspect = held.suspect(3, posted)
        found = suspect.accusation()
        assert found is not None and found.cell == "shape"
        assert bench.agree(found, suspect.place, held.articles, held.world) is True


def test_a_member_that_never_joined_is_found(bench, courts):
    held = courts("exact")
    trace = held.cases[0].trace
    section = trace.section("standing")
    entries = section.entries.copy()
    entries[-1, :20] = np.frombuffer(STRANGER, np.uint8)
    lie = replace(section, entries=entries)
    posted = Trace(tuple(lie if s.name == "standing" else s for s in trace.sections))
    suspect = held.suspect(1, posted)
    found = Accusation("account", (posted.head, posted.opening("standing", len(entries) - 1)))
    assert suspect.accusation() is not None
    assert bench.agree(found, suspect.place, held.articles, held.world) is True


def spoiled(accusation, how, rng, other):
    """The same accusation with evidence that is none."""
    arguments = list(accusation.arguments)
    places = [i for i, a in enumerate(arguments) if isinstance(a, Opening) and a.entry]
    if not places:
        return None
    at = rng.choice(places)
    one = arguments[at]
    if how == "short" and one.proof:
        one = replace(one, proof=one.proof[:-1])
    elif how == "node" and one.proof:
        one = replace(one, entry=b"\1" + one.proof[0] + one.proof[0])
    elif how == "index":
        one = replace(one, index=one.index + 1)
    elif how == "long":
        one = replace(one, proof=(*one.proof, bytes(32)))
    elif how == "byte":
        cut = bytearray(one.entry)
        cut[rng.randrange(len(cut))] ^= 1 << rng.randrange(8)
        one = replace(one, entry=bytes(cut))
    elif how == "head":
        arguments[0] = other
    elif how == "short head":
        arguments[0] = arguments[0][:-1]
    else:
        return None
    arguments[at] = one
    return replace(accusation, arguments=tuple(arguments))


HOWS = ("short", "node", "index", "long", "byte", "head", "short head")


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
def test_an_honest_coordinator_cannot_be_convicted(bench, data):
    """Random rounds, any opening, also malformed: other places, shortened paths, inner nodes."""
    scoring = data.draw(st.sampled_from(("exact", "path", "permutation")))
    rules = task(
        inputs=data.draw(st.integers(1, 4)),
        classes=data.draw(st.integers(2, 4)),
        scoring=scoring,
        strategy=data.draw(st.sampled_from(("mean", "gated"))),
        pay_rule=data.draw(st.sampled_from(("per_round", "cumulative", "steady"))),
        row_cap=data.draw(st.sampled_from((5, 40, 1000))),
        quorum=data.draw(st.integers(1, 4)),
        rounds=data.draw(st.integers(2, 5)),
        pot=data.draw(st.sampled_from((0, 7, 10**20 + 1))),
    )
    members, seed = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 2**20))
    rows = data.draw(st.sampled_from((1, 5, 64, 65)))
    held = court(rules, members, bench.cohort, seed, rows, absent=data.draw(st.booleans()))
    number = data.draw(st.integers(1, 3))
    suspect, rng = held.suspect(number), random.Random(seed)
    everything = some(candidates(suspect), 1, seed)
    other = held.cases[number % 3]
    for one in everything:
        assert bench.agree(one, suspect.place, held.articles, held.world) is not True
        if (bad := spoiled(one, rng.choice(HOWS), rng, other.trace.head)) is not None:
            assert bench.agree(bad, suspect.place, held.articles, held.world) is not True
    for one in rng.sample(everything, min(4, len(everything))):
        # The chain tells the bench the true place: of another round, the evidence is none.
        place = posted_as(other.place, other.trace)
        assert bench.agree(one, place, held.articles, held.world) is not True
