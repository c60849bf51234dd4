"""The verb `federation`: open, join, run, look at and settle a training job."""

from pathlib import Path
from typing import Any

import click

from counterpoise.federation.watch_cli import watch
from counterpoise.network import (
    FILE,
    FOLDER,
    answer,
    as_json,
    by_account,
    entered,
    in_network,
    key_of,
    named,
    patient,
    progress,
    signer,
)

EXAMPLES = """\b
Examples:
  counterpoise federation init --state DIR --chain http://127.0.0.1:8545
  counterpoise federation disclose TASK.json --rows rows.csv --label ill --out ann.rows
  counterpoise federation open TASK.json --state DIR --local-key sponsor
  counterpoise federation join 1 --network network.json --rows rows.csv --label ill
      --name ann --local-key ann
  counterpoise federation run 1 --state DIR --members 2
The whole way is in docs/guides/federation.md.
"""


@click.group(epilog=EXAMPLES)
def federation() -> None:
    """Train one model with many owners, each in a process of its own."""


federation.add_command(watch)


@federation.command()
@click.option("--state", type=FOLDER, metavar="DIR", help="State folder to make.")
@click.option("--chain", default="embedded:", show_default=True, metavar="URL", help="The chain.")
@click.option("--store", metavar="PLACE", help="Where blobs and mail are shared; DIR if not given.")
@by_account
@as_json
def init(state: Path | None, chain: str, store: str | None, wants_json: bool, **keys: Any) -> None:
    """Deploy the contracts on a chain and make the state folder.

    DIR/network.json is the charter: give it to sponsors and participants. On a local chain a
    faucet gives development keys gas money and test tokens.

    Example: counterpoise federation init --state DIR --chain http://127.0.0.1:8545
    """
    from counterpoise.network import create_network, default_state, fill_faucet

    folder, operator = state or default_state(), key_of(**keys)
    place = str(Path(store).resolve()) if store and "://" not in store else store or ""
    with create_network(folder, chain=chain, store=place, operator=operator) as network:
        fill_faucet(network, operator or network.account("operator"))
        charter = folder / "network.json"
        record = {"charter": str(charter), "chain_id": network.charter.chain_id}
        record |= {n: "0x" + at.hex() for n, at in sorted(network.charter.contracts.items())}
    answer(wants_json, record, f"network of chain {record['chain_id']}: {charter}")


@federation.command()
@click.argument("task", type=FILE)
@click.option("--rows", "rows_file", type=FILE, required=True, help="Own rows, a CSV file.")
@click.option("--label", required=True, metavar="COLUMN", help="Column of the class.")
@click.option("--home", type=FOLDER, metavar="DIR", help="Own folder. Default: one by --name.")
@click.option("--name", required=True, help="Who the owner is, for people.")
@click.option("--count", default=30, show_default=True, help="How many rows to disclose.")
@click.option("--out", type=FILE, required=True, metavar="FILE", help="File for the sponsor.")
@as_json
def disclose(
    task: Path,
    rows_file: Path,
    label: str,
    home: Path | None,
    name: str,
    count: int,
    out: Path,
    wants_json: bool,
) -> None:
    """Commit to own rows and write a few of them, with proofs, for scoring.

    They leave this machine: everybody will be able to read them. At most half of the rows are
    chosen, class by class in proportion. All other rows stay.

    Example: counterpoise federation disclose TASK.json --rows rows.csv --label ill --name ann
    --out ann.rows
    """
    from counterpoise.federation.home import home_of, keep_file
    from counterpoise.federation.task_file import load_task

    rules, own = load_task(task).rules, home_of(name, home)
    with own.occupied():
        rows = _committed(own, rows_file, label, rules)
        chosen = rows.sample(count)
        keep_file(out, rows.disclose(chosen).to_bytes())
    record = {"file": str(out), "rows": len(rows.values), "disclosed": len(chosen)}
    record["row_root"] = rows.root.hex()
    line = f"{len(chosen)} of {len(rows.values)} rows disclosed in {out}"
    answer(wants_json, record, line, f"row root {rows.root.hex()}")


