"""The demonstration, interrupted on its way; what it comes to, and what verify finds false."""

import importlib.util
import json
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from counterpoise.apps.cli import demo
from counterpoise.apps.lending.demo import Lending, Options
from counterpoise.apps.lending.desk import Application
from counterpoise.apps.lending.paperwork import decided
from counterpoise.apps.lending.reasons import Case, read_reasons, reasons_record
from counterpoise.apps.lending.report import build_report
from counterpoise.apps.lending.rules import Status
from counterpoise.apps.lending.screen import show
from counterpoise.apps.lending.verify import verify_lending
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import PPM, TOKEN
from counterpoise.inference import input_commitment
from counterpoise.network import create_network
from counterpoise.oracle import Inbox
from counterpoise.provenance import Verdict

STOPS = ("the desk opens", "bruno/optimistic asks", "clara/lie asks", "decisions are stated")


class Stop(Exception):
    """Ctrl-C, at a stage."""


def interrupted(folder):
    """Run the demonstration, stopped at each of four stages and begun again."""
    for stop in STOPS:

        def say(stage, done, total, stop=stop):
            if stage.startswith(stop):
                raise Stop

        run = Lending(folder, Options(42, zk=False), say)
        with pytest.raises(Stop):
            run.run()
        run.network.close()
    run = Lending(folder, Options(42, zk=False))
    run.run()
    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = interrupted(tmp_path_factory.mktemp("lending") / "state")
    yield run
    run.network.close()


@pytest.fixture(scope="module")
def report(finished):
    verdict = Verdict()
    verify_lending(finished.network, verdict)
    return build_report(finished, verdict, seconds={"run": 1.0, "verify": 1.0})


def by_label(run):
    return {asking.label: (asking, number, loan) for asking, number, loan in run.loans()}


def test_everybody_is_answered_alike_at_every_level(finished):
    loans = by_label(finished)
    assert set(finished.offered) >= {"quorum", "optimistic", "direct"}
    for name in ("anna", "bruno", "clara"):
        own = [n for label, (_, n, _) in loans.items() if label.startswith(name)]
        assert len({finished.answer(number) for number in own}) == 1


def test_the_safe_pays_back_the_one_at_the_border_does_not_and_the_risky_is_declined(finished):
    ends = {label: loan.status for label, (_, _, loan) in by_label(finished).items()}
    assert ends["anna/optimistic"] is Status.REPAID
    assert ends["bruno/optimistic"] is Status.DEFAULTED
    assert {end for label, end in ends.items() if label.startswith("clara")} == {Status.DECLINED}
    assert {ends["anna/direct"], ends["bruno/quorum"]} == {Status.LAPSED}
    assert finished.desk.money()[1:] == (0, 0)


def test_the_liar_is_convicted_and_the_loan_is_decided_by_the_honest_answer(finished, report):
    lie = report.lie
    assert lie["convicted"] and lie["false_answer"] != lie["true_answer"]
    assert int(lie["reward"]) + int(lie["burnt"]) == 10 * TOKEN
    assert 0 < lie["gas"] <= 400_000
    asking, number, loan = by_label(finished)["clara/lie"]
    assert finished.answer(number) == finished.card.net.answer(asking.data)
    assert loan.status is Status.DECLINED


def test_a_declined_applicant_derives_the_reasons_from_what_they_kept(finished):
    """With nothing but their own folder, and what is public."""
    for asking, number, loan in finished.loans():
        if loan.status is not Status.DECLINED:
            continue
        kept = json.loads((asking.place / "application.json").read_text())
        salt, values = bytes.fromhex(kept["salt"]), bytes.fromhex(kept["bytes"])
        case = Case(finished.desk.address, number, salt, values, finished.answer(number))
        record = reasons_record(finished.card.net, case, finished.card.reference)
        assert record == (asking.place / "reasons.cbor").read_bytes()
        assert finished.desk.loan(number).reasons == sha256(record)
        titles = [reason.title for reason in read_reasons(record)]
        assert titles[0] == "status of the checking account" and len(titles) == 4


def test_a_commitment_is_all_that_the_chain_learns_where_nobody_disputes(finished):
    """Neither the bytes nor the salt are in any event, but for the levels that show them."""
    logs = b"".join(log.data for log in finished.network.chain.logs(0, 10**6))
    for asking, _, _ in finished.loans():
        assert asking.commitment in logs
        assert asking.salt not in logs and asking.data not in logs


