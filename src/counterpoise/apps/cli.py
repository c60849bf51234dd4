"""The verb `demo`: a whole life of the network, shown."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from counterpoise.apps.folders import FINISHED
from counterpoise.core.errors import InputError, VerificationError

if TYPE_CHECKING:
    from counterpoise.provenance import Verdict

F = TypeVar("F", bound=Callable[..., Any])
PLACE = click.Path(path_type=Path)

DIAGNOSIS = """\b
Examples:
  counterpoise demo
  counterpoise demo --honest --seed 43 --report report.json
  counterpoise verify --state DIR        (the folder that demo names)
"""

LENDING = """\b
Examples:
  counterpoise demo lending
  counterpoise demo lending --state DIR --report report.json
  counterpoise verify --state DIR        (the folder that the demo names)
"""

MARKET = """\b
Examples:
  counterpoise demo market
  counterpoise demo market --state DIR --report report.json
  counterpoise verify --state DIR        (the folder that the demo names)
"""

MONITOR = """\b
Examples:
  counterpoise demo monitor
  counterpoise demo monitor --state DIR --report report.json
  counterpoise verify --state DIR        (the folder that the demo names)
"""


def of_a_run(command: F) -> F:
    """Add the options that every demonstration has."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
        click.option("--seed", type=click.IntRange(0, 2**31), default=42, show_default=True),
        click.option("--report", type=PLACE, help="Write the figures as JSON."),
        click.option("--state", type=PLACE, help="Folder that keeps the network."),
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True, epilog=DIAGNOSIS)
@click.pass_context
@of_a_run
@click.option("--honest", is_flag=True, help="Leave the three cheats out.")
def demo(
    context: click.Context,
    state: Path | None,
    report: Path | None,
    seed: int,
    honest: bool,
    as_json: bool,
) -> int:
    """Four hospitals train one model, are paid for it, and every number is re-derived.

    The rows are real (UCI Heart Disease) and stay with their hospitals. Three cheats take part
    unless --honest is given. Interrupted, the same command goes on where it was.
    """
    if context.invoked_subcommand is not None:
        return 0
    return diagnosis(state, report, seed=seed, honest=honest, as_json=as_json)


def diagnosis(
    state: Path | None, report: Path | None, *, seed: int, honest: bool, as_json: bool
) -> int:
    """Run the diagnosis federation and show or write what it came to."""
    from counterpoise.apps.diagnosis.demo import Diagnosis, Options
    from counterpoise.apps.diagnosis.opinion import ask_for_opinion
    from counterpoise.apps.diagnosis.report import build_report
    from counterpoise.apps.diagnosis.screen import show
    from counterpoise.apps.diagnosis.verify import check_all
    from counterpoise.apps.telling import progress
    from counterpoise.provenance import Verdict

    check_report_place(report)
    folder = state or fresh_folder(f"diagnosis-{seed}{'-honest' if honest else ''}")
    started = time.perf_counter()
    with progress(quiet=as_json) as say:
        run = Diagnosis(folder, Options(seed, honest), say)
        try:
            run.run()
            opinion = ask_for_opinion(run)
            seconds = {"run": time.perf_counter() - started}
            verdict = Verdict()
            say("verify re-derives every number", 0, 1)
            check_all(run.network, verdict)
            seconds["verify"] = time.perf_counter() - started - seconds["run"]
            say("gathering figures", 0, 1)
            found = build_report(run, opinion, verdict, seconds=seconds)
        finally:
            run.network.close()
    return hand_over(
        found.record(), verdict, report, as_json=as_json, show=lambda: show(found, report)
    )


@demo.command(epilog=LENDING)
@of_a_run
@click.option("--no-zk", is_flag=True, help="Leave zero-knowledge proofs out: they take longest.")
def lending(state: Path | None, report: Path | None, seed: int, no_zk: bool, as_json: bool) -> int:
    """A contract lends on a model's answer, proven at every level; one table compares them.

    The applicants are real rows (Statlog German Credit); the chain sees salted commitments. An
    oracle node lies and is convicted. Interrupted, the same command goes on where it was.
    """
    from counterpoise.apps.lending.demo import Lending, Options
    from counterpoise.apps.lending.report import build_report
    from counterpoise.apps.lending.screen import show
    from counterpoise.apps.lending.verify import verify_lending
    from counterpoise.apps.telling import progress
    from counterpoise.provenance import Verdict

    check_report_place(report)
    started = time.perf_counter()
    with progress(quiet=as_json) as say:
        folder = state or fresh_folder(f"lending-{seed}{'-no-zk' if no_zk else ''}")
        run = Lending(folder, Options(seed, not no_zk), say)
        try:
            run.run()
            seconds, verdict = {"run": time.perf_counter() - started}, Verdict()
            say("verify re-derives every number", 0, 1)
            verify_lending(run.network, verdict)
            seconds["verify"] = time.perf_counter() - started - seconds["run"]
            say("gathering figures", 0, 1)
            found = build_report(run, verdict, seconds=seconds)
        finally:
            run.network.close()
    return hand_over(
        found.record(), verdict, report, as_json=as_json, show=lambda: show(found, report)
    )