@federation.command("open")
@click.argument("task", type=FILE)
@by_account
@in_network
def open_(task: Path, wants_json: bool, **options: Any) -> None:
    """Open the job of TASK: its pot goes into escrow, its terms are signed.

    Interrupted, the same command goes on; done, it changes nothing.

    Example: counterpoise federation open TASK.json --state DIR --local-key sponsor
    """
    from counterpoise.federation.evidence import Notary
    from counterpoise.federation.mail import post_letter, task_topic
    from counterpoise.federation.sponsor import open_job
    from counterpoise.federation.task_file import load_task
    from counterpoise.network import draw_from_faucet

    found = load_task(task)
    with _network(options) as network:
        sponsor = named(signer(network, **options))
        draft = found.draft(network.charter.operator)
        draw_from_faucet(network, sponsor, draft.rules.pot)
        notary = Notary(sponsor, lambda: network.chain.block("latest").time)
        terms, envelope = open_job(network, notary, draft)
        post_letter(network.mailbox, task_topic(terms.job), sponsor.address, envelope.to_bytes())
    record = {"job": terms.job, "terms": terms.digest.hex(), "pot": str(terms.rules.pot)}
    answer(wants_json, record, f"job {terms.job} is open", f"terms {terms.digest.hex()}")


@federation.command()
@click.argument("job", type=int)
@click.option("--rows", "rows_file", type=FILE, required=True, help="Own rows, a CSV file.")
@click.option("--label", required=True, metavar="COLUMN", help="Column of the class.")
@click.option("--name", required=True, help="Who the owner is, for people; public.")
@click.option("--home", type=FOLDER, metavar="DIR", help="Own folder. Default: one by --name.")
@click.option("--source", default="private", show_default=True, help="Where the rows are from.")
@click.option(
    "--licence", default="private", show_default=True, help="On what terms they are used."
)
@click.option("--steps", default=100, show_default=True, help="Local updates in a round.")
@click.option("--batch", default=4, show_default=True, help="Rows in a local update.")
@click.option("--rate", default=0.01, show_default=True, help="Local learning rate.")
@patient
@by_account
@in_network
def join(
    job: int, rows_file: Path, label: str, name: str, home: Path | None, **options: Any
) -> None:
    """Join JOB with a stake, train round by round, and draw the pay.

    Rows never leave; what must survive a crash is in the home folder. Stopped by Ctrl-C, by a
    crash or by a node that is away, the same command goes on where it was.

    Example: counterpoise federation join 1 --network network.json --chain http://127.0.0.1:8545
    --store PLACE --rows rows.csv --label ill --name ann --local-key ann
    """
    from counterpoise.core.units import format_tokens, to_checksum
    from counterpoise.federation.home import home_of
    from counterpoise.federation.learners import GradientLearner
    from counterpoise.federation.lookup import fetch_terms
    from counterpoise.federation.node import Node, Origin
    from counterpoise.federation.trainers import HonestTrainer

    wants_json, own = options.pop("wants_json"), home_of(name, home)
    learning = {key: options.pop(key) for key in ("steps", "batch", "rate")}
    origin = Origin(options.pop("source"), options.pop("licence"))
    with (
        own.occupied(),
        _network(options) as network,
        progress(quiet=wants_json) as say,
    ):
        account = named(signer(network, **options))
        terms = fetch_terms(network, job)
        rows = _committed(own, rows_file, label, terms.rules)
        learner = GradientLearner(terms.rules.model, **learning)
        trainer = HonestTrainer(learner, rows.features, rows.labels)
        node = Node(network, account, name, terms, own, rows, trainer, origin, say)
        drawn = node.run()
    record = {"job": job, "address": to_checksum(account.address), "rounds": node.answered}
    record |= {"due": str(drawn.due), "paid": str(drawn.paid)}
    record |= {"stake_returned": str(drawn.stake_returned)}
    line = f"{name} is due {format_tokens(drawn.due)} tokens and drew {format_tokens(drawn.paid)}"
    answer(wants_json, record, line)


