"""A group of verbs whose modules are imported when they are called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class Verbs(click.Group):
    """The verbs of a room, by a table.

    Parameters
    ----------
    room :
        The room's module, such as ``counterpoise.market``.
    verbs :
        Each verb: its module in the room, its command there, and a line of help.
    """

    def __init__(
        self, *words: Any, room: str, verbs: Mapping[str, tuple[str, str, str]], **named: Any
    ) -> None:
        super().__init__(*words, **named)
        self._room, self._verbs = room, verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of the table."""
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one verb."""
        if cmd_name not in self._verbs:
            return None
        module, attribute, _ = self._verbs[cmd_name]
        home = importlib.import_module(f"{self._room}.{module}")
        command: click.Command = getattr(home, attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table, so that help loads nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in self._verbs.items()])
