"""The verb of the room: ``counterpoise audit PATH|ADDRESS``."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError, StorageError, VerificationError

if TYPE_CHECKING:
    from counterpoise.audit.audit import Outcome
    from counterpoise.audit.project import Project

__all__ = ["audit"]

FORMATS = ("text", "json", "sarif", "markdown")
SEVERITIES = ("info", "low", "medium", "high")

EXAMPLES = """\b
Examples:
  counterpoise audit contracts                        every contract in a folder
  counterpoise audit Vault.vy --fail-on medium
  counterpoise audit . --format sarif --output audit.sarif
  counterpoise audit . --diff main                    only what is new since main
  counterpoise audit Vault.vy --prove                 run attacks on what is found
  counterpoise audit 0x5FbDB2315678afecb367f032d93F642f64180aa3 --state DIR

Exit: 0 clean · 1 findings at or above the bar · 2 not analysed, or bad input
"""


@click.command(epilog=EXAMPLES)
@click.argument("what", metavar="PATH|ADDRESS")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--json", "wants_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    default="high",
    show_default=True,
    help="The bar: exit 1 where a finding reaches it.",
)
@click.option("--baseline", type=click.Path(path_type=Path), help="File of accepted findings.")
@click.option("--write-baseline", type=click.Path(path_type=Path), help="Accept what is found now.")
@click.option("--diff", metavar="REV", help="Count only what is new since REV and HEAD parted.")
@click.option("--output", type=click.Path(path_type=Path), help="File to write; else printed.")
@click.option("--state", type=click.Path(path_type=Path), help="Network, for an address or --log.")
@click.option(
    "--log", "name", metavar="NAME", help="Sign with a local account and log as evidence."
)
@click.option("--check", type=click.Path(path_type=Path), help="Compare with this JSON report.")
@click.option("--import", "search", type=click.Path(path_type=Path), multiple=True, help="Folder.")
@click.option("--remap", multiple=True, metavar="PREFIX=TARGET", help="For Solidity's imports.")
@click.option("--engine", "engines", multiple=True, help="Only these engines.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Processes.  [default: one a core]")
@click.option("--seconds", type=click.IntRange(1), default=120, show_default=True)
@click.option("--no-cache", is_flag=True, help="Read everything anew.")
@click.option("--prove", is_flag=True, help="Run attacks on what is found; up to 20 s each.")
@click.option("--adjudicate", "url", metavar="URL", help="Ask a model (OpenAI-compatible) too.")
@click.option("--model", metavar="NAME", help="The model's name, for --adjudicate.")
@click.option("--calls", type=click.IntRange(0), default=90, help="Questions to it, at most.")
@click.option("--answers", type=click.Path(path_type=Path), help="Folder of its kept answers.")
def audit(what: str, form: str, wants_json: bool, **options: Any) -> int:
    """Look for flaws in contract code: Vyper from 0.4 on, Solidity, deployed bytecode.

    What an engine could not read is listed as not analysed; it never counts as clean. An
    interrupted audit goes on where it stopped.
    """
    from counterpoise.audit.findings import severity_named
    from counterpoise.audit.report import write_report

    project = _project(what, options)
    with _progress(len(project.sources)) as on_read:
        outcome = _audited(project, options, on_read)
    outcome, warnings = _accepted(project, outcome, options)
    outcome = _looked_at_again(outcome, options)
    if options["check"] is not None:
        _check(outcome, options["check"])
    if options["write_baseline"] is not None:
        from counterpoise.audit.baseline import baseline_text

        _write(options["write_baseline"], baseline_text(outcome.counted()))
    text = write_report(outcome, "json" if wants_json else form)
    if options["output"] is not None:
        _write(options["output"], text)
        if form == "text" and not wants_json:
            click.echo(text.splitlines()[-1])
    else:
        click.echo(text, nl=False)
    for line in warnings:
        click.echo(f"warning: {line}", err=True)
    if options["name"] is not None:
        click.echo(_logged(outcome, options["state"], options["name"]), err=True)
    return outcome.exit_code(severity_named(options["fail_on"]))


def _project(what: str, options: dict[str, Any]) -> Project:
    from counterpoise.audit.loading import load_project

    if re.fullmatch(r"0x[0-9a-fA-F]{40}", what):
        return _deployed(what, options["state"])
    pairs = []
    for one in options["remap"]:
        prefix, mark, target = one.partition("=")
        if not mark or not prefix:
            raise InputError(f"{one!r} is no remapping", hint="write prefix=target")
        pairs.append((prefix, target))
    return load_project(Path(what), search=options["search"], remappings=tuple(pairs))


def _deployed(address: str, state: Path | None) -> Project:
    """The code at an address, and behind it where it is a proxy."""
    from counterpoise.audit.bytecode.deployed import deployed_sources
    from counterpoise.audit.project import Project
    from counterpoise.core.units import parse_address
    from counterpoise.network import default_state, open_network

    with open_network(state or default_state()) as network:
        return Project(Path.cwd(), deployed_sources(network.chain, parse_address(address)))


def _audited(
    project: Project, options: dict[str, Any], on_read: Callable[[str, str], None]
) -> Outcome:
    from platformdirs import user_cache_path

    from counterpoise.audit.audit import audit_project
    from counterpoise.audit.cache import Cache
    from counterpoise.audit.engines import ENGINES

    folder = None if options["no_cache"] else user_cache_path("counterpoise") / "audit"
    return audit_project(
        project,
        engines=options["engines"] or tuple(ENGINES),
        cache=Cache(folder),
        jobs=options["jobs"] or os.cpu_count() or 1,
        seconds=options["seconds"],
        on_read=on_read,
    )


def _looked_at_again(outcome: Outcome, options: dict[str, Any]) -> Outcome:
    """Run attacks, and ask a model, where that is wanted; what is accepted is left alone."""
    from platformdirs import user_cache_path
    from rich.console import Console

    from counterpoise.audit.second_look import SecondLook

    answers = options["answers"] or user_cache_path("counterpoise") / "adjudicator"
    wanted = SecondLook(
        options["prove"], options["url"] or "", options["model"] or "", options["calls"], answers
    )
    with Console(stderr=True).status("") as live:
        return wanted.at(outcome, live.update)


def _accepted(
    project: Project, outcome: Outcome, options: dict[str, Any]
) -> tuple[Outcome, list[str]]:
    """Mark what comments, the baseline or another revision accept."""
    from dataclasses import replace

    from counterpoise.audit.baseline import at_revision, read_baseline, set_against
    from counterpoise.audit.suppress import suppress

    findings, warnings = suppress(outcome.findings, project.sources)
    if options["baseline"] is not None:
        accepted = read_baseline(options["baseline"])
        findings, unmatched = set_against(findings, accepted, "baseline")
        warnings += unmatched
    if options["diff"] is not None:
        then = at_revision(project, options["diff"], lambda at: _then(project, at, options))
        findings, _ = set_against(findings, then, "diff")
    return replace(outcome, findings=tuple(findings)), warnings


def _then(project: Project, folder: Path, options: dict[str, Any]) -> list[Any]:
    """The findings in the same files as they were; a file that was not there had none."""
    from dataclasses import replace

    from counterpoise.audit.project import Source

    before = tuple(
        Source(one.path, (folder / one.path).read_bytes(), one.language)
        for one in project.sources
        if (folder / one.path).is_file()
    )
    search = (project.root, *project.search)
    past = replace(project, root=folder, sources=before, search=search)
    return list(_audited(past, options, lambda path, engine: None).findings)


def _check(outcome: Outcome, place: Path) -> None:
    """Refuse where a report is not what this audit comes to, to the byte."""
    import json

    from counterpoise.audit.evidence import report_bytes

    try:
        theirs = place.read_bytes()
    except OSError as error:
        raise InputError(f"the report {place} cannot be read: {error.strerror}") from None
    ours = report_bytes(outcome)
    if ours == theirs:
        return
    try:
        record = json.loads(theirs)
    except ValueError:
        raise InputError(f"{place} is no report in JSON") from None
    for field, value in json.loads(ours).items():
        if not isinstance(record, dict) or record.get(field) != value:
            raise VerificationError(f"the report {place} says otherwise: {field!r} differs")
    raise VerificationError(f"the report {place} says the same in other bytes, or says more")


def _logged(outcome: Outcome, state: Path | None, name: str) -> str:
    """Sign the audit, keep its report in the network's store, append it to the log."""
    from counterpoise.audit.evidence import audit_statement, report_bytes
    from counterpoise.network import default_state, open_network
    from counterpoise.provenance import AccountSigner, sign

    with open_network(state or default_state()) as network:
        signer = AccountSigner(network.account(name))
        statement = audit_statement(
            outcome, actor=signer.keyid, time=int(time.time()), nonce=os.urandom(16)
        )
        digest = network.store.put(report_bytes(outcome))
        entry = network.log.append([sign(statement, signer).to_bytes()]).start
    return f"logged as entry {entry}; the report is {digest.hex()}"


def _write(place: Path, text: str) -> None:
    try:
        place.write_text(text, encoding="utf-8")
    except OSError as failed:
        raise StorageError(f"{place} cannot be written: {failed.strerror}") from failed


@contextmanager
def _progress(sources: int) -> Iterator[Callable[[str, str], None]]:
    """Show what is being read, on a terminal only."""
    from rich.console import Console

    console = Console(stderr=True)
    done: set[str] = set()
    with console.status(f"reading {sources} sources") as live:

        def on_read(path: str, engine: str) -> None:
            done.add(path)
            live.update(f"read {len(done)} of {sources}: {path} by {engine}")

        yield on_read
