"""How the log writes files: by a few kinds of steps, and a crash may come between any two."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from counterpoise.core.errors import Busy, StorageError

THREADS = 8


class Disk:
    """Writes below one folder; every name is relative to it.

    Only `sync` makes anything durable against a loss of power. A test replaces this class by one
    that dies between two steps.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prefix = f"{folder}/"

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            descriptor = os.open(self._prefix + name, flags, 0o644)
        except FileNotFoundError:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._prefix + name, flags, 0o644)
        _fill(descriptor, data)

    def append(self, name: str, data: bytes) -> None:
        """Append to a file that exists."""
        _fill(os.open(self._prefix + name, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC), data)

    def sync(self, name: str) -> None:
        """Wait until a file's bytes, or a folder's names, are on the disk."""
        descriptor = os.open(self._prefix + name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def sync_all(self, names: Iterable[str]) -> None:
        """Sync many files and folders, several at a time: the disk then groups their writes."""
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(self.sync, names):
                pass

    def rename(self, name: str, target: str) -> None:
        """Put one file in the place of another, atomically."""
        os.rename(self._prefix + name, self._prefix + target)  # noqa: PTH104

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.unlink(self._prefix + name)  # noqa: PTH108

    def remove_folders(self, names: Iterable[str]) -> None:
        """Remove empty folders, several at a time: some file systems take long over each."""
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(lambda name: (self.folder / name).rmdir(), names):
                pass


def _fill(descriptor: int, data: bytes) -> None:
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)


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
