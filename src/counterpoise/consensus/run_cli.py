"""The verb `run`: one process that validates, and keeps the market's epochs on time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.consensus.market_cli import Desk, at_market, market_option
from counterpoise.core.errors import InputError
from counterpoise.core.units import parse_tokens, to_checksum
from counterpoise.network import FILE, FOLDER, answer, by_account, in_network, progress

if TYPE_CHECKING:
    from counterpoise.chain import Account
    from counterpoise.consensus.checks import Case
    from counterpoise.consensus.examiner import Sources
    from counterpoise.consensus.keeper import Worker
    from counterpoise.consensus.validator import Policy


@click.command()
@click.option("--checks", type=FILE, help='Lines {"question": …, "label": …}; text, or 0x and hex.')
@click.option("--pool", type=FILE, help='Lines {"question": …} as buyers ask them; may be shown.')
@click.option("--traffic", type=FILE, help="Such lines that somebody wants answered; never shown.")
@click.option("--provider", "providers", multiple=True, metavar="NUMBER=URL", help="Repeatable.")
@click.option(
    "--model", "models", multiple=True, metavar="NUMBER=FILE", help="What it says it runs."
)
@click.option("--form", type=click.Choice(["raw", "oip"]), default="raw", show_default=True)
@click.option("--home", type=FOLDER, metavar="DIR", help="Own folder; one by account if not given.")
@click.option("--questions", default=16, show_default=True, help="Checks for each provider.")
@click.option("--others", default=8, show_default=True, help="Other questions for each.")
@click.option("--patience", default=100, show_default=True, help="Steps of 50 ms to an answer.")
@click.option("--compared", default=0, show_default=True, help="Last bytes of a label; 0: all.")
@click.option("--spread", default=0, show_default=True, help="Seconds over which it asks.")
@click.option(
    "--most", default="0.01", show_default=True, metavar="TOKENS", help="For one question."
)
@click.option("--budget", default="10", show_default=True, metavar="TOKENS", help="For all.")
@click.option("--payer", metavar="NAME", help="Local key that pays providers, who see it.")
@click.option("--payer-env", metavar="NAME", help="The same from an environment variable.")
@click.option(
    "--courtesy", default=0, show_default=True, help="Seconds a result is left to others."
)
@click.option("--no-keeper", is_flag=True, help="Neither open, nor propose, nor finish epochs.")
@click.option("--seconds", type=float, help="Stop after so long; else at Ctrl-C.")
@market_option
@by_account
@in_network
def run(
    which: str,
    wants_json: bool,
    seconds: float | None,
    no_keeper: bool,
    courtesy: int,
    **options: Any,
) -> None:
    """Validate a market, and keep its epochs on time; without --checks or --model only keep.

    Stopped or killed at any point, the same command goes on where it was.

    Example: counterpoise consensus run --account ann --checks checks.jsonl --provider 2=URL
    """
    from counterpoise.consensus.keeper import run as work

    rest = {key: options.pop(key) for key in _OWN}
    with at_market(which, options) as desk, progress(quiet=wants_json) as say:
        account = desk.signer(0 if no_keeper else desk.client.terms.bond)
        say(f"working as {to_checksum(account.address)}")
        workers, close = _workers(desk, account, say, rest, None if no_keeper else courtesy)
        before, end = desk.client.epoch().number, time.monotonic() + (seconds or 0)
        try:
            work(workers, lambda: seconds is not None and time.monotonic() >= end, say)
        finally:
            close()
        epoch = desk.client.epoch().number
    record = {"epoch": epoch, "opened": epoch - before}
    answer(wants_json, record, f"epoch {epoch}; {epoch - before} were opened meanwhile")


LATE = 8
"""So many epochs later a score sheet is still taken into the log."""
_ASKS = ("checks", "pool", "traffic", "providers", "models", "form", "home", "most", "budget")
_OWN = (*_ASKS, "payer", "payer_env", "questions", "others", "patience", "compared", "spread")


def _workers(
    desk: Desk, account: Account, say: Callable[[str], None], rest: dict[str, Any], courtesy: Any
) -> tuple[list[Worker], Callable[[], None]]:
    """Make who works: a validator, a keeper, or both; and what lets go of their folders."""
    from counterpoise.consensus.evidence import NetworkEvidence
    from counterpoise.consensus.keeper import Keeper
    from counterpoise.consensus.validator import Validator

    evidence = NetworkEvidence(desk.network, desk.client.address)
    workers: list[Worker] = []
    close: Callable[[], None] = lambda: None  # noqa: E731
    if rest["checks"] or rest["models"]:
        payer = _payer(desk, account, rest, say)
        who = (desk.client, account, _sources(desk, payer, rest), evidence)
        home = _home(desk, account, rest["home"])
        validator = Validator(*who, home, _policy(rest), say, start=desk.start)
        workers.append(validator)
        close = validator.close
    if courtesy is not None:
        collect = lambda ledger: evidence.collect(ledger.closed[-LATE:])  # noqa: E731
        keeper = Keeper(desk.client, account, 0, courtesy, say, start=desk.start, collect=collect)
        workers.append(keeper)
    if not workers:
        raise InputError("nothing to do", hint="give --checks FILE, or leave --no-keeper out")
    return workers, close


def _home(desk: Desk, account: Account, folder: Path | None) -> Path:
    """Give a validator's folder: the one named, or one by market and account."""
    from platformdirs import user_data_path

    name = f"{desk.client.address.hex()[:12]}-{account.address.hex()[:12]}"
    return folder or user_data_path("counterpoise") / "validators" / name


