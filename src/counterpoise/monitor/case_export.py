"""A case in files that others can read: JSON, CSV, SVG and STIX 2.1."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoise.core.errors import InputError, StorageError
from counterpoise.core.units import to_checksum
from counterpoise.monitor.alert import Alert, Edge
from counterpoise.monitor.case_stix import stix_bundle
from counterpoise.monitor.cases import Case
from counterpoise.monitor.layout import printable
from counterpoise.monitor.picture import svg_picture

FORMAT = "counterpoise-case/1"
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""

WHERE = ("alert", "detector", "severity", "status", "block", "time", "transaction")
MOVEMENTS = (*WHERE, "from", "to", "token", "amount")
ACCOUNTS = ("address", "role", "label", "listed", "alert", "detector")


def case_value(case: Case) -> dict[str, Any]:
    """A case as plain values: amounts as text, bytes as hex, times as Unix seconds."""
    return {
        "format": FORMAT,
        "id": case.id.hex(),
        "status": case.standing.value,
        "severity": case.severity.name.lower(),
        "first": case.first,
        "last": case.last,
        "alerts": [alert.to_value() | {"digest": alert.digest.hex()} for alert in case.alerts],
    }


def case_json(case: Case) -> str:
    """A case as JSON; `alert_values.alert_from_value` reads each alert back."""
    return json.dumps(case_value(case), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def movements_csv(case: Case) -> str:
    """Every movement, one a row, by alert; amounts in base units."""
    rows = [_movement(alert, edge) for alert in case.alerts for edge in alert.finding.edges]
    return _csv(MOVEMENTS, rows)


def accounts_csv(case: Case) -> str:
    """Everyone who takes part, one a row for each alert."""
    rows = [
        (
            to_checksum(entity.address),
            entity.role,
            entity.label,
            entity.listed,
            alert.id.hex(),
            alert.finding.detector,
        )
        for alert in case.alerts
        for entity in alert.finding.entities
    ]
    return _csv(ACCOUNTS, rows)


def case_svg(case: Case) -> str:
    """The movements of a case as a picture."""
    detectors = ", ".join(dict.fromkeys(alert.finding.detector for alert in case.alerts))
    title = f"Case {case.id.hex()[:12]}: {detectors}"
    note = case.alerts[0].finding.reasons[:1]
    edges = [edge for alert in case.alerts for edge in alert.finding.edges]
    return svg_picture(title, edges, case.entities, " ".join(note))


def case_stix(case: Case) -> str:
    """A case as a STIX 2.1 bundle."""
    return json.dumps(stix_bundle(case), indent=2, ensure_ascii=False) + "\n"


FORMS: Mapping[str, Mapping[str, Callable[[Case], str]]] = {
    "json": {".json": case_json},
    "csv": {"-movements.csv": movements_csv, "-accounts.csv": accounts_csv},
    "svg": {".svg": case_svg},
    "stix": {".stix.json": case_stix},
}
"""Each form, with the end of each of its files' names."""


def export_case(case: Case, folder: Path, forms: Sequence[str] = tuple(FORMS)) -> list[Path]:
    """Write a case into a folder, which is made if it is missing; give the files.

    Raises
    ------
    InputError :
        There is no such form.
    StorageError :
        The folder cannot be written to; files that were there before are whole.
    """
    for form in forms:
        if form not in FORMS:
            raise InputError(f"no form {form!r} of a case", hint=f"one of {', '.join(FORMS)}")
    texts = {end: write(case) for form in forms for end, write in FORMS[form].items()}
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for end, text in texts.items():
            path = folder / f"case-{case.id.hex()[:12]}{end}"
            part = path.with_name(path.name + ".part")
            part.write_text(text, encoding="utf-8")
            part.replace(path)
            paths.append(path)
    except OSError as error:
        raise StorageError(
            f"the case cannot be written to {folder}: {error}", hint="name another folder"
        ) from error
    return paths


def _movement(alert: Alert, edge: Edge) -> tuple[str, ...]:
    finding = alert.finding
    return (
        alert.id.hex(),
        finding.detector,
        finding.severity.name.lower(),
        alert.standing.value,
        str(alert.block_number),
        str(alert.time),
        edge.transaction.hex(),
        to_checksum(edge.src),
        to_checksum(edge.dst),
        to_checksum(edge.token) if len(edge.token) == 20 else edge.token.hex(),
        str(edge.amount),
    )


def _csv(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def _cell(value: str) -> str:
    """A cell that no spreadsheet takes for a formula, and that holds its line."""
    shown = printable(value, 500)
    return "'" + shown if shown.startswith(FORMULAS) else shown
