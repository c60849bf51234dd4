"""The verbs that need no network: rows, the check of a receipt, models for stock tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError
from counterpoise.provenance.answers_cli import as_json, put, say, verifier_of

if TYPE_CHECKING:
    from counterpoise.provenance import RowCommitment, Schema


@click.group()
def rows() -> None:
    """Commit to a dataset's rows, and prove single ones.

    Example: counterpoise provenance rows commit patients.csv --column age:int64 --out kept
    """


@rows.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--column", "columns", multiple=True, required=True, metavar="NAME:TYPE")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to keep it in.")
@as_json
def commit(source: Path, columns: tuple[str, ...], out: Path, wants_json: bool) -> None:
    """Commit to all rows of a CSV or Parquet file.

    OUT keeps commitment.json, which may be published, and salts and leaves, which may not.

    Example: counterpoise provenance rows commit patients.csv --column age:int64 --out kept
    """
    from counterpoise.provenance import Schema, commit_rows

    schema = Schema.of(**dict(_typed(column) for column in columns))
    out.mkdir(parents=True, exist_ok=True)
    made = commit_rows(source, schema, out / "salts", leaves=out / "leaves")
    record = {"row_root": made.root.hex(), "rows": made.count, "schema": schema.to_record()}
    (out / "commitment.json").write_text(json.dumps(record, indent=2) + "\n")
    say(wants_json, record, [f"{made.count} rows, root {made.root.hex()}", f"kept in {out}"])


@rows.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("row", type=click.IntRange(0))
@click.option("--kept", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Proof to write.")
@as_json
def prove(source: Path, row: int, kept: Path, out: Path, wants_json: bool) -> None:
    """Open one row of a committed file to whoever gets the proof.

    Example: counterpoise provenance rows prove patients.csv 7 --kept kept --out row-7.proof
    """
    from counterpoise.provenance import LeafFile, SaltFile, read_row, row_proof

    _, schema = _commitment(kept / "commitment.json")
    salts, leaves = SaltFile(kept / "salts"), LeafFile(kept / "leaves")
    values = read_row(source, schema, row)
    proof = row_proof(row, values, schema=schema, salts=salts, leaves=leaves)
    put(proof.to_bytes(), out, wants_json, {"row": row})


@rows.command("check")
@click.argument("proof", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("commitment", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_json
def check_opened(proof: Path, commitment: Path, wants_json: bool) -> None:
    """Check an opened row against a published commitment.json.

    Example: counterpoise provenance rows check row-7.proof commitment.json
    """
    from counterpoise.provenance import RowProof, check_row

    made, schema = _commitment(commitment)
    opened = RowProof.from_bytes(proof.read_bytes())
    check_row(opened, made, schema)
    values = dict(zip(schema.names, opened.values, strict=True))
    lines = [f"true: row {opened.index}", *(f"  {name}: {v}" for name, v in values.items())]
    say(wants_json, {"row": opened.index, "values": values}, lines)


@click.command()
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


@click.group()
def export() -> None:
    """Write evidence for other tools.

    Example: counterpoise provenance export entry 12 --as proof --out 12.tlog-proof
    """


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


def _typed(column: str) -> tuple[str, str]:
    name, found, kind = column.rpartition(":")
    if not found:
        raise InputError(f"column {column!r} has no type", hint="NAME:TYPE, such as age:int64")
    return name, kind


def _commitment(path: Path) -> tuple[RowCommitment, Schema]:
    from counterpoise.provenance import RowCommitment, Schema

    try:
        record: dict[str, Any] = json.loads(path.read_text())
        schema = Schema.from_record(record["schema"])
        made = RowCommitment(bytes.fromhex(record["row_root"]), record["rows"], schema.digest)
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise InputError(f"{path} is no commitment: {wrong}") from wrong
    return made, schema
