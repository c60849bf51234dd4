"""What an owner's node has promised and done: a file that is only added to, durable line by line.

Each line names the digest of the line before, so that one that was changed or taken out is seen.
What a job may use up is written *before* its rows are looked at: whatever happens afterwards,
it is not used twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import Busy, StorageError, VerificationError
from counterpoise.core.units import Address

CHARGED, RESULT, SUBMITTED, REFUSED, TOLD, LAPSED = (
    "charged",
    "result",
    "submitted",
    "refused",
    "told",
    "lapsed",
)
"""What may have happened to a request, in the order in which it may; `LAPSED` frees its charge."""
POLICY, REPLAYED = "policy", "replayed"


@dataclass(frozen=True, slots=True)
class Spent:
    """What is used up: jobs, bits and millionths of an epsilon; jobs by buyer too."""

    jobs: int = 0
    bits: int = 0
    noise: int = 0
    by_buyer: Mapping[Address, int] = field(default_factory=dict)

    def plus(self, buyer: Address, bits: int, noise: int) -> Spent:
        """Give it with one more job."""
        by_buyer = {**self.by_buyer, buyer: self.by_buyer.get(buyer, 0) + 1}
        return Spent(self.jobs + 1, self.bits + bits, self.noise + noise, by_buyer)


class Ledger:
    """The ledger in one file.

    Raises
    ------
    VerificationError :
        A line is not what the next one names.
    StorageError :
        The disk failed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[dict[str, Any]] = []
        self._head = bytes(32)
        self._of: dict[str, list[dict[str, Any]]] = {}
        self.replayed: set[int] = set()
        with storage_errors(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            data = path.read_bytes() if path.exists() else b""
            whole = data[: data.rfind(b"\n") + 1]
            for line in whole.splitlines():
                self._take(line)
            self._size = len(whole)
            if len(whole) < len(data):  # a crash tore the last line, which nobody was told of
                with path.open("r+b") as file:
                    file.truncate(len(whole))

    def add(self, event: str, request: bytes = b"", **fields: Any) -> dict[str, Any]:
        """Add a line; durable when this returns.

        Raises
        ------
        Busy :
            Another process has added to the file.
        """
        record = {"before": self._head.hex(), "event": event, "request": request.hex(), **fields}
        line = canonical_json(record)
        with storage_errors(self.path):
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                if os.fstat(descriptor).st_size != self._size:
                    raise Busy(f"another process writes {self.path}", hint="one node a folder")
                os.write(descriptor, line + b"\n")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._take(line)
        self._size += len(line) + 1
        return record

    def state(self, request: bytes) -> str:
        """Give what happened last to a request; empty if nothing did."""
        lines = self._of.get(request.hex())
        return str(lines[-1]["event"]) if lines else ""

    def line(self, request: bytes, event: str) -> dict[str, Any] | None:
        """Give the line of one event of a request, if there is one."""
        found = [one for one in self._of.get(request.hex(), ()) if one["event"] == event]
        return found[-1] if found else None

    def requests(self) -> list[bytes]:
        """Give all requests, in the order in which they were first met."""
        return [bytes.fromhex(text) for text in self._of]

    def spent(self) -> Spent:
        """Add up what is used up by jobs that were charged and did not lapse."""
        spent = Spent()
        for lines in self._of.values():
            charge = next((one for one in lines if one["event"] == CHARGED), None)
            if charge is not None and not any(one["event"] == LAPSED for one in lines):
                buyer = bytes.fromhex(charge["buyer"])
                spent = spent.plus(buyer, charge["bits"], charge["noise"])
        return spent

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            before, request, _ = record["before"], record["request"], record["event"]
        except (ValueError, KeyError, TypeError) as error:
            raise VerificationError(f"{self.path} holds a line that is none of its own") from error
        if before != self._head.hex():
            raise VerificationError(
                f"line {len(self.lines) + 1} of {self.path} does not follow the one before it",
                hint="restore the whole file; budgets are counted from it",
            )
        self._head = sha256(line)
        self.lines.append(record)
        if record["event"] == REPLAYED:
            self.replayed.add(record["job"])
        if request:
            self._of.setdefault(request, []).append(record)


def write_durably(path: Path, data: bytes) -> None:
    """Write a private file whole, in the place of what was there, durably."""
    temporary = path.with_name(path.name + ".part")
    with storage_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the system says into a `StorageError` that names the file."""
    try:
        yield
    except OSError as failed:
        raise StorageError(
            f"{path} could not be read or written: {failed.strerror or failed}",
            hint="free space or restore access; what was promised before is intact",
        ) from failed
