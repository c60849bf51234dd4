"""A file of events, one JSON object a line; the file itself knows what was written."""

from __future__ import annotations

import json
import os
from pathlib import Path

from counterpoise.core.errors import StorageError
from counterpoise.monitor.book_reads import BookReader

TAIL = 1 << 26
BATCH = 256


class JsonLines:
    """Appends every event once, whatever ended the process before.

    A last line that a crash cut short is taken away and written again. The number of the last
    event stands in the file's last line, so file and cursor cannot disagree.

    Parameters
    ----------
    path :
        The file; made if it is not there.

    Raises
    ------
    StorageError :
        The file cannot be written, or its last line is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b", buffering=0)
        except OSError as failed:
            raise self._error(failed) from failed
        try:
            self._last = self._mend()
        except BaseException:
            self._file.close()
            raise

    def deliver(self, book: BookReader) -> None:
        """Append what is new."""
        while events := book.events(self._last, BATCH):
            lines = [json.dumps(event.to_value(), separators=(",", ":")) for event in events]
            self._append("".join(f"{line}\n" for line in lines).encode())
            self._last = events[-1].sequence

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, data: bytes) -> None:
        place = self._file.seek(0, os.SEEK_END)
        try:
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) or 0 :]
            os.fsync(self._file.fileno())
        except OSError as failed:
            self._file.truncate(place)
            raise self._error(failed) from failed

    def _mend(self) -> int:
        """Take away a line that was cut short; give the number of the last event."""
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(0, size - TAIL))
        tail = self._file.read(TAIL) or b""
        whole = tail[: tail.rfind(b"\n") + 1]
        if len(whole) < len(tail):
            self._file.truncate(size - (len(tail) - len(whole)))
        if not whole:
            return 0
        try:
            return int(json.loads(whole.rstrip(b"\n").rsplit(b"\n", 1)[-1])["sequence"])
        except (ValueError, KeyError, TypeError):
            raise StorageError(
                f"{self.path} does not end with an event of a watch",
                hint="give a file of its own to --jsonl",
            ) from None

    def _error(self, failed: OSError) -> StorageError:
        return StorageError(
            f"{self.path} could not be written: {failed.strerror}",
            hint="alerts are safe in the alert book: make room, and run the same again",
        )
