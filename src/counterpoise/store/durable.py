"""Whole files into a folder: written aside under a lock, then moved under their name.

A file under ``.incoming`` that nobody holds locked was left by a writer that died.
"""

import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

INCOMING = ".incoming"
_ATTEMPTS = 4
_NOTHING_TO_SYNC = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EINVAL)
_FEW = 2
_SYNC_THREADS = 16


def write_whole(
    root: Path, target: Path, data: bytes, *, move: Callable[[Path, Path], None], sync: bool
) -> None:
    """Write `data` aside, then let `move` give it its name; nothing stays behind on failure.

    Raises
    ------
    OSError :
        As the system gave it; `FileExistsError` comes from `move` alone.
    """
    for attempt in range(_ATTEMPTS):
        aside = root / INCOMING / secrets.token_hex(16)
        try:
            _write_aside(aside, target, data, move, sync)
            return
        except (FileNotFoundError, BlockingIOError):
            # The first write of all, or a sweeper took the file before we had locked it.
            if attempt == _ATTEMPTS - 1:
                raise
            aside.parent.mkdir(parents=True, exist_ok=True)
        finally:
            with contextlib.suppress(OSError):
                aside.unlink()


def _write_aside(
    aside: Path, target: Path, data: bytes, move: Callable[[Path, Path], None], sync: bool
) -> None:
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if sync:
            os.fsync(descriptor)
        try:
            move(aside, target)
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            move(aside, target)
    finally:
        os.close(descriptor)


def sweep(root: Path) -> None:
    """Remove what dead writers left under `root`; a folder that refuses is left as it is."""
    with contextlib.suppress(OSError), os.scandir(root / INCOMING) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                _remove_unlocked(Path(entry.path))


def _remove_unlocked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)


def sync_all(paths: Iterable[Path]) -> dict[Path, OSError]:
    """Make files and folders durable; return those that failed, with the reason.

    Many go side by side, so that they share the disk's own barriers: one after the other, a busy
    disk takes many times as long. A path that is gone counts as done (its removal is synced with
    its folder), and so does one that cannot be opened or knows no sync, such as a folder above
    ours.
    """
    todo = list(paths)
    each = _pool().map if len(todo) > _FEW else map
    failures = each(_sync, todo)
    return {path: failed for path, failed in zip(todo, failures, strict=True) if failed}


@cache
def _pool() -> "ThreadPoolExecutor":
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(_SYNC_THREADS, thread_name_prefix="sync")


# A forked child has none of its parent's threads: it starts its own.
os.register_at_fork(after_in_child=_pool.cache_clear)


def _sync(path: Path) -> OSError | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as failed:
        return None if failed.errno in _NOTHING_TO_SYNC else failed
    return None
