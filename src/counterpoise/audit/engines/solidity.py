"""Our rules for Solidity, over the trees that the compiler gives."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

from counterpoise.audit.catalogue import rule_named
from counterpoise.audit.engines.solc import compilers
from counterpoise.audit.engines.solc_units import Compilation, Uncompiled, compilation
from counterpoise.audit.findings import Analysis, Finding, NotAnalysed, Step, severity_named
from counterpoise.audit.judgement import confidence_of
from counterpoise.audit.project import Project, Source

__all__ = ["SolidityEngine", "open_engine"]

RULES = "1"
"""Version of these rules; it changes when they say other things than before."""


class SolidityEngine:
    """See `Engine`. It holds its own time limit, and shares what is compiled with Slither's."""

    name = "solidity"
    in_worker = False
    fallback = False

    def missing(self) -> str:
        """Why there is no compiler; empty if there is one."""
        if compilers():
            return ""
        return "no Solidity compiler is here: run `make audit-tools`, or install solc"

    def version(self) -> str:
        """Of the rules and of every compiler that could be chosen."""
        return f"{RULES} with " + ", ".join(one.spoken for one in compilers())

    def reads(self, source: Source) -> bool:
        """Whether it is Solidity."""
        return source.language == "solidity"

    def analyse(
        self, project: Project, sources: Sequence[Source], *, seconds: int
    ) -> Iterator[Analysis]:
        """Compile each source and run every rule over its contracts."""
        for source in sources:
            made = compilation(project, source, seconds=seconds)
            if isinstance(made, Uncompiled):
                failed = NotAnalysed(source.path, self.name, made.reason, made.hint)
                yield Analysis(source.path, not_analysed=failed)
            else:
                yield self._read(source, made, time.monotonic() + seconds)

    def _read(self, source: Source, made: Compilation, until: float) -> Analysis:
        from counterpoise.audit.solidity import hints, unit_of

        answer = made.answer()
        trees = {name: one["ast"] for name, one in answer["sources"].items() if one.get("ast")}
        unit = unit_of(made.version, made.texts, trees)
        findings: list[Finding] = []
        failed = None
        try:
            for hint in hints(unit, made.name, until=until):
                findings += [_finding(source.path, hint)]
        except (TimeoutError, RecursionError) as error:
            reason = str(error) or "its expressions are nested too deeply"
            failed = NotAnalysed(source.path, self.name, f"read in part: {reason}")
        notes = [made.note] if made.note else []
        if re.search(r"\bassembly\b", made.texts[made.name]):
            notes.append("inline assembly is read for calls and writes only")
        return Analysis(
            source.path,
            tuple(findings),
            failed,
            made.depends,
            (made.compiler.spoken,),
            tuple(notes),
        )


def _finding(path: str, hint: Any) -> Finding:
    detector = "+".join([f"solidity:{hint.rule}/{hint.variant}", *sorted(hint.marks)])
    return Finding(
        rule=hint.rule,
        path=path,
        lines=hint.lines,
        contract=hint.contract,
        function=hint.function,
        message=hint.message,
        engines=("solidity",),
        severity=severity_named(rule_named(hint.rule).severity),
        confidence=confidence_of((detector,)),
        detectors=(detector,),
        trace=tuple(Step(path, line, text) for line, text in hint.trace),
    )


def open_engine() -> SolidityEngine:
    """The engine, ready to read."""
    return SolidityEngine()
