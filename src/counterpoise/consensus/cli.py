"""The verb `consensus`: markets that pay by what validators agree on."""

from __future__ import annotations

import click

from counterpoise.network import Verbs

EXAMPLES = """\b
Examples:
  counterpoise consensus create --pay 100 --account operator
  counterpoise consensus fund 800 --account operator
  counterpoise consensus register --account ann
  counterpoise consensus stake 40 --account ann
  counterpoise consensus run --account ann --checks checks.jsonl --provider 2=http://127.0.0.1:8080/
  counterpoise consensus status --json
How it is scored and what pays: docs/explain/consensus.md.
"""

VERBS = {
    "create": ("market_cli", "create", "Create a market with terms of its own."),
    "fund": ("market_cli", "fund", "Add to the pot that epochs are paid from."),
    "register": ("market_cli", "register", "Stand under a number."),
    "stake": ("market_cli", "stake", "Put tokens at stake, and take a seat with them."),
    "unstake": ("market_cli", "unstake", "Take stake out."),
    "leave": ("market_cli", "leave", "Give a number up."),
    "claim": ("market_cli", "claim", "Draw what a member is due."),
    "status": ("look_cli", "status", "Show epoch, members, pot, and the result that stands."),
    "weights": ("look_cli", "weights", "Show who gave whom which weight in an epoch."),
    "prove": ("look_cli", "prove", "Find lies in the result that stands, and convict them."),
    "run": ("run_cli", "run", "Validate: ask, score, commit, reveal, dispute, keep on time."),
}
"""Each verb: its module in this room, its command there, and a line of help."""


@click.group(cls=Verbs, room="counterpoise.consensus", verbs=VERBS, epilog=EXAMPLES)
def consensus() -> None:
    """Validators weigh providers, and the market pays by what they agree on."""
