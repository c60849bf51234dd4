"""The verbs of integer models: ``counterpoise inference import|show|run|check|register``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError, VerificationError

if TYPE_CHECKING:
    from counterpoise.inference import Card, ImportReport, IntegerModel

EXAMPLES = """\b
Examples:
  counterpoise inference import heart.onnx --rows train.csv --check test.csv --label disease
  counterpoise inference show heart.model
  counterpoise inference run heart.model --rows new.csv
  counterpoise inference check heart.model
  counterpoise inference register heart.model --as clinic
"""

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
MODEL = click.argument("model", metavar="MODEL", type=FILE)
JSON = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")
STATE = click.option(
    "--state", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the network."
)


@click.group(epilog=EXAMPLES)
def inference() -> None:
    """Models as integers: import trained ones, run, check and register them."""


@inference.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rows", required=True, type=FILE, help="CSV of calibration rows.")
@click.option("--check", "check_rows", type=FILE, help="CSV of rows the model has not seen.")
@click.option("--label", metavar="COLUMN", help="Column of labels, to measure accuracy.")
@click.option("--threshold", type=float, help="What tells two classes apart.  [default: a half]")
@click.option(
    "--range", "ranges", multiple=True, metavar="NAME:LOW:HIGH", help="Range of a feature."
)
@click.option("--allow-loss", is_flag=True, help="Write it even if it decides differently.")
@click.option("--out", type=click.Path(path_type=Path), help="The model's file to write.")
@JSON
def import_(
    file: Path,
    rows: Path,
    check_rows: Path | None,
    label: str | None,
    threshold: float | None,
    ranges: tuple[str, ...],
    allow_loss: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Make an integer model of FILE (.onnx, or LightGBM's .txt), and measure what is lost.

    Writes the model and, beside it, its card: FILE.model and FILE.card.json.

    Example: counterpoise inference import heart.onnx --rows train.csv --label disease
    """
    from counterpoise.inference import import_model, save_model
    from counterpoise.inference.table import read_table

    target = out or file.with_suffix(".model")
    table = read_table(rows, label=label)
    held = read_table(check_rows, label=label, names=table.names) if check_rows else None
    imported = import_model(
        file,
        table.rows,
        table.labels,
        check=held.rows if held else None,
        check_labels=held.labels if held else None,
        names=table.names,
        ranges=dict(map(_range, ranges)),
        threshold=threshold,
        allow_loss=allow_loss,
    )
    save_model(imported.model, target)
    card_file(target).write_bytes(imported.card.to_bytes())
    record = describe(imported.model) | {
        "file": str(target),
        "card": str(card_file(target)),
        "report": imported.report.as_record(),
    }
    _say(record, as_json, [*_lines(imported.model), *_lost(imported.report), f"file    {target}"])


@inference.command()
@MODEL
@JSON
def show(model: Path, as_json: bool) -> None:
    """Show what MODEL is: its id, its shape, and what its card says.

    Example: counterpoise inference show heart.model
    """
    from counterpoise.inference import load_model

    loaded, card = load_model(model), _card_of(model)
    record, lines = describe(loaded), _lines(loaded)
    if card is not None:
        record |= {"card": json.loads(card.to_bytes())}
        lines += [f"from    {card.kind}", f"classes {', '.join(card.classes)}"]
        lines += [f"reads   {', '.join(card.quantiser.names)}", *_lost(card.report)]
    _say(record, as_json, lines)


@inference.command()
@MODEL
@click.option("--rows", required=True, type=FILE, help="CSV of rows to decide.")
@click.option("--clip", is_flag=True, help="Take what is outside calibration as the range's end.")
@JSON
def run(model: Path, rows: Path, clip: bool, as_json: bool) -> None:
    """Decide each row of a CSV file by MODEL and its card.

    Example: counterpoise inference run heart.model --rows new.csv
    """
    from counterpoise.inference import Runner, load_model
    from counterpoise.inference.table import read_table

    loaded, card = load_model(model), _card_of(model)
    if card is None:
        raise InputError(
            f"{model} has no card, so nothing says how its bytes are made",
            hint=f"put it beside the model: {card_file(model)}",
        )
    table = read_table(rows, names=card.quantiser.names)
    values = card.quantiser.bytes_of(table.rows, clip=clip)
    answers = Runner(loaded).run(values)
    found = [
        {"decision": int(d), "class": card.classes[int(d)], "logits": logits, "answer": a.hex()}
        for d, logits, a in zip(answers.decisions, answers.logits.tolist(), answers, strict=True)
    ]
    record = {"model": loaded.id.hex(), "clipped": int(card.quantiser.outside(table.rows).sum())}
    lines = [
        f"{number:>5}  {one['class']:<16} {' '.join(map(str, one['logits']))}"
        for number, one in enumerate(found, 1)
    ]
    _say(record | {"rows": found}, as_json, lines)


