"""The verbs of escrowed work, on a network in a folder."""

import json

import pytest
from click.testing import CliRunner

from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN, to_checksum
from counterpoise.jobs import CohortClient, JobsClient
from counterpoise.jobs.cli import job
from counterpoise.network import create_network, open_network


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    """A network with a funded sponsor and member, founded once and copied for each test."""
    folder = tmp_path_factory.mktemp("network") / "state"
    with create_network(folder, seed=b"s" * 32) as network:
        for name in ("sponsor", "ann", "evaluator"):
            account = network.account(name)
            network.fund(account.address, 10**21)
        minter, token = network.account("operator"), network.contract("CreditToken")
        for name in ("sponsor", "ann"):
            token.transact(minter, "mint", network.account(name).address, 1000 * TOKEN)
    return folder


@pytest.fixture
def state(founded, tmp_path):
    import shutil

    return shutil.copytree(founded, tmp_path / "state")


@pytest.fixture
def run(state):
    def run(*words):
        done = CliRunner().invoke(
            job, [*map(str, words), "--state", str(state), "--json"], catch_exceptions=False
        )
        assert done.exit_code == 0, done.output
        return json.loads(done.output)

    return run


CREATE = ("create", "--as", "sponsor", "--evaluator", "evaluator", "--description", "count cells")


def test_a_job_is_created_funded_shown_and_listed(run):
    made = run(*CREATE, "--provider", "ann")
    assert (made["job"], made["status"], made["budget"]) == (1, "open", "0")
    paid = run("fund", 1, "--budget", "2.5", "--as", "sponsor")
    assert (paid["status"], paid["budget"]) == ("funded", "2.5")
    assert run("show", 1) == paid
    assert run("list") == {"jobs": [paid]}


def test_people_read_lines(run, state):
    run(*CREATE, "--provider", "ann")
    shown = CliRunner().invoke(job, ["list", "--state", str(state)]).output
    assert shown == "   1  open                  0 tokens  count cells\n"
    shown = CliRunner().invoke(job, ["show", "1", "--state", str(state)]).output
    assert "status       open\n" in shown


def test_an_expired_job_is_refunded(run, state):
    run(*CREATE, "--provider", "ann", "--days", "1")
    run("fund", 1, "--budget", "10", "--as", "sponsor")
    with open_network(state) as network:
        network.warp(2 * 86_400)
    assert run("refund", 1, "--as", "ann")["status"] == "expired"


def test_somebody_must_sign(run):
    with pytest.raises(InputError, match="nobody signs"):
        run(*CREATE[:1], *CREATE[3:])


def test_a_key_can_come_from_the_environment(run, state, monkeypatch):
    with open_network(state) as network:
        monkeypatch.setenv("SPONSOR_KEY", network.account("sponsor").key.hex())
    assert run(CREATE[0], *CREATE[3:], "--key-env", "SPONSOR_KEY")["job"] == 1


def finished(state, due):
    """Bring a federated job of one round to its end."""
    from counterpoise.chain import Contract

    with open_network(state) as network:
        sponsor, ann = network.account("sponsor"), network.account("ann")
        jobs, cohort = (
            JobsClient(network.contract("Jobs")),
            CohortClient(network.contract("Cohort")),
        )
        rounds: Contract = network.contract("Rounds")
        number = jobs.create_and_fund(
            sponsor,
            provider=cohort.address,
            evaluator=rounds.address,
            expires=network.chain.block().time + 86_400,
            budget=10 * TOKEN,
        )
        cohort.open(sponsor, number, stake=TOKEN, rounds=rounds.address)
        cohort.join(ann, number, b"d" * 32)
        plan = (sponsor.address, 1, 60, bytes(32), bytes(20), 60)
        rounds.transact(sponsor, "open", number, *plan)
        word = bytes(32)
        rounds.transact(sponsor, "commit", number, 1, word)
        claims = cohort.claims(number, 1, due)
        content = (word, word, word, claims.root, claims.total, word, word)
        receipt = rounds.transact(sponsor, "result", number, 1, content)
        posted = rounds.events_in(receipt)[0].args
        network.warp(60)
        record = (posted["commitment"], posted["time"], 0, content)
        rounds.transact(sponsor, "finish", number, 1, record)
        return to_checksum(ann.address)


def dues_of(state, tmp_path, amount):
    with open_network(state) as network:
        ann = network.account("ann").address
    path = tmp_path / "dues.json"
    path.write_text(json.dumps({to_checksum(ann): str(amount)}))
    return ann, path


def test_a_member_draws_its_pay_and_its_stake_and_the_sponsor_the_rest(run, state, tmp_path):
    ann, dues = dues_of(state, tmp_path, 4 * TOKEN)
    finished(state, {ann: 4 * TOKEN})
    shown = run("show", 1)
    assert (shown["cohort"], shown["owed"], shown["spare"]) == ("paid", "4", "6")
    assert (shown["members"], shown["stake"]) == (1, "1")
    assert run("claim", 1, "--dues", dues, "--as", "ann") == {
        "job": 1,
        "account": to_checksum(ann),
        "paid": "4",
    }
    after = run("refund", 1, "--as", "ann")
    assert (after["owed"], after["spare"]) == ("0", "0")
    with open_network(state) as network:
        assert network.contract("CreditToken").call("balanceOf", ann) == 1004 * TOKEN


def test_dues_that_the_chain_did_not_commit_to_are_refused(run, state, tmp_path):
    ann, dues = dues_of(state, tmp_path, 5 * TOKEN)
    finished(state, {ann: 4 * TOKEN})
    with pytest.raises(InputError, match="not what the chain committed to"):
        run("claim", 1, "--dues", dues, "--as", "ann")
    dues.write_text("[1]")
    with pytest.raises(InputError, match="holds no dues"):
        run("claim", 1, "--dues", dues, "--as", "ann")
