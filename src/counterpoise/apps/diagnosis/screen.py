"""Shows a run on the terminal: progress while it goes on, figures when it is done."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from counterpoise.apps.diagnosis.baselines import Figures
from counterpoise.apps.diagnosis.opinion import Opinion
from counterpoise.apps.diagnosis.report import DEMONSTRATED, Report
from counterpoise.core.units import PPM, format_tokens

BAR = 20
TITLES = {
    "cleveland": "Cleveland",
    "hungarian": "Budapest",
    "switzerland": "Zurich, Basel",
    "va": "Long Beach",
    "pooled_test": "all together",
}


def show(report: Report, report_path: Path | None = None) -> None:
    """Print what a run came to."""
    console = Console(highlight=False)
    console.print()
    console.print(accuracies(report))
    console.print(payments(report))
    _show_refusals(console, report)
    _show_costs(console, report)
    _show_opinion(console, report.opinion)
    console.print(lineage(report))
    _show_verdict(console, report)
    _show_next(console, report, report_path)


def accuracies(report: Report) -> Table:
    """Accuracy by hospital, federated beside local-only and pooled."""
    table = Table(
        title="Accuracy on test rows that nobody trained or scored on", title_justify="left"
    )
    table.add_column("hospital")
    for how in ("local only", "pooled", "federated", "best constant"):
        table.add_column(how, justify="right")
    for name in DEMONSTRATED:
        by: dict[str, Figures] = {how: figures[name] for how, figures in report.figures.items()}
        cells = [f"{by[how].accuracy:.3f}" for how in ("local", "pooled", "federated")]
        table.add_row(TITLES[name], *cells, f"{by['pooled'].constant:.3f}")
    return table


def payments(report: Report) -> Table:
    """Contribution and pay of each participant, as bars."""
    table = Table(title="Contribution and pay", title_justify="left")
    table.add_column("participant")
    table.add_column("contribution")
    table.add_column("share", justify="right")
    table.add_column("pay, tokens", justify="right")
    most = max((p["score_ppm"] for p in report.participants), default=0) or 1
    for person in report.participants:
        bar = "█" * round(BAR * person["score_ppm"] / most)
        pay = format_tokens(int(person["pay"]))
        table.add_row(person["name"], Text(bar), f"{100 * person['score_ppm'] / PPM:.1f} %", pay)
    return table


def lineage(report: Report) -> Tree:
    """Give the model's lineage as a small tree."""
    digests = report.digests
    tree = Tree(f"model {digests['model'][:16]}")
    last = tree.add(
        f"round {report.rounds + 1}: scores {digests['scores'][:16]}, trace {digests['trace'][:16]}"
    )
    last.add(f"rounds 2 to {report.rounds}: updates, each signed, committed, revealed")
    last.add("round 1: federated statistics")
    hospitals = [p for p in report.participants if p["name"] in TITLES]
    for person in hospitals:
        rows = f"{person['rows']} rows, root {person['row_root'][:16]}"
        last.add(f"{TITLES[person['name']]}: {rows}, with consent")
    tree.add(f"task, signed by the sponsor: validation rows {digests['validation'][:16]}")
    return tree


def _show_refusals(console: Console, report: Report) -> None:
    for person in report.participants:
        if person["refused"]:
            codes = ", ".join(person["refused"])
            times = person["rounds_refused"]
            console.print(f"refused: {person['name']} ({codes}), in {times} rounds")
    idle = [p["name"] for p in report.participants if not p["score_ppm"] and not p["refused"]]
    if idle:
        console.print(f"admitted, but of no measured worth: {', '.join(idle)}")


def _show_costs(console: Console, report: Report) -> None:
    most, claim = max(report.gas.values()), max(report.claims, default=0)
    console.print(
        f"\n{report.rounds + 1} rounds: 1 of statistics, {report.rounds} of training; "
        f"2 transactions each, at most {most:,} gas a round, {claim:,} gas a claim\n",
        soft_wrap=True,
    )


def _show_opinion(console: Console, opinion: Opinion) -> None:
    """Tell the last act: what a ward asked, what it was told, and why it may believe it."""
    told = "disease" if opinion.diseased else "no disease"
    gas = ", ".join(f"{step} {used:,}" for step, used in opinion.gas.items())
    console.print(
        f"A ward asks the model through a contract, for {format_tokens(opinion.fee)} tokens, about "
        f"a patient of whom\nthe chain sees a salted commitment: {told} (logit "
        f"{opinion.logit:+,}), bonded and open to dispute for {opinion.window // 60} minutes.\n"
        f"As integers the model decides alike on {opinion.agree} of {opinion.rows} disclosed "
        f"rows; gas: {gas}\n",
        soft_wrap=True,
    )


def _show_verdict(console: Console, report: Report) -> None:
    seconds = report.seconds
    if report.verdict.first is None:
        said = (
            f"{report.verdict.numbers:,} numbers re-derived from chain, log and blobs; none false"
        )
    else:
        said = f"FALSE: {report.verdict.first}"
    console.print(
        f"\nverify: {said} ({seconds['verify']:.1f} s; the run took {seconds['run']:.1f} s)"
    )


def _show_next(console: Console, report: Report, path: Path | None) -> None:
    console.print(f"state:  {report.state}", soft_wrap=True)
    if path is not None:
        console.print(f"report: {path}", soft_wrap=True)
    console.print("\nTry next:", soft_wrap=True)
    state = report.state
    for command in (
        f"counterpoise verify --state {state}",
        f"counterpoise federation show 1 --state {state}",
        f"counterpoise provenance lineage {report.digests['model'][:16]} --state {state}",
        "counterpoise demo --honest",
    ):
        console.print(f"  .venv/bin/{command}", soft_wrap=True)
