"""The verb `oracle`: serve, ask, and look at a network's oracle."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.network import (
    FILE,
    FOLDER,
    answer,
    by_account,
    entered,
    in_network,
    named,
    progress,
    signer,
)

if TYPE_CHECKING:
    from counterpoise.chain import Account
    from counterpoise.network import Network

KEYS = ("keystore", "key_env", "local_key", "account")
LEVELS = click.Choice(["quorum", "optimistic", "zk", "direct"])
Verb = Callable[..., tuple[dict[str, Any], list[str]]]

EXAMPLES = """\b
Examples:
  counterpoise oracle serve --state DIR --account nina --level optimistic
  counterpoise oracle ask risk --csv rows.csv --line 3 --fee 2 --account client
  counterpoise oracle latest risk COMMITMENT
  counterpoise oracle status
The whole way is in docs/guides/oracle.md.
"""


@click.group(epilog=EXAMPLES)
def oracle() -> None:
    """Ask a model through the oracle, or answer for one."""


class Desk:
    """An opened network, its oracle, and who signs."""

    def __init__(self, network: Network, keys: dict[str, Any]) -> None:
        from counterpoise.oracle.client import OracleClient

        self.network = network
        self.oracle = OracleClient(network.contract("Oracle"))
        self._keys = keys

    @property
    def account(self) -> Account:
        """The account that signs."""
        return named(signer(self.network, **self._keys))


def at_desk(verb: Verb) -> Callable[..., None]:
    """Add the options that say which network, who signs and how to answer; and answer."""

    @by_account
    @in_network
    @wraps(verb)
    def command(*args: Any, wants_json: bool, **options: Any) -> None:
        places = [options.pop(name) for name in ("state", "charter", "chain", "store")]
        keys = {name: options.pop(name) for name in KEYS}
        with entered(*places) as network, progress(quiet=wants_json) as say:
            record, lines = verb(Desk(network, keys), *args, say=say, **options)
        answer(wants_json, record, *lines)

    return command


@oracle.command()
@click.option("--level", "levels", type=LEVELS, multiple=True, help="Where to answer; repeatable.")
@click.option("--home", type=FOLDER, metavar="DIR", help="Own folder; one by account if not given.")
@click.option("--least-fee", default="0", metavar="TOKENS", help="Leave what pays less to others.")
@click.option("--most-callback-gas", default=1_000_000, show_default=True)
@click.option("--hide-traces", is_flag=True, help="Put no hidden layers on the chain unasked.")
@click.option("--zk-key", "zk_keys", type=FOLDER, multiple=True, help="Key folder; repeatable.")
@click.option("--seconds", type=float, help="Stop after so long; else at Ctrl-C.")
@at_desk
def serve(
    desk: Desk,
    say: Callable[[str], None],
    levels: tuple[str, ...],
    home: Path | None,
    least_fee: str,
    most_callback_gas: int,
    hide_traces: bool,
    zk_keys: tuple[Path, ...],
    seconds: float | None,
) -> tuple[dict[str, Any], list[str]]:
    """Follow requests, answer them, dispute false answers, draw the fees.

    Stopped or killed at any point, the same command goes on where it was.

    Example: counterpoise oracle serve --state DIR --account nina --level optimistic
    """
    from counterpoise.core.units import parse_tokens, to_checksum
    from counterpoise.oracle.policy import Policy
    from counterpoise.oracle.views import chosen_levels, serve_for

    policy = Policy(least_fee=parse_tokens(least_fee), most_callback_gas=most_callback_gas)
    account = desk.account
    say(f"serving as {to_checksum(account.address)}")
    answered = serve_for(
        desk.network,
        account,
        home,
        levels=chosen_levels(levels),
        policy=policy,
        say=say,
        publish_traces=not hide_traces,
        zk_keys=zk_keys,
        seconds=seconds,
    )
    return {"fulfilled": answered}, [f"{answered} requests were fulfilled meanwhile"]


@oracle.command()
@click.argument("model")
@click.option("--values", metavar="BYTES", help="The input itself, such as 10,200,3,4.")
@click.option("--csv", "table", type=FILE, help="Take the input from a CSV file with a header.")
@click.option("--line", default=1, show_default=True, help="Which row of it.")
@click.option("--clip", is_flag=True, help="Take values outside calibration as the range's end.")
@click.option("--level", type=LEVELS, default="optimistic", show_default=True)
@click.option("--fee", default="1", show_default=True, metavar="TOKENS")
@click.option("--hours", default=24.0, show_default=True, help="Until the deadline.")
@click.option("--wait", default=0.0, metavar="SECONDS", help="Wait so long for the answer.")
@at_desk
def ask(
    desk: Desk, say: Callable[[str], None], model: str, wait: float, **options: Any
) -> tuple[dict[str, Any], list[str]]:
    """Ask MODEL (a name, or the beginning of its id) about one input, and print the answer.

    The input goes into the network's store in clear; the chain sees a salted commitment.

    Example: counterpoise oracle ask risk --csv rows.csv --line 3 --fee 2 --account client --wait 60
    """
    from counterpoise.oracle.views import await_answer, place_request

    id_, commitment = place_request(desk.network, desk.account, model, **options)
    say(f"request {id_} is placed; its input is committed to as {commitment.hex()}")
    record, lines = await_answer(desk.network, id_, wait, say)
    return record | {"commitment": commitment.hex()}, lines


@oracle.command()
@click.argument("model")
@click.argument("commitment")
@click.option("--least-level", type=LEVELS, default="quorum", show_default=True)
@click.option("--max-age", type=int, metavar="SECONDS", help="Refuse an older answer.")
@at_desk
def latest(
    desk: Desk,
    say: Callable[[str], None],
    model: str,
    commitment: str,
    least_level: str,
    max_age: int | None,
) -> tuple[dict[str, Any], list[str]]:
    """Show the newest answer of MODEL about the input of a COMMITMENT.

    Example: counterpoise oracle latest risk 5f0c… --least-level optimistic --max-age 3600
    """
    from counterpoise.oracle.views import latest_view

    return latest_view(desk.network, model, commitment, least_level, max_age)


@oracle.command()
@click.argument("request", type=int, required=False)
@at_desk
def status(
    desk: Desk, say: Callable[[str], None], request: int | None
) -> tuple[dict[str, Any], list[str]]:
    """Show where REQUEST stands, or every request.

    Example: counterpoise oracle status 3 --json
    """
    from counterpoise.oracle.views import request_view, requests_view

    if request is None:
        return requests_view(desk.network)
    return request_view(desk.network, request)


@oracle.command()
@click.argument("request", type=int)
@at_desk
def cancel(
    desk: Desk, say: Callable[[str], None], request: int
) -> tuple[dict[str, Any], list[str]]:
    """Give the fee of a REQUEST that nobody answered back to its client; anyone may.

    Example: counterpoise oracle cancel 3 --account client
    """
    from counterpoise.core.units import format_tokens

    desk.oracle.cancel(desk.account, request)
    fee = format_tokens(desk.oracle.request_of(request).fee)
    return {"request": request, "refunded": fee}, [f"request {request}: {fee} tokens went back"]


@oracle.command()
@click.option("--for", "address", metavar="ADDRESS", help="Who is paid. Default: who signs.")
@at_desk
def withdraw(
    desk: Desk, say: Callable[[str], None], address: str | None
) -> tuple[dict[str, Any], list[str]]:
    """Draw the fees that an account has earned; anyone may, only the account is paid.

    Example: counterpoise oracle withdraw --account nina
    """
    from counterpoise.core.units import format_tokens, parse_address, to_checksum

    who = parse_address(address) if address else desk.account.address
    earned = desk.oracle.credit(who)
    desk.oracle.withdraw(desk.account, who)
    record = {"account": to_checksum(who), "paid": format_tokens(earned)}
    return record, [f"{record['account']} drew {record['paid']} tokens"]
