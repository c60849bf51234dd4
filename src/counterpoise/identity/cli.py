"""The verbs of agents: ``counterpoise identity register|show|feedback|summary``."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError
from counterpoise.core.units import format_tokens, parse_tokens, to_checksum

if TYPE_CHECKING:
    from counterpoise.network import Network

Record = dict[str, Any]
Verb = Callable[..., Record]
AS = click.option("--as", "name", required=True, metavar="NAME", help="Local account that signs.")
TAGS = [
    click.option("--tag", "tag1", default="", help="First tag."),
    click.option("--tag2", default="", help="Second tag."),
]

EXAMPLES = """\b
Examples:
  counterpoise identity register --file agent.json --as seller
  counterpoise identity show 0
  counterpoise identity feedback 0 --rating 95.5 --tag quality --as buyer
  counterpoise identity summary 0 --json
"""


@click.group(epilog=EXAMPLES)
def identity() -> None:
    """Agents, and ratings that weigh what was paid for them."""


def on_network(verb: Verb) -> Callable[..., None]:
    """Add the options that say which network and how to answer; and answer."""

    @click.option(
        "--state", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the network."
    )
    @click.option("--chain", metavar="URL", help="Another way to the same chain.")
    @click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")
    @wraps(verb)
    def command(
        *args: Any, state: Path | None, chain: str | None, as_json: bool, **options: Any
    ) -> None:
        from counterpoise.network import default_state, open_network

        with open_network(state or default_state(), chain=chain) as network:
            record = verb(network, *args, **options)
        click.echo(json.dumps(record) if as_json else as_lines(record))

    return command


def as_lines(record: Record) -> str:
    """Write a record as aligned lines; ratings and services as one line each."""
    plain = {key: value for key, value in record.items() if not isinstance(value, list)}
    width = max(map(len, plain))
    lines = [f"{key:<{width}}  {value}" for key, value in plain.items()]
    for key, rows in record.items():
        if isinstance(rows, list):
            lines += ["", key, *("  " + "  ".join(map(str, row.values())) for row in rows)]
    return "\n".join(lines)


@identity.command()
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Registration file; kept on the chain as a data URI.",
)
@click.option("--uri", default="", help="Where the registration file lies instead.")
@AS
@on_network
def register(network: Network, file: Path | None, uri: str, name: str) -> Record:
    """Register an agent; the signer owns it and is paid for it.

    Example: counterpoise identity register --file agent.json --as seller
    """
    from counterpoise.identity import IdentityClient, Registration

    if file is not None and uri:
        raise InputError("--file and --uri are both given", hint="say one of them")
    if file is not None:
        uri = Registration.from_bytes(file.read_bytes()).to_uri()
    client = IdentityClient(network.contract("IdentityRegistry"))
    number = client.register(network.account(name), uri)
    return describe(network, number)


@identity.command()
@click.argument("agent", type=int)
@on_network
def show(network: Network, agent: int) -> Record:
    """Show what the chain says of AGENT, and its file where that lies on the chain.

    Example: counterpoise identity show 0 --json
    """
    return describe(network, agent)


@identity.command()
@click.argument("agent", type=int)
@click.option("--rating", required=True, metavar="NUMBER", help="Such as 95.5; at most 1e38.")
@TAGS[0]
@TAGS[1]
@click.option("--endpoint", default="", help="Which service was used.")
@AS
@on_network
def feedback(
    network: Network, agent: int, rating: str, tag1: str, tag2: str, endpoint: str, name: str
) -> Record:
    """Rate AGENT. It counts once a payment to the agent stands behind it.

    Example: counterpoise identity feedback 0 --rating 95.5 --tag quality --as buyer
    """
    from counterpoise.identity import ReputationClient

    value, decimals = parse_rating(rating)
    reputation = ReputationClient(network.contract("ReputationRegistry"))
    account, tags = network.account(name), (tag1, tag2)
    receipt = reputation.give(
        account, agent, value, decimals=decimals, tags=tags, endpoint=endpoint
    )
    return {
        "agent": agent,
        "client": to_checksum(account.address),
        "index": reputation.count(agent, account.address),
        "rating": rating,
        "gas": receipt.gas_used,
    }


@identity.command()
@click.argument("agent", type=int)
@TAGS[0]
@TAGS[1]
@click.option("--cap", default="100", metavar="TOKENS", help="Most that one client weighs.")
@click.option("--hops", default=3, show_default=True, help="How far money that goes round is seen.")
@on_network
def summary(network: Network, agent: int, tag1: str, tag2: str, cap: str, hops: int) -> Record:
    """Weigh the ratings of AGENT by the finished jobs behind them, and show what does not count.

    `counterpoise market show` counts channels and exact payments as well.

    Example: counterpoise identity summary 0 --tag quality
    """
    from counterpoise.identity import (
        JobReceipts,
        ReputationClient,
        Terms,
        moves_of,
        summarise,
    )

    client = _client(network)
    client.agent(agent)
    reputation = ReputationClient(network.contract("ReputationRegistry"))
    hubs = network.charter.contracts.values()
    found = summarise(
        reputation,
        [JobReceipts(client, network.contract("Jobs"))],
        agent,
        moves_of(network.contract("CreditToken"), hubs),
        terms=Terms(parse_tokens(cap), hops),
        tags=(tag1, tag2),
    )
    rows = [
        {
            "client": to_checksum(one.entry.client),
            "rating": _number(one.entry.wad),
            "outcome": one.outcome.value,
            "paid": format_tokens(one.receipt.amount if one.receipt else 0),
        }
        for one in found.ratings
    ]
    return {
        "agent": agent,
        "mean": _number(found.wad) if found.count else "none",
        "counted": found.count,
        "given": len(found.ratings),
        "weight": format_tokens(found.weight),
        "went round": format_tokens(sum(one.returned for one in found.customers)),
        "ratings": rows,
    }


def parse_rating(text: str) -> tuple[int, int]:
    """Read a decimal number exactly, as an integer and how many of its digits are decimals.

    >>> parse_rating("95.5"), parse_rating("-3")
    ((955, 1), (-3, 0))
    """
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation as error:
        raise InputError(f"{text!r} is no number", hint="write such as 95.5") from error
    if not isinstance(exponent, int) or not -18 <= exponent <= 38:
        raise InputError(f"{text!r} is no rating: at most 18 decimals and 1e38 wanted")
    value = int("".join(map(str, digits))) * 10 ** max(exponent, 0)
    return -value if sign else value, max(-exponent, 0)


def describe(network: Network, number: int) -> Record:
    """Give what the chain says of an agent, and its file's own words."""
    from counterpoise.identity import Registration, ReputationClient

    client = _client(network)
    found = client.agent(number)
    reputation = ReputationClient(network.contract("ReputationRegistry"))
    record: Record = {
        "agent": number,
        "registry": client.name,
        "owner": to_checksum(found.owner),
        "wallet": to_checksum(found.wallet),
        "clients": len(reputation.clients(number)),
    }
    if not found.uri.startswith("data:"):
        return record | {"uri": found.uri}
    try:
        file = Registration.from_uri(found.uri, lambda _: b"")
    except InputError as error:
        return record | {"file": f"not well-formed: {error.message}"}
    services = [{"name": one.name, "endpoint": one.endpoint} for one in file.services]
    return record | {"name": file.name, "description": file.description, "services": services}


def _client(network: Network) -> Any:
    from counterpoise.identity import IdentityClient

    return IdentityClient(network.contract("IdentityRegistry"))


def _number(wad: int) -> str:
    """Write a number with 18 decimals without those that are zero."""
    return f"{Decimal(wad) / 10**18:f}"
