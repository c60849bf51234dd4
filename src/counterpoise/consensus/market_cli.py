"""Verbs that send one transaction to a market: create, fund, register, stake, leave, claim."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError
from counterpoise.core.units import format_tokens, parse_tokens, to_checksum
from counterpoise.network import answer, by_account, entered, in_network, named, signer

if TYPE_CHECKING:
    from counterpoise.chain import Account
    from counterpoise.consensus.client import ConsensusClient
    from counterpoise.network import Network

market_option = click.option(
    "--market", "which", default="", metavar="NAME", help="Name or address; else the only one."
)
KEYS = ("keystore", "key_env", "local_key", "account")


@dataclass(frozen=True)
class Desk:
    """An opened market, and who signs."""

    network: Network
    client: ConsensusClient
    start: int
    account: Account | None

    def signer(self, tokens: int = 0) -> Account:
        """Give who signs; on a local chain a development key that has `tokens` base units."""
        from counterpoise.network import draw_from_faucet

        account = named(self.account)
        lacks = tokens > self.client.token.balance(account.address)
        draw_from_faucet(self.network, account, tokens if lacks else 0)
        return account


@contextmanager
def at_market(which: str, options: dict[str, Any]) -> Iterator[Desk]:
    """Open the market that the options name; takes them out of `options`."""
    from counterpoise.consensus.markets import open_market

    places = [options.pop(name) for name in ("state", "charter", "chain", "store")]
    keys = {name: options.pop(name) for name in KEYS if name in options}
    with entered(*places) as network:
        account = signer(network, **keys) if keys else None
        client, start = open_market(network, which)
        yield Desk(network, client, start, account)


@click.command()
@click.option("--name", default="market", show_default=True, help="How this folder calls it.")
@click.option("--pay", required=True, metavar="TOKENS", help="Of an epoch.")
@click.option("--bond", default="", metavar="TOKENS", help="Of a result. Default: as the pay.")
@click.option("--least-stake", default="10", show_default=True, metavar="TOKENS", help="Of a seat.")
@click.option(
    "--entry", default="0", show_default=True, metavar="TOKENS", help="Burnt by who comes."
)
@click.option("--kappa", default=50, show_default=True, help="Per cent of stake behind a weight.")
@click.option("--commit", "commit_seconds", default=3600, show_default=True, help="Seconds.")
@click.option("--reveal", "reveal_seconds", default=3600, show_default=True, help="Seconds.")
@click.option("--propose", "propose_seconds", default=3600, show_default=True, help="Seconds.")
@click.option("--challenge", "challenge_seconds", default=7200, show_default=True, help="Seconds.")
@by_account
@in_network
def create(
    name: str,
    pay: str,
    bond: str,
    least_stake: str,
    entry: str,
    kappa: int,
    wants_json: bool,
    **options: Any,
) -> None:
    """Create a market; its terms stand for ever, nobody owns it.

    Example: counterpoise consensus create --pay 100 --commit 600 --account operator
    """
    from counterpoise.consensus.client import MarketTerms
    from counterpoise.consensus.fixed import ONE
    from counterpoise.consensus.markets import found_market
    from counterpoise.network import draw_from_faucet

    if not 0 <= kappa < 100:
        raise InputError(f"kappa {kappa} is not between 0 and 99 per cent")
    places = [options.pop(key) for key in ("state", "charter", "chain", "store")]
    keys = {key: options.pop(key) for key in KEYS}
    paid = parse_tokens(pay)
    with entered(*places) as network:
        account = named(signer(network, **keys))
        draw_from_faucet(network, account, 0)
        terms = MarketTerms(
            network.contract("CreditToken").address,
            paid,
            parse_tokens(bond) if bond else paid,
            parse_tokens(least_stake),
            parse_tokens(entry),
            kappa * ONE // 100,
            **options,
        )
        client = found_market(network, account, terms, name)
    record = {"market": name, "address": to_checksum(client.address)}
    answer(wants_json, record, f"market {name} is at {record['address']}")


@click.command()
@click.argument("amount", metavar="TOKENS")
@market_option
@by_account
@in_network
def fund(amount: str, which: str, wants_json: bool, **options: Any) -> None:
    """Add TOKENS to the pot that epochs are paid from.

    Example: counterpoise consensus fund 800 --account operator
    """
    tokens = parse_tokens(amount)
    with at_market(which, options) as desk:
        desk.client.fund(desk.signer(tokens), tokens)
        spare = format_tokens(desk.client.purse()[1])
    answer(wants_json, {"pot": spare}, f"the pot holds {spare} tokens")


@click.command()
@click.option("--number", type=int, help="A vacant one. Default: the first.")
@market_option
@by_account
@in_network
def register(number: int | None, which: str, wants_json: bool, **options: Any) -> None:
    """Stand under a number, as a provider or a validator; it counts from the next epoch on.

    Example: counterpoise consensus register --account cleo
    """
    with at_market(which, options) as desk:
        found = desk.client.register(desk.signer(desk.client.terms.entry), number)
    answer(wants_json, {"number": found}, f"member {found}")


@click.command()
@click.argument("amount", metavar="TOKENS")
@click.option("--seat", type=click.IntRange(0, 63), help="Default: a free one.")
@market_option
@by_account
@in_network
def stake(amount: str, seat: int | None, which: str, wants_json: bool, **options: Any) -> None:
    """Add TOKENS to one's stake; who has no seat takes one.

    Example: counterpoise consensus stake 40 --account ann
    """
    tokens = parse_tokens(amount)
    with at_market(which, options) as desk:
        account = desk.signer(tokens)
        taken = set(desk.client.ledger().seats.values())
        free = next((one for one in range(64) if one + 1 not in taken), 0)
        desk.client.stake(account, tokens, free if seat is None else seat)
        found = desk.client.member(desk.client.number_of(account.address))
    assert found is not None
    record = {"stake": format_tokens(found.stake), "seat": found.seat - 1}
    answer(wants_json, record, f"{record['stake']} tokens at stake, seat {record['seat']}")


@click.command()
@click.argument("amount", metavar="TOKENS")
@market_option
@by_account
@in_network
def unstake(amount: str, which: str, wants_json: bool, **options: Any) -> None:
    """Take TOKENS of stake out, while no epoch holds them.

    Example: counterpoise consensus unstake 40 --account ann
    """
    with at_market(which, options) as desk:
        desk.client.unstake(desk.signer(), parse_tokens(amount))
    answer(wants_json, {"paid": amount}, f"{amount} tokens are back")


@click.command()
@market_option
@by_account
@in_network
def leave(which: str, wants_json: bool, **options: Any) -> None:
    """Give one's number up, and draw what is due to it; the stake must be out.

    Example: counterpoise consensus leave --account cleo
    """
    with at_market(which, options) as desk:
        account = desk.signer()
        number = desk.client.number_of(account.address)
        desk.client.leave(account)
    answer(wants_json, {"number": number}, f"number {number} is vacant")


@click.command()
@click.argument("number", type=int, required=False)
@market_option
@by_account
@in_network
def claim(number: int | None, which: str, wants_json: bool, **options: Any) -> None:
    """Draw what member NUMBER is due, by default one's own. Only the member is paid.

    Example: counterpoise consensus claim --account cleo
    """
    with at_market(which, options) as desk:
        account = desk.signer()
        whose = desk.client.number_of(account.address) if number is None else number
        before = desk.client.ledger().drawn.get(whose, 0)
        desk.client.claim(account, whose)
        paid = format_tokens(desk.client.ledger().drawn[whose] - before)
    answer(wants_json, {"number": whose, "paid": paid}, f"member {whose} drew {paid} tokens")