def test_no_two_applications_can_be_told_to_be_of_one_person_by_their_data(finished):
    commitments = [asking.commitment for asking in finished.askings]
    assert len(set(commitments)) == len(commitments)


def test_the_report_compares_the_levels_and_is_plain_json(finished, report):
    record = json.loads(json.dumps(report.record()))
    assert list(record["levels"]) == ["quorum", "optimistic", "zk", "direct"]
    for row in record["levels"].values():
        if "skipped" in row:
            assert row["skipped"].startswith("skipped: ")
            continue
        assert row["applications"] == 3 and row["wall_seconds"] > 0
        assert all(row["gas"][kind] > 0 for kind in ("request", "proof", "fulfil"))
        assert row["gas"]["dispute"] == 0
        assert {"kind", "what", "gas"} == set(row["transactions"][0])
        assert row["proof_bytes"] > 0 and row["public"] and row["trusted"]
    assert record["levels"]["optimistic"]["window_seconds"] >= 3600
    assert record["levels"]["direct"]["window_seconds"] < 60
    assert record["levels"]["direct"]["gas"]["proof"] < record["levels"]["quorum"]["gas"]["proof"]
    assert record["verify"] == {"numbers": report.verdict.numbers, "false": []}
    assert report.verdict.numbers > 200


def test_integers_lose_nothing_that_counts(report):
    found = report.quality
    assert abs(found.auc[0] - found.auc[1]) <= 0.005
    assert abs(found.accuracy[0] - found.accuracy[1]) <= 0.005
    assert found.agreement >= 0.995
    assert 0.74 <= found.auc[1] <= 0.84
    assert found.cost[1] < found.cost_of_declining_all
    assert abs(found.bad_approved - found.expected_bad) <= 5
    assert all(group.applicants >= group.approved for group in found.fairness)
    assert all(0 < row["risk_ppm"] < PPM for row in report.applications)


def test_the_screen_shows_the_table_the_lie_and_the_verdict(report, capsys):
    show(report, report_path=None)
    shown = capsys.readouterr().out
    for words in ("four strengths of proof", "was convicted", "none false", "sex: female"):
        assert words in shown


def test_a_finished_run_is_not_run_again(finished):
    head = finished.network.chain.block("latest").number
    finished.run()
    assert finished.network.chain.block("latest").number == head


def test_the_verb_prints_the_report_of_a_finished_run(finished, tmp_path):
    state = shutil.copytree(finished.folder, tmp_path / "state")
    words = ["lending", "--state", str(state), "--json", "--no-zk"]
    done = CliRunner().invoke(demo, words, standalone_mode=False)
    assert done.exception is None and done.return_value == 0
    assert json.loads(done.stdout)["lie"]["convicted"] is True


def zk_is_here():
    from counterpoise.core.errors import CounterpoiseError
    from counterpoise.verification import load_verifier

    try:
        load_verifier()
    except CounterpoiseError:
        return False
    return importlib.util.find_spec("ezkl") is not None


@pytest.mark.slow
@pytest.mark.skipif(not zk_is_here(), reason="skipped: needs the zk extra and `make zk`")
def test_zero_knowledge_takes_part_where_it_can_be_had(tmp_path):
    run, verdict = Lending(tmp_path / "zk", Options(42)), Verdict()
    try:
        run.run()
        verify_lending(run.network, verdict)
        row = build_report(run, verdict, seconds={"run": 1.0, "verify": 1.0}).levels["zk"]
    finally:
        run.network.close()
    assert verdict.is_true
    assert 0 < row["gas"]["proof"] <= 750_000 and row["proof_bytes"] > 1_000
    assert "a development one" in row["trusted"]


def test_a_folder_with_another_run_or_network_is_refused(finished, tmp_path):
    with pytest.raises(InputError, match="holds a run with"):
        Lending(finished.folder, Options(43, zk=False))
    create_network(tmp_path / "other", seed=bytes(32)).close()
    with pytest.raises(InputError, match="a network of something else"):
        Lending(tmp_path / "other", Options(42, zk=False))


