"""The file of salts: what hides the rows, and what erasing a row destroys."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError, StorageError
from counterpoise.provenance.rows_files import FinishedOnce
from counterpoise.provenance.rows_schema import SALT_BYTES

Salts = npt.NDArray[np.uint8]
ERASED = bytes(SALT_BYTES)


class SaltFile:
    """Sixteen random bytes for each row, in a file that only its owner can read.

    The salts come from the operating system, each on its own: there is no master key from which
    an erased one could be made again. An erased row's salt is overwritten with zeros. Copies and
    backups of this file, and what the disk itself keeps of overwritten blocks, are the owner's
    business.

    Parameters
    ----------
    path :
        A file that `SaltWriter` has finished.

    Raises
    ------
    InputError :
        There is no such file.
    StorageError :
        It does not hold a whole number of salts.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"no file of salts at {self.path}")
        size = self.path.stat().st_size
        if size % SALT_BYTES:
            raise StorageError(f"the file of salts {self.path} is cut off at {size} bytes")
        self.count = size // SALT_BYTES

    def salt(self, i: int) -> bytes:
        """Give the salt of row `i`.

        Raises
        ------
        InputError :
            There is no row `i`, or it was erased.
        """
        salt = self.read(i, i + 1).tobytes()
        if salt == ERASED:
            raise InputError(
                f"row {i} was erased: it can be neither opened nor proven any more",
                hint="all other rows can",
            )
        return salt

    def read(self, start: int, stop: int) -> Salts:
        """Give the salts of the rows from `start` to before `stop`, shape (n, 16); zeros if erased.

        Raises
        ------
        InputError :
            There are not so many rows.
        """
        if not 0 <= start <= stop <= self.count:
            raise InputError(f"no rows {start} to {stop} among {self.count} salts")
        with self.path.open("rb") as file:
            file.seek(start * SALT_BYTES)
            data = file.read((stop - start) * SALT_BYTES)
        return np.frombuffer(data, dtype=np.uint8).reshape(-1, SALT_BYTES)

    def is_erased(self, i: int) -> bool:
        """Say whether row `i` was erased."""
        return self.read(i, i + 1).tobytes() == ERASED

    def erase(self, i: int) -> None:
        """Overwrite the salt of row `i`, durably; erasing it again changes nothing.

        Raises
        ------
        InputError :
            There is no row `i`.
        """
        if not 0 <= i < self.count:
            raise InputError(f"no row {i} among {self.count} salts")
        with self.path.open("r+b", buffering=0) as file:
            file.seek(i * SALT_BYTES)
            file.write(ERASED)
            os.fsync(file.fileno())


class SaltWriter(FinishedOnce):
    """Draws salts, batch after batch, into a new file that appears when it is whole."""

    def draw(self, count: int) -> Salts:
        """Draw the salts of the next rows, write them and give them, shape (n, 16)."""
        salts = draw_salts(count)
        self.write(salts.data)
        return salts


def draw_salts(count: int) -> Salts:
    """Draw salts from the operating system, shape (n, 16)."""
    drawn = os.urandom(count * SALT_BYTES)
    return np.frombuffer(drawn, dtype=np.uint8).reshape(-1, SALT_BYTES)


class KnownSalts:
    """Salts that were drawn before, given out batch after batch.

    Raises
    ------
    InputError :
        An array is not of shape (n, 16) uint8, or two of its salts are the same.
    """

    def __init__(self, salts: SaltFile | Salts) -> None:
        if not isinstance(salts, SaltFile):
            _check_distinct(salts)
        self._salts = salts
        self._drawn = 0
        self.count = salts.count if isinstance(salts, SaltFile) else len(salts)

    def draw(self, count: int) -> Salts:
        """Give the salts of the next rows, shape (n, 16).

        Raises
        ------
        InputError :
            There are not so many salts, or one of the rows was erased.
        """
        start, self._drawn = self._drawn, self._drawn + count
        if self._drawn > self.count:
            raise InputError(f"{self.count} salts for {self._drawn} rows or more")
        if isinstance(self._salts, SaltFile):
            drawn = self._salts.read(start, self._drawn)
        else:
            drawn = np.ascontiguousarray(self._salts[start : self._drawn])
        erased = ~drawn.any(axis=1)
        if erased.any():
            raise InputError(f"row {start + int(np.argmax(erased))} was erased: it has no salt")
        return drawn


def _check_distinct(salts: Salts) -> None:
    if salts.dtype != np.uint8 or salts.ndim != 2 or salts.shape[1] != SALT_BYTES:
        raise InputError(f"salts of shape (n, 16) uint8 wanted, got {salts.shape} {salts.dtype}")
    whole = np.ascontiguousarray(salts).view(f"V{SALT_BYTES}")
    if len(np.unique(whole)) != len(whole):
        raise InputError("two rows have one salt", hint="draw each from os.urandom")
