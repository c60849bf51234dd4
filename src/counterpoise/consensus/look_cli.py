"""Verbs that look at a market: status, weights, and the lies in the result that stands."""

from __future__ import annotations

from typing import Any

import click

from counterpoise.consensus.market_cli import at_market, market_option
from counterpoise.network import answer, by_account, in_network


@click.command()
@market_option
@in_network
def status(which: str, wants_json: bool, **options: Any) -> None:
    """Show the epoch and its times, the members, the pot, and the result that stands.

    Example: counterpoise consensus status --state DIR
    """
    from counterpoise.consensus.views import status_view

    with at_market(which, options) as desk:
        record, lines = status_view(desk.client, desk.start)
    answer(wants_json, record, *lines)


@click.command()
@click.argument("epoch", type=int, required=False)
@market_option
@in_network
def weights(epoch: int | None, which: str, wants_json: bool, **options: Any) -> None:
    """Show the rows that were revealed in EPOCH, by default the last, and what came of them.

    Example: counterpoise consensus weights 3 --json
    """
    from counterpoise.consensus.views import weights_view

    with at_market(which, options) as desk:
        record, lines = weights_view(desk.network, desk.client, desk.start, epoch)
    answer(wants_json, record, *lines)


@click.command()
@click.option("--convict", is_flag=True, help="Send what falls the result; wants a key.")
@market_option
@by_account
@in_network
def prove(convict: bool, which: str, wants_json: bool, **options: Any) -> None:
    """Derive the result anew and name each number that is false; convict the first if wanted.

    Half of the bond goes to who convicts. Exits 5 if anything is false.

    Example: counterpoise consensus prove --convict --account ann
    """
    from counterpoise.consensus.views import prove_view
    from counterpoise.core.errors import VerificationError

    with at_market(which, options) as desk:
        record, lines = prove_view(desk.client, desk.signer() if convict else None)
    answer(wants_json, record, *lines)
    if record["false"]:
        raise click.exceptions.Exit(VerificationError.exit_code)
