"""The verbs that train and measure: ``counterpoise monitor bench``, ``train`` and ``drift``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError, StorageError

if TYPE_CHECKING:
    from counterpoise.monitor.datasets.report import Progress, Report
    from counterpoise.monitor.lessons import Lesson

__all__ = ["bench", "drift", "train"]

NAMES = ("accounts", "elliptic", "amlworld", "washtrades", "ptxphish")

BENCH_EXAMPLES = """\b
Examples:
  counterpoise monitor bench elliptic --data elliptic_bitcoin_dataset
  counterpoise monitor bench amlworld --data HI-Small_Trans.csv --seeds 5 --json
  counterpoise monitor bench accounts --data transaction_dataset.csv
  counterpoise monitor bench ptxphish --data FOLDER --rpc http://localhost:8545

The files are yours to get; data that is not the published one is refused.
"""

DRIFT_EXAMPLES = """\b
Examples:
  counterpoise monitor drift --home DIR
  counterpoise monitor drift --home DIR --model mine.json --json
"""

SHOWN = 15

TRAIN_EXAMPLES = """\b
Examples:
  counterpoise monitor train --output laundering.json        the shipped recipe, a few minutes
  counterpoise monitor train --output quick.json --scale 20
  counterpoise monitor train --output mine.json --home DIR   and what people said of alerts
"""


@click.command(epilog=BENCH_EXAMPLES)
@click.argument("name", type=click.Choice(NAMES))
@click.option("--data", "path", type=click.Path(path_type=Path), required=True, help="The files.")
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--rpc", metavar="URL", help="Archive node, for the payloads of ptxphish.")
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
def bench(name: str, path: Path, seeds: int, rpc: str | None, wants_json: bool) -> None:
    """Score the public data set NAME as its paper does, beside the paper's figures."""
    from importlib import import_module

    from counterpoise.monitor.datasets import DATASETS

    given: dict[str, Any] = {"seeds": seeds}
    if rpc is not None:
        if name != "ptxphish":
            raise InputError(f"--rpc is for ptxphish, {name} needs no node")
        given["node"] = _node(rpc)
    with _progress() as on_step:
        report = import_module(DATASETS[name]).measure(path, on_step=on_step, **given)
    if wants_json:
        click.echo(json.dumps(report.to_value()))
    else:
        _print(report)


@click.command(epilog=TRAIN_EXAMPLES)
@click.option("--output", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option("--seed", type=int, default=100, show_default=True, help="Of the first stream.")
@click.option("--rounds", type=click.IntRange(1), default=250, show_default=True)
@click.option("--scale", type=click.IntRange(1), default=1, help="So many times shorter streams.")
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Folder of a watch: what was said of its alerts is learnt from as well.",
)
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
def train(output: Path, wants_json: bool, **options: Any) -> None:
    """Train the laundering model, on generated streams and on what people said of alerts.

    The file names its recipe; the same recipe gives the same bytes with the same LightGBM.
    """
    from counterpoise.monitor.lessons import make_model

    lessons = _lessons(options["home"])
    with _progress() as on_step:
        model = make_model(
            seed=options["seed"],
            rounds=options["rounds"],
            scale=options["scale"],
            extra=lessons,
            on_stream=lambda done, of: on_step("streams", done, of),
        )
    data = model.to_bytes()
    try:
        output.write_bytes(data)
    except OSError as error:
        raise StorageError(f"{output} cannot be written: {error}") from error
    told = {"file": str(output), "digest": model.digest.hex(), "recipe": model.recipe}
    if wants_json:
        click.echo(json.dumps(told))
    else:
        click.echo(f"{output}: {len(data):,} bytes, digest {model.digest.hex()}")
        click.echo(f"labelled rows of people's feedback: {model.recipe['feedback']}")


@click.command(epilog=DRIFT_EXAMPLES)
@click.option("--home", type=click.Path(path_type=Path), required=True, help="Folder of a watch.")
@click.option("--model", type=click.Path(path_type=Path), help="A model; else the shipped one.")
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
def drift(home: Path, model: Path | None, wants_json: bool) -> None:
    """Measure how far a watch's window is from what the laundering model was trained on.

    The population stability index of each feature: below 0.1 stable, above 0.25 another
    population.
    """
    from counterpoise.monitor.drift import drift_of_window
    from counterpoise.monitor.laundering_model import LaunderingModel
    from counterpoise.monitor.state_folder import saved_graph

    try:
        data = None if model is None else model.read_bytes()
    except OSError as error:
        raise StorageError(f"{model} cannot be read: {error}") from error
    chosen = LaunderingModel.shipped() if data is None else LaunderingModel.from_bytes(data)
    found = drift_of_window(chosen.baseline, saved_graph(home))
    if wants_json:
        rows = [{"name": o.name, "psi": round(o.index, 4), "verdict": o.verdict} for o in found]
        click.echo(json.dumps({"model": chosen.digest.hex(), "features": rows}))
        return
    for one in found[:SHOWN]:
        click.echo(f"{one.name:<22} {one.index:8.3f}  {one.verdict}")
    stable = sum(one.verdict == "stable" for one in found)
    click.echo(f"{stable} of {len(found)} features stable")


def _node(url: str) -> Any:
    from counterpoise.chain import open_chain

    chain = open_chain(url)
    if not hasattr(chain, "request"):
        raise InputError(f"{url} is no node's URL", hint="give http://… or https://…")
    return chain


def _lessons(home: Path | None) -> list[Lesson]:
    """One lesson of the alerts that people judged, if they lie within the saved window."""
    if home is None:
        return []
    from counterpoise.monitor.alert_book import AlertBook
    from counterpoise.monitor.detectors.laundering import Laundering
    from counterpoise.monitor.feedback import labels_of, lesson_of_window
    from counterpoise.monitor.state_folder import BOOK, saved_graph

    if not (home / BOOK).is_file():
        raise InputError(f"no alert book in {home}", hint="--home is the folder of a watch")
    book = AlertBook(home / BOOK)
    try:
        labels = labels_of(book.feedback(), book.alerts(detector=Laundering().name))
    finally:
        book.close()
    return [lesson_of_window(saved_graph(home), labels)] if labels else []


def _print(report: Report) -> None:
    click.echo(
        f"{report.dataset}: " + ", ".join(f"{n:,} {what}" for what, n in report.counts.items())
    )
    for figure in report.figures:
        spread = f" ± {figure.spread:.4f}" if len(figure.ours) > 1 else ""
        told = f"{figure.mean:,.4f}{spread}"
        click.echo(f"  {figure.name:<44} {told:<20} {figure.published}".rstrip())
    for note in report.notes:
        click.echo(f"  note: {note}")


@contextmanager
def _progress() -> Iterator[Progress]:
    """A line on a terminal's standard error; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _of: None
        return
    from rich.console import Console

    with Console(stderr=True).status("…") as status:
        yield lambda what, done, of: status.update(
            f"{what} {done:,}" + (f" of {of:,}" if of else "")
        )
