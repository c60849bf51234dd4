"""A place behind an fsspec URL: memory, S3, IPFS, SFTP and what else has a driver."""

import threading

import fsspec

from counterpoise.core.errors import InputError, StorageError
from counterpoise.store.place import check_length, missing

_CLAIMING = threading.Lock()


class Remote:
    """A `Place` behind fsspec; each write is one call, which object stores make atomic.

    Parameters
    ----------
    url :
        Any fsspec URL. Names of its user and password never reach an error message.
    """

    def __init__(self, url: str) -> None:
        protocol = url.split(":", 1)[0]
        self.where = f"{protocol} store"
        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as refused:
            raise InputError(
                f"cannot open a store of kind {protocol!r}: {refused}",
                hint="install the fsspec driver of that protocol, or name a local folder",
            ) from refused
        except OSError as failed:
            raise self._failure("opening it", failed) from failed
        self._root = str(root).rstrip("/")

    def read(self, name: str, limit: int | None) -> bytes:
        """Return the bytes under `name`, at most `limit` of them; see `Place.read`."""
        try:
            end = None if limit is None else limit + 1
            data = bytes(self._files.cat_file(self._path(name), end=end))
        except (FileNotFoundError, NotADirectoryError):
            raise missing(name, self.where) from None
        except OSError as failed:
            raise self._failure(f"reading {name!r}", failed) from failed
        check_length(name, len(data), limit)
        return data

    def replace(self, name: str, data: bytes) -> None:
        """Put `data` under `name`; the service says when it is durable, mostly at once."""
        try:
            self._files.pipe_file(self._path(name), data)
        except OSError as failed:
            raise self._failure(f"writing {name!r}", failed) from failed

    def claim(self, name: str, data: bytes) -> bool:
        """Put `data` under `name` unless something is there, as atomically as the service can."""
        try:
            with _CLAIMING:
                self._files.pipe_file(self._path(name), data, mode="create")
        except FileExistsError:
            return False
        except OSError as failed:
            raise self._failure(f"writing {name!r}", failed) from failed
        return True

    def has(self, name: str) -> bool:
        """Say whether something is kept under `name`."""
        try:
            return bool(self._files.exists(self._path(name)))
        except OSError as failed:
            raise self._failure(f"looking for {name!r}", failed) from failed

    def remove(self, name: str) -> bool:
        """Remove what is kept under `name`; say whether there was anything."""
        try:
            self._files.rm_file(self._path(name))
        except FileNotFoundError:
            return False
        except OSError as failed:
            raise self._failure(f"removing {name!r}", failed) from failed
        return True

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of the files directly under `folder`."""
        try:
            entries = self._files.ls(self._path(folder), detail=True, refresh=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as failed:
            raise self._failure(f"listing {folder!r}", failed) from failed
        return sorted(e["name"].rsplit("/", 1)[-1] for e in entries if e["type"] == "file")

    def flush(self) -> None:
        """Return at once: each write was acknowledged by the service."""

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _failure(self, doing: str, failed: OSError) -> StorageError:
        return StorageError(
            f"{doing} in the {self.where} failed: {failed.strerror or failed}",
            hint="what the service acknowledged before is intact; try again when it answers",
        )
