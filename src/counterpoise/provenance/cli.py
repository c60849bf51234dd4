"""The verbs of evidence: ``counterpoise provenance log|show|receipt|check|lineage|export|rows``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from counterpoise.core.errors import InputError
from counterpoise.provenance.dataset_cli import erase, rows
from counterpoise.provenance.state_cli import (
    as_json,
    at_state,
    index_of,
    put,
    reader_of,
    say,
    verifier_of,
    when,
)

if TYPE_CHECKING:
    from counterpoise.provenance import AnchorReference, Envelope, Index, LogReader

__all__ = ["provenance"]

EXAMPLES = """\b
Examples:
  counterpoise provenance log --kind model
  counterpoise provenance show 12
  counterpoise provenance lineage            of the newest model
  counterpoise provenance receipt 12 --anchored --out model.receipt
"""


@click.group(epilog=EXAMPLES)
def provenance() -> None:
    """Read the evidence log: statements, receipts, lineage; commit to rows and erase them."""


provenance.add_command(rows)
provenance.add_command(erase)


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
    envelope = _envelope(reader.entry(position), position)
    statement = envelope.statement
    signatures = [
        {"keyid": s.keyid, "verifies": _verifies(envelope, s.keyid, s.sig)}
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


@provenance.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--vkey", required=True, help="The log's pinned verifier key.")
@click.option("--signer", "signers", required=True, multiple=True, help="Pinned key id.")
@click.option("--threshold", type=click.IntRange(1), default=1, show_default=True)
@as_json
def check(
    file: Path, vkey: str, signers: tuple[str, ...], threshold: int, wants_json: bool
) -> None:
    """Check a receipt offline, by pinned keys alone.

    An anchor in the receipt is checked to belong to the same log; whether the chain holds it is
    for a node to say.

    Example: counterpoise provenance check model.receipt --vkey V --signer 0xAb…
    """
    from counterpoise.provenance import Receipt, check_receipt

    made = Receipt.from_bytes(file.read_bytes())
    keys = [verifier_of(signer) for signer in signers]
    statement = check_receipt(made, keys, vkey, threshold=threshold)
    anchor = made.anchor.to_record() if made.anchor else None
    record = {
        "entry": made.proof.index,
        "type": statement.predicate_type,
        "statement": statement.digest.hex(),
        "anchor": anchor,
    }
    lines = [f"true: entry {made.proof.index}, {statement.predicate_type}"]
    lines += [f"  about {s.name}  {s.digest.hex()}" for s in statement.subject]
    lines += [f"  anchored: {anchor}"] if anchor else ["  not anchored"]
    say(wants_json, record, lines)


@provenance.group()
def export() -> None:
    """Write evidence for other tools.

    Example: counterpoise provenance export entry 12 --as proof --out 12.tlog-proof
    """


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
        body = _envelope(body, position).payload
    elif form == "proof":
        body = prove(reader, position).to_bytes()
    put(body, out, wants_json, {"entry": position, "form": form})


@export.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--key", type=click.Path(path_type=Path), required=True, help="P-256 key, PEM.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Signature to write.")
@as_json
def model(folder: Path, key: Path, out: Path, wants_json: bool) -> None:
    """Sign a model's folder so that ``model_signing verify key`` accepts it.

    Example: counterpoise provenance export model MODEL --key key.pem --out model.sig
    """
    from counterpoise.provenance import export_model_signature
    from counterpoise.provenance.signers import load_p256

    put(export_model_signature(folder, load_p256(key)), out, wants_json, {"model": folder.name})


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
    return _envelope(reader.entry(newest), newest).statement.subject[0].digest


def _envelope(body: bytes, position: int) -> Envelope:
    from counterpoise.provenance import Envelope

    try:
        return Envelope.from_bytes(body)
    except InputError as wrong:
        raise InputError(f"entry {position} is no statement: {wrong.message}") from wrong


def _verifies(envelope: Envelope, keyid: str, signature: bytes) -> str:
    """Whether a signature is of the key that its id names; P-256 ids name a hash only."""
    try:
        key = verifier_of(keyid)
    except InputError:
        return "key not known here"
    return "true" if key.verifies(envelope.pae(), signature) else "FALSE"


def _anchor(state: Path, position: int) -> AnchorReference:
    from counterpoise.network import open_network
    from counterpoise.provenance import AnchorClient, log_id

    with open_network(state) as network:
        charter = network.charter
        name = log_id(charter.operator, charter.log_origin, charter.log_vkey)
        return AnchorClient(network.contract("Anchor")).reference(name, size=position + 1)
