"""How the verbs of this room print: one JSON object for machines, lines for people."""

import json
from typing import Any

import click

as_json = click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")


def show(wants_json: bool, record: dict[str, Any], lines: list[str]) -> None:
    """Print a record for machines, or lines for people."""
    click.echo(json.dumps(record) if wants_json else "\n".join(lines))
