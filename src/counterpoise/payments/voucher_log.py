"""The file under `VoucherStore`: frames that only grow in number, each with its checksum.

What is written between two syncs is one frame: a frame that is followed by another was synced.
So a broken last frame is what a crash left of a write that nobody was told of; a broken frame
before the last was damaged later.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from counterpoise.core.errors import Busy, InputError, StorageError

MAGIC = b"counterpoise vouchers 2\n"
_FRAME = struct.Struct(">II")
_LENGTH = struct.Struct(">H")


class FrameLog:
    """An append-only file of records, held by one process.

    Raises
    ------
    Busy :
        Another process holds it.
    InputError :
        The file is of another kind.
    StorageError :
        A frame that was synced is broken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(self._file, path)
            self.size = os.fstat(self._file).st_size
            self.records = self._replay()
        except BaseException:
            os.close(self._file)
            raise

    def append(self, records: Iterable[bytes]) -> None:
        """Write records as one frame and wait until the disk has them; may raise `OSError`."""
        frame = _framed(records)
        _write_all(self._file, frame)
        os.fdatasync(self._file)
        self.size += len(frame)

    def rewrite(self, records: Iterable[bytes]) -> None:
        """Put a new log with these records in the place of the old one."""
        aside = self.path.with_name(self.path.name + ".new")
        file = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _lock(file, aside)
            log = MAGIC + b"".join(_framed([record]) for record in records)
            _write_all(file, log)
            os.fsync(file)
            aside.replace(self.path)
            _sync_folder(self.path.parent)
        except BaseException:
            os.close(file)
            raise
        os.close(self._file)
        self._file, self.size = file, len(log)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _replay(self) -> list[bytes]:
        log = os.pread(self._file, self.size, 0)
        records, end = _read(log, self.path)
        os.ftruncate(self._file, end)
        if end == 0:
            os.pwrite(self._file, MAGIC, 0)
        os.lseek(self._file, 0, os.SEEK_END)
        os.fsync(self._file)
        _sync_folder(self.path.parent)
        return records


def read_records(path: Path) -> list[bytes]:
    """Give a log's records without holding it; a frame that is being written is passed over.

    Raises
    ------
    InputError :
        The file is missing or of another kind.
    StorageError :
        A frame that was synced is broken.
    """
    try:
        log = path.read_bytes()
    except OSError as wrong:
        raise InputError(f"{path} cannot be read: {wrong.strerror}") from None
    return _read(log, path)[0]


def _read(log: bytes, path: Path) -> tuple[list[bytes], int]:
    """Give the records of the whole frames, and where the last one ends."""
    if not log.startswith(MAGIC[: len(log)]):
        raise InputError(f"{path} is no log of vouchers")
    end = len(MAGIC) if len(log) >= len(MAGIC) else 0
    records: list[bytes] = []
    for body, after in _frames(log, end, path):
        records += _records(body)
        end = after
    return records, end


def _framed(records: Iterable[bytes]) -> bytes:
    body = b"".join(_LENGTH.pack(len(record)) + record for record in records)
    return _FRAME.pack(len(body), zlib.crc32(body)) + body


def _records(body: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        (length,) = _LENGTH.unpack_from(body, at)
        yield body[at + 2 : at + 2 + length]
        at += 2 + length


def _frames(log: bytes, at: int, path: Path) -> Iterator[tuple[bytes, int]]:
    """Give each whole frame and where it ends; stop at a torn one that nothing follows."""
    while at + _FRAME.size <= len(log):
        length, checksum = _FRAME.unpack_from(log, at)
        end = at + _FRAME.size + length
        body = log[at + _FRAME.size : end]
        if end > len(log):
            return
        if length == 0 or zlib.crc32(body) != checksum:
            if end == len(log) or not any(log[at:]):
                return
            raise StorageError(
                f"{path}: the frame at byte {at} is damaged",
                hint="keep the file, restore it from a copy; the chain knows what was claimed",
            )
        yield body, end
        at = end


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _lock(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Busy(f"{path} is in use by another seller", hint="stop that one first") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
