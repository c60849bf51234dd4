"""How a demonstration tells of its progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

Say = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is."""

BAR = 20


def quiet(stage: str, done: int, total: int) -> None:
    """Say nothing."""


@contextmanager
def progress(*, quiet: bool) -> Iterator[Say]:
    """Show each stage with its share done, on standard error; nothing where `quiet`."""
    if quiet:
        yield lambda stage, done, total: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(BAR),
        MofNCompleteColumn(),
        Elapsed(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=1)

        def say(stage: str, done: int, total: int) -> None:
            bars.update(task, description=stage, completed=done, total=total)

        yield say
