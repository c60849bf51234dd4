"""The verb `monitor export`: a case in files, and as a picture on the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from counterpoise.core.errors import InputError
from counterpoise.monitor.cli import at_book, opened_book

if TYPE_CHECKING:
    from counterpoise.monitor.cases import Case


EXAMPLES = """\b
Examples:
  counterpoise monitor export 3f9c --home DIR --to report
  counterpoise monitor export --alerts alerts.jsonl --form stix
"""


@click.command("export", epilog=EXAMPLES)
@click.argument("case", default="")
@click.option("--alerts", type=click.Path(path_type=Path), help="A JSONL file instead of a watch.")
@click.option("--to", "folder", type=click.Path(path_type=Path), default=Path(), help="Folder.")
@click.option("--form", "forms", multiple=True, help="json, csv, svg, stix; all if not given.")
@at_book
def export(
    case: str,
    alerts: Path | None,
    folder: Path,
    forms: tuple[str, ...],
    home: Path | None,
    state: Path | None,
    *,
    wants_json: bool,
) -> None:
    """Write CASE (the beginning of its id; the newest if left out) into files, and draw it."""
    from counterpoise.monitor.case_export import FORMS, export_case
    from counterpoise.monitor.picture import draw

    chosen = _case(case, alerts, home, state)
    paths = export_case(chosen, folder, forms or tuple(FORMS))
    edges = [edge for alert in chosen.alerts for edge in alert.finding.edges]
    if wants_json:
        record = {"case": chosen.id.hex(), "alerts": len(chosen.alerts)}
        click.echo(json.dumps(record | {"files": [str(path) for path in paths]}))
        return
    severity = chosen.severity.name.lower()
    click.echo(f"case {chosen.id.hex()[:12]}: {len(chosen.alerts)} alerts, {severity}")
    for line in [*draw(edges, chosen.entities), *(str(path) for path in paths)]:
        click.echo(line)


def _case(prefix: str, alerts: Path | None, home: Path | None, state: Path | None) -> Case:
    found = _of_book(home, state) if alerts is None else _of_file(alerts)
    matching = [one for one in found if one.id.hex().startswith(prefix.lower())]
    if not matching or (prefix and len(matching) > 1):
        count = "no case" if not matching else f"{len(matching)} cases"
        known = ", ".join(one.id.hex()[:12] for one in found[-5:]) or "none"
        raise InputError(f"{count} whose id begins with {prefix!r}", hint=f"known: {known}")
    return matching[-1]


def _of_book(home: Path | None, state: Path | None) -> list[Case]:
    book = opened_book(home, state)
    try:
        return sorted(book.cases(), key=lambda one: (one.last, one.id))
    finally:
        book.close()


def _of_file(path: Path) -> list[Case]:
    """The cases among the alerts of a file, grouped as the book would; the last word counts."""
    from counterpoise.monitor.alert import Standing
    from counterpoise.monitor.alert_values import alert_from_value
    from counterpoise.monitor.cases import Case, Member, grouped

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    found = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise InputError(f"line {number} of {path} is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise InputError(f"line {number} of {path} is no alert")
        alert = alert_from_value(value.get("alert", value), f"line {number} of {path}")
        found[alert.id] = alert
    standing = {id_: one for id_, one in found.items() if one.standing is not Standing.RETRACTED}
    names = grouped(map(Member.of, standing.values()))
    cases: dict[bytes, list[bytes]] = {}
    for id_, name in names.items():
        cases.setdefault(name, []).append(id_)
    made = [Case(name, tuple(found[id_] for id_ in ids)) for name, ids in cases.items()]
    return sorted(made, key=lambda one: (one.last, one.id))
