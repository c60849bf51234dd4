"""What is audited: files, and the folder that their imports are looked up in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from counterpoise.core.digest import sha256

__all__ = ["LANGUAGES", "Project", "Source"]

LANGUAGES = {".vy": "vyper", ".sol": "solidity", ".hex": "bytecode", ".bin": "bytecode"}
"""Language of a file by the end of its name."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to audit.

    Parameters
    ----------
    path :
        Relative to the project's root, with forward slashes; the address for deployed bytecode.
    content :
        Its bytes; for bytecode the code itself, not its hex.
    language :
        ``"vyper"``, ``"solidity"`` or ``"bytecode"``.
    """

    path: str
    content: bytes = field(repr=False)
    language: str

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hex."""
        return sha256(self.content).hex()

    @property
    def text(self) -> str:
        """The content as text; what is not UTF-8 is replaced, one mark a byte."""
        return self.content.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Project:
    """Sources under one root.

    Parameters
    ----------
    root :
        Folder that paths are relative to.
    sources :
        What to audit, by path.
    search :
        Folders in which imports are looked up, in order.
    remappings :
        Solidity's ``prefix=target`` pairs.
    """

    root: Path
    sources: tuple[Source, ...]
    search: tuple[Path, ...] = ()
    remappings: tuple[tuple[str, str], ...] = ()


def without_comments(text: str, language: str) -> str:
    """The text with comments blanked, lines kept."""
    pattern = r"#[^\n]*" if language == "vyper" else r"//[^\n]*|/\*.*?\*/"
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.DOTALL)
