"""The verbs of datasets: commit to rows, prove one, check a proof, erase some."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError
from counterpoise.provenance.state_cli import as_json, at_state, put, say, sha256_of

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


@rows.command()
@click.argument("proof", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("commitment", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_json
def check(proof: Path, commitment: Path, wants_json: bool) -> None:
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
