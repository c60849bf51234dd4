"""Slither, a program in an environment of its own: one process for many files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from counterpoise.audit.engines.slither_cli import asked, fits
from counterpoise.audit.engines.slither_rules import RULE_OF, SEVERITY_OF
from counterpoise.audit.engines.solc import CompilerFailed, Worker, compilers, tools_folder
from counterpoise.audit.engines.solc_units import Compilation, Uncompiled, compilation
from counterpoise.audit.findings import Analysis, Finding, NotAnalysed, Severity
from counterpoise.audit.judgement import confidence_of
from counterpoise.audit.project import Project, Source

__all__ = ["SlitherEngine", "open_engine"]

RUNNER = Path(__file__).with_name("slither_runner.py")


_PLACE = re.compile(r"\(\S*?#(\d+)(?:-\d+)?\)")
"""A place as Slither writes it: with a path that hangs on where the audit was started."""


def _spoken(found: re.Match[str]) -> str:
    return f"(line {found[1]})"


class SlitherEngine:
    """See `Engine`. A file at which Slither crashes is "not analysed"; the next gets a new one."""

    name = "slither"
    in_worker = False
    fallback = False

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._fits = True

    def missing(self) -> str:
        """Why it cannot run here; empty if it can."""
        if not compilers():
            return "Slither needs a Solidity compiler: run `make audit-tools`, or install solc"
        return "" if interpreter() else "Slither is not installed: run `make audit-tools`"

    def version(self) -> str:
        """Of Slither and of every compiler that could be chosen."""
        return f"{slither_version(interpreter())} with " + ", ".join(
            one.spoken for one in compilers()
        )

    def reads(self, source: Source) -> bool:
        """Whether it is Solidity."""
        return source.language == "solidity"

    def analyse(
        self, project: Project, sources: Sequence[Source], *, seconds: int
    ) -> Iterator[Analysis]:
        """Compile each source, and ask Slither about it."""
        self._worker = Worker([interpreter(), "-I", str(RUNNER)])
        try:
            for source in sources:
                made = compilation(project, source, seconds=seconds)
                if isinstance(made, Uncompiled):
                    failed = NotAnalysed(source.path, self.name, made.reason, made.hint)
                    yield Analysis(source.path, not_analysed=failed)
                else:
                    yield self._ask(project, source, made, seconds)
        finally:
            self._worker.end()

    def _checked(self) -> bool:
        """Whether the runner fits this Slither; asked only once something has failed."""
        self._fits = self._fits and fits(interpreter())
        return self._fits

    def _ask(self, project: Project, source: Source, made: Compilation, seconds: int) -> Analysis:
        worker = self._worker or Worker([interpreter(), "-I", str(RUNNER)])
        path = str((project.root / source.path).resolve())
        message = {
            "path": path,
            "version": made.compiler.spoken.split()[1],
            "combined": combined(made, path),
        }
        answer: dict[str, Any]
        try:
            answer = worker.exchange(message, seconds) if self._fits else {"error": ""}
        except CompilerFailed as error:
            answer = {"error": error.message}
        if "error" in answer and not self._checked():
            answer = asked(interpreter(), made.name, message, seconds)
        silent = Analysis(source.path, depends=made.depends, compilers=(made.compiler.spoken,))
        if "error" in answer:
            reason = f"Slither failed: {answer['error'].strip() or 'no reason given'}"
            failed = NotAnalysed(source.path, self.name, reason.splitlines()[0])
            return replace(silent, not_analysed=failed)
        notes = tuple(f"a detector of Slither crashed: {one}" for one in answer["broken"])
        found = (finding(source.path, path, one) for one in answer["detectors"])
        return replace(silent, findings=tuple(one for one in found if one), notes=notes)


def combined(made: Compilation, path: str) -> dict[str, Any]:
    """The compiler's answer in the shape of ``--combined-json``, which Slither reads."""
    answer = made.answer()
    objects = made.version >= (0, 8, 0)
    root = path.removesuffix(made.name)
    units: dict[str, Any] = {}
    for name, contracts in answer.get("contracts", {}).items():
        for contract, one in contracts.items():
            units[f"{root}{name}:{contract}"] = {
                "abi": one["abi"] if objects else json.dumps(one["abi"]),
                "userdoc": {} if objects else "{}",
                "devdoc": {} if objects else "{}",
                **dict.fromkeys(("bin", "bin-runtime", "srcmap", "srcmap-runtime"), ""),
            }
    sources = {f"{root}{name}": {"AST": one["ast"]} for name, one in answer["sources"].items()}
    return {"contracts": units, "sources": sources, "sourceList": list(sources)}


def finding(path: str, place: str, detector: dict[str, Any]) -> Finding | None:
    """What one result says about this file; None where it is about another, or about style."""
    check = detector["check"]
    if check not in RULE_OF:
        return None
    own = [one for one in detector["elements"] if one["file"] in (place, "")]
    nodes = [one for one in own if one["type"] == "node"]
    lines = sorted({line for one in nodes for line in one["lines"]})
    if not lines and own:
        lines = own[0]["lines"][:1]
    if not lines:
        return None
    first = next((one for one in own if one["function"]), own[0])
    said = _PLACE.sub(_spoken, " ".join(str(detector["description"]).split()))
    name = f"slither:{check}"
    return Finding(
        rule=RULE_OF[check],
        path=path,
        lines=tuple(lines),
        contract=first["contract"],
        function=first["function"],
        message=said[:300],
        engines=("slither",),
        severity=SEVERITY_OF.get(detector["impact"], Severity.INFO),
        confidence=confidence_of((name,)),
        detectors=(name,),
    )


@cache
def interpreter() -> str:
    """Python of Slither's environment: the tools' folder's, or that of `slither` on the path."""
    own = tools_folder() / "slither" / "bin" / "python"
    if own.exists():
        return str(own)
    named = os.environ.get("COUNTERPOISE_SLITHER") or shutil.which("slither") or ""
    if not named:
        return ""
    with Path(named).open("rb") as program:
        first = program.readline().decode("utf-8", "replace").strip()
    return first.removeprefix("#!") if first.startswith("#!") and "python" in first else ""


@cache
def slither_version(python: str) -> str:
    """Such as ``"slither 0.11.6"``."""
    code = "import importlib.metadata as m; print(m.version('slither-analyzer'))"
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return f"slither {said.stdout.strip() or 'of unknown version'}"


def open_engine() -> SlitherEngine:
    """The engine, ready to read."""
    return SlitherEngine()
