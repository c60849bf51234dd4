"""The verbs `monitor guardian …`: what may be paused, pauses, vetoes, rulings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError
from counterpoise.core.units import format_tokens, parse_address, to_checksum

if TYPE_CHECKING:
    from counterpoise.monitor.guardian_client import GuardianClient, PauseCase
    from counterpoise.network import Network

Command = Callable[..., Any]


EXAMPLES = """\b
Examples:
  counterpoise monitor guardian cases --state DIR
  counterpoise monitor guardian pause 0x… --alert 3f9c… --as reporter --state DIR
  counterpoise monitor guardian rule 1 --true --as evaluator --state DIR
"""


@click.group(epilog=EXAMPLES)
def guardian() -> None:
    """Pause a contract that consented, for an alert; veto, rule, see what became of it."""


def _common(command: Command) -> Command:
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(
        command
    )
    kind = click.Path(path_type=Path)
    return click.option("--state", type=kind, help="Folder of the network.")(command)


def _signed(command: Command) -> Command:
    return click.option("--as", "name", required=True, help="Name of the local key that signs.")(
        _common(command)
    )


@guardian.command()
@click.argument("target", default="")
@_common
def cases(target: str, state: Path | None, *, as_json: bool) -> None:
    """List pauses, of one TARGET or of all.

    Example: counterpoise monitor guardian cases --state DIR
    """
    with _opened(state) as (client, _):
        found = list(client.cases(parse_address(target) if target else None))
    if as_json:
        click.echo(json.dumps([_value(case) for case in found]))
        return
    for case in found:
        click.echo(_line(case))
    if not found:
        click.echo("nothing was ever paused")


@guardian.command()
@click.argument("target")
@click.option("--alert", required=True, help="Id of a stated alert (or its beginning).")
@click.option("--seconds", type=click.IntRange(1), help="As long as the target allows if left out.")
@_signed
def pause(
    target: str, alert: str, seconds: int | None, name: str, state: Path | None, *, as_json: bool
) -> None:
    """Pause TARGET for an alert that stands in the network's log; a bond is taken.

    Example: counterpoise monitor guardian pause 0x… --alert 3f9c --as reporter --state DIR
    """
    from counterpoise.monitor.alert import Standing
    from counterpoise.monitor.statements import stated_alerts

    with _opened(state) as (client, network):
        stated = stated_alerts(network.log_reader().entries())
        standings = {one.alert: one for one in stated if one.alert.hex().startswith(alert.lower())}
        if len(standings) != 1:
            raise InputError(
                f"{len(standings)} stated alerts have an id that begins with {alert!r}",
                hint="counterpoise monitor alerts shows ids",
            )
        (one,) = standings.values()
        if one.standing is Standing.RETRACTED:
            raise InputError(f"alert {one.alert.hex()[:12]} was retracted: its block is gone")
        digest = bytes.fromhex(one.statement.predicate["digest"])
        made = client.pause(network.account(name), parse_address(target), digest, seconds)
    click.echo(json.dumps(_value(made)) if as_json else _line(made))


@guardian.command()
@click.argument("target")
@_signed
def veto(target: str, name: str, state: Path | None, *, as_json: bool) -> None:
    """End the pause of TARGET at once; for its veto role.

    Example: counterpoise monitor guardian veto 0x… --as veto --state DIR
    """
    with _opened(state) as (client, network):
        client.veto(network.account(name), parse_address(target))
        (*_, case) = client.cases(parse_address(target))
    click.echo(json.dumps(_value(case)) if as_json else _line(case))


@guardian.command()
@click.argument("number", type=int)
@click.option("--true/--false", "is_true", required=True, help="Whether the alert was true.")
@_signed
def rule(number: int, name: str, state: Path | None, *, is_true: bool, as_json: bool) -> None:
    """Rule on case NUMBER; for the target's evaluator, in time.

    Example: counterpoise monitor guardian rule 1 --true --as evaluator --state DIR
    """
    with _opened(state) as (client, network):
        client.rule(network.account(name), number, is_true=is_true)
        case = client.case(number)
    click.echo(json.dumps(_value(case)) if as_json else _line(case))


@contextmanager
def _opened(state: Path | None) -> Iterator[tuple[GuardianClient, Network]]:
    from counterpoise.jobs import TokenClient
    from counterpoise.monitor.guardian_client import GuardianClient
    from counterpoise.network import default_state, open_network

    with open_network(state or default_state()) as network:
        token = TokenClient(network.contract("CreditToken"))
        yield GuardianClient(network.contract("Guardian"), token), network


def _value(case: PauseCase) -> dict[str, Any]:
    return {
        "case": case.number,
        "target": to_checksum(case.target),
        "reporter": to_checksum(case.reporter),
        "alert": case.digest.hex(),
        "started": case.started,
        "until": case.until,
        "rule_by": case.rule_by,
        "bond": str(case.bond),
        "bounty": str(case.bounty),
        "vetoed": case.vetoed,
        "outcome": case.outcome.name.lower(),
    }


def _line(case: PauseCase) -> str:
    vetoed = ", vetoed" if case.vetoed else ""
    return (
        f"case {case.number}: {to_checksum(case.target)} paused for {case.until - case.started} s"
        f"{vetoed}, bond {format_tokens(case.bond)}, {case.outcome.name.lower()}"
    )
