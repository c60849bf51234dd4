"""The verbs ``counterpoise market data``: of owners here, of buyers in `data_buying_cli`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError
from counterpoise.market.cli import Desk, at_desk
from counterpoise.market.data_buying_cli import result, send
from counterpoise.network import FILE, FOLDER, progress

if TYPE_CHECKING:
    from counterpoise.market.compute_to_data.home import OwnerHome
    from counterpoise.market.compute_to_data.offering import DataOwner

Answer = tuple[dict[str, Any], list[str]]

EXAMPLES = """\b
Examples:
  counterpoise market data offer rows.csv --columns columns.json --home HOME --account hospital
  counterpoise market data admit --home HOME --evaluation --account hospital
  counterpoise market data policy terms.json --home HOME --out draft.json --account hospital
  counterpoise market data serve --home HOME --account hospital
  counterpoise market data send POLICY --model risk.model --card risk.card --account buyer
"""

home_option = click.option(
    "--home", "folder", type=FOLDER, required=True, metavar="DIR", help="The owner's own folder."
)


@click.group(epilog=EXAMPLES)
def data() -> None:
    """Jobs on rows that stay with their owner: what leaves, its policy says."""


def _home(folder: Path) -> OwnerHome:
    from counterpoise.market.compute_to_data.home import OwnerHome

    return OwnerHome(folder)


def _offering(desk: Desk, folder: Path) -> DataOwner:
    from counterpoise.market.compute_to_data.offering import DataOwner

    return DataOwner(desk.network, desk.account, _home(folder), lambda: desk.now)


@data.command()
@click.argument("rows", type=FILE)
@click.option("--columns", type=FILE, required=True, help="JSON: each column, the outcome last.")
@click.option("--name", default="dataset", show_default=True, help="For people; public.")
@click.option("--source", default="private", show_default=True, help="Where the rows are from.")
@click.option("--licence", default="private", show_default=True, help="On what terms.")
@home_option
@at_desk
def offer(desk: Desk, rows: Path, columns: Path, folder: Path, **about: str) -> Answer:
    """Commit to ROWS, a CSV file that stays where it is, and state the dataset.

    Example: counterpoise market data offer rows.csv --columns columns.json --home HOME
    --account hospital
    """
    from counterpoise.market.compute_to_data.forms import load_form
    from counterpoise.market.compute_to_data.rows import Columns

    offering = _offering(desk, folder)
    with offering.home.occupied():
        stated = offering.offer(rows, Columns.from_record(load_form(columns)), **about).statement
    record = {"dataset": stated.digest.hex(), "row_root": stated.predicate["row_root"]}
    record["rows"] = stated.predicate["rows"]
    return record, [f"dataset {record['dataset']}", f"row root {record['row_root']}"]


@data.command()
@click.argument("code", type=FILE, required=False)
@click.option("--shapes", type=FILE, help="JSON: outputs and parameters of own code.")
@click.option("--name", default="", help="What buyers call it. Default: the file's name.")
@click.option("--evaluation", "kind", flag_value="evaluation", help="Evaluating integer models.")
@click.option("--training", "kind", flag_value="training", help="Joining training tasks.")
@home_option
@at_desk
def admit(
    desk: Desk, code: Path | None, shapes: Path | None, name: str, kind: str | None, folder: Path
) -> Answer:
    """Admit an algorithm that you have reviewed; a policy has to name it then.

    CODE is a Python file with run(columns, parameters). Review it as if it ran on your desk: the
    walls around it are the second line.

    Example: counterpoise market data admit ages.py --shapes ages.json --home HOME
    --account hospital
    """
    from counterpoise.market.compute_to_data import algorithms
    from counterpoise.market.compute_to_data.forms import load_form

    offering, source = _offering(desk, folder), b""
    if (code is None) == (kind is None):
        raise InputError("admit one thing", hint="a file, --evaluation or --training")
    if code is None:
        made = (
            algorithms.evaluation_algorithm()
            if kind == "evaluation"
            else algorithms.training_algorithm()
        )
    else:
        form = load_form(shapes) if shapes else {}
        source = code.read_bytes()
        shaped = (form.get("outputs", {}), form.get("parameters", {}))
        made = algorithms.own_code(name or code.stem, source, *shaped)
    with offering.home.occupied():
        offering.admit(made, source)
    record = {"algorithm": made.digest.hex(), "name": made.name, "code": made.code.hex()}
    return record, [f"admitted {made.name!r}: {record['algorithm']}"]


@data.command()
@click.argument("form", type=FILE)
@click.option("--out", type=FILE, required=True, metavar="FILE", help="The draft, for officers.")
@home_option
@at_desk
def policy(desk: Desk, form: Path, out: Path, folder: Path) -> Answer:
    """Draft a policy from FORM (JSON) and sign it as owner; officers sign next.

    Example: counterpoise market data policy terms.json --home HOME --out draft.json
    --account hospital
    """
    from counterpoise.market.compute_to_data.forms import (
        draft_bytes,
        load_form,
        policy_from_form,
        policy_lines,
    )

    offering = _offering(desk, folder)
    with offering.home.occupied():
        drafted = policy_from_form(load_form(form), offering.home, desk.now)
        out.write_bytes(draft_bytes(drafted, offering.draft_policy(drafted)))
    return {"policy": drafted.digest.hex(), "draft": str(out)}, policy_lines(drafted)


@data.command()
@click.argument("draft", type=FILE)
@at_desk
def sign(desk: Desk, draft: Path) -> Answer:
    """Sign DRAFT as an officer whom it names; read what it shows first.

    Example: counterpoise market data sign draft.json --account officer
    """
    from counterpoise.market.compute_to_data.forms import draft_bytes, load_draft, policy_lines
    from counterpoise.market.compute_to_data.offering import co_sign

    found, envelope = load_draft(draft)
    if desk.account.address not in found.officers:
        raise InputError("the policy names other officers", hint="sign with the officer's key")
    draft.write_bytes(draft_bytes(found, co_sign(envelope, desk.account)))
    return {"policy": found.digest.hex()}, policy_lines(found)


@data.command()
@click.argument("draft", type=FILE)
@home_option
@at_desk
def enforce(desk: Desk, draft: Path, folder: Path) -> Answer:
    """Put DRAFT in force, once its owner and all its officers have signed it.

    Example: counterpoise market data enforce draft.json --home HOME --account hospital
    """
    from counterpoise.market.compute_to_data.forms import load_draft, policy_lines

    found, envelope = load_draft(draft)
    offering = _offering(desk, folder)
    with offering.home.occupied():
        offering.take_policy(found, envelope)
    return {"policy": found.digest.hex()}, policy_lines(found)


@data.command()
@click.option("--once", is_flag=True, help="Serve what is there, and end.")
@click.option("--seconds", default=2.0, show_default=True, help="Between two looks.")
@click.option("--confirmations", default=0, show_default=True, help="Blocks above an escrow.")
@home_option
@at_desk
def serve(desk: Desk, once: bool, seconds: float, confirmations: int, folder: Path) -> Answer:
    """Run the owner's node: answer what was paid for and is admitted, until Ctrl-C.

    Killed at any moment, the same command goes on; no job is lost and no budget used twice.

    Example: counterpoise market data serve --home HOME --account hospital
    """
    from counterpoise.market.compute_to_data.node import DataNode

    home = _home(folder)
    with home.occupied(), progress(quiet=once) as say:
        node = DataNode(desk.network, desk.funded(), home, say, confirmations)
        if once:
            answered = node.serve_once()
            return {"answered": answered}, [f"{answered} answered"]
        node.serve(seconds)
    return {}, []


@data.command()
@click.option("--audit", "audits", is_flag=True, help="Make every result again from the rows.")
@home_option
@at_desk
def log(desk: Desk, audits: bool, folder: Path) -> Answer:
    """Show what this owner's node has answered and used up.

    Example: counterpoise market data log --home HOME --audit
    """
    from counterpoise.core.errors import VerificationError
    from counterpoise.market.compute_to_data.auditing import audit_data_jobs
    from counterpoise.provenance import Verdict

    home, verdict = _home(folder), Verdict()
    with home.occupied():
        spent, lines = home.ledger.spent(), []
        for request in home.ledger.requests():
            line = home.ledger.line(request, "refused") or {}
            why = f" by the rule {line['rule']!r}" if line else ""
            lines.append(f"{request.hex()[:16]} {home.ledger.state(request)}{why}")
        again = audit_data_jobs(desk.network, home, verdict) if audits else 0
    if not verdict.is_true:
        raise VerificationError(str(verdict.first))
    record = {"jobs": spent.jobs, "bits": spent.bits, "micro_epsilon": spent.noise}
    record["made_again"] = again
    lines.append(f"{spent.jobs} jobs, {spent.bits} bits, {spent.noise / 1e6:g} epsilon used up")
    return record, lines + ([f"{again} results made again, to the bit"] if audits else [])


@data.command()
@click.argument("owner", metavar="ADDRESS")
@at_desk
def gather(desk: Desk, owner: str) -> Answer:
    """Append what the node of a visiting OWNER has told to this network's log.

    A node beside the log does so itself.

    Example: counterpoise market data gather 0x… --state DIR
    """
    from counterpoise.core.units import parse_address
    from counterpoise.market.compute_to_data.letters import gather as append

    count = append(desk.network, parse_address(owner), set())
    return {"entries": count}, [f"{count} new entries"]


data.add_command(send)
data.add_command(result)