def _policy(rest: dict[str, Any]) -> Policy:
    from counterpoise.consensus.scoring import Rule
    from counterpoise.consensus.validator import Policy

    rule = Rule(rest["questions"], rest["others"], rest["patience"], compared=rest["compared"])
    return Policy(rule, spread_seconds=rest["spread"])


def _payer(
    desk: Desk, account: Account, rest: dict[str, Any], say: Callable[[str], None]
) -> Account:
    """Give who pays providers: best somebody whom they do not know for a validator."""
    from counterpoise.network import draw_from_faucet, signer

    payer = signer(desk.network, None, rest["payer_env"], None, rest["payer"])
    if payer is None:
        say("providers see this account pay and may know it for a validator's: give --payer")
        return account
    draw_from_faucet(desk.network, payer, parse_tokens(rest["budget"]))
    return payer


def _sources(desk: Desk, account: Account, rest: dict[str, Any]) -> Sources:
    """Make what a validator asks with, from files and addresses."""
    from counterpoise.consensus.examiner import Sources
    from counterpoise.consensus.http_ask import FORMS, HttpAsk
    from counterpoise.inference import load_model
    from counterpoise.payments import Allowance, Budget, Buyer

    call, total = parse_tokens(rest["most"]), parse_tokens(rest["budget"])
    token = (f"eip155:{desk.network.chain.chain_id()}", desk.client.terms.token)
    buyer = Buyer(account, Budget({token: Allowance(call, total, total)}))
    ask = HttpAsk(_by_number(rest["providers"], "--provider"), buyer, FORMS[rest["form"]])
    models = {n: load_model(path) for n, path in _by_number(rest["models"], "--model").items()}
    bank = read_cases(rest["checks"]) if rest["checks"] else []
    pool, traffic = (
        [one for one, _ in _lines(rest[name])] if rest[name] else [] for name in ("pool", "traffic")
    )
    return Sources(ask, bank, pool, models, traffic)


def _by_number(pairs: Sequence[str], option: str) -> dict[int, str]:
    """Read pairs such as ``2=http://…``."""
    found: dict[int, str] = {}
    for pair in pairs:
        number, _, value = pair.partition("=")
        if not number.isdecimal() or not value:
            raise InputError(f"{option} {pair} is no pair", hint=f"such as {option} 2=VALUE")
        found[int(number)] = value
    return found


def read_cases(path: Path) -> list[Case]:
    """Read labelled questions, one JSON object a line.

    Raises
    ------
    InputError :
        Names the line that has no question or no label.
    """
    from counterpoise.consensus.checks import Case

    return [Case(question, label) for question, label in _lines(path)]


def _lines(path: Path) -> list[tuple[bytes, bytes]]:
    """Give question and label of each line; the label is empty where there is none."""
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as failed:
        raise InputError(f"{path} cannot be read: {failed}") from None
    for count, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            found.append((_bytes(record["question"]), _bytes(record.get("label", ""))))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(
                f"line {count} of {path} is no question",
                hint='write {"question": "text or 0x…", "label": "text or 0x…"}',
            ) from None
    return found


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()
