"""Files compiled together with what they import; kept small, so that two engines share them."""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from counterpoise.audit.engines.solc import (
    Compiler,
    CompilerFailed,
    compiled,
    compilers,
    standard_input,
)
from counterpoise.audit.engines.solc_choice import (
    Version,
    candidates,
    imports_of,
    pragmas_of,
    without_pragmas,
)
from counterpoise.audit.project import Project, Source
from counterpoise.core.digest import sha256

__all__ = ["Compilation", "Uncompiled", "compilation"]

MOST_FILES = 400
KEPT_BYTES = 200_000_000


@dataclass(frozen=True)
class Uncompiled:
    """Why a file has no tree."""

    reason: str
    hint: str = ""


@dataclass(frozen=True)
class Compilation:
    """A file's compiler, the texts that it read, and its answer.

    Parameters
    ----------
    name :
        What the file is called in `texts` and in the answer.
    depends :
        ``(path, sha256 hex)`` of what was imported.
    note :
        What the reader should know, such as that the pragma was not obeyed; may be empty.
    """

    name: str
    compiler: Compiler
    texts: dict[str, str]
    depends: tuple[tuple[str, str], ...]
    note: str
    packed: bytes

    def answer(self) -> dict[str, Any]:
        """The compiler's answer, unpacked."""
        found: dict[str, Any] = json.loads(zlib.decompress(self.packed))
        return found

    @property
    def version(self) -> Version:
        """Of the compiler."""
        return self.compiler.version


_kept: OrderedDict[str, Compilation] = OrderedDict()


def compilation(project: Project, source: Source, *, seconds: float) -> Compilation | Uncompiled:
    """Compile one source with its imports by the compiler that its pragma asks for."""
    try:
        texts, remappings = _closure(project, source)
    except ImportFailed as error:
        return Uncompiled(str(error), error.hint)
    key = sha256(json.dumps([source.path, sorted(texts.items()), remappings]).encode()).hex()
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    here = {one.version: one for one in compilers()}
    if not here:
        return Uncompiled("no Solidity compiler is here", "run `make audit-tools`, or install solc")
    choices = candidates(texts.values(), here)
    asked = ", ".join(sorted({one for text in texts.values() for one in pragmas_of(text)}))
    if not choices:
        names = ", ".join(one.spoken.split()[1] for one in here.values())
        return Uncompiled(f"the pragma asks for solc {asked}; here are {names}", "")
    found = _first(source.path, texts, remappings, choices, here, asked, seconds)
    if isinstance(found, Compilation):
        _kept[key] = found
        while sum(len(one.packed) for one in _kept.values()) > KEPT_BYTES:
            _kept.popitem(last=False)
    return found


def _first(
    name: str,
    texts: dict[str, str],
    remappings: tuple[str, ...],
    choices: list[tuple[Version, bool]],
    here: dict[Version, Compiler],
    asked: str,
    seconds: float,
) -> Compilation | Uncompiled:
    """The first compiler that reads the file; else what the first of them had against it."""
    reasons = []
    for version, blank in choices[:4]:
        sources = {n: without_pragmas(t) if blank else t for n, t in texts.items()}
        try:
            answer = compiled(here[version], standard_input(sources, remappings), seconds=seconds)
        except CompilerFailed as error:
            return Uncompiled(f"{here[version].spoken}: {error.message}")
        errors = [one for one in answer.get("errors", ()) if one.get("severity") == "error"]
        trees = answer.get("sources", {})
        late = all(one.get("type") in ("CodeGenerationError", "CompilerError") for one in errors)
        if trees.get(name, {}).get("ast") and (not errors or late):
            note = f"{name} asks for solc {asked} and was read as {here[version].spoken}"
            packed = zlib.compress(json.dumps(answer).encode(), 1)
            depends = tuple(
                (path, sha256(text.encode()).hex()) for path, text in texts.items() if path != name
            )
            return Compilation(name, here[version], texts, depends, note if blank else "", packed)
        first = (errors or [{"formattedMessage": "no tree"}])[0]
        said = str(first.get("formattedMessage") or first.get("message")).strip().splitlines()[0]
        reasons.append(f"{here[version].spoken}: {said[:200]}")
    return Uncompiled(f"does not compile: {reasons[0]}")


class ImportFailed(Exception):
    """An import that leads nowhere, or out of the project."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def _closure(project: Project, source: Source) -> tuple[dict[str, str], tuple[str, ...]]:
    """The texts of a file and of all that it imports, by the names that the compiler asks for."""
    remappings = tuple(f"{prefix}={target}" for prefix, target in project.remappings)
    own = {one.path: one for one in project.sources}
    texts = {source.path: _plain(source.text)}
    pending = [source.path]
    while pending:
        importer = pending.pop()
        for written in imports_of(texts[importer]):
            name = _name(importer, written, project)
            if name in texts:
                continue
            if len(texts) >= MOST_FILES:
                raise ImportFailed(f"imports more than {MOST_FILES} files", "")
            known = own.get(name)
            texts[name] = _plain(known.text if known else _read(name, importer, project))
            pending.append(name)
    return texts, remappings


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _name(importer: str, written: str, project: Project) -> str:
    if written.startswith((".", "..")):
        parts: list[str] = list(PurePosixPath(importer).parent.parts)
        for part in PurePosixPath(written).parts:
            if part == "..":
                if not parts:
                    raise ImportFailed(
                        f"{importer} imports {written}, which is outside the project",
                        "audit the folder that holds both",
                    )
                parts.pop()
            elif part != ".":
                parts.append(part)
        return "/".join(parts)
    fitting = [pair for pair in project.remappings if written.startswith(pair[0])]
    if fitting:
        prefix, target = max(fitting, key=lambda pair: len(pair[0]))
        return target + written[len(prefix) :]
    return written


def _read(name: str, importer: str, project: Project) -> str:
    hint = "name its folder as a remapping, or put it into the project"
    for folder in (project.root, *project.search, project.root / "node_modules"):
        place = (folder / name).resolve()
        allowed = any(
            place.is_relative_to(root.resolve()) for root in (project.root, *project.search)
        )
        if allowed and place.is_file():
            try:
                return place.read_text("utf-8", "replace")
            except OSError as error:
                raise ImportFailed(f"{importer} imports {name}: {error.strerror}", hint) from error
    raise ImportFailed(f"{importer} imports {name}, which is not in the project", hint)


def path_of(project: Project, name: str) -> Path:
    """Where a source lies on disk, for tools that want a file."""
    return project.root / name
