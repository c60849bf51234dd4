"""New files that appear whole or not at all, and never over another file."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from counterpoise.core.errors import InputError, StorageError


class FinishedOnce:
    """A file being written under a passing name, private to its owner.

    Used as a context: `finish` makes it durable and gives it its name; leaving the context
    without that, or because of an error after that, removes it.

    Parameters
    ----------
    path :
        Where the file shall be; nothing may be there.

    Raises
    ------
    InputError :
        Something is there already.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if self.path.exists():
            raise _taken(self.path)
        self._passing = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._passing, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as failed:
            raise StorageError(f"cannot write {self.path}: {failed.strerror}") from failed
        self._file = os.fdopen(handle, "w+b")
        self._finished = False

    def write(self, data: bytes | memoryview, at: int | None = None) -> None:
        """Write at a place, or after what was written."""
        try:
            if at is not None:
                self._file.seek(at)
            self._file.write(data)
        except OSError as failed:
            raise StorageError(f"cannot write {self.path}: {failed.strerror}") from failed

    def finish(self) -> None:
        """Make the file durable and give it its name.

        Raises
        ------
        InputError :
            Another file has taken the name meanwhile.
        StorageError :
            The disk failed.
        """
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            os.link(self._passing, self.path)  # unlike a rename, it never replaces a file
            self._finished = True
            folder = os.open(self.path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        except FileExistsError as taken:
            raise _taken(self.path) from taken
        except OSError as failed:
            raise StorageError(f"cannot write {self.path}: {failed.strerror}") from failed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # what could not be written was told by `write` or `finish`
            self._file.close()
        self._passing.unlink(missing_ok=True)
        if kind is not None and self._finished:
            self.path.unlink(missing_ok=True)


def _taken(path: Path) -> InputError:
    return InputError(f"{path} exists already", hint="give another path: it is never overwritten")