@demo.command(epilog=MARKET)
@of_a_run
def market(state: Path | None, report: Path | None, seed: int, as_json: bool) -> int:
    """Three sellers, two validators, and a person, an agent and a contract as buyers.

    All three sellers say that they run the same model; one is lazy, one lies. Calls are paid by
    vouchers over HTTP and MCP, ratings weigh what was paid, validators check with rows whose truth
    they know. A finished run is shown and verified again.
    """
    from counterpoise.apps.bazaar.demo import RECORD, Bazaar, Options
    from counterpoise.apps.bazaar.report import build_record, verified
    from counterpoise.apps.bazaar.screen import show
    from counterpoise.apps.bazaar.verify import verify_bazaar
    from counterpoise.apps.telling import progress
    from counterpoise.consensus import verify_consensus
    from counterpoise.oracle import verify_answers
    from counterpoise.provenance import Verdict

    check_report_place(report)
    started, verdict = time.perf_counter(), Verdict()
    with progress(quiet=as_json) as say:
        run = Bazaar(state or fresh_folder(f"market-{seed}"), Options(seed), say)
        try:
            record = run.kept_record()
            if not record:
                run.run()
                record = build_record(run, seconds={"run": time.perf_counter() - started})
            run.rest()
            write_record(record, run.folder / RECORD)
            (run.folder / FINISHED).touch()
            began = time.perf_counter()
            say("verify re-derives every number", 0, 1)
            for check in (verify_consensus, verify_answers, verify_bazaar):
                check(run.network, verdict)
        finally:
            run.close()
    record["seconds"]["verify"] = round(time.perf_counter() - began, 3)
    record["verify"] = verified(verdict)
    write_record(record, run.folder / RECORD)
    return hand_over(record, verdict, report, as_json=as_json, show=lambda: show(record, report))


@demo.command(epilog=MONITOR)
@of_a_run
def monitor(state: Path | None, report: Path | None, seed: int, as_json: bool) -> int:
    """A chain is watched while it is attacked: live alerts, a pause, a veto, an exported case.

    Honest people pay, trade and save; ten attacks by real contracts and keys are planted among
    them, and a harmless twin of most. A reporter pauses the bank that is being robbed; a false
    alarm is vetoed and costs its bond. A finished run is shown and verified again.
    """
    from counterpoise.apps.watchtower.demo import RECORD, Options, Watchtower
    from counterpoise.apps.watchtower.report import build_record, verified
    from counterpoise.apps.watchtower.screen import live, show
    from counterpoise.monitor import verify_alerts
    from counterpoise.provenance import Verdict

    check_report_place(report)
    started, verdict = time.perf_counter(), Verdict()
    with live(quiet=as_json) as (say, on_alert):
        run = Watchtower(state or fresh_folder(f"monitor-{seed}"), Options(seed), say, on_alert)
        try:
            if not run.is_finished:
                run.run()
            seconds = {"run": time.perf_counter() - started}
            say("verify runs the watch again", 0, 1)
            statements = verify_alerts(run.network, verdict)
            seconds["verify"] = time.perf_counter() - started - seconds["run"]
            record = run.kept_record() or build_record(run, seconds=seconds)
        finally:
            run.close()
    record["verify"] = verified(verdict, statements)
    write_record(record, run.folder / RECORD)
    (run.folder / FINISHED).touch()
    return hand_over(record, verdict, report, as_json=as_json, show=lambda: show(record, report))


def hand_over(
    record: dict[str, Any],
    verdict: "Verdict",
    report: Path | None,
    *,
    as_json: bool,
    show: Callable[[], None],
) -> int:
    """Write the record where it was asked for, print or show it, and give the exit code."""
    if report is not None:
        write_record(record, report)
    if as_json:
        click.echo(json.dumps(record, indent=2))
    else:
        show()
    return 0 if verdict.is_true else VerificationError.exit_code


def write_record(record: dict[str, Any], path: Path) -> None:
    """Write a record as JSON."""
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def check_report_place(report: Path | None) -> None:
    """Refuse a report in a folder that there is not, before the work is done."""
    if report is not None and not report.resolve().parent.is_dir():
        raise InputError(f"there is no folder {report.parent}", hint="make it, or name another")


def fresh_folder(name: str) -> Path:
    """Give the first folder under the user's data directory that holds no finished run.

    An unfinished run of the same name is gone on with.
    """
    from counterpoise.network import default_state

    number = 1
    while (folder := default_state() / f"{name}-{number}").joinpath("finished").exists():
        number += 1
    return folder
