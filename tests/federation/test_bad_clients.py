"""Every way to be a bad client, end to end: refused by name, and nobody else feels it."""

from dataclasses import replace

import numpy as np
import pytest
from faults import (
    FALSE_LETTERS,
    FALSE_STATISTICS,
    FALSE_SUMS,
    FALSE_UPDATES,
    Copycat,
    Deaf,
    Flipper,
    Foreign,
    FreeRider,
    Lost,
    Meddler,
    OnTheClip,
    Outlier,
    Overstated,
    Sender,
    Stutters,
    TwiceAndMeddles,
)
from revisit import Without, address_of, copied, digests, opened, participant, settled, verdict_of
from village import RULES, owner, owners

from counterpoise.chain import Account
from counterpoise.core.digest import array_bytes
from counterpoise.core.units import to_checksum
from counterpoise.federation.evidence import Notary
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.rules import CODES, local_statistics
from counterpoise.provenance import Envelope

HONEST = owners(3)
PLACES = [owner(f"bad-{i}", 100 + i, rows=16 + i) for i in range(11)]
"""With the honest ones as many as exact scoring takes; each place is given one fault a round."""
PEOPLE = [*HONEST, *PLACES]


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """Two closed states of one village: before the round of statistics, and after it."""
    folder = tmp_path_factory.mktemp("bad")
    before = settled(folder / "before", PEOPLE)
    after = copied(before, folder / "after")
    with opened(after, PEOPLE) as found:
        outcome = found.coordinator().run_round(1)
        assert not outcome.refused
    return {1: before, 2: after}


@pytest.fixture(scope="module")
def run(states, tmp_path_factory):
    """Give a function that runs one round with some members replaced and verifies it."""

    def round_with(number, bad, courier=Lost):
        folder = copied(states[number], tmp_path_factory.mktemp("run") / "state")
        with opened(folder, PEOPLE) as found:
            datasets = {p.address: p.dataset for p in found.participants}
            people = []
            for one, honest in zip(PEOPLE, found.participants, strict=True):
                kind = bad.get(one.name, type(honest))
                made = participant(found, one, datasets, folder, kind) if kind else None
                people += [made] if made else []
                if made and one not in HONEST:
                    made.witness = None  # it does not look whether it was left out
                if made and isinstance(made, Copycat):
                    made.victim = people[0]
            coordinator = found.coordinator(courier(people))
            outcome = [coordinator.run_round(n) for n in range(1, number + 1)][-1]
            book = coordinator.book
            refused = {
                one.name: book.refusals(
                    number, to_checksum(found.network.account(one.name).address)
                )
                for one in PEOPLE
            }
            detail = {x["participant"]: x for x in book.round(number).result.fields["refused"]}
            return outcome, refused, verdict_of(found, number), detail

    return round_with


@pytest.fixture(scope="module")
def honest(run):
    """What each round comes to when all bad places are silent."""
    silent = {one.name: None for one in PLACES}
    return {number: run(number, silent)[0] for number in (1, 2)}


def kinds_of(faults):
    def kind_of(fault):
        if isinstance(fault, type):
            return fault
        return type("Sends", (Sender,), {"blob": fault})

    return {place.name: kind_of(fault) for place, fault in zip(PLACES, faults, strict=False)}


@pytest.fixture(scope="module")
def batches(run):
    """Every fault once, eleven in a round; what became of each by its name."""
    false_sums = {}
    for place, (name, change) in zip(PLACES, FALSE_SUMS.items(), strict=False):
        vector = change(local_statistics(place.features, RULES).astype(np.int64))
        false_sums[name] = ("statistics", array_bytes(vector))
    table = [(2, FALSE_UPDATES | FALSE_LETTERS), (1, false_sums), (1, FALSE_STATISTICS)]
    rounds, place_of = [], {}
    for number, faults in table:
        names = list(faults)
        for start in range(0, len(names), len(PLACES)):
            part = names[start : start + len(PLACES)]
            place_of |= {n: (len(rounds), p.name) for n, p in zip(part, PLACES, strict=False)}
            silent = {p.name: None for p in PLACES[len(part) :]}
            kinds = silent | kinds_of([faults[name][1] for name in part])
            rounds.append((number, run(number, kinds)))
    return rounds, place_of


CASES = {
    **{
        name: code for name, (code, _) in (FALSE_UPDATES | FALSE_LETTERS | FALSE_STATISTICS).items()
    },
    **dict.fromkeys(FALSE_SUMS, "statistics"),
}


@pytest.mark.parametrize("fault", CASES)
def test_a_bad_client_is_refused_by_name_with_the_code_of_its_fault(batches, fault):
    rounds, place_of = batches
    index, name = place_of[fault]
    _, (_, refused, _, _) = rounds[index]
    assert refused[name] == [CASES[fault]]
    assert CASES[fault] in CODES


def test_the_round_goes_on_to_the_bit_as_if_the_bad_clients_had_been_silent(batches, honest):
    for number, (outcome, refused, _, _) in batches[0]:
        assert digests([outcome]) == digests([honest[number]])
        assert {one.name: refused[one.name] for one in HONEST} == {o.name: [] for o in HONEST}


def test_everyone_else_comes_to_the_same_refusals(batches):
    for _, (_, _, verdict, _) in batches[0]:
        assert verdict.first is None


def test_no_detail_of_a_refusal_is_longer_than_a_line(batches):
    for _, (_, _, _, detail) in batches[0]:
        assert all(len(item["detail"]) <= 120 for item in detail.values())


