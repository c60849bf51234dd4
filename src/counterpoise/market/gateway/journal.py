"""Where signed statements wait for the log: numbered files of frames, each with its checksum."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from counterpoise.core.errors import StorageError

_FRAME = struct.Struct(">II")
_PATTERN = "journal-*"


class Journal:
    """The newest file takes frames; older ones wait until their frames are in the log.

    A torn frame at a file's end is what a crash left of a write that nobody was told of: it is
    passed over. What a process writes survives its end at once, a power cut after `sync`.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._old = sorted(folder.glob(_PATTERN))
        number = int(self._old[-1].name.partition("-")[2]) if self._old else 0
        self._number, self._size = number, 0
        self._file = self._next()

    def left(self) -> list[bytes]:
        """Give the frames of an earlier process, in order."""
        return [body for path in self._old for body in _frames(path.read_bytes())]

    def append(self, bodies: Iterable[bytes]) -> None:
        """Write frames and wait until the disk has them."""
        data = b"".join(_FRAME.pack(len(body), zlib.crc32(body)) + body for body in bodies)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fdatasync(self._file)
        except OSError as failed:
            raise StorageError(
                f"the journal of decisions: {failed}", hint="free the disk"
            ) from None
        self._size += len(data)

    def turn(self) -> None:
        """Begin a new file; what was written so far can then be `forget`-ed together."""
        if self._size == 0:
            return
        os.close(self._file)
        self._old.append(self._path(self._number))
        self._file, self._size = self._next(), 0

    def forget(self) -> None:
        """Delete every file but the newest: their frames are in the log."""
        for path in self._old:
            path.unlink(missing_ok=True)
        self._old.clear()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
        if self._size == 0:
            self._path(self._number).unlink(missing_ok=True)

    def _next(self) -> int:
        self._number += 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        file = os.open(self._path(self._number), flags, 0o600)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return file

    def _path(self, number: int) -> Path:
        return self._folder / f"journal-{number:012d}"


def _frames(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, at)
        body = data[at + _FRAME.size : at + _FRAME.size + length]
        if len(body) != length or zlib.crc32(body) != checksum:
            return
        yield body
        at += _FRAME.size + length
