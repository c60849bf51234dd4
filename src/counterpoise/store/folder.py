"""A local folder that keeps named bytes: atomic to readers, durable on demand."""

import contextlib
import errno
import os
import stat
import threading
from pathlib import Path

from counterpoise.core.errors import InputError, StorageError
from counterpoise.store.durable import sweep, sync_all, write_whole
from counterpoise.store.place import check_length, missing

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Folder:
    """A `Place` on a local disk; several threads and processes may use one folder at once.

    Parameters
    ----------
    root :
        The folder; made at the first write. Opening it removes what dead writers left.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.where = str(root)
        self._unflushed: set[Path] = set()
        self._settled: set[Path] = set()
        self._guard = threading.Lock()
        self._flushing = threading.Lock()
        sweep(root)

    def read(self, name: str, limit: int | None) -> bytes:
        """Return the bytes under `name`, at most `limit` of them; see `Place.read`."""
        try:
            return self._read(name, limit)
        except (FileNotFoundError, NotADirectoryError):
            raise missing(name, self.where) from None
        except OSError as failed:
            raise self._failure(f"reading {name!r}", failed) from failed

    def replace(self, name: str, data: bytes) -> None:
        """Put `data` under `name`, atomically; durable after `flush`."""
        target = self.root / name
        if not self._holds(name, data):
            self._write(target, data, keep=False)
        with self._guard:
            self._unflushed.add(target)

    def claim(self, name: str, data: bytes) -> bool:
        """Put `data` under `name` unless something is there; durable when it returns True."""
        target = self.root / name
        if self.has(name):
            return False
        try:
            self._write(target, data, keep=True)
        except FileExistsError:
            return False
        folders = self._folders_above(target)
        for failed in sync_all(folders).values():
            raise self._failure(f"making {name!r} durable", failed) from failed
        self._settled.update(folders)
        return True

    def has(self, name: str) -> bool:
        """Say whether something is kept under `name`."""
        return os.path.lexists(self.root / name)

    def remove(self, name: str) -> bool:
        """Remove what is kept under `name`; the removal is durable after `flush`."""
        target = self.root / name
        try:
            target.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as failed:
            raise self._failure(f"removing {name!r}", failed) from failed
        with self._guard:
            self._unflushed.add(target)
        return True

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of the plain files directly under `folder`."""
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted(e.name for e in entries if e.is_file(follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as failed:
            raise self._failure(f"listing {folder!r}", failed) from failed

    def flush(self) -> None:
        """Return once everything replaced or removed so far survives a loss of power.

        Raises
        ------
        StorageError :
            The disk refused. What may be lost is removed, so that it reads as missing and can be
            put again; all that was flushed before is intact.
        """
        with self._flushing:
            with self._guard:
                targets, self._unflushed = self._unflushed, set()
            folders = {folder for target in targets for folder in self._folders_above(target)}
            failures = sync_all([*targets, *folders])
            lost = targets & failures.keys()
            for target in lost:
                # After a failed sync the kernel may call the torn pages clean: never keep them.
                with contextlib.suppress(OSError):
                    target.unlink()
            if failures:
                with self._guard:
                    self._unflushed |= targets
                names = ", ".join(sorted(target.name for target in lost)) or "nothing"
                failed = next(iter(failures.values()))
                raise self._failure(f"flush ({names} to be put again)", failed) from failed
            self._settled |= folders

    def _folders_above(self, target: Path) -> list[Path]:
        """The folders that lead to `target` and whose entries may not be durable yet."""
        folders = [target.parent]
        for above in target.parent.parents:
            if folders[-1] in self._settled:
                break
            folders.append(above)
        return folders

    def _holds(self, name: str, data: bytes) -> bool:
        try:
            return self.read(name, len(data)) == data
        except InputError:
            return False

    def _read(self, name: str, limit: int | None) -> bytes:
        try:
            descriptor = os.open(self.root / name, _READ)
        except OSError as refused:
            if refused.errno == errno.ELOOP:
                raise InputError(f"{name!r} in {self.where} is a link, not a file") from refused
            raise
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{name!r} in {self.where} is not a plain file")
            check_length(name, status.st_size, limit)
            with open(descriptor, "rb", closefd=False) as file:
                return file.read() if limit is None else file.read(limit)
        finally:
            os.close(descriptor)

    def _write(self, target: Path, data: bytes, *, keep: bool) -> None:
        move = os.link if keep else os.replace
        try:
            write_whole(self.root, target, data, move=move, sync=keep)
        except OSError as failed:
            if keep and isinstance(failed, FileExistsError) and os.path.lexists(target):
                raise
            raise self._failure(f"writing {target.name!r}", failed) from failed

    def _failure(self, doing: str, failed: OSError) -> StorageError:
        return StorageError(
            f"{doing} in {self.where} failed: {failed.strerror or failed}",
            hint="all that was stored and flushed before is intact; free space or restore access, "
            "then run the same command again",
        )
