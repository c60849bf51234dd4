"""The verbs of response: screen, export, guardian."""

import json

import pytest
from click.testing import CliRunner
from test_case_export import a_case

from counterpoise.apps.watchtower import STAGED
from counterpoise.chain import Contract, artifact_of, deploy
from counterpoise.core.errors import InputError, Reverted
from counterpoise.core.units import TOKEN, to_checksum
from counterpoise.monitor.alert import Alert, Finding, Severity
from counterpoise.monitor.alert_book import AlertBook
from counterpoise.monitor.alert_check import verify_alerts
from counterpoise.monitor.case_cli import export
from counterpoise.monitor.guardian_cli import guardian
from counterpoise.monitor.run_cli import run as watch
from counterpoise.monitor.screen_cli import screen
from counterpoise.monitor.statements import AlertLog, WatchTerms, stated_alerts
from counterpoise.network import create_network, open_network
from counterpoise.provenance import Verdict


def run(command, *words):
    """Run a verb; errors come through as they are."""
    done = CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    with create_network(folder, seed=bytes(32)) as network:
        token, operator = network.contract("CreditToken"), network.account("operator")
        for name in ("reporter", "evaluator", "veto", "target"):
            network.fund(network.account(name).address, 10**20)
            token.transact(operator, "mint", network.account(name).address, 100 * TOKEN)
        # A key consents as a contract would: the guardian asks for no code.
        terms = (600, 60, 10_000, 1_000, 5 * TOKEN, TOKEN, 600)
        roles = (network.account("evaluator").address, network.account("veto").address)
        network.contract("Guardian").transact(
            network.account("target"), "consent", (*terms, *roles)
        )
    return folder


def address_of(state, name):
    with open_network(state) as network:
        return to_checksum(network.account(name).address)


def test_screen_passes_warns_and_blocks_with_exit_codes(state):
    with open_network(state) as network:
        token, sender = network.contract("CreditToken"), network.account("reporter").address
        friend = network.account("target").address
        transfer = token.encode("transfer", friend, 5).hex()
        approve = token.encode("approve", b"\x42" * 20, 2**256 - 1).hex()
    words = ("--state", state, "--from", to_checksum(sender), "--to", to_checksum(token.address))
    plain = run(screen, *words, "--data", f"0x{transfer}")
    assert plain.output.startswith("pass: 0 of 100") and "on block" in plain.output
    blocked = run(screen, *words, "--data", approve, "--json")
    value = json.loads(blocked.output)
    assert value["decision"] == "block" and value["how"] == "trace"
    kept = f"{to_checksum(token.address)}=4"
    broken = run(screen, *words, "--data", transfer, "--spend", kept)
    assert "post-condition" in broken.output and broken.output.startswith("block")


def test_screen_reads_typed_data_and_names_what_is_wrong(state, tmp_path):
    sender, path = address_of(state, "reporter"), tmp_path / "typed.json"
    words = ("--state", state, "--from", sender, "--typed", path)
    for text, wrong in (("{", "read as JSON"), ("[]", "no typed data"), ("{}", "primaryType")):
        path.write_text(text)
        with pytest.raises(InputError, match=wrong):
            run(screen, *words)
    domain = {"chainId": 1, "verifyingContract": sender}
    path.write_text(json.dumps({"primaryType": "Order", "domain": domain, "message": {}}))
    assert "wrong chain or contract" in run(screen, *words).output
    for extra in (("--data", "0xzz"), ("--spend", "ETH"), ("--gain", "0x12=1")):
        with pytest.raises(InputError):
            run(screen, "--state", state, "--from", sender, *extra)


def test_export_writes_a_case_of_a_file_and_draws_it(tmp_path):
    path = tmp_path / "alerts.jsonl"
    case = a_case()
    lines = [json.dumps({"event": "raised", "alert": one.to_value()}) for one in case.alerts]
    path.write_text("\n".join([*lines, ""]))
    done = run(export, "--alerts", path, "--to", tmp_path / "out")
    assert f"case {case.id.hex()[:12]}: 2 alerts, critical" in done.output
    assert "5 coins ─▶" in done.output
    assert len(list((tmp_path / "out").iterdir())) == 5
    one = run(
        export, case.id.hex()[:6], "--alerts", path, "--form", "svg", "--to", tmp_path, "--json"
    )
    assert json.loads(one.output)["files"] == [str(tmp_path / f"case-{case.id.hex()[:12]}.svg")]
    with pytest.raises(InputError, match="no case whose id begins with 'ffff'"):
        run(export, "ffff", "--alerts", path)
    path.write_text(lines[0] + "\nnot json\n")
    with pytest.raises(InputError, match="line 2"):
        run(export, "--alerts", path)
    changed = json.loads(lines[0])
    changed["alert"]["block_hash"] = "00" * 32
    path.write_text(json.dumps(changed))
    with pytest.raises(InputError, match="line 1"):
        run(export, "--alerts", path)