@inference.command()
@MODEL
@click.option("--on-chain", is_flag=True, help="Check the registry of the network as well.")
@STATE
@JSON
def check(model: Path, on_chain: bool, state: Path | None, as_json: bool) -> None:
    """Check MODEL: its bounds, its card, its fast path bit for bit, and the chain if asked.

    Example: counterpoise inference check heart.model --on-chain
    """
    from counterpoise.inference import ModelsClient, Runner, load_model

    loaded, card = load_model(model), _card_of(model)
    runner = Runner(loaded)
    record: dict[str, Any] = {"model": loaded.id.hex(), "path": runner.path}
    record |= {"reason": runner.reason, "card": card.digest.hex() if card else None}
    lines = [f"{loaded.id.hex()}: no sum can overflow, and the file is canonical"]
    lines += [f"the card is this model's, sha256 {card.digest.hex()}"] if card else ["no card"]
    same = "gives the reference's bits on every row tried"
    lines += [f"the {runner.path} path {same}" + (f" ({runner.reason})" if runner.reason else "")]
    if on_chain:
        from counterpoise.network import default_state, open_network

        with open_network(state or default_state()) as network:
            client = ModelsClient(network.contract("Models"))
            found = client.check(loaded, card.digest if card else None)
        record |= {"owner": f"0x{found.owner.hex()}", "registered": found.time}
        lines += [f"registered by 0x{found.owner.hex()}"]
    _say(record, as_json, lines)


@inference.command()
@MODEL
@click.option("--as", "name", required=True, metavar="NAME", help="Local account that signs.")
@STATE
@JSON
def register(model: Path, name: str, state: Path | None, as_json: bool) -> None:
    """Register MODEL and its card on the network's chain; the signer becomes its owner.

    Example: counterpoise inference register heart.model --as clinic
    """
    from counterpoise.inference import ModelsClient, load_model
    from counterpoise.inference.client import NO_CARD
    from counterpoise.network import default_state, open_network

    loaded, card = load_model(model), _card_of(model)
    digest = card.digest if card else NO_CARD
    with open_network(state or default_state()) as network:
        client, owner = ModelsClient(network.contract("Models")), network.account(name)
        if client.is_registered(loaded.id):
            client.check(loaded, digest)
            gas = 0
        else:
            gas = client.register(owner, loaded, digest).gas_used
        record = {"model": loaded.id.hex(), "owner": f"0x{client.record(loaded.id).owner.hex()}"}
    said = f"registered for {gas} gas" if gas else "was registered already"
    lines = [f"{record['model']} {said}; its owner is {record['owner']}"]
    _say(record | {"gas": gas}, as_json, lines)


def card_file(model: Path) -> Path:
    """Give the file of the card that goes with a model's file."""
    return model.with_suffix(".card.json")


def describe(model: IntegerModel) -> dict[str, Any]:
    """Give a model's shape as JSON holds it."""
    shape = model.shape
    record: dict[str, Any] = {"model": model.id.hex(), "header": model.header.hex()}
    record |= {"inputs": shape.inputs, "outputs": shape.outputs, "rows": shape.rows}
    record |= {"threshold": shape.threshold, "row_root": model.row_root.hex()}
    if shape.trees:
        return record | {"kind": "forest", "trees": shape.trees}
    return record | {"kind": "net", "widths": [shape.inputs, *(s.outputs for s in shape.layers)]}


def _lines(model: IntegerModel) -> list[str]:
    record = describe(model)
    widths = "-".join(map(str, record.get("widths", ())))
    shape = widths or f"{record['trees']} trees on {record['inputs']} features"
    return [f"model   {record['model']}", f"shape   {record['kind']} {shape}"]


def _lost(report: ImportReport) -> list[str]:
    where = "held-out" if report.held_out else "calibration"
    agreed = report.rows - report.disagreements
    lines = [f"agrees  {agreed} of {report.rows} {where} rows ({100 * report.agreement:.2f} %)"]
    if report.float_accuracy is not None and report.integer_accuracy is not None:
        ours, theirs = 100 * report.integer_accuracy, 100 * report.float_accuracy
        lines.append(f"right   {ours:.2f} % in integers, {theirs:.2f} % in floats")
    if report.outside:
        lines.append(f"refuses {report.outside} rows outside calibration")
    return lines


def _card_of(model: Path) -> Card | None:
    from counterpoise.inference import Card, load_model

    path = card_file(model)
    if not path.is_file():
        return None
    card = Card.from_bytes(path.read_bytes())
    if card.model != load_model(model).id:
        raise VerificationError(f"{path} is the card of another model, {card.model.hex()}")
    return card


def _range(text: str) -> tuple[str, tuple[float, float]]:
    try:
        name, low, high = text.rsplit(":", 2)
        return name, (float(low), float(high))
    except ValueError as error:
        raise InputError(f"a range {text!r}", hint="write NAME:LOW:HIGH, as age:0:120") from error


def _say(record: dict[str, Any], as_json: bool, lines: list[str]) -> None:
    click.echo(json.dumps(record) if as_json else "\n".join(lines))
