"""A data owner's own folder: what must stay private, and what it must not forget in a crash.

HOME/lock                      held by the one process that acts for this owner
HOME/rows.salts, rows.leaves   the commitment to its rows; the salts are secrets
HOME/statements/job-7.cbor     the statements with which it joined a job
HOME/rounds/job-7-round-3.cbor a pending update with its salt, until the round is over
"""

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import numpy as np

from counterpoise.core.digest import dag_cbor, from_dag_cbor
from counterpoise.core.errors import Busy, StorageError
from counterpoise.federation.committed_rows import CommittedRows, committed


class Home:
    """One owner's folder.

    Parameters
    ----------
    folder :
        Made if missing, for its owner's eyes alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def rounds(self) -> Path:
        """Where pending updates are."""
        return self.folder / "rounds"

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """Hold the folder for this process.

        Raises
        ------
        Busy :
            Another process acts for this owner.
        """
        with _storage_errors(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Busy(
                f"another process uses the home folder {self.folder}",
                hint="stop it, or give another --home DIR",
            ) from None
        finally:
            os.close(descriptor)

    def commit(self, values: np.ndarray, names: Sequence[str]) -> CommittedRows:
        """Commit to rows in this folder; see `committed`."""
        return committed(self.folder, values, names)

    def statements(self, job: int, make: Callable[[], list[bytes]]) -> list[bytes]:
        """Give the statements of a job, the same ever after they were first made."""
        name = f"statements/job-{job}.cbor"
        kept = self.load(name)
        if kept is None:
            kept = dag_cbor(make())
            keep_file(self.folder / name, kept)
        return list(cast("list[bytes]", from_dag_cbor(kept)))

    def load(self, name: str) -> bytes | None:
        """Load a file of this folder; None if there is none."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as failed:
            raise StorageError(
                f"{self.folder / name} cannot be read: {failed.strerror}"
            ) from failed


def home_of(name: str, folder: Path | None = None) -> Home:
    """Give an owner's home: the folder named, or one under the user's data directory."""
    from platformdirs import user_data_path

    plain = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-") or "owner"
    return Home(folder or user_data_path("counterpoise") / "owners" / plain)


def keep_file(path: Path, data: bytes) -> None:
    """Write a private file whole, durably, in the place of what was there.

    Raises
    ------
    StorageError :
        The disk is full or failed; what was there before is intact.
    """
    temporary = path.with_name(path.name + ".part")
    with _storage_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        raise StorageError(
            f"{path} could not be written: {failed.strerror or failed}",
            hint="free space or restore access, then run the same command again",
        ) from failed
