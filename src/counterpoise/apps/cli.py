"""The verb `demo`: a whole life of the network, shown."""

import json
import time
from pathlib import Path

import click

from counterpoise.core.errors import InputError, VerificationError


@click.group(invoke_without_command=True)
@click.pass_context
@click.option("--state", type=click.Path(path_type=Path), help="Folder that keeps the network.")
@click.option("--report", type=click.Path(path_type=Path), help="Write the figures as JSON.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=42, show_default=True)
@click.option("--honest", is_flag=True, help="Leave the three cheats out.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def demo(
    context: click.Context,
    state: Path | None,
    report: Path | None,
    seed: int,
    honest: bool,
    as_json: bool,
) -> int:
    r"""Four hospitals train one model, are paid for it, and every number is re-derived.

    The rows are real (UCI Heart Disease) and stay with their hospitals. Three cheats take part
    unless --honest is given. Interrupted, the same command goes on where it was.

    \b
    Examples:
      counterpoise demo
      counterpoise demo --honest --seed 43 --report report.json
      counterpoise verify --state DIR        (the folder that demo names)
    """
    if context.invoked_subcommand is not None:
        return 0
    return diagnosis(state, report, seed=seed, honest=honest, as_json=as_json)


def diagnosis(
    state: Path | None, report: Path | None, *, seed: int, honest: bool, as_json: bool
) -> int:
    """Run the diagnosis federation and show or write what it came to."""
    from counterpoise.apps.diagnosis.demo import Diagnosis, Options
    from counterpoise.apps.diagnosis.report import build_report
    from counterpoise.apps.diagnosis.screen import progress, show
    from counterpoise.federation import verify_job
    from counterpoise.provenance import Verdict

    if report is not None and not report.resolve().parent.is_dir():
        raise InputError(f"there is no folder {report.parent}", hint="make it, or name another")
    folder = state or fresh_folder(seed, honest=honest)
    started = time.perf_counter()
    with progress(quiet=as_json) as say:
        run = Diagnosis(folder, Options(seed, honest), say)
        try:
            run.run()
            seconds = {"run": time.perf_counter() - started}
            verdict = Verdict()
            say("verify re-derives every number", 0, 1)
            verify_job(run.network, run.terms.job, verdict)
            seconds["verify"] = time.perf_counter() - started - seconds["run"]
            say("gathering figures", 0, 1)
            found = build_report(run, verdict, seconds=seconds)
        finally:
            run.network.close()
    text = json.dumps(found.record(), indent=2)
    if report is not None:
        report.write_text(text + "\n", encoding="utf-8")
    if as_json:
        click.echo(text)
    else:
        show(found, report_path=report)
    return 0 if verdict.is_true else VerificationError.exit_code


def fresh_folder(seed: int, *, honest: bool) -> Path:
    """Give the first folder under the user's data directory that holds no finished run.

    An unfinished run with the same options is gone on with.
    """
    from counterpoise.network import default_state

    name = f"diagnosis-{seed}{'-honest' if honest else ''}"
    number = 1
    while (folder := default_state() / f"{name}-{number}").joinpath("finished").exists():
        number += 1
    return folder
