"""An owner's integer rows under a salted Merkle root, and the few that it discloses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.core.shares import allocate
from counterpoise.federation.validation import Disclosure, ValidationSet
from counterpoise.provenance import Column, LeafFile, SaltFile, Schema, commit_rows, row_proof

ENCODING = "salted-dag-cbor/v1"
"""How a dataset statement names the way in which rows become leaves."""

SALTS, LEAVES = "rows.salts", "rows.leaves"


@dataclass(frozen=True, eq=False)
class CommittedRows:
    """Rows under a root; all of it but the root stays with its owner.

    Parameters
    ----------
    values :
        ``(rows, features + 1)`` int64, the label last.
    schema :
        Names of the columns, all of them integers.
    root :
        The row root that a dataset statement tells.
    folder :
        Where the salts and the leaf hashes are.
    """

    values: np.ndarray
    schema: Schema
    root: bytes
    folder: Path

    @property
    def features(self) -> np.ndarray:
        """Raw integer features, ``(rows, features)``."""
        found: np.ndarray = self.values[:, :-1]
        return found

    @property
    def labels(self) -> np.ndarray:
        """Classes, ``(rows,)``."""
        found: np.ndarray = self.values[:, -1]
        return found

    def sample(self, count: int) -> list[int]:
        """Choose rows to disclose, class by class in proportion; always the same ones.

        At most half of the rows are chosen.
        """
        rng = np.random.default_rng(int.from_bytes(self.root[:8], "big"))
        classes = {bytes([label]): label for label in sorted(set(self.labels.tolist()))}
        rows = {key: np.flatnonzero(self.labels == label) for key, label in classes.items()}
        sizes = {key: len(found) for key, found in rows.items()}
        shares = allocate(sizes, min(count, len(self.values) // 2))
        chosen = [rng.permutation(found)[: shares[key]] for key, found in rows.items()]
        return sorted(int(index) for part in chosen for index in part)

    def disclose(self, indices: Iterable[int]) -> ValidationSet:
        """Give some rows with their salts and proofs, for others to see."""
        salts, leaves = SaltFile(self.folder / SALTS), LeafFile(self.folder / LEAVES)
        found = []
        for index in indices:
            values = tuple(int(value) for value in self.values[index])
            proof = row_proof(index, values, schema=self.schema, salts=salts, leaves=leaves)
            row = (self.root, len(self.values), index, proof.salt, values, proof.path)
            found.append(Disclosure(*row))
        return ValidationSet(tuple(found))


def committed(folder: Path, values: np.ndarray, names: Sequence[str]) -> CommittedRows:
    """Commit to rows, with fresh salts at first and the same ones ever after.

    Parameters
    ----------
    folder :
        Keeps the salts, which are secrets, and the leaf hashes.
    values :
        ``(rows, columns)`` int64.
    names :
        Of the columns.

    Raises
    ------
    InputError :
        The folder holds a commitment to other rows.
    """
    schema = Schema(tuple(Column(name, "int64") for name in names))
    columns = {name: values[:, at] for at, name in enumerate(names)}
    salts, leaves = folder / SALTS, folder / LEAVES
    if not leaves.exists():
        known = SaltFile(salts) if salts.exists() else salts
        root = commit_rows(columns, schema, known, leaves=leaves).root
        return CommittedRows(values, schema, root, folder)
    kept = LeafFile(leaves)
    same = kept.count == len(values) and kept.schema_digest == schema.digest
    if not same or commit_rows(columns, schema, SaltFile(salts)).root != kept.root:
        raise InputError(
            f"the rows are not those that {folder} has committed to",
            hint="give the same file and task again, or another --home DIR",
        )
    return CommittedRows(values, schema, kept.root, folder)
