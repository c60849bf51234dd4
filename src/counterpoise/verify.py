"""The verb `verify`: which room re-derives what.

A receipt is checked by `provenance`, offline; a job, one of its rounds or its model by
`federation`. A room that adds a kind of evidence adds a line to `CHECKS`.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError, VerificationError

if TYPE_CHECKING:
    from counterpoise.network import Network
    from counterpoise.provenance import Verdict

Progress = Callable[[str], None]
SHOWN = 10
"""Falsehoods that are shown on a terminal."""


def check_all(network: "Network", what: str, verdict: "Verdict", progress: Progress) -> None:
    """Check every job of a network, every answer, every alert, and what was built on them."""
    from counterpoise.apps.bazaar.verify import verify_bazaar
    from counterpoise.apps.diagnosis.verify import verify_opinions
    from counterpoise.apps.lending.verify import verify_lending
    from counterpoise.consensus import verify_consensus
    from counterpoise.federation import job_ids, verify_job
    from counterpoise.market import verify_data_jobs, verify_listings
    from counterpoise.monitor import verify_alerts
    from counterpoise.oracle import verify_answers

    jobs = job_ids(network)
    for job in jobs:
        verify_job(network, job, verdict, on_section=progress)
    answers = verify_answers(network, verdict, progress)
    alerts = verify_alerts(network, verdict, progress)
    epochs = verify_consensus(network, verdict, progress)
    on_data = verify_data_jobs(network, verdict, progress)
    verify_listings(network, verdict, progress)
    if not (jobs or answers or alerts or epochs or on_data):
        raise InputError(
            "on this network no job was ever opened, no question asked, no alert stated, "
            "no epoch of a market closed, and no job done on a dataset",
            hint="run `counterpoise demo`",
        )
    verify_opinions(network, verdict, progress)
    verify_lending(network, verdict, progress)
    verify_bazaar(network, verdict, progress)


def check_one_round(network: "Network", what: str, verdict: "Verdict", progress: Progress) -> None:
    """Check one round, written ``JOB/ROUND``."""
    from counterpoise.federation import job_ids, verify_job

    job, number = (int(part) for part in what.split("/"))
    if job not in job_ids(network):
        raise InputError(f"no job {job} was opened on this network", hint="counterpoise job list")
    verify_job(network, job, verdict, only_round=number, on_section=progress)


def check_model(network: "Network", what: str, verdict: "Verdict", progress: Progress) -> None:
    """Check the job that delivered a model, named by its digest or the beginning of it."""
    from counterpoise.federation import Book, job_ids, verify_job

    entries = list(network.log_reader().entries())
    books = [Book.read(entries, job) for job in job_ids(network)]
    delivered = {book.job: book.model.statement.subject[0].digest for book in books if book.model}
    found = [job for job, digest in delivered.items() if digest.hex().startswith(what.lower())]
    if len(found) != 1:
        known = ", ".join(digest.hex()[:16] for digest in delivered.values()) or "none"
        raise InputError(
            f"{len(found)} models have a digest that begins with {what!r}", hint=f"known: {known}"
        )
    verify_job(network, found[0], verdict, on_section=progress)


CHECKS: tuple[tuple[str, Callable[..., None]], ...] = (
    (r"", check_all),
    (r"\d+/\d+", check_one_round),
    (r"[0-9a-fA-F]{6,64}", check_model),
)


EXAMPLES = """\b
Examples:
  counterpoise verify --state DIR
  counterpoise verify 1/3 --json
  counterpoise verify receipt.json
"""


@click.command(epilog=EXAMPLES)
@click.argument("what", default="")
@click.option("--state", type=click.Path(path_type=Path), help="Folder of the network.")
@click.option("--network", "charter", type=click.Path(path_type=Path), help="A network.json.")
@click.option("--chain", help="Another way to the same chain, such as a URL.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(
    what: str, state: Path | None, charter: Path | None, chain: str | None, as_json: bool
) -> int:
    """Re-derive every number from chain, log and blobs; name the first false one.

    WHAT is a model's digest (or its beginning), a round as JOB/ROUND, or a receipt file;
    nothing means everything in the state. Exits 5 if anything is false.
    """
    from counterpoise.network import default_state

    folder = state or default_state()
    if what and Path(what).is_file():
        return _verify_receipt(Path(what), charter or folder / "network.json", as_json=as_json)
    check = next((check for form, check in CHECKS if re.fullmatch(form, what)), None)
    if check is None:
        raise InputError(
            f"{what!r} is no receipt file, no round (JOB/ROUND) and no digest of a model",
            hint="counterpoise verify --help",
        )
    from counterpoise.network import open_network
    from counterpoise.provenance import Verdict

    started, verdict = time.perf_counter(), Verdict()
    with open_network(folder, chain=chain) as network, _status() as say:
        check(network, what, verdict, say)
    return report(verdict, time.perf_counter() - started, as_json=as_json)


def report(verdict: "Verdict", seconds: float, *, as_json: bool) -> int:
    """Print a verdict and give the exit code: 0, or 5 if something is false."""
    record: dict[str, Any] = {
        "numbers": verdict.numbers,
        "false": [
            {"name": f.name, "found": _plain(f.found), "wanted": _plain(f.wanted)}
            for f in verdict.false
        ],
        "seconds": round(seconds, 3),
    }
    if as_json:
        click.echo(json.dumps(record))
    elif verdict.first is None:
        click.echo(
            f"verified: {verdict.numbers:,} numbers re-derived, none false ({seconds:.2f} s)"
        )
    else:
        click.echo(f"FALSE: {verdict.first}")
        for other in verdict.false[1:SHOWN]:
            click.echo(f"  also: {other}")
        if len(verdict.false) > SHOWN:
            click.echo(f"  and {len(verdict.false) - SHOWN} more; --json names them all")
    return 0 if verdict.first is None else VerificationError.exit_code


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    return value if isinstance(value, str | bool) else str(value)


@contextmanager
def _status() -> Iterator[Progress]:
    """Show which part is being checked, on a terminal only."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("verifying") as live:
        yield lambda part: live.update(f"verifying {part}")


def _verify_receipt(path: Path, charter_path: Path, *, as_json: bool) -> int:
    """Check a receipt offline, against the log key of a charter and the key its entry names."""
    from counterpoise.core.units import parse_address
    from counterpoise.network import Charter
    from counterpoise.provenance import AddressVerifier, Receipt, check_receipt, kind_of

    charter = Charter.load(charter_path)
    receipt = Receipt.from_bytes(path.read_bytes())
    signers = [signature.keyid for signature in receipt.envelope.signatures]
    keys = [AddressVerifier(parse_address(keyid)) for keyid in signers]
    statement = check_receipt(receipt, keys, charter.log_vkey, threshold=len(keys))
    record = {
        "kind": kind_of(statement),
        "signers": signers,
        "entry": receipt.proof.index,
        "log": charter.log_origin,
        "anchored": receipt.anchor.head.size if receipt.anchor else None,
        "subject": statement.subject[0].digest.hex(),
    }
    if as_json:
        click.echo(json.dumps(record))
        return 0
    anchored = f", anchored with {record['anchored']} entries" if receipt.anchor else ""
    click.echo(f"true: a {record['kind']} statement about {record['subject']}")
    click.echo(f"signed by {', '.join(signers)}")
    click.echo(f"entry {record['entry']} of {record['log']}{anchored}")
    return 0
