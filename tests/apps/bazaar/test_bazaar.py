"""The market's demonstration: what it comes to, what verify finds, what happens to wrong input."""

import json
import shutil

import pytest
from click.testing import CliRunner

from counterpoise.apps.bazaar.verify import verify_bazaar
from counterpoise.apps.cli import demo
from counterpoise.core.errors import InputError
from counterpoise.network import open_network
from counterpoise.provenance import Verdict
from counterpoise.verify import verify


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bazaar") / "state"
    done = CliRunner().invoke(demo, ["market", "--state", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    return folder, json.loads(done.stdout)


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run[0], tmp_path / "state")


PAIRED = ("heard", "truths")


def by_name(record):
    return {one["name"]: one for one in record["sellers"]}


def falsehoods(folder):
    verdict = Verdict()
    with open_network(folder) as network:
        verify_bazaar(network, verdict)
    return [str(one) for one in verdict.false]


def test_who_runs_the_model_earns_and_who_lies_loses(run):
    sellers = by_name(run[1])
    earned = {name: int(one["in_all"]) for name, one in sellers.items()}
    assert earned["aorta"] > 5 * earned["basil"] > 0 > earned["cassius"]
    assert int(sellers["cassius"]["earned"]["bonds"]) == -10 * 10**18
    assert int(sellers["aorta"]["earned"]["bonds"]) == 5 * 10**18
    assert int(sellers["aorta"]["earned"]["oracle"]) == 2 * 10**18
    assert sellers["aorta"]["false_answers"] == 0
    assert sellers["basil"]["false_answers"] > 5 and sellers["cassius"]["false_answers"] > 5


def test_validators_find_the_same_as_customers_do(run):
    sellers = by_name(run[1])
    totals = {name: one["scores"]["total"] for name, one in sellers.items()}
    ratings = {name: int(one["rating"]["mean_wad"]) for name, one in sellers.items()}
    assert max(totals, key=totals.get) == max(ratings, key=ratings.get) == "aorta"
    assert sellers["aorta"]["scores"]["agreement"] == 1_000_000
    for epoch in run[1]["epochs"]:
        assert epoch["lies"] == 0 and epoch["shares"][0] == max(epoch["shares"]) > 700_000


def test_praise_with_the_sellers_own_money_does_not_count(run):
    rating = by_name(run[1])["cassius"]["rating"]
    assert rating["went_round"] == 1 and rating["counted"] == 1
    cousin = next(one for one in run[1]["purchases"] if one["buyer"] == "cousin")
    person = next(one for one in run[1]["purchases"] if one["seller"] == "cassius")
    assert int(rating["mean_wad"]) == 100 * person["right"] // person["calls"] * 10**18
    assert cousin["right"] == person["right"]


def test_the_agent_goes_where_customers_were_content_and_stops_at_its_budget(run):
    agent = next(one for one in run[1]["purchases"] if one["buyer"] == "axel")
    assert agent["seller"] == "aorta" and int(agent["paid"]) == 10**18 and agent["calls"] == 20
    assert run[1]["agent"]["found"][0]["seller"] == "aorta"
    assert all(one["rating"] >= 65_000 for one in run[1]["agent"]["found"])


def test_the_contract_is_told_the_truth_although_the_liar_was_first(run):
    asked = run[1]["contract"]
    assert (asked["liar"], asked["answered_by"]) == ("cassius", "aorta")
    assert asked["told"] is not asked["lie"]


def test_what_is_not_spent_comes_back(run):
    for name in ("vera", "viktor"):
        record = run[1]["others"][name]
        checks = 3 * 16 * 3  # epochs, questions to each seller, sellers
        spent = -int(record["earned"]["calls"])
        assert 0 < spent <= checks * 5 * 10**16
        assert int(record["earned"]["emissions"]) > 0


def test_verify_in_a_new_process_comes_to_the_same(run):
    done = CliRunner().invoke(verify, ["--state", str(run[0]), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["false"] == [] and found["numbers"] >= run[1]["verify"]["numbers"] > 1_000


def test_a_finished_run_is_shown_and_verified_again(run):
    done = CliRunner().invoke(demo, ["market", "--state", str(run[0])])
    assert done.exit_code == 0, done.output
    assert "Who earned what" in done.stdout and "none false" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda story: story["purchases"][0]["heard"][0].update(answer="000000010001"), "output"),
        (lambda story: story["purchases"][0]["heard"][1].update(row="00" * 13), "input commitment"),
        (lambda story: story["purchases"][1]["heard"][0].update(paid="1"), "receipt's charge"),
        (lambda story: [story["purchases"][2][p].pop() for p in PAIRED], "claimed of petra"),
        (lambda story: story["purchases"][2]["heard"].pop(), "19 answers and 20 truths"),
        (lambda story: story["purchases"][2].update(buyer="axel"), "receipt's payer"),
        (lambda story: story["purchases"][2].update(seller="basil"), "receipt's signer"),
    ],
)
def test_a_story_that_is_told_otherwise_is_found_false(copy, change, told):
    path = copy / "story.json"
    story = json.loads(path.read_text())
    change(story)
    path.write_text(json.dumps(story))
    assert any(told in one for one in falsehoods(copy))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda record: record["sellers"][2]["earned"].update(bonds="0"), "cassius / earned"),
        (lambda record: record["sellers"][0]["rating"].update(counted=9), "rating of aorta"),
        (lambda record: record["sellers"][1].update(false_answers=0), "not the model's"),
        (lambda record: record["contract"].update(told=not record["contract"]["told"]), "told"),
        (lambda record: record["others"]["vera"].update(balance="1"), "vera / balance"),
        (lambda record: record["purchases"][0].update(right=20), "right"),
    ],
)
def test_a_report_that_is_told_otherwise_is_found_false(copy, change, told):
    path = copy / "report.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    assert any(told in one for one in falsehoods(copy))


def test_a_seller_that_changes_its_log_is_found_out(copy):
    tiles = (copy / "people" / "cassius").rglob("entries/000.p/*")
    tile = max(tiles, key=lambda path: int(path.name))
    data = bytearray(tile.read_bytes())
    data[len(data) // 2] ^= 1
    tile.write_bytes(bytes(data))
    assert any("sellers' logs" in one for one in falsehoods(copy))


def test_another_seed_or_a_folder_of_something_else_is_refused(run, tmp_path):
    runner = CliRunner()
    with pytest.raises(InputError, match="holds a run with"):
        runner.invoke(
            demo, ["market", "--state", str(run[0]), "--seed", "1"], catch_exceptions=False
        )
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds something else"):
        runner.invoke(demo, ["market", "--state", str(tmp_path)], catch_exceptions=False)


def test_an_interrupted_run_begins_anew(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "bazaar.json").write_text('{"seed": 42}\n')
    (folder / "half.txt").write_text("left behind")
    from counterpoise.apps.bazaar.demo import Bazaar, Options

    run = Bazaar(folder, Options(42))
    run.close()
    assert not (folder / "half.txt").exists() and not run.is_finished
