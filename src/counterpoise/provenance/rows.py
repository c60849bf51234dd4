"""Commitments to rows: one root for a dataset, from which single rows are proven or erased.

A row's leaf is SHA-256 of 0x00 and the DAG-CBOR list of a salt and the row's values. Whoever
holds the root learns nothing of a row, not even by guessing its values, until its owner opens
it with its salt. Erasing a row destroys its salt: its leaf stays in the tree as a hash of bytes
that nobody can make again, and the proofs of all other rows stay valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from counterpoise.core.digest import dag_cbor, from_dag_cbor
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.merkle import Hashes, check_inclusion, leaf_hash
from counterpoise.provenance.rows_hashing import leaf_hashes
from counterpoise.provenance.rows_leaves import LeafFile, LeafTree, LeafWriter
from counterpoise.provenance.rows_salts import (
    KnownSalts,
    SaltFile,
    Salts,
    SaltWriter,
    draw_salts,
)
from counterpoise.provenance.rows_schema import ENCODING, Column, Schema, Value, row_bytes
from counterpoise.provenance.rows_sources import CsvSource, RowSource, Source, read_row, row_source

__all__ = [
    "ENCODING",
    "Column",
    "CsvSource",
    "LeafFile",
    "RowCommitment",
    "RowProof",
    "RowSource",
    "SaltFile",
    "Schema",
    "check_row",
    "commit_rows",
    "read_row",
    "row_proof",
]

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the rows done and the rows there are, None if that is not known."""

BATCH = 65_536


@dataclass(frozen=True, slots=True)
class RowCommitment:
    """What a dataset statement tells about rows.

    Parameters
    ----------
    root :
        RFC 6962 root over the leaves of all rows, 32 bytes.
    count :
        Number of rows.
    schema_digest :
        `Schema.digest` of the columns.
    """

    root: bytes
    count: int
    schema_digest: bytes


@dataclass(frozen=True, slots=True)
class RowProof:
    """One row, opened: all that is needed to check it against a `RowCommitment`.

    The values and the salt are left out of its ``repr``, so that no log shows them by accident.
    """

    index: int
    values: tuple[Value, ...] = field(repr=False)
    salt: bytes = field(repr=False)
    path: tuple[bytes, ...] = field(repr=False)

    def to_bytes(self) -> bytes:
        """Give the proof as DAG-CBOR."""
        return dag_cbor([self.index, [*self.values], self.salt, [*self.path]])

    @classmethod
    def from_bytes(cls, data: bytes) -> RowProof:
        """Read what `to_bytes` wrote.

        Raises
        ------
        InputError :
            The bytes are no row's proof.
        """
        match from_dag_cbor(data):
            case [int(index), list(values), bytes(salt), list(path)] if all(
                isinstance(node, bytes) for node in path
            ):
                return cls(index, tuple(values), salt, tuple(path))
        raise InputError("these bytes are no row's proof")


def commit_rows(
    source: Source,
    schema: Schema,
    salts: Path | SaltFile | Salts | None = None,
    *,
    leaves: Path | None = None,
    progress: Progress | None = None,
) -> RowCommitment:
    """Commit to all rows of a source.

    Rows are read in batches: the memory needed does not grow with the source, save for one hash
    for each 256 rows. A file that is written appears when all rows are in.

    Parameters
    ----------
    source :
        A ``.csv`` or ``.parquet`` path, columns by name, a structured array, or a `RowSource`.
    schema :
        The columns to commit to, in order; other columns of the source are left out.
    salts :
        Where to keep the salts: the path of a new file. A `SaltFile` or an array of shape
        (n, 16), all different, to commit again with known salts. If None, fresh salts are
        forgotten at once, so that no row can be opened later.
    leaves :
        Path of a new `LeafFile`, which `row_proof` needs.
    progress :
        Called after every batch.

    Raises
    ------
    InputError :
        The source has no rows, lacks a column, or holds a value that the schema does not allow:
        NaN, an infinity, null in a column without ``?``, another type. The message names the
        row and the column and never tells the value. Or: the salts are too few, too many, erased
        or not all different; a file exists already.
    StorageError :
        A disk failed. No file is left behind.
    """
    rows = row_source(source)
    tree = LeafTree()
    with ExitStack() as files:
        writer = known = leaf_writer = None
        if isinstance(salts, Path):
            writer = files.enter_context(SaltWriter(salts))
        elif salts is not None:
            known = KnownSalts(salts)
        if leaves:
            leaf_writer = files.enter_context(LeafWriter(leaves, schema.digest))
        origin = writer or known
        draw = origin.draw if origin else draw_salts
        for hashes in _hashed(rows, schema, draw, progress):
            tree.append(hashes)
            if leaf_writer:
                leaf_writer.append(hashes)
        if not tree.count:
            raise InputError("there are no rows to commit to")
        if known and known.count != tree.count:
            raise InputError(f"{known.count} salts for {tree.count} rows")
        root = tree.upper_levels()[-1].tobytes()
        if writer:
            writer.finish()
        if leaf_writer:
            leaf_writer.complete(tree)
    return RowCommitment(root, tree.count, schema.digest)


def _hashed(
    rows: RowSource, schema: Schema, draw: Callable[[int], Salts], progress: Progress | None
) -> Iterator[Hashes]:
    first = 0
    for batch in rows.batches(schema, BATCH):
        count = len(batch[0])
        for cells in batch:
            cells.check(first)
        yield leaf_hashes(batch, draw(count), rows.count or first + count)
        first += count
        if progress:
            progress(first, rows.count)


def row_proof(
    i: int, values: Sequence[Value], *, schema: Schema, salts: SaltFile, leaves: LeafFile
) -> RowProof:
    """Open row `i`: its values, its salt and the way from its leaf to the root.

    Parameters
    ----------
    i :
        Number of the row, from 0.
    values :
        Its values in the schema's order, such as `read_row` gives them.

    Raises
    ------
    InputError :
        There is no row `i`, it was erased, or a value is not what the schema allows.
    VerificationError :
        The values, or the schema, are not those that were committed to, or the file of leaf
        hashes has changed.
    """
    schema.check_values(values, i)
    if leaves.schema_digest != schema.digest:
        raise VerificationError("the leaf hashes are of another schema, or of other columns' order")
    proof = RowProof(i, tuple(values), salts.salt(i), tuple(leaves.inclusion(i)))
    leaf = leaf_hash(row_bytes(proof.salt, proof.values))
    if leaf != leaves.leaf(i):
        raise VerificationError(f"row {i} is not the row that was committed to")
    check_inclusion(leaf, i, leaves.count, proof.path, leaves.root)
    return proof


def check_row(proof: RowProof, commitment: RowCommitment, schema: Schema) -> None:
    """Check that a row with these values is in the dataset that a commitment names.

    Parameters
    ----------
    commitment :
        Root, number of rows and schema digest from a statement that is trusted. The number
        matters: without it the proof of one row could pass for another's.

    Raises
    ------
    VerificationError :
        The schema is another, a value is not of its type, or the row is not under the root.
    """
    if schema.digest != commitment.schema_digest:
        raise VerificationError("the schema is not the one that was committed to")
    try:
        schema.check_values(proof.values, proof.index)
        leaf = leaf_hash(row_bytes(proof.salt, proof.values))
    except InputError as wrong:
        raise VerificationError(f"the opened row is none of this schema: {wrong}") from wrong
    check_inclusion(leaf, proof.index, commitment.count, proof.path, commitment.root)
