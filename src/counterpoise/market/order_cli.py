"""The verbs ``counterpoise market order``: place, fund, submit, accept, object, …, refund."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from counterpoise.core.errors import InputError
from counterpoise.market.cli import Desk, at_desk
from counterpoise.market.order_forms import (
    Answer,
    described,
    desk_of,
    listed,
    params_of,
    party,
    terms_of,
)

MOST_BYTES = 1 << 30

EXAMPLES = """\b
Examples:
  counterpoise market order place offer.json --account buyer
  counterpoise market order fund 1 --account buyer
  counterpoise market order submit 1 --file report.pdf --account seller
  counterpoise market order accept 1 --account buyer
"""


@click.group(epilog=EXAMPLES)
def order() -> None:
    """Larger work than a call: escrowed, judged, refunded by time."""


@order.command()
@click.argument("agreed", metavar="OFFER|LISTING|SHA256")
@click.option("--provider", metavar="WHO", help="Who works.  [default: as the offer says]")
@click.option("--budget", metavar="TOKENS", help="The price.  [default: as the offer says]")
@click.option("--evaluator", metavar="WHO", default="Acceptance", show_default=True)
@click.option("--days", type=click.FloatRange(min=0.05), default=7.0, show_default=True)
@click.option("--private", "is_private", is_flag=True, help="Only the client shall read the work.")
@at_desk
def place(desk: Desk, agreed: str, **said: Any) -> Answer:
    """Order what a signed offer or listing says (a file), or what a digest stands for.

    Example: counterpoise market order place offer.json --private --account buyer
    """
    orders, _ = desk_of(desk)
    return described(desk, orders.place(desk.account, terms_of(desk, agreed, **said)))


@order.command()
@click.argument("number", type=int)
@click.option("--arbiter", metavar="WHO", help="Who decides if you disagree.  [default: usual]")
@click.option("--bond", metavar="TOKENS", help="What an objection costs.  [default: usual]")
@click.option("--hours", type=click.FloatRange(min=0.17), help="Each window.  [default: usual]")
@at_desk
def fund(desk: Desk, number: int, **said: Any) -> Answer:
    """Move the budget of order NUMBER into escrow, and fix the terms of its acceptance.

    Example: counterpoise market order fund 1 --hours 12 --account buyer
    """
    orders, _ = desk_of(desk)
    orders.fund(desk.account, number, params_of(desk, number, **said))
    return described(desk, number)


@order.command()
@click.argument("number", type=int)
@click.option("--file", "path", required=True, type=click.Path(path_type=Path, exists=True))
@at_desk
def submit(desk: Desk, number: int, path: Path) -> Answer:
    """Hand over the work of order NUMBER: into the store, sealed if that was asked for.

    Example: counterpoise market order submit 1 --file report.pdf --account seller
    """
    desk_of(desk)[0].deliver(desk.account, number, _read(path))
    return described(desk, number)


@order.command()
@click.argument("number", type=int)
@click.option("--out", "path", required=True, type=click.Path(path_type=Path))
@at_desk
def fetch(desk: Desk, number: int, path: Path) -> Answer:
    """Fetch the work of order NUMBER into a file, opened if it is sealed.

    Example: counterpoise market order fetch 1 --out report.pdf --account buyer
    """
    orders, _ = desk_of(desk)
    client = desk.account if orders.order(number).key else None
    content = orders.fetch(number, client)
    path.write_bytes(content)
    record = {"order": number, "bytes": len(content), "file": str(path)}
    return record, [f"{len(content)} bytes in {path}"]


@order.command()
@click.argument("number", type=int)
@at_desk
def accept(desk: Desk, number: int) -> Answer:
    """Take the work of order NUMBER: its provider is paid at once.

    Example: counterpoise market order accept 1 --account buyer
    """
    orders, acceptance = desk_of(desk)
    if orders.jobs.job(number).evaluator == acceptance.address:
        acceptance.accept(desk.account, number)
    else:
        orders.jobs.complete(desk.account, number)
    return described(desk, number)


@order.command("object")
@click.argument("number", type=int)
@click.option("--why", required=True, metavar="TEXT", help="Kept in the store for the arbiter.")
@at_desk
def object_to(desk: Desk, number: int, why: str) -> Answer:
    """Say, with a bond, that the work of order NUMBER is not what was agreed.

    Example: counterpoise market order object 1 --why "half is missing" --account buyer
    """
    grounds = desk.network.store.put(why.encode())
    desk_of(desk)[1].object_to(desk.account, number, grounds)
    return described(desk, number)


@order.command()
@click.argument("number", type=int)
@click.option("--why", required=True, metavar="TEXT", help="Kept in the store for the arbiter.")
@at_desk
def defend(desk: Desk, number: int, why: str) -> Answer:
    """Say, with a bond as high, that it is; the arbiter decides.

    Example: counterpoise market order defend 1 --why "see page 3" --account seller
    """
    grounds = desk.network.store.put(why.encode())
    desk_of(desk)[1].defend(desk.account, number, grounds)
    return described(desk, number)


@order.command()
@click.argument("number", type=int, required=False)
@click.option("--of", "who", metavar="WHO", help="All that are due of one client or provider.")
@at_desk
def conclude(desk: Desk, number: int | None, who: str | None) -> Answer:
    """End order NUMBER if its time has come, or its arbiter has ruled; anyone may.

    Without a NUMBER all that are due. A provider lets this run every few hours.

    Example: counterpoise market order conclude --of seller --account seller
    """
    orders, _ = desk_of(desk)
    if number is not None:
        orders.conclude(desk.account, number)
        return described(desk, number)
    parties = [party(desk, who)] if who else []
    numbers = orders.due(desk.account.address, *parties)
    for one in numbers:
        orders.conclude(desk.account, one)
    return listed(desk, numbers, "nothing is due")


@order.command()
@click.argument("number", type=int)
@at_desk
def refund(desk: Desk, number: int) -> Answer:
    """Give the escrow of order NUMBER back to its client after its expiry; anyone may.

    Example: counterpoise market order refund 1 --account ann
    """
    desk_of(desk)[0].refund(desk.account, number)
    return described(desk, number)


@order.command()
@click.argument("number", type=int)
@at_desk
def show(desk: Desk, number: int) -> Answer:
    """Show what the chain says of order NUMBER, and who moves next.

    Example: counterpoise market order show 1 --json
    """
    return described(desk, number)


@order.command("list")
@click.option("--of", "who", metavar="WHO", help="Only those of one client or provider.")
@at_desk
def list_orders(desk: Desk, who: str | None) -> Answer:
    """List the orders of the network.

    Example: counterpoise market order list --of buyer
    """
    orders, _ = desk_of(desk)
    numbers = orders.numbers(*([party(desk, who)] if who else []))
    return listed(desk, numbers, "nothing was ordered yet")


def _read(path: Path) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path} has {path.stat().st_size} bytes", hint="hand over its parts")
    return path.read_bytes()