def test_every_code_of_a_refusal_can_be_met():
    unreachable = {"time-out"}  # in one process nobody waits; by mail who is slow is absent or late
    assert set(CASES.values()) == set(CODES) - unreachable


@pytest.mark.parametrize("kind", [Overstated, Stutters])
def test_a_claimed_size_and_a_repeated_answer_change_nothing(run, kind):
    silent = {one.name: None for one in PLACES[1:]}
    plain, *_ = run(2, silent)
    outcome, refused, verdict, _ = run(2, silent | {"bad-0": kind})
    assert digests([outcome]) == digests([plain])
    assert not any(refused[one.name] for one in PEOPLE[:4])
    assert verdict.first is None


def test_a_coordinate_exactly_on_the_clip_is_admitted(run):
    silent = {one.name: None for one in PLACES[1:]}
    outcome, refused, verdict, _ = run(2, silent | {"bad-0": OnTheClip})
    assert len(outcome.admitted) == 4
    assert refused["bad-0"] == []
    assert verdict.first is None


def test_what_is_admitted_and_bad_is_ranked_below_everybody_honest(run):
    silent = {one.name: None for one in PLACES[3:]}
    bad = {"bad-0": Flipper, "bad-1": FreeRider, "bad-2": Outlier}
    outcome, refused, verdict, _ = run(2, silent | bad)
    assert verdict.first is None
    assert not any(refused[name] for name in bad)
    phi = outcome.result.phi
    by_name = {one.name: phi[address_of(one.name)] for one in [*HONEST, *PLACES[:3]]}
    worst = min(by_name[one.name] for one in HONEST)
    assert max(by_name["bad-0"], by_name["bad-2"]) < 0 < worst
    assert by_name["bad-1"] < worst
    assert address_of("bad-0") not in outcome.result.aggregated


def test_a_commitment_that_was_left_out_counts_once_its_member_posts_it_on_the_chain(run, honest):
    silent = {one.name: None for one in PLACES}
    outcome, refused, verdict, _ = run(2, silent, Deaf)
    assert digests([outcome]) == digests([honest[2]])
    assert refused["owner-1"] == []
    assert verdict.first is None


@pytest.mark.parametrize("step", ["commitments posted", "reveals logged", "result logged"])
def test_whoever_posts_a_commitment_out_of_turn_makes_no_honest_round_false(states, tmp_path, step):
    folder = copied(states[2], tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        datasets = {p.address: p.dataset for p in found.participants}
        kinds = {"bad-0": Meddler, "bad-1": TwiceAndMeddles}
        meddlers = []
        for one in PLACES[:2]:
            meddler = participant(found, one, datasets, folder, kinds[one.name])
            meddler.found, meddler.witness = found, None
            meddlers.append(meddler)

        def on_step(name, number):
            if (name, number) == (step, 2):
                for meddler in meddlers:
                    meddler.meddle()

        people = [*found.participants[:3], *meddlers]
        coordinator = found.coordinator(Lost(people), on_step)
        coordinator.run_round(1)
        coordinator.run_round(2)
        verdict = verdict_of(found, 2)
        assert verdict.first is None
        assert all(coordinator.book.refusals(2, to_checksum(m.address)) for m in meddlers)


def test_a_stranger_is_refused_by_name_and_a_letter_in_anothers_name_harms_nobody(states, tmp_path):
    folder = copied(states[2], tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        honest_three = found.participants[:3]
        account = Account.local(bytes(31) + b"\5")
        stranger = replace(found.participants[3], notary=Notary(account, lambda: 1), folder=None)
        courier = Foreign(honest_three)
        courier.stranger = stranger
        forged = replace(honest_three[0], folder=None, _pending={})
        forged.notary = Notary(account, lambda: 1)
        coordinator = found.coordinator(courier)
        coordinator.run_round(1)

        def in_the_name_of_another(opening):
            envelope = Envelope.from_bytes(forged.commitment(opening))
            name = replace(envelope.signatures[0], keyid=to_checksum(honest_three[0].address))
            return replace(envelope, signatures=(name,)).to_bytes()

        courier.participants[0].also = [("commitment", in_the_name_of_another)]
        outcome = coordinator.run_round(2)
        assert coordinator.book.refusals(2, to_checksum(account.address)) == ["identity"]
        assert len(outcome.admitted) == 3
        assert verdict_of(found, 2).first is None


def test_when_all_are_bad_the_round_is_void_and_its_pot_goes_back_to_the_sponsor(states, tmp_path):
    folder = copied(states[2], tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        base = base_of(found)
        coordinator = found.coordinator(Without(found.participants, {p.name for p in PEOPLE}))
        outcomes = coordinator.run()
        assert [o.void for o in outcomes] == [False, True, True]
        assert outcomes[-1].model.params.tolist() == base.params.tolist()
        assert coordinator.book.round(3).result.fields["void"] is True
        found.finish(outcomes[-1])
        sponsor = found.network.account("sponsor")
        token = found.network.contract("CreditToken")
        before = token.call("balanceOf", sponsor.address)
        found.postings.cohort.refund(sponsor, found.terms.job)
        assert token.call("balanceOf", sponsor.address) - before == RULES.pot
        assert verdict_of(found).first is None


def base_of(found):
    return ModelFile.from_bytes(found.network.store.fetch(found.terms.base))
