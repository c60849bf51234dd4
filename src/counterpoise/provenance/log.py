"""The append-only log: group commits, one fdatasync each, that survive a crash at any step.

The order of a commit: the entries into the journal, fdatasync, tiles, sign, rename the
checkpoint into place; only then is the caller told. Tiles follow from the journal, so they need
no fdatasync of their own until the journal is emptied (`_settle`). At opening, the journal is
replayed over the tiles that were durable, the root is computed anew and compared with the
checkpoint and with the anchored head; nothing is signed before both agree.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from threading import RLock

from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.provenance.checkpoint import (
    Checkpoint,
    Head,
    check_checkpoint,
    sign_checkpoint,
)
from counterpoise.provenance.disk import Disk, exclusive_lock, storage_errors
from counterpoise.provenance.edge import Edge
from counterpoise.provenance.journal import Record, read_records
from counterpoise.provenance.note import log_vkey
from counterpoise.provenance.reader import CHECKPOINT, LogView, load_checkpoint
from counterpoise.provenance.tiles import Tiles, partial_tiles

MAX_ENTRY = 65_535
JOURNAL = "journal"
JOURNAL_LIMIT = 64 << 20


class Log(LogView):
    """A C2SP tlog-tiles log on flat files, opened for writing by one process.

    Parameters
    ----------
    folder :
        Where the log's files are; created if there are none.
    origin :
        The log's name: a URL without schema.
    key :
        Seed of the log's Ed25519 key, 32 bytes.
    anchored :
        The head that the chain holds, if any: a copy of the log that is behind it, or that has
        another root at its size, is refused before anything is signed.
    disk :
        How files are written.

    Raises
    ------
    Busy :
        Another process has the log open.
    VerificationError :
        Tiles, checkpoint and anchored head do not agree; the message names the tile.
    StorageError :
        A file is missing or the disk failed.

    Examples
    --------
    >>> import tempfile
    >>> from counterpoise.provenance import Log
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Log(folder, origin="example.org/log", key=bytes(32)) as log:
    ...         log.append([b"one", b"two"]), log.size, log.entry(1)
    (range(0, 2), 2, b'two')
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        origin: str,
        key: bytes,
        anchored: Head | None = None,
        disk: Callable[[Path], Disk] = Disk,
    ) -> None:
        path = Path(folder)
        super().__init__(Tiles(path))
        self.origin, self.vkey, self._key = origin, log_vkey(origin, key), key
        self._mutex, self._failed = RLock(), False
        self._unsynced: set[str] = set()
        self._filled: set[str] = set()
        self._journal_size = 0
        with storage_errors("opened"):
            path.mkdir(parents=True, exist_ok=True)
            self._disk = disk(path)
            self._release = weakref.finalize(self, os.close, exclusive_lock(path / "lock"))
            try:
                self._open(anchored)
            except BaseException:
                self._release()
                raise

    def checkpoint(self) -> Checkpoint:
        """Give the latest signed head."""
        return self._checkpoint

    def append(self, entries: Sequence[bytes]) -> range:
        """Append entries durably, all or none, with one fdatasync and one new checkpoint.

        Parameters
        ----------
        entries :
            Each at most 65,535 bytes.

        Returns
        -------
        range
            The positions of the entries.

        Raises
        ------
        InputError :
            An entry is too long; nothing was appended.
        StorageError :
            The disk failed. The log must be opened again; the entries may or may not be in it.
        """
        for at, entry in enumerate(entries):
            if len(entry) > MAX_ENTRY:
                raise InputError(
                    f"entry {at} has {len(entry)} bytes, at most {MAX_ENTRY} fit",
                    hint="store it by digest and append the digest",
                )
        with self._mutex, self._writing():
            start = self._edge.size
            if not entries:
                return range(start, start)
            record = Record(start, entries).to_bytes()
            self._disk.append(JOURNAL, record)
            self._disk.sync(JOURNAL)
            self._journal_size += len(record)
            for name, tile in self._edge.extend(entries):
                self._disk.write(name, tile)
                self._touched(name)
            self._publish()
            if self._journal_size > JOURNAL_LIMIT:
                self._settle()
            return range(start, start + len(entries))

    def close(self) -> None:
        """Make tiles durable, empty the journal and release the lock."""
        with self._mutex:
            if not self._release.alive:
                return
            try:
                if not self._failed and self._journal_size:
                    with self._writing():
                        self._settle()
            finally:
                self._release()

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *exit_: object) -> None:
        self.close()

    def _open(self, anchored: Head | None) -> None:
        checkpoint = load_checkpoint(self.folder) or self._create()
        check_checkpoint(checkpoint, self.vkey, origin=self.origin)
        journal = self.folder / JOURNAL
        if not journal.exists():
            self._disk.write(JOURNAL, b"")
            self._disk.sync(".")
        written = journal.read_bytes()
        self._replay(checkpoint, list(read_records(written)))
        self._check_anchor(checkpoint, anchored)
        self._checkpoint = checkpoint
        if self._edge.size > checkpoint.size:
            self._publish()
        if written:
            self._settle()

    def _replay(self, checkpoint: Checkpoint, records: Sequence[Record]) -> None:
        """Bring edge and tiles to the journal's end; check all of it against the checkpoint."""
        self._settled = records[0].start if records else checkpoint.size
        self._edge = Edge(self._tiles, self._settled)
        base = self._edge.root()
        agreed = self._agrees(checkpoint)
        for record in records:
            for name, tile in self._edge.extend(record.entries):
                self._restore(name, tile)
            agreed |= self._agrees(checkpoint)
        if not agreed:
            raise VerificationError(
                f"the checkpoint has {checkpoint.size} entries, tiles and journal go from "
                f"{self._settled} to {self._edge.size}",
                hint="files of different ages are mixed: restore one whole copy of the log",
            )
        Tiles(self.folder).check(self._settled, base, entries=False)

    def _create(self) -> Checkpoint:
        """Sign the empty tree, durably, where there is no log at all."""
        if (self.folder / "tile").exists() or (self.folder / JOURNAL).exists():
            raise StorageError(
                "the log has tiles but no checkpoint", hint="restore the checkpoint from a backup"
            )
        self._edge = Edge(self._tiles, 0)
        self._settled = 0
        self._publish()
        self._disk.sync(CHECKPOINT)
        self._disk.sync(".")
        return self._checkpoint

    def _agrees(self, checkpoint: Checkpoint) -> bool:
        """Whether the edge is at the signed size; there it must have the signed root."""
        if self._edge.size != checkpoint.size:
            return False
        if self._edge.root() != checkpoint.root:
            Tiles(self.folder).check(checkpoint.size, checkpoint.root)
            raise VerificationError("the journal does not lead to the signed root")
        return True

    def _restore(self, name: str, tile: bytes) -> None:
        """Write a tile again unless it stands there whole; readers never see half of it."""
        path = self.folder / name
        if not path.exists():
            self._disk.write(name, tile)
        elif path.read_bytes() != tile:
            self._disk.write(f"{name}.new", tile)
            self._disk.rename(f"{name}.new", name)
        self._touched(name)

    def _touched(self, name: str) -> None:
        self._unsynced.add(name)
        if ".p/" not in name:
            self._filled.add(name)

    def _check_anchor(self, checkpoint: Checkpoint, anchored: Head | None) -> None:
        """Refuse before signing if the chain knows more, or something else, than these files."""
        if anchored is not None:
            self._checkpoint = replace(
                checkpoint, size=self._edge.size, root=self._edge.root(), signatures=()
            )
            self.check_head(anchored)

    def _publish(self) -> None:
        """Sign the edge's head, put it in place, and drop partial tiles that are now full."""
        head = Head(self._edge.size, self._edge.root())
        checkpoint = sign_checkpoint(self.origin, head, self._key)
        self._disk.write("checkpoint.new", checkpoint.to_bytes())
        self._disk.rename("checkpoint.new", CHECKPOINT)
        self._checkpoint = checkpoint
        self._drop_partials(keep=set(partial_tiles(self._settled)))

    def _settle(self) -> None:
        """Make tiles and checkpoint durable; then the journal is no longer needed."""
        folders = {str(parent) for name in self._unsynced for parent in PurePosixPath(name).parents}
        for name in (*sorted(self._unsynced), CHECKPOINT, *sorted(folders | {"."}, reverse=True)):
            self._disk.sync(name)
        self._disk.write(JOURNAL, b"")
        self._disk.sync(JOURNAL)
        self._settled, self._journal_size = self._edge.size, 0
        self._unsynced.clear()
        self._drop_partials(keep=set())

    def _drop_partials(self, *, keep: set[str]) -> None:
        """Remove partial tiles of full ones, but those from which a replay would start."""
        for name in sorted(self._filled):
            partial = self.folder / f"{name}.p"
            files = partial.iterdir() if partial.exists() else ()
            for stale in {f"{name}.p/{file.name}" for file in files} - keep:
                self._disk.remove(stale)
                self._unsynced.discard(stale)
            if not partial.exists():
                self._filled.discard(name)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Let no write follow one that failed: what the disk holds is then unknown."""
        if self._failed or not self._release.alive:
            raise StorageError("the log is closed", hint="open it again")
        self._failed = True
        with storage_errors("written"):
            yield
        self._failed = False
