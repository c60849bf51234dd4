"""The verb ``counterpoise market offer``: a buyer asks, a seller binds himself to a price."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError
from counterpoise.core.units import format_tokens, parse_address, parse_tokens
from counterpoise.market.buy_cli import customer_of, keep, of_a_call
from counterpoise.market.cli import Desk, at_desk
from counterpoise.network import FILE

if TYPE_CHECKING:
    from counterpoise.market.buying import Asked
    from counterpoise.market.offers import SignedOffer

DAY = 86_400


@click.command()
@click.argument("reference")
@of_a_call
@click.option("--save", type=FILE, metavar="FILE", help="Keep the signed offer.")
@click.option("--sign", "price", metavar="TOKENS", help="As the seller: bind yourself to this.")
@click.option("--brief", type=FILE, metavar="FILE", help="With --sign: what is to be done.")
@click.option("--to", metavar="ADDRESS", help="With --sign: for this buyer alone.")
@click.option("--days", default=7, show_default=True, help="With --sign: how long it holds.")
@at_desk
def offer(
    desk: Desk,
    reference: str,
    save: Path | None,
    price: str | None,
    brief: Path | None,
    to: str | None,
    days: int,
    **said: Any,
) -> tuple[dict[str, Any], list[str]]:
    """Ask what a call of the listing REFERENCE costs, and check the signed offer; pays nothing.

    With --sign the seller of the listing binds himself to a price for an order: the file goes to
    the buyer, who gives it to `counterpoise market order place`.

    Example: counterpoise market offer 0/iris --path /v2/models/iris/infer --body @rows.json
    --account buyer
    """
    if price is not None:
        if save is None:
            raise InputError("a signed offer goes to its buyer", hint="say where: --save FILE")
        offered, envelope = signed_by(desk, reference, price, brief, to, days)
        save.write_bytes(envelope)
        record = {**offer_record(offered), "envelope": envelope.decode()}
        told = f"{format_tokens(offered.amount)} tokens for {offered.resource}"
        return record, [f"{told}, until {offered.until}: {save}"]
    if brief is not None or to is not None:
        raise InputError("--brief and --to are a seller's", hint="give --sign TOKENS too")
    customer, wish = customer_of(desk, reference, **said)
    asked = customer.ask(wish)
    if asked is None:
        raise InputError(f"{wish.resource} asks for no payment", hint="see market show REFERENCE")
    if save is not None:
        keep(save, asked.envelope, "a signed offer")
    record = asked_record(asked)
    lines = [f"{wish.resource} costs {record['price']} tokens"]
    if asked.signed is None:
        lines.append("the seller binds himself to nothing: no signed offer came")
    else:
        lines.append(f"signed by the seller, holds until {asked.signed.until}")
    return record, lines


def signed_by(
    desk: Desk, reference: str, price: str, brief: Path | None, to: str | None, days: int
) -> tuple[SignedOffer, bytes]:
    """Make an offer for an order of a listing, signed by the agent's owner or wallet."""
    from counterpoise.core.digest import sha256
    from counterpoise.market.finding import resolve
    from counterpoise.market.offers import SignedOffer, issue_offer
    from counterpoise.provenance import AccountSigner

    if not 1 <= days <= 365:
        raise InputError(f"an offer that holds for {days} days", hint="1 to 365")
    with desk.catalogue() as catalogue:
        result = resolve(catalogue, reference, desk.now)
    listing, standing, account = result.found.listing, result.standing, desk.account
    if account.address not in standing.keys:
        raise InputError(f"{account!r} is not the seller of {reference}")
    offered = SignedOffer(
        f"order of {listing.agent}/{listing.name}",
        listing.registry.rpartition(":")[0],
        listing.token,
        parse_tokens(price),
        standing.wallet if standing.wallet != bytes(20) else standing.owner,
        desk.now + days * DAY,
        None if brief is None else sha256(_read(brief)),
        result.found.digest,
        None if to is None else parse_address(to),
    )
    return offered, issue_offer(AccountSigner(account), offered, desk.now)


def offer_record(offered: SignedOffer) -> dict[str, Any]:
    """Write an offer, for machines."""
    return {
        "resource": offered.resource,
        "price": format_tokens(offered.amount),
        "amount": str(offered.amount),
        "until": offered.until,
        "request": None if offered.request is None else offered.request.hex(),
    }


def asked_record(asked: Asked) -> dict[str, Any]:
    """Write what a seller wants, for machines."""
    signed = asked.signed
    return {
        "price": format_tokens(asked.amount),
        "amount": str(asked.amount),
        "schemes": [one.scheme for one in asked.offers],
        "signed": signed is not None,
        "until": None if signed is None else signed.until,
        "envelope": asked.envelope.decode() or None,
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise InputError(f"{path} cannot be read: {wrong.strerror}") from wrong
