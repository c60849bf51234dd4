"""Shows a run on the terminal: progress while it goes on, one table of levels when it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from counterpoise.apps.lending.report import Report
from counterpoise.core.units import PPM, format_tokens


def show(report: Report, report_path: Path | None = None) -> None:
    """Print what a run came to."""
    console = Console(highlight=False)
    console.print()
    console.print(applications(report))
    _show_reasons(console, report)
    console.print(levels(report))
    _show_lie(console, report)
    _show_model(console, report)
    console.print(fairness(report))
    _show_verdict(console, report)
    _show_next(console, report, report_path)


def applications(report: Report) -> Table:
    """Who asked for how much at which level, and what it came to."""
    table = Table(title="Applications", title_justify="left")
    table.add_column("applicant/level")
    for column in ("amount", "months", "risk", "rate"):
        table.add_column(column, justify="right")
    table.add_column("ended")
    for row in report.applications:
        rate = f"{row['yearly_bps'] / 100:.2f} %" if row["yearly_bps"] else "-"
        risk = f"{100 * row['risk_ppm'] / PPM:.1f} %"
        amount = format_tokens(int(row["amount"]))
        table.add_row(row["label"], amount, str(row["months"]), risk, rate, row["status"])
    return table


def levels(report: Report) -> Table:
    """The four levels side by side."""
    title = "One question, four strengths of proof (medians; gas from receipts)"
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("")
    for name in report.levels:
        table.add_column(name, justify="right")
    for label, cell in LINES.items():
        cells = ["" if "skipped" in row else cell(row) for row in report.levels.values()]
        table.add_row(label, *cells)
    for name, row in report.levels.items():
        if "skipped" in row:
            table.caption = f"{name}: {row['skipped']}"
    return table


def _window(seconds: int) -> str:
    """Write how long windows took on the chain's clock."""
    return f"{seconds} s" if seconds < 120 else f"{seconds / 60:.0f} min"


LINES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "latency at the wall": lambda row: f"{row['wall_seconds']:.2f} s",
    "windows, chain time": lambda row: _window(row["window_seconds"]),
    "gas: request": lambda row: f"{row['gas']['request']:,}",
    "gas: proof": lambda row: f"{row['gas']['proof']:,}",
    "gas: fulfil and callback": lambda row: f"{row['gas']['fulfil']:,}",
    "proof, bytes": lambda row: f"{row['proof_bytes']:,}",
    "public": lambda row: str(row["public"]),
    "trusted": lambda row: str(row["trusted"]),
}


def fairness(report: Report) -> Table:
    """Approval by groups that the model does not see."""
    table = Table(
        title="Approved on the test rows, by what the model never sees", title_justify="left"
    )
    table.add_column("group")
    for column in ("applicants", "approved", "of those who paid back"):
        table.add_column(column, justify="right")
    for group in report.quality.fairness:
        table.add_row(
            f"{group.protected}: {group.group}",
            str(group.applicants),
            f"{100 * group.approval:.0f} %",
            f"{100 * group.opportunity:.0f} % of {group.good}",
        )
    return table


def _show_reasons(console: Console, report: Report) -> None:
    told = {}
    for row in report.applications:
        if row["reasons"]:
            told[row["label"].split("/")[0]] = ", ".join(r["title"] for r in row["reasons"])
    for name, reasons in told.items():
        console.print(f"{name} was declined because of: {reasons}", soft_wrap=True)
    console.print()


def _show_lie(console: Console, report: Report) -> None:
    lie = report.lie
    if lie["convicted"]:
        console.print(
            f"loan {lie['loan']}: a node proposed {lie['false_answer']}, was convicted for "
            f"{lie['gas']:,} gas and lost its bond ({format_tokens(int(lie['reward']))} tokens to "
            f"the challenger, {format_tokens(int(lie['burnt']))} burnt); the loan was decided by "
            f"{lie['true_answer']}",
            soft_wrap=True,
        )
    else:
        console.print(f"loan {lie['loan']}: the false answer was NOT convicted")


def _show_model(console: Console, report: Report) -> None:
    found = report.quality
    console.print(
        f"model {report.model['id'][:16]}: AUC {found.auc[0]:.3f} in floats, {found.auc[1]:.3f} in "
        f"integers; {100 * found.agreement:.1f} % of 400 decisions agree; cost per applicant "
        f"{found.cost[1]:.2f} (declining everybody: {found.cost_of_declining_all:.2f})",
        soft_wrap=True,
    )
    console.print(
        f"approved {found.approved} of 250 test rows: {found.bad_approved} did not pay back, "
        f"{found.expected_bad:.1f} were expected by their risks\n",
        soft_wrap=True,
    )


def _show_verdict(console: Console, report: Report) -> None:
    seconds, verdict = report.seconds, report.verdict
    if verdict.first is None:
        said = f"{verdict.numbers:,} numbers re-derived from chain, log and blobs; none false"
    else:
        said = f"FALSE: {verdict.first}"
    console.print(
        f"\nverify: {said} ({seconds['verify']:.1f} s; the run took {seconds['run']:.1f} s)"
    )


def _show_next(console: Console, report: Report, path: Path | None) -> None:
    console.print(f"state:  {report.state}", soft_wrap=True)
    if path is not None:
        console.print(f"report: {path}", soft_wrap=True)
    console.print("\nTry next:")
    console.print(f"  .venv/bin/counterpoise verify --state {report.state}", soft_wrap=True)