@federation.command()
@click.argument("job", type=int)
@click.option("--members", type=click.IntRange(min=1), help="Begin when so many have joined.")
@click.option("--join-seconds", default=300, show_default=True, help="Begin after so long.")
@patient
@by_account
@in_network
def run(job: int, members: int | None, join_seconds: int, **options: Any) -> None:
    """Coordinate JOB: gather members, run the rounds, let it be paid.

    Only one process may do so at a time. Stopped, the same command goes on where it was.

    Example: counterpoise federation run 1 --state DIR --members 2
    """
    from counterpoise.federation.evidence import Notary
    from counterpoise.federation.host import Host
    from counterpoise.federation.lookup import fetch_terms

    wants_json = options.pop("wants_json")
    with _network(options) as network, progress(quiet=wants_json) as say:
        account = signer(network, **options) or network.account("operator")
        notary = Notary(account, lambda: network.chain.block("latest").time)
        host = Host(network, notary, fetch_terms(network, job), members, join_seconds, say)
        last = host.run()[-1]
    record = {"job": job, "rounds": last.number, "model": last.model.digest.hex()}
    record["pay_total"] = str(last.standing.total)
    answer(wants_json, record, f"job {job} is paid; model {record['model']}")


@federation.command("list")
@in_network
def list_(wants_json: bool, **options: Any) -> None:
    """List the jobs of a network.

    Example: counterpoise federation list --state DIR
    """
    from counterpoise.federation.overview import job_record
    from counterpoise.federation.screen import job_lines
    from counterpoise.federation.verify import job_ids

    with _network(options) as network:
        found = [job_record(network, job) for job in job_ids(network)]
    answer(wants_json, {"jobs": found}, *job_lines(found))


@federation.command()
@click.argument("job", type=int)
@in_network
def show(job: int, wants_json: bool, **options: Any) -> None:
    """Show JOB: its state, its participants, their scores and pay, who was refused and why.

    It repeats what is stated; `counterpoise verify` re-derives it.

    Example: counterpoise federation show 1 --state DIR --json
    """
    from counterpoise.federation.overview import full_record
    from counterpoise.federation.screen import full_lines

    with _network(options) as network:
        found = full_record(network, job)
    answer(wants_json, found, *full_lines(found))


@federation.command()
@click.argument("job", type=int)
@click.option("--for", "address", metavar="ADDRESS", help="Who is paid. Default: who signs.")
@by_account
@in_network
def claim(job: int, address: str | None, wants_json: bool, **options: Any) -> None:
    """Draw what an account is due in JOB, and its stake with it.

    Anyone may; only the account is paid. A job whose time has come is finished first.

    Example: counterpoise federation claim 1 --network network.json --keystore key.json
    """
    from counterpoise.core.units import format_tokens, parse_address, to_checksum
    from counterpoise.federation.lookup import fetch_terms
    from counterpoise.federation.settlement import draw, finish_if_over

    with _network(options) as network:
        sender = named(signer(network, **options))
        terms = fetch_terms(network, job)
        account = parse_address(address) if address else sender.address
        finish_if_over(network, sender, terms)
        drawn = draw(network, sender, terms, account)
    record = {"job": job, "address": to_checksum(account), "due": str(drawn.due)}
    record |= {"paid": str(drawn.paid), "stake_returned": str(drawn.stake_returned)}
    line = f"{to_checksum(account)} drew {format_tokens(drawn.paid)} tokens and "
    answer(wants_json, record, f"{line}{format_tokens(drawn.stake_returned)} of its stake")


def _network(options: dict[str, Any]) -> Any:
    """Enter the network that the options name, and take those options away."""
    places = [options.pop(name) for name in ("state", "charter", "chain", "store")]
    return entered(*places, tries=options.pop("tries", 5))


def _committed(home: Any, rows_file: Path, label: str, rules: Any) -> Any:
    """Load rows as the task declares them, and commit to them in an owner's folder."""
    from counterpoise.federation.rows_file import load_rows

    values = load_rows(rows_file, rules.features, label, rules.model.classes)
    return home.commit(values, [*(feature.name for feature in rules.features), label])
