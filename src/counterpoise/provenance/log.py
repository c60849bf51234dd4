"""The append-only log: group commits, one fdatasync each, that survive a crash at any step.

The order of a commit: the entries into the journal, fdatasync, tiles, sign, rename the
checkpoint into place; only then is the caller told. Tiles follow from the journal, so they need
no fdatasync of their own until the journal is emptied, when the file ``settled`` says how far
tiles are durable. At opening, all tiles below that checkpoint are checked, the journal is
replayed, and the root is compared with the published checkpoint and with the anchored head;
nothing is signed before all agree.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import RLock

from counterpoise.core import hashing
from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.core.merkle import EMPTY_ROOT
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
from counterpoise.provenance.tile_files import TileFiles
from counterpoise.provenance.tiles import Tiles

MAX_ENTRY = 65_535
JOURNAL = "journal"
SETTLED = "settled"
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
        self._journal_size = self._hashed = 0
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
            self._hashed += 2 * len(entries)
            hashing.prepare(self._hashed)
            record = Record.of(start, entries)
            self._disk.append(JOURNAL, record.to_bytes())
            self._disk.sync(JOURNAL)
            self._journal_size += len(record.bundle)
            for name, tile in self._edge.extend(record):
                self._files.write(name, tile)
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
        settled = load_checkpoint(self.folder, SETTLED) or self._created()
        check_checkpoint(settled, self.vkey, origin=self.origin)
        written = (self.folder / JOURNAL).read_bytes()
        self._replay(settled, list(read_records(written)))
        published = self._published()
        if anchored is not None:
            self._checkpoint = replace(settled, size=self._edge.size, root=self._edge.root())
            self.check_head(anchored)
        if published is None or self._edge.size > published.size:
            self._publish()
        else:
            self._checkpoint = published
        if written or self._checkpoint.size > settled.size:
            self._settle()

    def _created(self) -> Checkpoint:
        """Sign the empty tree, durably, where there is no log at all."""
        if (self.folder / "tile").exists() or (self.folder / CHECKPOINT).exists():
            raise StorageError(
                "the log has no settled checkpoint", hint="restore one whole copy of the log"
            )
        empty = sign_checkpoint(self.origin, Head(0, EMPTY_ROOT), self._key)
        self._disk.write(JOURNAL, b"")
        self._keep(empty)
        return empty

    def _replay(self, settled: Checkpoint, records: Sequence[Record]) -> None:
        """Bring edge and tiles from the settled checkpoint to the journal's end."""
        self._files = TileFiles(self._disk, settled.size)
        durable = Tiles(self.folder, recovering=True)
        durable.check(settled.size, settled.root, entries=False)
        self._edge = Edge(durable, settled.size)
        for record in records:
            if record.start + len(record.entries) <= settled.size:
                continue
            if record.start != self._edge.size:
                raise VerificationError(
                    f"the journal goes on at entry {record.start}, the tiles end at "
                    f"{self._edge.size}",
                    hint="files of different ages are mixed: restore one whole copy of the log",
                )
            for name, tile in self._edge.extend(record):
                self._files.restore(name, tile)

    def _published(self) -> Checkpoint | None:
        """Give the checkpoint in place, which tiles and journal must bear out; None if torn."""
        try:
            published = load_checkpoint(self.folder)
        except VerificationError:
            return None
        if published is None:
            return None
        check_checkpoint(published, self.vkey, origin=self.origin)
        if published.size > self._edge.size:
            raise StorageError(
                f"the checkpoint has {published.size} entries, tiles and journal {self._edge.size}",
                hint="the journal is damaged or old: restore one whole copy of the log",
            )
        if self._tiles.root(published.size) != published.root:
            raise VerificationError("tiles and journal do not lead to the signed root")
        return published

    def _publish(self) -> None:
        """Sign the edge's head, put it in place, and drop partial tiles that are now full."""
        head = Head(self._edge.size, self._edge.root())
        checkpoint = sign_checkpoint(self.origin, head, self._key)
        self._disk.write("checkpoint.new", checkpoint.to_bytes())
        self._disk.rename("checkpoint.new", CHECKPOINT)
        self._checkpoint = checkpoint
        self._files.drop_partials()

    def _settle(self) -> None:
        """Make all tiles durable; then the journal is no longer needed."""
        self._files.sync()
        self._keep(self._checkpoint)
        self._disk.write(JOURNAL, b"")
        self._disk.sync(JOURNAL)
        self._journal_size = 0
        self._files.settle(self._checkpoint.size)

    def _keep(self, checkpoint: Checkpoint) -> None:
        """Put a checkpoint where a replay starts from, durably."""
        self._disk.write(f"{SETTLED}.new", checkpoint.to_bytes())
        self._disk.sync(f"{SETTLED}.new")
        self._disk.rename(f"{SETTLED}.new", SETTLED)
        self._disk.sync(".")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Let no write follow one that failed: what the disk holds is then unknown."""
        if self._failed or not self._release.alive:
            raise StorageError("the log is closed", hint="open it again")
        self._failed = True
        with storage_errors("written"):
            yield
        self._failed = False
