"""The story of a watched chain: told by what ran, verified again, and no evidence can be bent."""

import json
import shutil

import pytest
from click.testing import CliRunner

from counterpoise.apps.cli import demo
from counterpoise.apps.watchtower.attacks import look_alike
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.jobs import TokenClient
from counterpoise.monitor import (
    AlertBook,
    AlertLog,
    GuardianClient,
    Standing,
    WatchTerms,
    fetch_alert,
    stated_alerts,
    verify_alerts,
)
from counterpoise.network import open_network
from counterpoise.provenance import Verdict
from counterpoise.verify import verify

DETECTORS = {
    "poisoning, undone": "poisoning",
    "poisoning": "poisoning",
    "sandwich": "sandwich",
    "phishing": "approvals",
    "listed": "screening",
    "puppets": "sybil",
    "rug": "rug",
    "raid": "manipulation",
    "burglary": "reentrancy",
    "laundering": "laundering",
}


def run(command, *words):
    done = CliRunner().invoke(command, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """One run, and its report."""
    folder = tmp_path_factory.mktemp("watchtower") / "state"
    done = run(demo, "monitor", "--state", folder, "--report", folder.with_name("r.json"), "--json")
    record = json.loads(done.stdout)
    assert record == json.loads(folder.with_name("r.json").read_text())
    return folder, record


def test_every_attack_is_told_by_the_detector_made_for_it(told):
    _, record = told
    assert {row["name"]: row["detector"] for row in record["attacks"]} == DETECTORS
    missed = [row["name"] for row in record["attacks"] if not row["found"]]
    assert not missed
    assert all(row["block"] - row["first_block"] <= 3 for row in record["attacks"])


def test_no_harmless_twin_is_told_and_honest_life_raises_nothing_grave(told):
    _, record = told
    assert [row["resembles"] for row in record["twins"]] == [
        "sandwich",
        "phishing",
        "burglary",
        "puppets",
        "rug",
        "raid",
    ]
    assert all(row["alerts"] == [] and row["transactions"] for row in record["twins"])
    assert record["honest_transactions"] > 100
    assert record["other_alerts"]["honest_life_high"] == 0
    assert sum(record["other_alerts"]["honest_life"].values()) <= 12


def test_the_pause_stops_the_robbery_and_pays_who_reported_it(told):
    folder, record = told
    pause = record["pause"]
    assert pause["ruling"] == "right" and not pause["vetoed"]
    assert pause["robberies_refused"] == 1
    assert int(pause["lost_before"]) == 4 * 10**18 < int(pause["still_there"])
    with open_network(folder) as network:
        digests = {
            stated.statement.predicate["digest"]
            for stated in stated_alerts(network.log_reader().entries())
            if stated.statement.predicate["detector"] == "reentrancy"
        }
        token = network.contract("CreditToken")
        held = token.call("balanceOf", network.account("reporter").address)
    assert digests == {pause["digest"]}
    assert held == 10 * int(pause["bond"]) + int(pause["bounty"])


def test_the_false_alarm_is_vetoed_and_costs_the_bond(told):
    folder, record = told
    alarm = record["false_alarm"]
    assert (alarm["ruling"], alarm["vetoed"]) == ("wrong", True)
    assert alarm["seconds"] < 60
    with open_network(folder) as network:
        guardian = GuardianClient(
            network.contract("Guardian"), TokenClient(network.contract("CreditToken"))
        )
        (_, case) = guardian.cases()
        assert guardian.credit_of(case.target) == int(alarm["bond"])


def test_a_reorganisation_retracts_what_it_undid(told):
    folder, record = told
    assert record["retracted"] == ["poisoning"]
    with open_network(folder) as network:
        stated = list(stated_alerts(network.log_reader().entries()))
    gone = [one for one in stated if one.standing is Standing.RETRACTED]
    assert len(gone) == 1 and len(stated) == record["alerts"] + 1
    book = AlertBook(folder / "monitor" / "alerts.sqlite")
    assert {alert.id for alert in book.alerts(Standing.RETRACTED)} == {gone[0].alert}
    book.close()


def test_the_screen_would_have_warned_and_the_case_is_exported(told):
    folder, record = told
    assert record["screening"]["decision"] == "block"
    assert "re-entered, acting afterwards" in {s["sign"] for s in record["screening"]["signs"]}
    written = {path.name for path in (folder / "cases").iterdir()}
    assert written == set(record["case"]["files"]) and len(written) == 5
    assert record["case"]["picture"], "the loot's way is drawn"


def test_a_finished_run_is_shown_and_verified_again(told):
    folder, record = told
    assert record["verify"]["false"] == []
    again = run(demo, "monitor", "--state", folder)
    assert again.exit_code == 0
    for words in ("poisoning, undone", "none was told", "ruled right", "none false"):
        assert words in again.stdout
    with pytest.raises(InputError, match="'seed': 42"):
        run(demo, "monitor", "--state", folder, "--seed", "7")


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="something else"):
        run(demo, "monitor", "--state", tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "dear"


def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_verify_names_every_kind_of_false_evidence(told, tmp_path):
    folder = copied(told[0], tmp_path)
    with open_network(folder) as network:
        stated = list(stated_alerts(network.log_reader().entries()))
        raised = [one for one in stated if one.standing is Standing.OPEN]
        gone = next(one for one in stated if one.standing is Standing.RETRACTED)
        alerts = {one.alert: fetch_alert(network.store, one) for one in raised}
        terms = WatchTerms.from_bytes(
            network.store.fetch(bytes.fromhex(raised[0].statement.predicate["watch"]))
        )
        lost = next(one for one in raised if alerts[one.alert].finding.detector == "sandwich")
        # One liar takes a true alert back, another says that a retracted one still stands, and
        # withholds the rest; a blob is lost; a ruling is given against the evidence.
        liar, other = network.account("liar"), network.account("other")
        back = alerts[raised[-1].alert].standing_as(Standing.RETRACTED)
        AlertLog(network.log, network.store, liar, terms).state([*alerts.values(), back])
        AlertLog(network.log, network.store, other, terms).state([alerts[gone.alert]])
        network.store.delete(lost.content)
        network.store.flush()
        network.warp(3_600)
        guardian = GuardianClient(
            network.contract("Guardian"), TokenClient(network.contract("CreditToken"))
        )
        chest = list(guardian.cases())[1].target
        case = guardian.pause(network.account("hasty"), chest, keccak(b"nothing"))
        guardian.rule(network.account("evaluator"), case.number, is_true=True)
        verdict = Verdict()
        assert verify_alerts(network, verdict) == len(stated) + len(alerts) + 2
    found = {str(one) for one in verdict.false}
    ends = ("its block is on the chain", "does not follow from the chain", "was withheld")
    for words in (*ends, "right, and no such alert follows", lost.alert.hex()[:12]):
        assert any(words in one for one in found), words


def test_verify_needs_the_same_detectors_and_lists(told, tmp_path):
    folder = copied(told[0], tmp_path)
    with open_network(folder) as network:
        chain = network.chain.chain_id()
        block = network.chain.block("latest")
        stated = next(stated_alerts(network.log_reader().entries()))
        alert = fetch_alert(network.store, stated)
        for number, terms in enumerate(
            (
                WatchTerms(chain, block.number, (("oracle of delphi", 1),), {}, {}),
                WatchTerms(chain, block.number, (("sandwich", 99),), {}, {}),
                WatchTerms(chain, block.number, (("screening", 1),), {}, {"labels": bytes(32)}),
                WatchTerms(chain + 1, block.number, (("sandwich", 1),), {}, {}),
            )
        ):
            account = network.account(f"stranger {number}")
            AlertLog(network.log, network.store, account, terms).state([alert])
        verdict = Verdict()
        verify_alerts(network, verdict)
    found = " ".join(map(str, verdict.false))
    for words in ("oracle of delphi", "sandwich 99", "rested on other labels", "this is chain"):
        assert words in found, words


def test_the_verb_verify_covers_alerts(told):
    done = run(verify, "--state", told[0], "--json")
    assert done.exit_code == 0
    record = json.loads(done.stdout)
    assert record["numbers"] >= told[1]["verify"]["numbers"] and record["false"] == []
    assert VerificationError.exit_code == 5


def test_a_look_alike_begins_and_ends_alike_and_differs():
    address = bytes(range(20))
    other = look_alike(address)
    assert other != address and other[:4] == address[:4] and other[-4:] == address[-4:]
