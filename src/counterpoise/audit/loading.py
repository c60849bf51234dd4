"""From what a user names to a project: a file, a folder, or a project with imports."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from counterpoise.audit.project import LANGUAGES, Project, Source
from counterpoise.core.errors import InputError

__all__ = ["bytecode_from_hex", "load_project"]

MARKS = (
    ".git",
    "pyproject.toml",
    "foundry.toml",
    "hardhat.config.js",
    "hardhat.config.ts",
    "ape-config.yaml",
    "remappings.txt",
    "package.json",
)
"""Files and folders that mark a project's root."""
SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "out", "artifacts", "cache"})
MOST_BYTES = 20_000_000
"""Size from which a file is no source."""


def load_project(
    path: Path,
    *,
    search: tuple[Path, ...] = (),
    remappings: tuple[tuple[str, str], ...] = (),
) -> Project:
    """The sources at a path, with the root that their imports are looked up under.

    Parameters
    ----------
    path :
        A file, or a folder with all that is in it; interfaces (``.vyi``), hidden folders, installed
        packages and, where there is a ``foundry.toml``, ``lib`` are left out of a folder.
    search :
        More folders to look for imports in.
    remappings :
        Solidity's; those of a ``remappings.txt`` at the root come after.

    Raises
    ------
    InputError :
        There is nothing at the path, or no contract.
    """
    if not path.exists():
        raise InputError(f"there is nothing at {path}", hint="name a file, a folder or an address")
    absolute = path.resolve()
    root = _root_of(absolute)
    files = [absolute] if absolute.is_file() else sorted(_files(absolute, root))
    sources = tuple(_source(file, root) for file in files)
    if not sources:
        raise InputError(f"no contract in {path}", hint=f"contracts end in {', '.join(LANGUAGES)}")
    found = tuple(one.resolve() for one in search)
    return Project(root, sources, found, (*remappings, *_remappings(root)))


def _root_of(path: Path) -> Path:
    start = path if path.is_dir() else path.parent
    for folder in (start, *start.parents):
        if any((folder / mark).exists() for mark in MARKS):
            return folder
    return start


def _files(folder: Path, root: Path) -> Iterator[Path]:
    foundry = (root / "foundry.toml").exists()
    for where, folders, names in os.walk(folder):
        here = Path(where)
        folders[:] = sorted(
            one
            for one in folders
            if not one.startswith(".")
            and one not in SKIPPED
            and not (foundry and one == "lib" and here == root)
            and not (here / one / "pyvenv.cfg").exists()
        )
        for name in sorted(names):
            if Path(name).suffix in LANGUAGES and (here / name).is_file():
                yield here / name


def _source(file: Path, root: Path) -> Source:
    """One file; what it is in is told by its ending, or else by what stands in it."""
    try:
        content = file.read_bytes() if file.stat().st_size <= MOST_BYTES else b""
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    path = file.relative_to(root).as_posix()
    language = LANGUAGES.get(file.suffix) or language_of(content)
    if file.suffix == ".vyi":
        language = "interface"
    if not content.strip():
        too_large = file.stat().st_size > MOST_BYTES
        return Source(path, b"", "too large" if too_large else "nothing")
    if language == "bytecode":
        code = bytecode_from_hex(content)
        return Source(path, code, language) if code else Source(path, content, "junk")
    return Source(path, content, language)


def language_of(content: bytes) -> str:
    """The language of a file without a telling name; ``"junk"`` where it is no contract."""
    text = content.decode("utf-8", "replace")
    if re.search(r"^\s*(pragma solidity|(abstract )?contract\s+\w+|library\s+\w+)", text, re.M):
        return "solidity"
    if re.search(r"^(#\s*(pragma version|@version)|@external|@deploy)", text, re.M):
        return "vyper"
    return "bytecode" if bytecode_from_hex(content) else "junk"


def bytecode_from_hex(content: bytes) -> bytes:
    """The code that hex digits spell, with zeros for the addresses of unlinked libraries.

    Empty where it is not hex. Placeholders are 40 characters: ``__File.sol:Name____…`` as old
    compilers write them, or ``__$…$__``.

    >>> bytecode_from_hex(b"0x6001__$0123456789012345678901234567890123$__00").hex()
    '6001000000000000000000000000000000000000000000'
    """
    try:
        text = content.decode("ascii").strip().removeprefix("0x")
    except UnicodeDecodeError:
        return b""
    text = re.sub(r"__.{36}__|__[^_].{37}", "0" * 40, re.sub(r"\s+", "", text))
    if not text or len(text) % 2 or not re.fullmatch(r"[0-9a-fA-F]+", text):
        return b""
    return bytes.fromhex(text)


def _remappings(root: Path) -> tuple[tuple[str, str], ...]:
    place = root / "remappings.txt"
    if not place.is_file():
        return ()
    pairs = [line.strip().partition("=") for line in place.read_text().splitlines()]
    return tuple((prefix, target) for prefix, mark, target in pairs if mark)
