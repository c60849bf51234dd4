"""An honest coordinator answers what is demanded of its rounds: nobody takes its bond."""

from dataclasses import replace

import pytest
from revisit import copied, opened
from test_disputes import (
    BOND,
    PEOPLE,
    balance,
    begun,
    convictions,
    false_loss,
    tell,
    watcher,
    withheld,
)

from counterpoise.core.errors import Reverted
from counterpoise.federation.bonds import judge_of
from counterpoise.federation.defence import Defence
from counterpoise.federation.host import Host
from counterpoise.federation.judge_rules import MODEL_BLOB, PARTS, SHARE, UPDATE_BLOB
from counterpoise.federation.rules.round_trace import SECTIONS

__all__ = ["begun"]
DEPOSIT = BOND // SHARE
ASKED = [
    *((number, 0) for number in range(len(SECTIONS))),
    (SECTIONS.index("losses"), 10**9),
    (MODEL_BLOB, 0),
    (UPDATE_BLOB, 1),
    (UPDATE_BLOB, 99),
]


@pytest.fixture
def played(begun, tmp_path):
    """Two true rounds of a bonded village."""
    with opened(copied(begun, tmp_path / "state"), PEOPLE) as found:
        coordinator = found.coordinator()
        for number in (1, 2):
            coordinator.run_round(number)
        yield found


def demand(found, number, asked):
    """Somebody with money demands."""
    judge, record = judge_of(found.network), found.postings.posted_record(number)
    for section, index in asked:
        judge.demand(found.network.account("challenger"), 1, number, record, section, index)
    return record


def defence(found, said):
    return Defence(found.network, found.network.account("operator"), found.terms, said.append)


@pytest.mark.parametrize("number", [1, 2])
def test_whatever_is_demanded_of_a_true_round_is_revealed_and_nobody_is_convicted(played, number):
    before, said = balance(played, "operator"), []
    record = demand(played, number, ASKED)
    ours = defence(played, said)
    assert ours.step() == len(ASKED) == len(said)
    assert balance(played, "operator") == before + DEPOSIT * len(ASKED)
    judge = judge_of(played.network)
    assert judge.token.balance(judge.address) == BOND
    played.network.chain.warp(played.terms.challenge_seconds // PARTS + 1)
    for section, index in ASKED:
        with pytest.raises(Reverted, match="already answered"):
            judge.lapse(played.network.account("challenger"), 1, number, record, section, index)
    assert ours.step() == 0 and not convictions(played)
    assert defence(played, said).step() == 0


def test_an_entry_of_an_empty_section_is_answered_with_the_head(played):
    demand(played, 1, [(SECTIONS.index("losses"), 0)])
    assert defence(played, []).step() == 1


def test_a_demand_that_is_late_is_let_be(played):
    demand(played, 2, [(0, 0)])
    ours = defence(played, [])
    played.network.chain.warp(played.terms.challenge_seconds // PARTS + 1)
    played.network.chain.mine()
    assert ours.step() == 0


def test_a_demand_of_a_round_that_fell_is_moot(begun, tmp_path):
    with opened(copied(begun, tmp_path / "state"), PEOPLE) as found:
        tell(found, 2, false_loss, until=2)
        demand(found, 2, [(0, 0)])
        assert "convicted" in watcher(found).step()[-1]
        said = []
        assert defence(found, said).step() == 0 and not said


def test_a_trace_that_is_gone_is_told_before_the_bond_is(played):
    demand(played, 2, [(4, 0)])
    withheld(played)
    said = []
    assert defence(played, said).step() == 0
    assert "not in the store" in said[-1]


def test_a_demand_that_a_reorg_took_away_and_brought_back_is_answered_again(played):
    ours, said = defence(played, []), []
    assert ours.step() == 0
    demand(played, 2, [(0, 0)])
    assert ours.step() == 1
    played.network.chain.reorg(1, keep=False)  # the answer is gone, the demand stands
    assert ours.step() == 1
    assert said == []


def test_a_coordinators_own_process_answers_while_it_waits(played):
    said, slept = [], []
    given = {"say": said.append, "clock": lambda: sum(slept), "pause": slept.append}
    host = Host(played.network, played.notary("operator"), played.terms, **given)
    demand(played, 2, [(3, 5)])
    host._wait(5.0)
    assert said == ["entry 5 of section 3 of round 2 was demanded, and revealed"]
    assert slept == [2.0, 2.0, 1.0]
    bare = Host(played.network, host.notary, replace(played.terms, bond=0), pause=slept.append)
    bare._wait(7.0)
    assert slept[-1] == 7.0
