"""The command line: a table of rooms, each loaded only when it is called."""

import importlib
import json
import os
import sys

import click

from counterpoise import __version__
from counterpoise.core.errors import CounterpoiseError

ROOMS = {
    "demo": ("counterpoise.apps.cli", "demo", "Run a whole life of the network on real data."),
    "verify": ("counterpoise.verify", "verify", "Re-derive every number from evidence."),
    "chain": ("counterpoise.chain.cli", "chain", "Start, inspect and fund a local chain."),
    "account": ("counterpoise.chain.cli", "account", "Create, list and import keys."),
    "federation": (
        "counterpoise.federation.cli",
        "federation",
        "Train one model together.",
    ),
    "provenance": ("counterpoise.provenance.cli", "provenance", "Log, receipts, lineage."),
    "job": ("counterpoise.jobs.cli", "job", "Escrowed work: create, fund, claim, refund."),
    "identity": (
        "counterpoise.identity.cli",
        "identity",
        "Agents, and ratings that were paid for.",
    ),
    "verification": (
        "counterpoise.verification.cli",
        "verification",
        "How strongly an answer is proven: levels, keys, proofs.",
    ),
    "inference": (
        "counterpoise.inference.cli",
        "inference",
        "Models as integers: import, run, check, register.",
    ),
    "market": (
        "counterpoise.market.cli",
        "market",
        "Offer, find, buy and judge models, data and services.",
    ),
    "consensus": (
        "counterpoise.consensus.cli",
        "consensus",
        "Validators weigh, the market pays.",
    ),
    "oracle": ("counterpoise.oracle.cli", "oracle", "A contract asks, a node answers."),
    "audit": ("counterpoise.audit.cli", "audit", "Look for flaws in contract code."),
    "monitor": (
        "counterpoise.monitor.cli",
        "monitor",
        "Find laundering, manipulation and attacks.",
    ),
    "completion": ("counterpoise.cli", "completion", "Print the completion script of a shell."),
}

EXAMPLES = """\b
Examples:
  counterpoise demo                        four hospitals train one model
  counterpoise verify --state DIR          re-derive every number of a state
  counterpoise chain start --state DIR     serve the local chain over HTTP
  counterpoise completion bash >> ~/.bashrc
"""


class Rooms(click.Group):
    """A group whose commands live in rooms, imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the verbs in the order of the table."""
        return list(ROOMS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the room of one verb; None where there is no such verb."""
        if cmd_name not in ROOMS:
            return None
        module, attribute, _ = ROOMS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table, so that help loads no room."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in ROOMS.items()])


@click.command(cls=Rooms, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="counterpoise")
def cli() -> None:
    """AI that no single party controls: trained, proven, sold and governed in the open."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    Example: counterpoise completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    if script is not None:
        click.echo(script(cli, {}, "counterpoise", "_COUNTERPOISE_COMPLETE").source())


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with the exit code of its outcome.

    0 done · 2 bad input · 3 missing extra · 4 chain · 5 something is false · 6 storage ·
    7 busy · 130 interrupted. See ``counterpoise.core.errors``.
    """
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = cli.main(args=words, prog_name="counterpoise", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\ninterrupted; nothing is lost, the same command resumes", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except CounterpoiseError as error:
        show_error(error, as_json="--json" in words)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def show_error(error: CounterpoiseError, *, as_json: bool) -> None:
    """Write an error to standard error: a sentence and a hint, or one JSON object."""
    if as_json:
        kind = type(error).__name__
        text = {"error": kind, "message": error.message, "hint": error.hint}
        click.echo(json.dumps(text), err=True)
        return
    click.echo(f"error: {error.message}", err=True)
    if error.hint:
        click.echo(f"hint:  {error.hint}", err=True)


if __name__ == "__main__":
    main()
