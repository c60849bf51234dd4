"""How the log writes files: five steps, each of which a crash may come before or after."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from counterpoise.core.errors import Busy, StorageError


class Disk:
    """Writes below one folder; every name is relative to it.

    Only `sync` makes anything durable against a loss of power. A test replaces this class by one
    that dies between two steps.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file."""
        path = self.folder / name
        try:
            path.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def append(self, name: str, data: bytes) -> None:
        """Append to a file."""
        with (self.folder / name).open("ab", buffering=0) as file:
            if file.write(data) != len(data):
                raise StorageError(f"{name} could not be written whole")

    def sync(self, name: str) -> None:
        """Wait until a file's bytes, or a folder's names, are on the disk."""
        descriptor = os.open(self.folder / name, os.O_RDONLY)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, name: str, target: str) -> None:
        """Put one file in the place of another, atomically."""
        (self.folder / name).replace(self.folder / target)

    def remove(self, name: str) -> None:
        """Remove a file, and its folder where that becomes empty."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        try:
            path.parent.rmdir()
        except OSError:
            return


def exclusive_lock(path: Path) -> int:
    """Take the lock of a log; give the descriptor that holds it until it is closed.

    Raises
    ------
    Busy :
        Another process, or another part of this one, holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Busy(
            f"another process has the log in {path.parent} open", hint="wait for it, or stop it"
        ) from None
    return descriptor


@contextmanager
def storage_errors(done: str) -> Iterator[None]:
    """Turn an error of the operating system into one of the house."""
    try:
        yield
    except OSError as failed:
        raise StorageError(
            f"the log could not be {done}: {failed.strerror}", hint="nothing acknowledged is lost"
        ) from failed
