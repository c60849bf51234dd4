"""The verbs of evidence: ``counterpoise provenance log|show|receipt|check|lineage|export|rows``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError
from counterpoise.provenance.answers_cli import (
    as_json,
    envelope_at,
    index_of,
    put,
    reader_of,
    say,
    sha256_of,
    verdict_on,
    when,
)
from counterpoise.provenance.offline_cli import check, export, rows

if TYPE_CHECKING:
    from counterpoise.provenance import AnchorReference, Index, LogReader

__all__ = ["provenance"]

EXAMPLES = """\b
Examples:
  counterpoise provenance log --kind model
  counterpoise provenance show 12
  counterpoise provenance lineage            of the newest model
  counterpoise provenance receipt 12 --anchored --out model.receipt
"""


def at_state(verb: Callable[..., None]) -> Callable[..., None]:
    """Add the option that names the state folder; without it the default one is used."""

    @click.option(
        "--state", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the network."
    )
    @wraps(verb)
    def command(*args: Any, state: Path | None, **options: Any) -> None:
        from counterpoise.network import default_state

        verb(state or default_state(), *args, **options)

    return command


@click.group(epilog=EXAMPLES)
def provenance() -> None:
    """Read the evidence log: statements, receipts, lineage; commit to rows and erase them."""


provenance.add_command(rows)
provenance.add_command(check)
provenance.add_command(export)


@provenance.command()
@click.option("--kind", help="Only statements of one kind, such as model.")
@click.option("--actor", help="Only statements of one actor.")
@click.option("--last", type=click.IntRange(1), default=20, show_default=True)
@click.option("--audit", is_flag=True, help="Check every tile and every entry first.")
@at_state
@as_json
def log(
    state: Path, kind: str | None, actor: str | None, last: int, audit: bool, wants_json: bool
) -> None:
    """List the log's newest entries under its signed checkpoint.

    Example: counterpoise provenance log --kind model --audit
    """
    reader = reader_of(state)
    checked = reader.check() if audit else None
    with index_of(state, reader) as index:
        found = index.entries(kind=kind, actor=actor)
    head = reader.checkpoint()
    record = {
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "audited": checked,
        "entries": [
            {"entry": e.position, "kind": e.kind, "actor": e.actor, "time": e.time}
            | {"statement": e.digest.hex()}
            for e in found[-last:]
        ],
    }
    lines = [f"{head.origin}  {head.size} entries  root {head.root.hex()[:16]}"]
    lines += ["every tile and every entry is as signed"] if audit else []
    lines += [
        f"{e.position:>7}  {e.kind or '(no statement)':<13} {when(e.time)}  {e.actor[:20]}"
        for e in found[-last:]
    ]
    say(wants_json, record, lines)


@provenance.command()
@click.argument("what")
@at_state
@as_json
def show(state: Path, what: str, wants_json: bool) -> None:
    """Show one statement: WHAT is its number in the log, or the beginning of a digest.

    Example: counterpoise provenance show 12
    """
    reader = reader_of(state)
    with index_of(state, reader) as index:
        position = _position(index, reader, what)
    envelope = envelope_at(reader.entry(position), position)
    statement = envelope.statement
    signatures = [
        {"keyid": s.keyid, "verifies": verdict_on(envelope, s.keyid, s.sig)}
        for s in envelope.signatures
    ]
    record = {
        "entry": position,
        "type": statement.predicate_type,
        "subject": [{"name": s.name, "sha256": s.digest.hex()} for s in statement.subject],
        "predicate": dict(statement.predicate),
        "statement": statement.digest.hex(),
        "signatures": signatures,
    }
    lines = [f"entry {position}  {statement.predicate_type}"]
    lines += [f"  about {s.name}  {s.digest.hex()}" for s in statement.subject]
    lines += json.dumps(record["predicate"], indent=2).splitlines()
    lines += [f"  signed by {s['keyid']}: {s['verifies']}" for s in signatures]
    say(wants_json, record, lines)


@provenance.command()
@click.argument("what", required=False)
@click.option("--depth", type=click.IntRange(0, 200), default=4, show_default=True)
@click.option("--most", type=click.IntRange(1), default=12, show_default=True, help="Per node.")
@at_state
@as_json
def lineage(state: Path, what: str | None, depth: int, most: int, wants_json: bool) -> None:
    """Draw what a thing was made from: the beginning of a digest, or the newest model.

    Example: counterpoise provenance lineage --depth 3
    """
    reader = reader_of(state)
    with index_of(state, reader) as index:
        digest = index.completed(what) if what else _newest_model(index, reader)
        tree = index.lineage(digest, depth=depth)
    say(wants_json, tree.to_record(), [tree.render(most=most)])


@provenance.command()
@click.argument("what")
@click.option("--out", type=click.Path(path_type=Path), help="File to write; else printed.")
@click.option("--anchored", is_flag=True, help="Join it to the head that the chain holds.")
@at_state
@as_json
def receipt(state: Path, what: str, out: Path | None, anchored: bool, wants_json: bool) -> None:
    """Write the receipt of one statement: all that is needed to check it offline.

    Example: counterpoise provenance receipt 12 --anchored --out model.receipt
    """
    from counterpoise.provenance import make_receipt

    reader = reader_of(state)
    with index_of(state, reader) as index:
        position = _position(index, reader, what)
    anchor = _anchor(state, position) if anchored else None
    made = make_receipt(reader, position, anchor)
    put(made.to_bytes(), out, wants_json, {"entry": position, "anchored": anchored})


@export.command()
@click.argument("what")
@click.option(
    "--as",
    "form",
    type=click.Choice(["envelope", "statement", "proof"]),
    default="envelope",
    show_default=True,
    help="DSSE envelope, in-toto statement, or C2SP tlog-proof.",
)
@click.option("--out", type=click.Path(path_type=Path), help="File to write; else printed.")
@at_state
@as_json
def entry(state: Path, what: str, form: str, out: Path | None, wants_json: bool) -> None:
    """Write one entry as other tools read it.

    Example: counterpoise provenance export entry 12 --as proof --out 12.tlog-proof
    """
    from counterpoise.provenance import prove

    reader = reader_of(state)
    with index_of(state, reader) as index:
        position = _position(index, reader, what)
    body = reader.entry(position)
    if form == "statement":
        body = envelope_at(body, position).payload
    elif form == "proof":
        body = prove(reader, position).to_bytes()
    put(body, out, wants_json, {"entry": position, "form": form})


@provenance.command()
@click.argument("positions", type=click.IntRange(0), nargs=-1, required=True)
@click.option("--kept", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--dataset", required=True, help="SHA-256 of the dataset statement's subject.")
@click.option("--reason", required=True)
@click.option("--authority", required=True, help="Who may ask for it.")
@click.option("--as", "name", required=True, metavar="NAME", help="Local account that signs.")
@at_state
@as_json
def erase(
    state: Path,
    positions: tuple[int, ...],
    kept: Path,
    dataset: str,
    name: str,
    wants_json: bool,
    **why: Any,
) -> None:
    """Erase rows: destroy their salts, and say so in the log.

    Leaves and all other proofs stay. Delete the rows themselves, and every copy and backup of
    the salts: no program can do that for you. What a model learnt from a row is not undone.

    Example: counterpoise provenance erase 7 --kept kept --dataset 9f… --reason request
    --authority owner --as clinic
    """
    from counterpoise.network import open_network
    from counterpoise.provenance import AccountSigner, SaltFile, Subject, build_statement, sign

    erased = sorted(set(positions))
    with open_network(state) as network:
        signer = AccountSigner(network.account(name))
        statement = build_statement(
            "erasure",
            [Subject("dataset", sha256_of(dataset))],
            actor=signer.keyid,
            time=int(time.time()),
            nonce=os.urandom(16),
            dataset=sha256_of(dataset),
            positions=erased,
            **why,
        )
        salts = SaltFile(kept / "salts")
        for row in erased:
            salts.erase(row)
        entry = network.log.append([sign(statement, signer).to_bytes()]).start
    record = {"entry": entry, "positions": erased}
    say(wants_json, record, [f"erased {len(erased)} rows; entry {entry} says so"])


def _position(index: Index, reader: LogReader, what: str) -> int:
    """The number of an entry, of which `what` is the number or a digest about it."""
    if what.isdecimal() and len(what) < 20:
        if int(what) >= reader.size:
            raise InputError(f"no entry {what} in a log of {reader.size}")
        return int(what)
    return index.about(index.completed(what))[-1].position


def _newest_model(index: Index, reader: LogReader) -> bytes:
    found = index.entries(kind="model")
    if not found:
        raise InputError("the log holds no model yet", hint="name a digest")
    newest = found[-1].position
    return envelope_at(reader.entry(newest), newest).statement.subject[0].digest


def _anchor(state: Path, position: int) -> AnchorReference:
    from counterpoise.network import open_network
    from counterpoise.provenance import AnchorClient, log_id

    with open_network(state) as network:
        charter = network.charter
        name = log_id(charter.operator, charter.log_origin, charter.log_vkey)
        return AnchorClient(network.contract("Anchor")).reference(name, size=position + 1)
