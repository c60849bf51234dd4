"""The verbs ``counterpoise market buy | channels``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError, Unreachable
from counterpoise.core.units import format_tokens, parse_tokens, to_checksum
from counterpoise.market.cli import Desk, at_desk
from counterpoise.network import FILE

if TYPE_CHECKING:
    from counterpoise.market.buying import Customer, Purchase, Wish
    from counterpoise.payments import ChannelConfig

MAX_BODY = 16 << 20


def of_a_call(command: Any) -> Any:
    """Add the options that say which call is meant."""
    for option in (
        click.option("--level", metavar="NAME", help="Level of verification to pay for."),
        click.option("--most", metavar="TOKENS", help="Most for the call. Default: as listed."),
        click.option("--tongue", metavar="NAME", help="Which endpoint. Default: the first."),
        click.option("--body", metavar="TEXT", help="JSON to send; @FILE takes it from a file."),
        click.option("--method", metavar="NAME", help="Default: POST with a body, else GET."),
        click.option("--path", default="", metavar="PATH", help="Below the endpoint's address."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("reference")
@of_a_call
@click.option("--deposit", metavar="TOKENS", help="Most for one deposit. Default: 100 calls.")
@click.option("--out", type=FILE, metavar="FILE", help="Where the answer goes. Default: printed.")
@click.option("--save", type=FILE, metavar="FILE", help="Keep the signed receipt.")
@at_desk
def buy(
    desk: Desk,
    reference: str,
    deposit: str | None,
    out: Path | None,
    save: Path | None,
    **said: Any,
) -> tuple[dict[str, Any], list[str]]:
    """Pay for one call of the listing REFERENCE, and check its receipt.

    Example: counterpoise market buy 0/iris --path /v2/models/iris/infer --body @rows.json
    --account buyer
    """
    customer, wish = customer_of(desk, reference, deposit=deposit, **said)
    desk.funded(customer.deposit)
    done = customer.buy(wish)
    status, body = done.bought.answer.status, done.bought.answer.body
    if out is not None and status < 400:
        out.write_bytes(body)
    if save is not None:
        keep(save, done.envelope, "a signed receipt")
    record = purchase_record(done)
    if status >= 400:
        wrong = InputError if status < 500 else Unreachable
        raise wrong(
            f"the seller answered {status}: {_text(body)[:300]}",
            hint=f"{record['paid']} tokens were paid",
        )
    lines = [f"the answer is in {out}" if out is not None else _text(body)]
    lines.append(f"paid {record['paid']} tokens")
    if done.receipt is None and done.bought.offer is not None:
        lines.append("no signed receipt came")
    if done.receipt is not None:
        total = format_tokens(done.receipt.total)
        lines.append(f"receipt checked: signed by the seller, {total} in all through this channel")
    return record, lines


@click.command()
@click.option("--withdraw", "leaving", metavar="ID", help="Announce taking out what is left.")
@click.option("--finish", "ending", metavar="ID", help="Take out what was announced.")
@click.option("--refund", "asking", metavar="REFERENCE", help="Ask a listing's seller for it now.")
@click.option(
    "--path", default="", metavar="PATH", help="With --refund: a paid path of the seller."
)
@at_desk
def channels(
    desk: Desk, leaving: str | None, ending: str | None, asking: str | None, path: str
) -> tuple[dict[str, Any], list[str]]:
    """Show one's open channels; take out what is left, with the seller's help or without.

    Example: counterpoise market channels --withdraw 5f0c --account buyer
    """
    from counterpoise.payments import ChannelsClient, Withdrawals

    if sum(one is not None for one in (leaving, ending, asking)) > 1:
        raise InputError("two things are asked for", hint="one of --withdraw, --finish, --refund")
    mine = Withdrawals(ChannelsClient(desk.network.chain), desk.account)
    done: dict[str, Any] = {}
    if asking is not None:
        done = {"refunded": format_tokens(_refund(desk, asking, path))}
    elif leaving is not None:
        desk.funded()
        done = {"ready": mine.announce(_one(mine.channels(), leaving).config)}
    elif ending is not None:
        config: ChannelConfig = _one(mine.channels(), ending).config
        done = {"withdrawn": format_tokens(mine.finish(config))}
    rows: list[dict[str, Any]] = [
        {
            "channel": channel.hex(),
            "seller": to_checksum(one.config.receiver),
            "balance": format_tokens(one.state.balance),
            "claimed": format_tokens(one.state.claimed),
            "leaving": format_tokens(one.state.pending),
            "ready": one.ready,
        }
        for channel, one in mine.channels().items()
        if one.state.balance > one.state.claimed or one.state.pending
    ]
    lines = [f"{key} {value}" for key, value in done.items()]
    lines += [
        f"{row['channel'][:16]}  to {row['seller']}  {row['balance']} deposited  "
        f"{row['claimed']} claimed" + (f"  {row['leaving']} leaving" if row["ready"] else "")
        for row in rows
    ]
    return {**done, "channels": rows}, lines or ["no open channels"]


def customer_of(
    desk: Desk,
    reference: str,
    *,
    path: str,
    method: str | None,
    body: str | None,
    tongue: str | None,
    most: str | None,
    level: str | None,
    deposit: str | None = None,
) -> tuple[Customer, Wish]:
    """Give the customer of a listing, and the call that the options say."""
    from counterpoise.market.buying import Customer, Wish
    from counterpoise.market.finding import resolve
    from counterpoise.payments import ChannelsClient

    with desk.catalogue() as catalogue:
        result = resolve(catalogue, reference, desk.now)
    endpoints = [
        one.url
        for one in result.found.listing.endpoints
        if tongue in (None, one.tongue) and one.url.startswith(("http://", "https://"))
    ]
    if not endpoints:
        spoken = ", ".join(one.tongue for one in result.found.listing.endpoints) or "none"
        raise InputError(f"{reference} has no such endpoint of HTTP", hint=f"it speaks {spoken}")
    sent = body_of(body)
    address = endpoints[0].rstrip("/") + path if path else endpoints[0]
    if level is not None:
        address += ("&" if "?" in address else "?") + f"verification={level}"
    wish = Wish((method or ("POST" if sent else "GET")).upper(), address, sent)
    customer = Customer(
        result,
        desk.account,
        most=None if most is None else parse_tokens(most),
        deposit=None if deposit is None else parse_tokens(deposit),
        level=level,
        read_channel=ChannelsClient(desk.network.chain).channel,
        clock=desk.network.clock,
    )
    return customer, wish


def body_of(text: str | None) -> bytes:
    """Read a call's body: the text itself, or with @ the file that it names."""
    if text is None:
        return b""
    if not text.startswith("@"):
        return text.encode()
    try:
        data = Path(text[1:]).read_bytes()
    except OSError as wrong:
        raise InputError(f"{text[1:]} cannot be read: {wrong.strerror}") from wrong
    if len(data) > MAX_BODY:
        raise InputError(f"a body of {len(data)} bytes, at most {MAX_BODY} are sent")
    return data


