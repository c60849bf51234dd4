"""The verb `monitor screen`: try a transaction, or read a signature, before it is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import parse_address

if TYPE_CHECKING:
    from counterpoise.chain import Chain
    from counterpoise.monitor.contacts import Contacts
    from counterpoise.monitor.screening import Screening

RECENT = 256
"""How many blocks are read to learn whom the sender knows."""


EXAMPLES = """\b
Examples:
  counterpoise monitor screen --state DIR --from 0x… --to 0x… --data 0x095ea7b3…
  counterpoise monitor screen --chain http://127.0.0.1:8545 --from 0x… --typed permit.json
  counterpoise monitor screen --from 0x… --to 0x… --data 0x… --spend ETH=0 --gain 0x…=1000
"""


@click.command(epilog=EXAMPLES)
@click.option("--from", "sender", required=True, metavar="ADDRESS", help="Who would sign.")
@click.option("--to", metavar="ADDRESS", help="What would be called; nothing for a deployment.")
@click.option("--data", default="0x", help="The call's input, in hex.")
@click.option("--value", default=0, type=click.IntRange(0), help="Wei sent along.")
@click.option("--typed", type=click.Path(path_type=Path), help="Typed data (JSON) to be signed.")
@click.option("--spend", multiple=True, metavar="TOKEN=UNITS", help="Most that may be lost of it.")
@click.option("--gain", multiple=True, metavar="TOKEN=UNITS", help="Least that must come of it.")
@click.option("--known", multiple=True, metavar="ADDRESS", help="A contract that is trusted.")
@click.option("--labels", multiple=True, metavar="FILE[@DATE]", help="Lists; the shipped one else.")
@click.option("--recent", default=RECENT, show_default=True, help="Blocks read for acquaintances.")
@click.option("--state", type=click.Path(path_type=Path), help="Folder of a network.")
@click.option("--chain", "url", help="URL of a node, instead of the network's own chain.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def screen(
    sender: str,
    to: str | None,
    data: str,
    value: int,
    typed: Path | None,
    state: Path | None,
    url: str | None,
    recent: int,
    *,
    as_json: bool,
    **given: tuple[str, ...],
) -> int:
    """Say what a transaction would do if it were sent now, and what speaks against it.

    Nothing is sent. The verdict holds for the block it names: pass, warn, or block (exit code 5).
    With --spend or --gain, whatever is not allowed there blocks it. ETH stands for the coin.
    """
    from counterpoise.monitor.labels import load_lists, shipped_labels
    from counterpoise.monitor.screen import Screen
    from counterpoise.monitor.simulation import Intent

    who = parse_address(sender)
    lists = load_lists(given["labels"]) if given["labels"] else shipped_labels()
    known = frozenset(parse_address(one) for one in given["known"])
    expect = _expectation(given["spend"], given["gain"])
    chain = _opened(state, url)
    try:
        tool = Screen(chain, lists, _acquainted(chain, recent), known)
        if typed is not None:
            found = tool.screen_typed(_document(typed), who)
        else:
            target = None if to is None else parse_address(to)
            found = tool.screen(Intent(who, target, _hex(data), value), expect)
    finally:
        chain.close()
    click.echo(json.dumps(found.to_value()) if as_json else "\n".join(_lines(found)))
    return VerificationError.exit_code if found.decision == "block" else 0


def _opened(state: Path | None, url: str | None) -> Chain:
    from counterpoise.chain import open_chain
    from counterpoise.network import default_state, open_network

    return open_chain(url) if url else open_network(state or default_state()).chain


def _acquainted(chain: Chain, recent: int) -> Contacts:
    """Who dealt with whom in the newest blocks."""
    from counterpoise.monitor.contacts import Contacts
    from counterpoise.monitor.sources.chain import ChainSource

    contacts = Contacts()
    source = ChainSource(chain, start=max(0, chain.block("latest").number - recent + 1))
    while blocks := source.poll():
        for block in blocks:
            contacts.observe(block)
    return contacts


def _expectation(spend: tuple[str, ...], gain: tuple[str, ...]) -> Any:
    from counterpoise.monitor.screening import Expectation

    if not spend and not gain:
        return None
    least = {token: -amount for token, amount in map(_amount, spend)}
    for token, amount in map(_amount, gain):
        least[token] = least.get(token, 0) + amount
    return Expectation(least)


def _amount(text: str) -> tuple[bytes, int]:
    from counterpoise.monitor.blocks import NATIVE

    token, _, amount = text.partition("=")
    if not amount.isdecimal():
        raise InputError(f"{text!r} is no TOKEN=UNITS", hint="write 0x…=1000 or ETH=0")
    return NATIVE if token.upper() == "ETH" else parse_address(token), int(amount)


def _document(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no typed data", hint="give the eth_signTypedData_v4 object")
    return found


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise InputError(f"{text[:20]!r} is no hex", hint="write --data 0x…") from None


def _lines(found: Screening) -> list[str]:
    from counterpoise.monitor.layout import worded
    from counterpoise.monitor.screening import name_of

    lines = [f"{found.decision}: {found.score} of 100 points against it"]
    lines += [f"  {mark.sign.points:3} {mark.sign.title}: {mark.words}" for mark in found.marks]
    for (token, item), amount in found.changes.items():
        sign, what = "+" if amount > 0 else "-", worded(abs(amount), token)
        thing = "" if item is None else f" (item {item})"
        lines.append(f"  {sign}{what} of {name_of(token)}{thing}")
    lines.append(f"on block {found.at.number} {found.at.hash.hex()[:16]}, by {found.how}")
    if found.cut:
        lines.append("the search for listed neighbours was given up early")
    return lines
