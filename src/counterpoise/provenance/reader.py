"""Reading a log: entries and proofs, checked against a signed checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.core.merkle import check_consistency, check_inclusion, leaf_hash
from counterpoise.provenance.checkpoint import Checkpoint, Head, check_checkpoint
from counterpoise.provenance.tiles import WIDTH, Tiles

CHECKPOINT = "checkpoint"


class LogView:
    """What a writer and a reader of a log share: a checkpoint and the tiles below it."""

    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles

    def checkpoint(self) -> Checkpoint:
        """Give the latest signed head."""
        raise NotImplementedError

    @property
    def folder(self) -> Path:
        """Where the log's files are."""
        return self._tiles.folder

    @property
    def size(self) -> int:
        """Number of entries under the latest checkpoint."""
        return self.checkpoint().size

    @property
    def root(self) -> bytes:
        """Root of the latest checkpoint."""
        return self.checkpoint().root

    def entry(self, index: int) -> bytes:
        """Give one entry, checked to be under the checkpoint.

        Raises
        ------
        InputError :
            The log has no such entry.
        VerificationError :
            The entry or a tile above it is not what was signed.
        """
        self.inclusion(index)
        block, at = divmod(index, WIDTH)
        width = min(WIDTH, self.size - block * WIDTH)
        return self._tiles.checked_entries(block, width)[at]

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Give the entries from `start` to `stop`, each checked against its leaf hash."""
        size = self.size
        stop = size if stop is None else min(stop, size)
        for block in range(start // WIDTH, -(-stop // WIDTH)):
            width = min(WIDTH, size - block * WIDTH)
            entries = self._tiles.checked_entries(block, width)
            yield from entries[max(start - block * WIDTH, 0) : stop - block * WIDTH]

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Prove that entry `index` is in the tree of `size` entries; the proof is checked.

        Parameters
        ----------
        index :
            Position in the log.
        size :
            Of an earlier tree; the latest checkpoint's where None.

        Returns
        -------
        list[bytes]
            Hashes from the leaf's sibling up to the root's child.
        """
        head = self.checkpoint()
        size = _within(size, head.size)
        proof = self._tiles.inclusion(index, size)
        block, at = divmod(index, WIDTH)
        hashes = self._tiles.hashes(0, block, min(WIDTH, head.size - block * WIDTH))
        leaf = hashes[at * 32 : at * 32 + 32]
        check_inclusion(leaf, index, size, proof, self.root_at(size))
        return proof

    def consistency(self, first: int, second: int | None = None) -> list[bytes]:
        """Prove that the tree of `first` entries is a prefix of that of `second`; checked."""
        second = _within(second, self.size)
        proof = self._tiles.consistency(first, second)
        check_consistency(first, second, proof, self.root_at(first), self.root_at(second))
        return proof

    def root_at(self, size: int) -> bytes:
        """Give the root that the log had at an earlier size."""
        head = self.checkpoint()
        return head.root if size == head.size else self._tiles.root(_within(size, head.size))

    def find(self, entry: bytes) -> int | None:
        """Give the position of an entry's bytes, or None; reads all leaf hashes."""
        wanted, size = leaf_hash(entry), self.size
        for block in range(-(-size // WIDTH)):
            hashes = self._tiles.hashes(0, block, min(WIDTH, size - block * WIDTH))
            for at in range(0, len(hashes), 32):
                if hashes[at : at + 32] == wanted:
                    return block * WIDTH + at // 32
        return None

    def check(self) -> int:
        """Check every tile and every entry under the checkpoint; give the number of entries.

        Raises
        ------
        VerificationError, StorageError :
            Names the first tile that is wrong or missing.
        """
        head = self.checkpoint()
        Tiles(self.folder).check(head.size, head.root)
        return head.size

    def check_head(self, head: Head) -> None:
        """Refuse a head, such as an anchored one, that this log does not continue.

        Raises
        ------
        VerificationError :
            The log is shorter, or had another root at that size.
        """
        if head.size > self.size:
            raise VerificationError(
                f"the log has {self.size} entries, behind its anchored head of {head.size}",
                hint="this is an old copy: restore a newer one; nothing was signed",
            )
        if self.root_at(head.size) != head.root:
            raise VerificationError(
                f"the log's root at {head.size} entries is not the anchored one: it has forked"
            )


class LogReader(LogView):
    """A log opened for reading; trusts nothing but the pinned key.

    Parameters
    ----------
    folder :
        The log's files, one's own or a mirror.
    origin :
        The log's name.
    vkey :
        Its pinned verifier key.

    Raises
    ------
    InputError :
        There is no log in the folder.
    VerificationError :
        The checkpoint is of another log, or not signed by `vkey`.
    """

    def __init__(self, folder: Path | str, *, origin: str, vkey: str) -> None:
        super().__init__(Tiles(Path(folder)))
        self._origin, self._vkey = origin, vkey
        self._checkpoint = self._load()

    def checkpoint(self) -> Checkpoint:
        """Give the head that was read when the log was opened, or at the last `refresh`."""
        return self._checkpoint

    def refresh(self) -> Checkpoint:
        """Read the newest checkpoint and check that it continues the one known.

        Raises
        ------
        VerificationError :
            The log has shrunk or forked.
        """
        old, new = self._checkpoint, self._load()
        if new.size < old.size:
            raise VerificationError(f"the log has shrunk from {old.size} entries to {new.size}")
        proof = self._tiles.consistency(old.size, new.size)
        check_consistency(old.size, new.size, proof, old.root, new.root)
        self._checkpoint = new
        return new

    def _load(self) -> Checkpoint:
        checkpoint = load_checkpoint(self.folder)
        if checkpoint is None:
            raise InputError(f"there is no log in {self.folder}", hint="name its folder")
        check_checkpoint(checkpoint, self._vkey, origin=self._origin)
        return checkpoint


def load_checkpoint(folder: Path, name: str = CHECKPOINT) -> Checkpoint | None:
    """Read a log's checkpoint, unverified; None where there is none."""
    try:
        return Checkpoint.parse((folder / name).read_bytes())
    except FileNotFoundError:
        return None
    except OSError as failed:
        raise StorageError(f"the {name} cannot be read: {failed.strerror}") from failed


def _within(size: int | None, latest: int) -> int:
    if size is None:
        return latest
    if not 0 <= size <= latest:
        raise InputError(f"the log has {latest} entries, not {size}")
    return size
