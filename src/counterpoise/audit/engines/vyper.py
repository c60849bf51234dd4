"""Vyper 0.4 and later: compiled in this process, judged by the rules of `audit.vyper`."""

from __future__ import annotations

import importlib.metadata
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from counterpoise.audit.findings import Analysis, Finding, NotAnalysed
from counterpoise.audit.pragma import admits, pragma_of
from counterpoise.audit.project import Project, Source
from counterpoise.core.digest import sha256

__all__ = ["VyperEngine", "annotated_tree", "open_engine"]

NEWEST = tuple((0, minor, patch) for minor in range(4, 10) for patch in range(20))


class VyperEngine:
    """Reads one contract at a time; the compiler is the one that is installed."""

    name = "vyper"
    in_worker = True
    fallback = False

    def missing(self) -> str:
        """Why it cannot run; empty if it can."""
        found = self.version()
        if not found.startswith("0.4."):
            return f"vyper 0.4 is wanted, {found or 'none'} is installed"
        return ""

    def version(self) -> str:
        """The compiler's version."""
        try:
            return importlib.metadata.version("vyper")
        except importlib.metadata.PackageNotFoundError:
            return ""

    def reads(self, source: Source) -> bool:
        """Whether it is a Vyper contract or module."""
        return source.language == "vyper"

    def analyse(
        self, project: Project, sources: Sequence[Source], *, seconds: int
    ) -> Iterator[Analysis]:
        """Compile and judge each source; `seconds` is kept by the worker around this."""
        for source in sources:
            yield self._analyse(project, source)

    def _analyse(self, project: Project, source: Source) -> Analysis:
        refused = _refusal(source)
        if refused is not None:
            return Analysis(source.path, not_analysed=NotAnalysed(source.path, self.name, *refused))
        from vyper.exceptions import VyperException

        try:
            tree, paths = _compiled(project, source)
        except (VyperException, SyntaxError, FileNotFoundError) as error:
            reason = NotAnalysed(
                source.path, self.name, f"does not compile: {_first(error, project.root)}"
            )
            return Analysis(source.path, not_analysed=reason)
        return self._judged(project, source, tree, paths)

    def _judged(
        self, project: Project, source: Source, tree: dict[str, Any], paths: list[Path]
    ) -> Analysis:
        from counterpoise.audit.vyper.analyse import analyse_tree

        root = project.root.resolve()
        inside = [one for one in paths if one.is_relative_to(root)]
        outside = [one for one in paths if not one.is_relative_to(root) and not _is_shipped(one)]
        if outside:
            reason = f"imports {outside[0].name} from outside the project"
            failed = NotAnalysed(source.path, self.name, reason, "audit the folder that holds both")
            return Analysis(source.path, not_analysed=failed)
        report = analyse_tree(tree, lambda path: _relative(Path(path), root))
        texts = {_relative(one, root): one.read_bytes() for one in inside}
        findings = tuple(_with_snippet(one, texts.get(one.path, b"")) for one in report.findings)
        cut = None
        if report.cut:
            names = ", ".join(report.cut)
            cut = NotAnalysed(source.path, self.name, f"too long to follow to the end: {names}")
        return Analysis(
            source.path,
            findings,
            cut,
            tuple(sorted((p, sha256(c).hex()) for p, c in texts.items() if p != source.path)),
            (f"vyper {self.version()}",),
        )


def annotated_tree(project: Project, source: Source) -> dict[str, Any]:
    """The compiler's annotated tree of one source, its imports beside it."""
    return _compiled(project, source)[0]


def open_engine() -> VyperEngine:
    """The engine; the compiler is imported when the first source is read."""
    return VyperEngine()


def _refusal(source: Source) -> tuple[str, str] | None:
    """Why a source is not compiled at all, and a hint."""
    try:
        source.content.decode()
    except UnicodeDecodeError as error:
        return f"not text: byte {error.start} is not UTF-8", ""
    found = pragma_of(source.text)
    if found and re.search(r"\d", found[0]) and not any(admits(found[0], v) for v in NEWEST):
        return (
            f"written for Vyper {found[0]}; these rules read 0.4 and later",
            "Slither by itself reads Vyper up to 0.3.10, with that compiler",
        )
    return None


def _compiled(project: Project, source: Source) -> tuple[dict[str, Any], list[Path]]:
    """The annotated tree, and every other file that was read for it."""
    from vyper.compiler import compile_from_file_input
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.settings import Settings

    file = project.root / source.path
    bundle = FilesystemInputBundle(search_folders(project, file))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = compile_from_file_input(
            bundle.load_file(file),
            input_bundle=bundle,
            settings=Settings(),
            output_formats=["annotated_ast_dict"],
        )
    tree = made["annotated_ast_dict"]
    return tree, [Path(one["resolved_path"]).resolve() for one in tree["imports"]]


def search_folders(project: Project, file: Path) -> list[Path]:
    """Where the imports of a file are looked for: the later, the sooner.

    The folders that the project names, then every folder from its root down to the file's own, so
    that a package is found from whichever of them its name is counted.
    """
    root = project.root.resolve()
    above = [one for one in file.resolve().parents if one.is_relative_to(root)]
    return [*project.search, *reversed(above)]


def _is_shipped(path: Path) -> bool:
    """Whether a file came with the compiler or another installed package."""
    return "site-packages" in path.parts or "dist-packages" in path.parts


def _relative(path: Path, root: Path) -> str:
    found = path.resolve()
    return found.relative_to(root).as_posix() if found.is_relative_to(root) else found.name


def _with_snippet(finding: Finding, content: bytes) -> Finding:
    return finding.with_snippet(content.decode("utf-8", "replace"))


def _first(error: BaseException, root: Path) -> str:
    """The compiler's own words, on one line, with the line they are about."""
    rows = [row.strip() for row in str(error).splitlines() if row.strip()]
    rows = [row for row in rows if not row.startswith("Compilation failed")] or ["no reason given"]
    at = next((m[1] for m in re.finditer(r"line (\d+):", str(error))), "")
    line = getattr(error, "lineno", None) or at
    words = rows[0].replace(f"{root.resolve()}/", "")[:200]
    kind = type(error).__name__
    return f"{kind}: {words}" + (f" (line {line})" if line else "")
