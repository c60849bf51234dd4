"""An owner's integer rows under a salted Merkle root, and the few that it discloses."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from counterpoise.core.digest import dag_cbor
from counterpoise.core.merkle import inclusion_proof, leaf_hashes, root_of_hashes
from counterpoise.core.shares import allocate
from counterpoise.federation.validation import Disclosure, ValidationSet


@dataclass(frozen=True, eq=False)
class CommittedRows:
    """Rows with their salts; all of it but the root stays with its owner.

    Parameters
    ----------
    values :
        ``(rows, features + 1)`` int64, the label last.
    salts :
        16 bytes for each row: without them a row could be guessed from its leaf.
    """

    values: np.ndarray
    salts: tuple[bytes, ...]

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

    @cached_property
    def hashes(self) -> np.ndarray:
        """Leaf hash of each row, as `Disclosure.check` computes it."""
        rows = zip(self.salts, self.values.tolist(), strict=True)
        return leaf_hashes([dag_cbor([salt, *row]) for salt, row in rows])

    @cached_property
    def root(self) -> bytes:
        """The row root that the dataset statement commits to."""
        return root_of_hashes(self.hashes)

    def sample(self, count: int) -> list[int]:
        """Choose rows to disclose, class by class in proportion; always the same ones.

        At most half of the rows are chosen.
        """
        rng = np.random.default_rng(int.from_bytes(self.root[:8], "big"))
        classes = {
            bytes([label]): np.flatnonzero(self.labels == label)
            for label in set(self.labels.tolist())
        }
        sizes = {key: len(rows) for key, rows in classes.items()}
        shares = allocate(sizes, min(count, len(self.values) // 2))
        chosen = [rng.permutation(rows)[: shares[key]] for key, rows in classes.items()]
        return sorted(int(index) for part in chosen for index in part)

    def disclose(self, indices: Iterable[int]) -> ValidationSet:
        """Give some rows with their salts and proofs, for others to see."""
        return ValidationSet(
            tuple(
                Disclosure(
                    self.root,
                    len(self.values),
                    index,
                    self.salts[index],
                    tuple(int(value) for value in self.values[index]),
                    tuple(inclusion_proof(self.hashes, index)),
                )
                for index in indices
            )
        )