def purchase_record(done: Purchase) -> dict[str, Any]:
    """Write a purchase, for machines."""
    receipt, response = done.receipt, done.bought.response
    return {
        "status": done.bought.answer.status,
        "answer": _text(done.bought.answer.body),
        "paid": format_tokens(done.bought.paid),
        "amount": str(done.bought.paid),
        "transaction": "" if response is None else response.transaction,
        "receipt": receipt is not None,
        "total": None if receipt is None else str(receipt.total),
        "decision": None if receipt is None or receipt.decision is None else receipt.decision.hex(),
        "envelope": done.envelope.decode() or None,
    }


def _refund(desk: Desk, reference: str, path: str) -> int:
    nothing = {"method": None, "body": None, "tongue": None, "level": None}
    customer, wish = customer_of(desk, reference, path=path, most="0", **nothing)
    return customer.refund(wish)


def _one(found: dict[bytes, Any], beginning: str) -> Any:
    wanted = beginning.lower().removeprefix("0x")
    fitting = [one for channel, one in found.items() if channel.hex().startswith(wanted)]
    if len(fitting) != 1 or len(wanted) < 4:
        what = (
            "several of your channels begin" if len(fitting) > 1 else "no channel of yours begins"
        )
        raise InputError(f"{what} with {beginning!r}", hint="give 4 or more of its hex digits")
    return fitting[0]


def _text(body: bytes) -> str:
    """Give an answer as text, without what would steer a terminal."""
    text = body.decode("utf-8", "replace")
    return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in text)


def keep(path: Path, envelope: bytes, what: str) -> None:
    """Write an envelope that a seller signed to a file; say so where there is none."""
    if envelope:
        path.write_bytes(envelope)
    else:
        click.echo(f"nothing is kept: the seller gave no {what[2:]}", err=True)
