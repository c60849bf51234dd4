"""The writing side of the tiles: what is not durable yet, and which partial tiles are spent."""

from __future__ import annotations

from pathlib import PurePosixPath

from counterpoise.provenance.disk import Disk
from counterpoise.provenance.tiles import partial_tiles


class TileFiles:
    """Writes tiles, and keeps those from which a replay would start until they are not needed.

    Parameters
    ----------
    disk :
        Where they are written.
    settled :
        Size of the log up to which tiles are durable.
    """

    def __init__(self, disk: Disk, settled: int) -> None:
        self.settled = settled
        self._disk = disk
        self._unsynced: set[str] = set()
        self._filled: set[str] = set()
        self._spent: set[str] = set()

    def write(self, name: str, tile: bytes) -> None:
        """Write a tile."""
        self._disk.write(name, tile)
        self._unsynced.add(name)
        if ".p/" not in name:
            self._filled.add(name)

    def restore(self, name: str, tile: bytes) -> None:
        """Write a tile again unless it stands there whole; readers never see half of it."""
        path = self._disk.folder / name
        if not path.exists():
            self._disk.write(name, tile)
        elif path.read_bytes() != tile:
            self._disk.write(f"{name}.new", tile)
            self._disk.rename(f"{name}.new", name)
        self._unsynced.add(name)
        if ".p/" not in name:
            self._filled.add(name)

    def drop_partials(self) -> None:
        """Remove partial tiles of full ones, but those from which a replay would start."""
        self._drop(keep=set(partial_tiles(self.settled)))

    def sync(self) -> None:
        """Make all tiles durable, with the folders that name them."""
        folders = {str(parent) for name in self._unsynced for parent in PurePosixPath(name).parents}
        self._disk.sync_all([*sorted(self._unsynced), *sorted(folders, reverse=True)])
        self._unsynced.clear()

    def settle(self, size: int) -> None:
        """Let a replay start from `size`: partial tiles before it are needed no more."""
        self.settled = size
        self._filled, self._spent = self._spent, set()
        self._drop(keep=set())
        self._disk.remove_folders(f"{name}.p" for name in sorted(self._spent))
        self._spent.clear()

    def _drop(self, *, keep: set[str]) -> None:
        for name in sorted(self._filled):
            folder = self._disk.folder / f"{name}.p"
            if not folder.is_dir():
                continue
            for stale in {f"{name}.p/{file.name}" for file in folder.iterdir()} - keep:
                self._disk.remove(stale)
                self._unsynced.discard(stale)
            self._spent.add(name)
        self._filled.clear()