# --- what verify finds ------------------------------------------------------------------------


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished run, to tamper with."""
    run = Lending(shutil.copytree(finished.folder, tmp_path / "copy"), Options(42, zk=False))
    run.run()
    yield run
    run.network.close()


def false_in(run):
    verdict = Verdict()
    assert verify_lending(run.network, verdict) == 1
    return [str(falsehood) for falsehood in verdict.false]


def ask(run, person="clara", *, amount=None, months=None, data=None, level=3):
    """One more application, served at once; gives its asking and number."""
    first = next(a for a in run.askings if a.applicant.name == person)
    asking = replace(first, label=f"{person}/more", level=level, data=data or first.data)
    who, account = asking.applicant, run.network.account(person)
    Inbox(run.network.store, run.network.mailbox).put(asking.salt, asking.data)
    application = Application(
        account.address,
        asking.commitment,
        amount or who.amount,
        months or who.months,
        run.now + 3600,
    )
    run.fund(person, TOKEN)
    run.allow(person, TOKEN)
    signature = run.desk.attest(run.network.account("registry"), application)
    receipt = run.desk.apply(account, application, signature, level=level, fee=TOKEN)
    return asking, run.desk.number_in(receipt)


def served(run, number):
    from counterpoise.apps.lending.service import serving

    with serving(run.network, run.folder / "nodes", run.levels) as service:
        service.serve(number)


def test_an_honest_desk_that_goes_on_is_true(copy):
    _, number = ask(copy)
    served(copy, number)
    assert false_in(copy) == []


def test_false_reasons_of_the_clerk_are_found(copy):
    _, number = ask(copy)
    served(copy, number)
    copy.desk.explain(copy.network.account("clerk"), number, b"r" * 32)
    found = false_in(copy)
    assert found[0].startswith(f"loan {number} / reasons is {(b'r' * 32).hex()}")
    assert f"loan {number} / statement: the log has none" in found


def test_an_attestation_of_another_amount_than_the_data_says_is_found(copy):
    _, number = ask(copy, "anna", amount=9_000 * TOKEN)
    served(copy, number)
    wanted = f"loan {number} / attested: the data asks for another amount or term"
    assert false_in(copy) == [wanted]


def test_a_lie_that_nobody_disputed_is_found(copy):
    from counterpoise.apps.lending.service import serving

    asking, number = ask(copy, level=1)
    with serving(copy.network, copy.folder / "nodes", copy.levels) as service:
        liar = copy.network.account("liar")
        false = service.lie(liar, copy.card, asking, number)
        copy.network.warp(3601)
        service.optimistic.settle(liar, service.oracle.address, number)
        service.oracle.fulfil(liar, number)
    assert copy.desk.loan(number).status is Status.OFFERED
    truth = copy.card.net.answer(asking.data)
    assert false_in(copy) == [f"loan {number} / answer is {false.hex()}, not {truth.hex()}"]


def test_a_false_statement_of_the_clerk_is_found(copy):
    asking, number, _ = copy.loans()[0]
    honest = decided(copy, asking, number)
    lie = replace(honest, loan=replace(honest.loan, risk=1))
    copy.network.log.append([lie.sign(copy.network.account("clerk")).to_bytes()])
    assert false_in(copy) == [f"loan {number} / stated risk_ppm is 1, not {honest.loan.risk}"]


def test_a_statement_that_the_clerk_did_not_sign_is_nobodys(copy):
    asking, number, _ = copy.loans()[0]
    honest = decided(copy, asking, number)
    lie = replace(honest, loan=replace(honest.loan, risk=1))
    copy.network.log.append([lie.sign(copy.network.account("liar")).to_bytes()])
    assert false_in(copy) == []


def test_a_model_or_a_reference_that_is_gone_is_named(copy):
    assert copy.network.store.delete(sha256(copy.card.reference))
    found = false_in(copy)
    assert len(found) == 1 and "/ model:" in found[0]


def test_data_that_was_forgotten_is_told_and_the_rest_is_still_derived(copy):
    asking, number, _ = next(one for one in copy.loans() if one[0].label == "clara/quorum")
    assert asking.commitment == input_commitment(asking.salt, asking.data)
    Inbox(copy.network.store, copy.network.mailbox).forget(asking.commitment)
    sections, verdict = [], Verdict()
    verify_lending(copy.network, verdict, sections.append)
    assert verdict.is_true
    assert any(f"loan {number}: its data is forgotten" in section for section in sections)


def test_a_network_without_a_desk_has_nothing_to_check(tmp_path):
    with create_network(tmp_path / "empty", seed=bytes(32)) as network:
        assert verify_lending(network, Verdict()) == 0