def test_export_leaves_retracted_alerts_out(tmp_path):
    path, case = tmp_path / "alerts.jsonl", a_case()
    gone = case.alerts[0].to_value() | {"status": "retracted"}
    values = [*(one.to_value() for one in case.alerts), gone]
    path.write_text("\n".join(map(json.dumps, values)))
    done = run(export, "--alerts", path, "--to", tmp_path, "--json")
    assert json.loads(done.output)["alerts"] == 1


def test_export_reads_the_alert_book(tmp_path):
    from worlds import GENESIS, block

    first, second = a_case().alerts
    book = AlertBook(tmp_path / "alerts.sqlite")
    book.record(block(GENESIS, 1, []), (first, second))
    book.close()
    done = run(export, "--home", tmp_path, "--to", tmp_path / "out", "--json")
    assert json.loads(done.output)["alerts"] == 2
    with pytest.raises(InputError, match="no alert book"):
        run(export, "--home", tmp_path / "nowhere")


def test_a_pause_is_made_vetoed_ruled_and_listed(state):
    target = address_of(state, "target")
    with open_network(state) as network:
        block = network.chain.block()
        finding = Finding("reentrancy", 1, Severity.HIGH, 1, (b"\x01" * 32,), (), ("why",))
        alert = Alert(network.chain.chain_id(), block.number, block.hash, block.time, finding)
        terms = WatchTerms(network.chain.chain_id(), 0, (("reentrancy", 1),), {}, {})
        log = AlertLog(network.log, network.store, network.account("operator"), terms)
        assert log.state([alert, alert]) == 1 and log.state([alert]) == 0
    where = ("--state", state)
    assert "nothing was ever paused" in run(guardian, "cases", *where).output
    with pytest.raises(InputError, match="0 stated alerts"):
        run(guardian, "pause", target, "--alert", "ffff", "--as", "reporter", *where)
    word = alert.id.hex()[:8]
    made = run(guardian, "pause", target, "--alert", word, "--as", "reporter", *where, "--json")
    value = json.loads(made.output)
    assert value["alert"] == alert.digest.hex() and value["outcome"] == "open"
    assert "vetoed" in run(guardian, "veto", target, "--as", "veto", *where).output
    ruled = run(guardian, "rule", 1, "--false", "--as", "evaluator", *where)
    assert ruled.output.strip().endswith("wrong")
    (listed,) = json.loads(run(guardian, "cases", target, *where, "--json").output)
    assert (listed["case"], listed["outcome"], listed["bond"]) == (1, "wrong", str(5 * TOKEN))


def test_a_service_states_alerts_and_pauses_what_it_guards(tmp_path):
    with create_network(tmp_path, seed=bytes(32)) as network:
        token, owner = network.contract("CreditToken"), network.account("operator")
        thief, reporter = network.account("thief"), network.account("reporter")
        for one in (thief, reporter):
            network.fund(one.address, 10**20)
        token.transact(owner, "mint", reporter.address, 100 * TOKEN)
        guardian_at = network.contract("Guardian").address
        bank = deploy(network.chain, owner, artifact_of(STAGED / "savings.vy"), guardian_at)
        terms = (600, 60, 10_000, 1_000, 5 * TOKEN, TOKEN, 600, owner.address, owner.address)
        bank.transact(owner, "consent", terms)
        bank.transact(owner, "bring", value=20 * TOKEN)
        burglar = deploy(network.chain, thief, artifact_of(STAGED / "burglar.vy"), bank.address)
        burglar.transact(thief, "rob", 3, value=TOKEN)
    words = ("--source", "local", "--state", tmp_path, "--detect", "reentrancy", "--detect", "rug")
    acting = ("--log", "watcher", "--guard", to_checksum(bank.address), "--budget", "rug=5")
    done = run(watch, *words, *acting, "--seconds", 12, "--json")
    raised = json.loads(done.stdout)["raised"]
    assert f"{to_checksum(bank.address)} is paused until" in done.stderr.replace("\n", "")
    with open_network(tmp_path) as network:
        verdict = Verdict()
        assert verify_alerts(network, verdict) == raised and verdict.is_true, verdict.first
        stated = stated_alerts(network.log_reader().entries())
        told = [one.statement.predicate["detector"] for one in stated]
        assert told.count("reentrancy") == 1 and set(told) <= {"reentrancy", "health"}
        with pytest.raises(Reverted, match="savings: paused"):
            bank = Contract(network.chain, bank.address, bank.artifact)
            bank.transact(network.account("operator"), "take_all")
