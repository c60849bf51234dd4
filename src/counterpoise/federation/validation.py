"""The rows on which contribution is scored: disclosed training rows, each with its proof."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from counterpoise.core.digest import dag_cbor, from_dag_cbor, sha256
from counterpoise.core.errors import InputError
from counterpoise.core.merkle import check_inclusion, leaf_hash
from counterpoise.federation.rules import Rows, TaskRules
from counterpoise.federation.rules.statistics import check_range

FORMAT = "counterpoise-validation/v1"
NUMBERS = 1 << 62


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One row that its owner disclosed for scoring.

    Parameters
    ----------
    row_root, rows :
        The dataset it belongs to: its root and its number of rows.
    index :
        Its place in the dataset.
    salt :
        16 bytes.
    values :
        Features in the order of the task, then the label; integers.
    proof :
        RFC 6962 inclusion proof under `row_root`.
    """

    row_root: bytes
    rows: int
    index: int
    salt: bytes
    values: tuple[int, ...]
    proof: tuple[bytes, ...]

    def check(self) -> None:
        """Check that the row is in its dataset; `VerificationError` if it is not."""
        leaf = leaf_hash(dag_cbor([self.salt, *self.values]))
        check_inclusion(leaf, self.index, self.rows, self.proof, self.row_root)

    def record(self) -> list[Any]:
        """Give the disclosure as plain values."""
        return [self.row_root, self.rows, self.index, self.salt, [*self.values], [*self.proof]]


@dataclass(frozen=True)
class ValidationSet:
    """All disclosed rows of a job, in the order that the sponsor committed to."""

    disclosures: tuple[Disclosure, ...]

    @cached_property
    def features(self) -> np.ndarray:
        """Raw integer features, ``(rows, features)`` int64."""
        return np.array([row.values[:-1] for row in self.disclosures], dtype=np.int64)

    @cached_property
    def labels(self) -> np.ndarray:
        """Classes, ``(rows,)`` int64."""
        return np.array([row.values[-1] for row in self.disclosures], dtype=np.int64)

    def check(self, rules: TaskRules) -> None:
        """Check every proof, and that the rows fit the rules.

        Raises
        ------
        VerificationError :
            A row is not in its dataset.
        InputError :
            The rows have another width, a value outside its range, or a label of no class.
        """
        for disclosure in self.disclosures:
            disclosure.check()
        self.check_fit(rules)

    def check_fit(self, rules: TaskRules) -> None:
        """Check that the rows fit the rules: width, ranges, labels; an `InputError` if not."""
        check_range(self.features, rules)
        Rows(self.features.astype(np.int32), self.labels).check(rules)

    def to_bytes(self) -> bytes:
        """Give the canonical bytes that the terms name by digest."""
        rows = [disclosure.record() for disclosure in self.disclosures]
        return dag_cbor({"format": FORMAT, "rows": rows})

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> "ValidationSet":
        """Read a validation set; its proofs are not checked here, see `Disclosure.check`."""
        record = from_dag_cbor(data)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise InputError(f"these bytes are no validation set of format {FORMAT}")
        try:
            rows = tuple(_disclosure(row) for row in record["rows"])
            if len({len(row.values) for row in rows}) != 1 or len(rows[0].values) < 2:
                raise ValueError("rows of different widths, or none")
            return cls(rows)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"the validation set is malformed: {error}") from error


def _disclosure(row: Sequence[Any]) -> Disclosure:
    row_root, rows, index, salt, values, proof = row
    found = Disclosure(row_root, rows, index, salt, tuple(values), tuple(proof))
    whole = all(type(number) is int and abs(number) < NUMBERS for number in (rows, index, *values))
    plain = all(type(part) is bytes for part in (row_root, salt, *proof))
    if not whole or not plain or not values:
        raise ValueError("a row is not of digests and 63-bit whole numbers")
    return found
