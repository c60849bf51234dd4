"""Lies of a coordinator under the judge: told, found, convicted, paid for; the round falls."""

from dataclasses import replace

import numpy as np
import pytest
from courts import changed
from revisit import copied, opened, verdict_of
from village import owners, village

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.federation import rules
from counterpoise.federation.bonds import judge_of, release_bond
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.rules.trace import Section, Trace
from counterpoise.federation.watcher import Watcher

PEOPLE = owners(3)
BOND = 64 * TOKEN


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A bonded village after its round of statistics, closed."""
    folder = tmp_path_factory.mktemp("bonded") / "state"
    made = village(folder, PEOPLE, bond=BOND)
    made.fund("challenger", 100)
    for one in PEOPLE:
        (folder / "homes" / one.name).mkdir(parents=True)
    made.network.close()
    return folder


def swap(trace, **sections):
    """The trace with other sections."""
    return Trace(tuple(sections.get(s.name, s) for s in trace.sections))


def false_aggregate(outcome):
    params = outcome.model.params + np.array([1, 0, 0], np.int32)
    model = ModelFile(params, outcome.model.statistics)
    return replace(outcome, model=model, trace=changed(outcome.trace, "model", 0, 64, 8))


def false_model(outcome):
    params = outcome.model.params + np.array([0, 1, 0], np.int32)
    return replace(outcome, model=ModelFile(params, outcome.model.statistics))


def false_loss(outcome):
    return replace(outcome, trace=changed(outcome.trace, "losses", 5, 20, 4))


def false_logit(outcome):
    return replace(outcome, trace=changed(outcome.trace, "rows", 7, 24, 8))


def false_row(outcome):
    return replace(outcome, trace=changed(outcome.trace, "rows", 7, 0, 4))


def false_utility(outcome):
    return replace(outcome, trace=changed(outcome.trace, "utilities", 1, 8, 8))


def false_term(outcome):
    return replace(outcome, trace=changed(outcome.trace, "steps", 1, 8, 8))


def false_score(outcome):
    return replace(outcome, trace=changed(outcome.trace, "scores", 0, 20, 16))


def false_share(outcome):
    """One unit from one to another, in all sums and in the tree of claims."""
    one, two, *_ = (i for i, d in enumerate(sorted(outcome.standing.dues.items())) if d[1])
    accounts = sorted(outcome.standing.dues)
    dues = dict(outcome.standing.dues)
    dues[accounts[one]] -= 1
    dues[accounts[two]] += 1
    trace = outcome.trace
    for index, by in ((one, -1), (two, 1)):
        trace = changed(trace, "standing", index, 117, 16, by)
        trace = changed(trace, "dues", 0, 36 * index + 20, 16, by)
    for index in range(one, two):
        trace = changed(trace, "standing", index, 133, 16, -1)
    return replace(outcome, trace=trace, standing=replace(outcome.standing, dues=dues))


def false_leaf(outcome):
    dues = outcome.standing.dues
    first, *rest = (account for account, due in dues.items() if due)
    moved = dues | {first: dues[first] + 1, rest[0]: dues[rest[0]] - 1}
    return replace(outcome, standing=replace(outcome.standing, dues=moved))


def false_total(outcome):
    return replace(outcome, standing=replace(outcome.standing, dues={}))


def false_weight(outcome):
    trace = changed(outcome.trace, "round", 0, 205, 8)
    return replace(outcome, trace=changed(trace, "updates", 0, 20, 8))


def false_update(outcome):
    """Another update than was committed to, consistently."""
    update = outcome.trace.section("updates")
    entries = update.entries.copy()
    blob = rules.update_bytes(np.array([5, 5, 5], np.int32))
    entries[0, 28:60] = np.frombuffer(sha256(blob), np.uint8)
    return replace(outcome, trace=swap(outcome.trace, updates=Section("updates", entries)))


def false_column(outcome):
    return replace(outcome, trace=changed(outcome.trace, "model", 1, 0, 8))


LIES = [
    (1, false_column, {"column"}),
    (2, false_aggregate, {"aggregate"}),
    (2, false_model, {"model_blob"}),
    (2, false_row, {"row"}),
    (2, false_logit, {"logit"}),
    (2, false_loss, {"loss"}),
    (2, false_utility, {"utility"}),
    (2, false_term, {"term"}),
    (2, false_score, {"score"}),
    (2, false_share, {"standing"}),
    (3, false_share, {"standing"}),
    (2, false_leaf, {"pay"}),
    (2, false_total, {"totals", "pay"}),
    (2, false_weight, {"member"}),
    (2, false_update, {"committed"}),
]


def tell(found, number, lie, until=3):
    """Run rounds with a coordinator that says something false in one of them."""
    coordinator = found.coordinator()

    def lying(letters, entropy=b""):
        outcome = coordinator.honest(letters, entropy=entropy)
        return lie(outcome) if outcome.number == number else outcome

    coordinator.honest = coordinator.replay.step
    coordinator.replay.step = lying
    for each in range(1, until + 1):
        coordinator.run_round(each)


def watcher(found, say=lambda line: None):
    return Watcher(found.network, found.network.account("challenger"), found.terms, say)


def balance(found, name):
    token = found.network.contract("CreditToken")
    return token.call("balanceOf", found.network.account(name).address)


def convictions(found):
    return judge_of(found.network).events(1, "Convicted")


@pytest.mark.parametrize(
    ("number", "lie", "cells"), LIES, ids=[f"{lie.__name__}-{n}" for n, lie, _ in LIES]
)
def test_a_lie_is_found_convicted_and_paid_for(begun, tmp_path, number, lie, cells):
    folder = copied(begun, tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        tell(found, number, lie)
        before, stakes = balance(found, "challenger"), found.postings.cohort.members(1)
        looked = watcher(found)
        done = looked.step()
        assert f"round {number} is false" in done
        assert any(f"{cell} is false" in done[-1] for cell in cells), done
        # One transaction; half of the bond to the challenger, half burnt; the round fell.
        event = convictions(found)[-1]
        assert (event.args["round"], event.args["paid"]) == (number, BOND // 2)
        assert event.args["burnt"] == BOND - BOND // 2
        assert balance(found, "challenger") == before + BOND // 2
        assert found.postings.state().round_id == number - 1
        receipt = found.network.chain.receipt(event.tx_hash)
        assert receipt.gas_used <= 400_000
        assert looked.step() == []
        # Honest participants are unharmed, and the job is finished honestly.
        assert found.postings.cohort.members(1) == stakes
        outcomes = found.coordinator().run()
        assert [outcome.number for outcome in outcomes] == [1, 2, 3]
        assert all("holds" in line for line in watcher(found).step())
        found.finish(outcomes[-1])
        for one in found.participants:
            member = found.postings.cohort.member(1, one.address)
            assert member.stake == TOKEN
            assert member.drawn == outcomes[-1].standing.dues.get(one.address, 0)
        assert release_bond(found.network, found.network.account("operator"), found.terms)
        assert judge_of(found.network).bond(1).locked == 0
        verdict = verdict_of(found)
        assert verdict.first is None


def test_an_honest_job_ends_with_its_bond_back(begun, tmp_path):
    folder = copied(begun, tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        before = balance(found, "operator")
        outcomes = found.coordinator().run()
        assert watcher(found).step() == [f"round {n} holds" for n in (1, 2, 3)]
        assert balance(found, "operator") == before - BOND
        found.finish(outcomes[-1])
        assert release_bond(found.network, found.network.account("operator"), found.terms)
        assert balance(found, "operator") == before
        assert verdict_of(found).first is None


def withheld(found):
    """Take the published traces out of the store."""
    for pages in [found.coordinator().book.round(n) for n in (1, 2, 3)]:
        digest = pages.result.fields["trace"] if pages.result else None
        path = found.network.folder / "blobs" / digest[:2] / digest if digest else None
        candidates = list(found.network.folder.glob(f"blobs/**/*{digest[2:]}*")) if digest else []
        for blob in {*candidates, *([path] if path and path.exists() else [])}:
            blob.unlink()


def keep_trace(kept, lie):
    def tell_and_keep(outcome):
        kept.append(lie(outcome))
        return kept[-1]

    return tell_and_keep


def test_a_withheld_trace_is_demanded_entry_by_entry_until_the_lie_is_known(begun, tmp_path):
    folder, kept = copied(begun, tmp_path / "state"), []
    with opened(folder, PEOPLE) as found:
        tell(found, 2, keep_trace(kept, false_loss), until=2)
        withheld(found)
        looked, operator = watcher(found), found.network.account("operator")
        judge, record = judge_of(found.network), found.postings.posted_record(2)
        for _ in range(6):
            done = looked.step()
            if "convicted" in done[-1]:
                break
            for event in judge.events(1, "Demanded"):
                a = event.args
                if judge.demand_of(1, 2, a["word"], a["section"], a["index"]).deadline:
                    name = kept[0].trace.sections[a["section"]].name
                    opening = kept[0].trace.opening(name, a["index"])
                    judge.reveal(operator, 1, 2, record, opening)
        assert "loss is false" in done[-1]
        assert found.postings.state().round_id == 1
        assert judge.token.balance(judge.address) == 0


def test_a_trace_that_is_never_revealed_costs_the_bond(begun, tmp_path):
    folder = copied(begun, tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        tell(found, 2, false_loss, until=2)
        withheld(found)
        looked, before = watcher(found), balance(found, "challenger")
        assert "'round' demanded" in looked.step()[-1]
        assert looked.step() == []
        found.network.chain.warp(found.terms.challenge_seconds // 8 + 1)
        found.network.chain.mine()
        assert "was not revealed in time" in looked.step()[-1]
        assert balance(found, "challenger") == before + BOND // 2
        assert found.postings.state().round_id == 1
        assert [o.number for o in found.coordinator().run()] == [1, 2, 3]
        assert verdict_of(found).first is None


def test_a_job_without_a_judge_is_not_watched(begun, tmp_path):
    folder = copied(begun, tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        found.terms = replace(found.terms, bond=0)
        with pytest.raises(InputError, match="has no judge"):
            watcher(found)


def test_a_watcher_that_begins_again_goes_on_where_the_chain_stands(begun, tmp_path):
    folder = copied(begun, tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        coordinator, looked = found.coordinator(), watcher(found)
        for number in (1, 2):
            coordinator.run_round(number)
            assert looked.step() == [f"round {number} holds"]
        assert watcher(found).step() == ["round 1 holds", "round 2 holds"]
        found.network.chain.reorg(1, keep=False)
        assert found.postings.state().round_id == 1
        assert looked.step() == []
        found.coordinator().run_round(2)
        assert looked.step() == ["round 2 holds"]
