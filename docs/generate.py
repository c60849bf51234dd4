"""Writes docs/reference from the command line's help and the rooms' docstrings.

With --check it writes nothing and fails where a page is out of date.
"""

import importlib
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import get_origin

import click

from counterpoise.cli import ROOMS, cli

REFERENCE = Path(__file__).parent / "reference"
FACES = (
    "core",
    "chain",
    "store",
    "provenance",
    "jobs",
    "verification",
    "payments",
    "identity",
    "network",
    "federation",
    "inference",
    "oracle",
    "audit",
    "monitor",
    "consensus",
    "market",
)


def command_pages(command: click.Command, path: str) -> list[str]:
    """Give the help of a command and of all its verbs, as Markdown."""
    context = click.Context(command, info_name=path, terminal_width=88, max_content_width=88)
    pages = [f"## `{path}`\n\n```\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            verb = command.get_command(context, name)
            if verb is not None and not verb.hidden:
                pages += command_pages(verb, f"{path} {name}")
    return pages


def room_page(room: str) -> str:
    """Give what a room's face shows, with its docstrings, as Markdown."""
    module = importlib.import_module(f"counterpoise.{room}")
    lines = [f"# counterpoise.{room}\n", inspect.getdoc(module) or "", ""]
    for name in sorted(getattr(module, "__all__", ())):
        lines += thing_lines(module, name)
    return "\n".join(lines)


def thing_lines(module: ModuleType, name: str) -> list[str]:
    """Give one name of a face: its kind, its signature and its docstring."""
    thing = getattr(module, name, None)
    if thing is None or inspect.ismodule(thing):
        thing = importlib.import_module(f"{module.__name__}.{name}")
        lines = [f"## module `{name}`\n", f"```text\n{inspect.getdoc(thing) or ''}\n```\n"]
        own = [n for n, f in vars(thing).items() if getattr(f, "__module__", "") == thing.__name__]
        for inner in sorted(n for n in own if not n.startswith("_")):
            lines += thing_lines(thing, inner)
        return lines
    if get_origin(thing) is not None:
        return [f"## type `{name}`\n", f"```python\n{name} = {thing}\n```\n"]
    if not callable(thing):
        return [f"## value `{name}`\n"]
    if inspect.isclass(thing):
        lines = [f"## class `{name}`\n"]
    else:
        signature = re.sub(r" at 0x[0-9a-f]+", "", str(inspect.signature(thing)))
        lines = [f"## function `{name}`\n", f"```python\n{name}{signature}\n```\n"]
    return [*lines, f"```text\n{inspect.getdoc(thing) or ''}\n```\n"]


def pages() -> dict[str, str]:
    """Give every reference page by its file name."""
    commands = "\n".join(["# The command line\n", *command_pages(cli, "counterpoise")])
    assert set(ROOMS), "the command line has verbs"
    return {"cli.md": commands} | {f"{room}.md": room_page(room) for room in FACES}


def main() -> None:
    """Write the pages, or with --check compare them."""
    stale = []
    REFERENCE.mkdir(exist_ok=True)
    for name, page in pages().items():
        path = REFERENCE / name
        text = "\n".join(line.rstrip() for line in page.splitlines()) + "\n"
        if "--check" in sys.argv:
            stale += [name] if not path.exists() or path.read_text() != text else []
        else:
            path.write_text(text)
    if stale:
        sys.exit(f"out of date: {', '.join(stale)}; run `make docs`")


if __name__ == "__main__":
    main()
