"""Deployed bytecode: evmole finds the functions, `audit.bytecode` walks and judges them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import time
from collections.abc import Iterator, Sequence

from counterpoise.audit.bytecode import Code, analyse_code, read_code
from counterpoise.audit.bytecode.code import Unreadable
from counterpoise.audit.bytecode.rules import Hint
from counterpoise.audit.catalogue import rule_named
from counterpoise.audit.findings import Analysis, Finding, NotAnalysed, Step, severity_named
from counterpoise.audit.project import Project, Source
from counterpoise.core.errors import MissingExtra

__all__ = ["BytecodeEngine", "open_engine"]

RULES = "1"
"""Version of these rules; it changes when they say other things than before."""


class BytecodeEngine:
    """See `Engine`."""

    name = "bytecode"
    in_worker = True
    fallback = False

    def missing(self) -> str:
        """Why it cannot run; empty if it can."""
        if importlib.util.find_spec("evmole") is None:
            wanted = MissingExtra("evmole", extra="audit")
            return f"needs evmole: {wanted.hint}"
        return ""

    def version(self) -> str:
        """Of the rules and of evmole."""
        try:
            return f"{RULES} with evmole {importlib.metadata.version('evmole')}"
        except importlib.metadata.PackageNotFoundError:
            return RULES

    def reads(self, source: Source) -> bool:
        """Whether it is code of a contract."""
        return source.language == "bytecode"

    def analyse(
        self, project: Project, sources: Sequence[Source], *, seconds: int
    ) -> Iterator[Analysis]:
        """Walk and judge each code."""
        for source in sources:
            until = time.monotonic() + 0.9 * seconds
            try:
                code = read_code(source.content, until)
            except Unreadable as error:
                failed = NotAnalysed(source.path, self.name, error.reason, error.hint)
                yield Analysis(source.path, not_analysed=failed)
                continue
            yield self._read(source, code, until)

    def _read(self, source: Source, code: Code, until: float) -> Analysis:
        import evmole

        found = evmole.contract_info(code.runtime, selectors=True).functions or []
        entries = [(bytes.fromhex(one.selector), one.bytecode_offset) for one in found]
        reading = analyse_code(code, entries, until)
        failed = None
        if reading.cut:
            names = "; ".join(reading.cut[:3])
            more = f" and {len(reading.cut) - 3} more" if len(reading.cut) > 3 else ""
            failed = NotAnalysed(source.path, self.name, f"followed in part: {names}{more}")
        findings = tuple(_finding(source.path, hint) for hint in reading.hints)
        notes = tuple(f"{source.path}: {note}" for note in (*code.notes, *reading.notes))
        return Analysis(source.path, findings, failed, notes=notes)


def open_engine() -> BytecodeEngine:
    """The engine; evmole is imported when the first code is read."""
    return BytecodeEngine()


def _finding(path: str, hint: Hint) -> Finding:
    rule = rule_named(hint.rule)
    where = f" (byte {hint.pc})" if hint.pc else ""
    return Finding(
        rule=hint.rule,
        path=path,
        lines=(),
        contract="",
        function=hint.function,
        message=f"{hint.message}{where}",
        engines=("bytecode",),
        severity=severity_named(hint.severity or rule.severity),
        confidence=hint.confidence,
        detectors=(f"bytecode:{hint.rule}",),
        trace=tuple(Step(path, 1, f"byte {pc}: {text}") for pc, text in hint.steps),
    )
