"""Where bytes are kept: one Protocol, with a local folder or a remote file system behind it."""

from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from counterpoise.core.errors import InputError


class Place(Protocol):
    """Keeps bytes under names: relative paths that the caller has checked."""

    where: str

    def read(self, name: str, limit: int | None) -> bytes:
        """Return the bytes under `name`.

        Raises
        ------
        InputError :
            Nothing is kept under `name`, or it is longer than `limit` bytes.
        """

    def replace(self, name: str, data: bytes) -> None:
        """Put `data` under `name`, atomically; durable after `flush`."""

    def claim(self, name: str, data: bytes) -> bool:
        """Put `data` under `name` unless something is there; durable when it returns True."""

    def has(self, name: str) -> bool:
        """Say whether something is kept under `name`."""

    def remove(self, name: str) -> bool:
        """Remove what is kept under `name`; say whether there was anything."""

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of the entries directly under `folder`."""

    def flush(self) -> None:
        """Return once everything replaced or removed so far survives a loss of power."""


def open_place(url: str | Path) -> Place:
    """Open a local folder (a path or a ``file:`` URL) or anything that fsspec knows.

    Raises
    ------
    InputError :
        The URL is empty, or its protocol has no driver here.
    """
    from counterpoise.store.folder import Folder

    if isinstance(url, Path):
        return Folder(url)
    if not url or "\0" in url:
        raise InputError(f"a store needs a folder or a URL, not {url!r}")
    if "://" not in url and "::" not in url:
        return Folder(Path(url))
    parts = urlsplit(url)
    if parts.scheme in ("file", "local") and "::" not in url:
        return Folder(Path(unquote(parts.netloc + parts.path)))

    from counterpoise.store.engines.remote import Remote

    return Remote(url)


def missing(name: str, where: str) -> InputError:
    """Return the error of reading what is not there."""
    return InputError(
        f"nothing is kept under {name!r} in {where}",
        hint="check that this is the store it was put into",
    )


def check_length(name: str, length: int, limit: int | None) -> None:
    """Refuse what is longer than the reader allows.

    Raises
    ------
    InputError :
        `length` is above `limit`, both in bytes.
    """
    if limit is not None and length > limit:
        raise InputError(f"{name!r} has {length} bytes, at most {limit} are allowed here")
