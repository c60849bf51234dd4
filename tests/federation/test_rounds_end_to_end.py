"""Whole jobs on a real chain: the rounds, the money, the limits; each verified at its end."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from faults import Fixed
from revisit import (
    Without,
    address_of,
    copied,
    digests,
    opened,
    roster_of,
    settled,
    verdict_of,
)
from village import RULES, Village, owner, owners

from counterpoise.core.digest import array_bytes, array_from_bytes
from counterpoise.core.units import TOKEN
from counterpoise.federation.book import Book
from counterpoise.federation.replay import statistics_of
from counterpoise.federation.rules import (
    Model,
    Rows,
    combined,
    local_statistics,
    pot_of_round,
    score_round,
    standardised,
    weights_of,
)
from counterpoise.federation.rules.task import EXACT_LIMIT
from counterpoise.federation.verify import job_ids, verify_job
from counterpoise.network import create_network
from counterpoise.provenance import Verdict

PEOPLE = owners(3)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """One job, its rounds done and paid, still open; what its rounds came to."""
    folder = settled(tmp_path_factory.mktemp("job") / "state", PEOPLE)
    with opened(folder, PEOPLE) as found:
        outcomes = found.coordinator().run()
        found.finish(outcomes[-1])
        yield found, outcomes


def test_the_first_round_adds_up_everybodys_sums_exactly(job):
    _, outcomes = job
    whole = combined({o.name.encode(): local_statistics(o.features, RULES) for o in PEOPLE}, RULES)
    assert statistics_of(outcomes[0].model) == whole
    assert outcomes[0].model.params.tolist() == [0, 0, 0]
    assert outcomes[0].standing.total == 0


def test_each_training_round_is_what_the_rules_say_of_the_revealed_updates(job):
    found, outcomes = job
    store, rows = found.network.store, {address_of(o.name): len(o.labels) for o in PEOPLE}
    disclosed = [row.values for o in PEOPLE for row in o.disclosures()]
    features = np.array([values[:-1] for values in disclosed])
    labels = np.array([values[-1] for values in disclosed])
    statistics = statistics_of(outcomes[0].model)
    validation = Rows(standardised(features, statistics, RULES), labels)
    standing = None
    for before, after in itertools.pairwise(outcomes):
        updates = {
            a: array_from_bytes(store.fetch(d), max_bytes=99) for a, d in after.admitted.items()
        }
        result = score_round(
            RULES,
            after.number - 2,
            before.model.params.astype(np.int64),
            updates,
            weights_of(rows, RULES),
            validation,
            standing=standing,
            context=found.coordinator().replay.context,
        )
        standing = result.standing
        assert result.model.tolist() == after.model.params.tolist()
        assert result.phi == after.result.phi
        assert result.digests.trace == after.trace_root
        assert standing.dues == after.standing.dues


def test_the_pot_is_paid_to_the_last_unit_and_everything_comes_back_to_its_owner(job):
    found, outcomes = job
    cohort, token = found.postings.cohort, found.network.contract("CreditToken")
    standing = outcomes[-1].standing
    released = sum(pot_of_round(RULES, n) for n in range(RULES.rounds))
    assert standing.total == released == RULES.pot
    for one in PEOPLE:
        address = address_of(one.name)
        assert cohort.member(1, address).drawn == standing.dues.get(address, 0)
    assert verdict_of(found).first is None
    anyone = found.network.account("operator")
    for one in PEOPLE:
        cohort.withdraw(anyone, 1, address_of(one.name))
        held = token.call("balanceOf", address_of(one.name))
        assert held == 10 * TOKEN + standing.dues.get(address_of(one.name), 0)
    assert token.call("balanceOf", cohort.address) == 0
    assert token.call("balanceOf", address_of("sponsor")) == 1000 * TOKEN - RULES.pot
    assert verdict_of(found).first is None


def test_the_model_learns(job):
    _, outcomes = job
    first, last = outcomes[1].result.utilities[0], outcomes[-1].result.utilities
    assert last[0] > first
    signs = np.sign(outcomes[-1].model.params[:2])
    assert signs.tolist() == [1, -1]  # as the rows were drawn


def run_whole(folder, people, rules, *, silent=()):
    """Run and pay a whole job under other rules; it must verify."""
    settled(folder, people, rules)
    with opened(folder, people, rules) as found:
        coordinator = found.coordinator(Without(found.participants, silent))
        outcomes = coordinator.run()
        found.finish(outcomes[-1])
        verdict = verdict_of(found)
        assert verdict.first is None, str(verdict.first)
        return found.postings.gas_by_round(), outcomes, roster_of(found)


ONE_ROUND = replace(RULES, rounds=1)
VARIANTS = {
    "the mean of all": replace(RULES, strategy="mean"),
    "pay per round": replace(RULES, pay_rule="per_round"),
    "cumulative pay": replace(RULES, pay_rule="cumulative"),
    "steady pay": replace(RULES, pay_rule="steady"),
    "permutations": replace(ONE_ROUND, scoring="permutation"),
    "a path": replace(ONE_ROUND, scoring="path"),
    "a perceptron": replace(ONE_ROUND, model=Model(2, hidden=(4,))),
    "no pot": replace(ONE_ROUND, pot=1),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_other_rules_run_and_verify_as_well(tmp_path, variant):
    rules = VARIANTS[variant]
    _, outcomes, _ = run_whole(tmp_path / "state", PEOPLE, rules)
    assert len(outcomes) == rules.rounds + 1
    assert outcomes[-1].standing.total <= rules.pot


def test_with_fewer_members_than_the_quorum_a_round_is_void(tmp_path):
    state, alone = tmp_path / "state", {"owner-1", "owner-2"}
    rules = replace(ONE_ROUND, quorum=2)
    _, outcomes, _ = run_whole(state, PEOPLE, rules, silent=alone)
    assert outcomes[-1].void
    assert outcomes[-1].standing.total == 0
    _, outcomes, _ = run_whole(tmp_path / "other", PEOPLE, replace(rules, quorum=1), silent=alone)
    assert not outcomes[-1].void
    assert outcomes[-1].standing.dues == {address_of("owner-0"): rules.pot}


def many(count):
    return [owner(f"owner-{i}", i, rows=16) for i in range(count)]


def test_a_member_too_many_for_exact_scoring_is_refused_and_the_rounds_go_on(tmp_path):
    people = many(EXACT_LIMIT + 1)
    _, outcomes, (members, refused) = run_whole(tmp_path / "state", people, ONE_ROUND)
    assert [r.participant for r in refused] == [address_of(people[-1].name)]
    assert set(outcomes[-1].admitted) == set(members)
    assert len(members) == EXACT_LIMIT


def test_a_round_costs_the_same_gas_whatever_the_cohort(tmp_path):
    rules = replace(ONE_ROUND, scoring="path")
    few, *_ = run_whole(tmp_path / "few", many(2), rules)
    more, *_ = run_whole(tmp_path / "more", many(16), rules)
    assert max(more.values()) < 150_000
    assert abs(few[2] - more[2]) < 1000  # zero bytes of the roots in the calldata alone


def test_two_jobs_on_one_network_are_verified_apart(tmp_path):
    with create_network(tmp_path / "state", seed=bytes(32)) as network:
        first = Village(network, owners(2)).settle_in()
        second = Village(network, owners(2), replace(ONE_ROUND, clip=9))
        second.fund = lambda name, tokens: None  # everybody is rich already
        second.settle_in()
        assert job_ids(network) == [1, 2]
        one, two = first.coordinator(), second.coordinator()
        for coordinator in (one, two, one, two):
            coordinator.run_round(len(coordinator.outcomes) + 1)
        for number in (1, 2):
            verdict = Verdict()
            verify_job(network, number, verdict)
            assert verdict.first is None, str(verdict.first)


def test_two_members_with_the_same_update_are_both_admitted_and_score_alike(tmp_path):
    people = owners(4)
    update = array_bytes(np.array([500, -500, 0], np.int32))
    for one in people[2:]:
        one.trainer = Fixed(update)
        one.trainer.statistics = lambda terms, o=one: array_bytes(
            local_statistics(o.features, RULES)
        )
    _, outcomes, _ = run_whole(tmp_path / "state", people, ONE_ROUND)
    phi = outcomes[-1].result.phi
    assert phi[address_of("owner-2")] == phi[address_of("owner-3")]
    assert len(outcomes[-1].admitted) == 4


def test_who_stated_more_rows_than_the_sums_have_room_for_spoils_nothing(tmp_path):
    """A liar about its rows cannot make the sums of all too large to standardise with."""

    class Liar:
        name, trainer = "liar", None
        labels = range(2**50)
        row_root = bytes(31) + b"\1"
        features = None

        def disclosures(self):
            return []

    liar = Liar()
    sums = np.array([2**50, 50 * 2**50, 50 * 2**50, 2500 * 2**50, 2500 * 2**50], np.int64)
    liar.trainer = Fixed(array_bytes(np.zeros(3, np.int32)))
    liar.trainer.statistics = lambda terms: array_bytes(sums)
    people = [*owners(2), liar]
    _, outcomes, _ = run_whole(tmp_path / "state", people, ONE_ROUND)
    assert [(r.participant, r.code) for r in outcomes[0].refused] == [
        (address_of("liar"), "statistics")
    ]
    assert statistics_of(outcomes[0].model).rows == 2 * 40


def test_a_run_that_is_done_again_from_the_same_state_gives_the_same_digests(tmp_path):
    state = settled(tmp_path / "state", PEOPLE)
    runs = []
    for name in ("one", "two"):
        folder = copied(state, tmp_path / name)
        with opened(folder, PEOPLE) as found:
            runs.append(digests(found.coordinator().run()))
            entries = list(found.network.log.entries())
            assert len(Book.read(entries, 1).rounds) == RULES.rounds + 1
    assert runs[0] == runs[1]
