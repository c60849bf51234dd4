"""The verbs of escrowed work: ``counterpoise job create|fund|show|list|refund|claim``."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError
from counterpoise.core.units import format_tokens, parse_address, parse_tokens, to_checksum

if TYPE_CHECKING:
    from counterpoise.chain import Account
    from counterpoise.network import Network

DAY = 86_400
Record = dict[str, Any]
Verb = Callable[..., Record]

EXAMPLES = """\b
Examples:
  counterpoise job create --as sponsor --provider Cohort --evaluator Rounds --days 7
  counterpoise job fund 1 --budget 250 --as sponsor
  counterpoise job list
  counterpoise job claim 1 --dues dues.json --as ann
"""


class Desk:
    """What a verb works with: an opened network, its clients, and who signs.

    Parameters
    ----------
    name, key_env :
        A local account, or an environment variable that holds a key; one of them to sign.
    """

    def __init__(self, network: Network, name: str | None, key_env: str | None) -> None:
        from counterpoise.jobs import CohortClient, JobsClient

        self.network = network
        self.jobs = JobsClient(network.contract("Jobs"))
        self.cohort = CohortClient(network.contract("Cohort"), network.contract("CreditToken"))
        self._name, self._key_env = name, key_env

    @property
    def account(self) -> Account:
        """The account that signs."""
        from counterpoise.chain import Account

        if self._key_env:
            return Account.from_environment(self._key_env)
        if not self._name:
            raise InputError("nobody signs", hint="say --as NAME, or --key-env NAME")
        return self.network.account(self._name)

    def party(self, text: str) -> bytes:
        """Read an address, or the name of a contract of the network or of a local account."""
        if text.startswith("0x"):
            return parse_address(text)
        contracts = self.network.charter.contracts
        return contracts[text] if text in contracts else self.network.account(text).address

    def describe(self, number: int) -> Record:
        """Give everything that the chain says of one job."""
        found = self.jobs.job(number)
        record: Record = {
            "job": number,
            "status": found.status.name.lower(),
            "budget": format_tokens(found.budget),
            "expires": found.expires,
            "client": to_checksum(found.client),
            "provider": to_checksum(found.provider),
            "evaluator": to_checksum(found.evaluator),
            "description": self.jobs.description(number),
        }
        purse = self.cohort.purse(number)
        if purse.stage is not None:
            record |= {
                "members": len(self.cohort.members(number)),
                "stake": format_tokens(self.cohort.terms(number).stake),
                "cohort": purse.stage.name.lower(),
                "owed": format_tokens(purse.owed),
                "spare": format_tokens(purse.spare),
            }
        return record


@click.group(epilog=EXAMPLES)
def job() -> None:
    """Escrowed work: create, fund, claim, refund."""


def at_desk(verb: Verb) -> Callable[..., None]:
    """Add the options that say which network, who signs and how to answer; and answer."""

    @click.option("--as", "name", metavar="NAME", help="Local account that signs.")
    @click.option("--key-env", metavar="NAME", help="Environment variable with a key in hex.")
    @click.option(
        "--state", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the network."
    )
    @click.option("--chain", metavar="URL", help="Another way to the same chain.")
    @click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")
    @wraps(verb)
    def command(
        *args: Any,
        name: str | None,
        key_env: str | None,
        state: Path | None,
        chain: str | None,
        as_json: bool,
        **options: Any,
    ) -> None:
        from counterpoise.network import default_state, open_network

        with open_network(state or default_state(), chain=chain) as network:
            record = verb(Desk(network, name, key_env), *args, **options)
        click.echo(json.dumps(record) if as_json else as_lines(record))

    return command


def as_lines(record: Record) -> str:
    """Write a record as aligned lines, and a list of jobs as one line each."""
    if "jobs" in record:
        return "\n".join(
            f"{one['job']:>4}  {one['status']:<9}  {one['budget']:>12} tokens  "
            f"{one['description'][:60]}"
            for one in record["jobs"]
        )
    width = max(map(len, record))
    return "\n".join(f"{key:<{width}}  {value}" for key, value in record.items())


@job.command()
@click.option("--provider", metavar="WHO", help="Who works: an address, a contract, an account.")
@click.option("--evaluator", required=True, metavar="WHO", help="Who decides.")
@click.option("--days", type=click.FloatRange(min=0.05), default=7.0, show_default=True)
@click.option("--description", default="", help="A brief, or the digest of one in hex.")
@at_desk
def create(
    desk: Desk, provider: str | None, evaluator: str, days: float, description: str
) -> Record:
    """Open a job without funding it.

    Example: counterpoise job create --as sponsor --provider Cohort --evaluator Rounds --days 7
    """
    number = desk.jobs.create(
        desk.account,
        provider=desk.party(provider) if provider else bytes(20),
        evaluator=desk.party(evaluator),
        expires=desk.network.chain.block().time + round(days * DAY),
        description=description,
    )
    return desk.describe(number)


@job.command()
@click.argument("number", type=int)
@click.option("--budget", required=True, metavar="TOKENS", help="The price, such as 250 or 0.5.")
@at_desk
def fund(desk: Desk, number: int, budget: str) -> Record:
    """Set the price of job NUMBER and move it into escrow.

    Example: counterpoise job fund 1 --budget 250 --as sponsor
    """
    amount = parse_tokens(budget)
    if desk.jobs.job(number).budget != amount:
        desk.jobs.set_budget(desk.account, number, amount)
    desk.jobs.fund(desk.account, number, amount)
    return desk.describe(number)


@job.command()
@click.argument("number", type=int)
@at_desk
def show(desk: Desk, number: int) -> Record:
    """Show what the chain says of job NUMBER.

    Example: counterpoise job show 1 --json
    """
    return desk.describe(number)


@job.command("list")
@at_desk
def list_jobs(desk: Desk) -> Record:
    """List every job of the network.

    Example: counterpoise job list
    """
    return {"jobs": [desk.describe(number) for number in range(1, desk.jobs.count() + 1)]}


@job.command()
@click.argument("number", type=int)
@at_desk
def refund(desk: Desk, number: int) -> Record:
    """Give the client of job NUMBER back what is due to it; anyone may.

    That is the escrow of an expired job, or what a finished cohort did not allot.

    Example: counterpoise job refund 1 --as operator
    """
    if desk.jobs.job(number).status.holds_escrow:
        desk.jobs.claim_refund(desk.account, number)
    else:
        desk.cohort.refund(desk.account, number)
    return desk.describe(number)


@job.command()
@click.argument("number", type=int)
@click.option("--account", metavar="WHO", help="Who is paid.  [default: who signs]")
@click.option(
    "--dues",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON object: what each address is due in all, in base units as strings.",
)
@at_desk
def claim(desk: Desk, number: int, account: str | None, dues: Path) -> Record:
    """Draw a member's pay of job NUMBER, and its stake with it; anyone may.

    Example: counterpoise job claim 1 --dues dues.json --as ann
    """
    paid = desk.party(account) if account else desk.account.address
    claims = desk.cohort.claims(number, desk.cohort.purse(number).round_id, read_dues(dues))
    if claims.root != desk.cohort.pay_root(number):
        raise InputError(
            f"{dues} is not what the chain committed to for job {number}",
            hint="take the dues of its last round, from its statements",
        )
    proof = claims.proof(paid)
    desk.cohort.claim(desk.account, number, paid, claims.due[paid], proof)
    member = desk.cohort.member(number, paid)
    if member is not None and member.stake:
        desk.cohort.withdraw(desk.account, number, paid)
    return {"job": number, "account": to_checksum(paid), "paid": format_tokens(claims.due[paid])}


def read_dues(path: Path) -> dict[bytes, int]:
    """Read what each address is due."""
    try:
        return {parse_address(at): int(due) for at, due in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f"{path} holds no dues: {error}", hint='write {"0x…": "1500000000000000000"}'
        ) from error
