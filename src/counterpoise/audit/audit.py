"""An audit: every engine over every source, with what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from counterpoise.audit.cache import Cache
from counterpoise.audit.engines import ENGINES, Engine, engine
from counterpoise.audit.findings import Analysis, Finding, NotAnalysed, Severity
from counterpoise.audit.judgement import judged
from counterpoise.audit.merge import merge, order
from counterpoise.audit.pool import read_all
from counterpoise.audit.project import Project, Source
from counterpoise.audit.source_text import text_findings

__all__ = ["Outcome", "audit_project"]

STRANGE = {
    "junk": ("not a contract: neither Vyper, nor Solidity, nor hex digits of bytecode", ""),
    "nothing": ("empty", ""),
    "too large": ("more than 20 MB: no source is so large", ""),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an audit found.

    Parameters
    ----------
    project :
        What was audited.
    findings :
        All of them, suppressed ones included, in the order of reports.
    not_analysed :
        What could not be read, by path and engine. A source is clean only if it is not here.
    engines :
        ``(name, version)`` of every engine that ran.
    absent :
        ``(name, why)`` of every engine that could not run.
    compilers, notes :
        As the analyses give them, each once, sorted.
    """

    project: Project
    findings: tuple[Finding, ...]
    not_analysed: tuple[NotAnalysed, ...]
    engines: tuple[tuple[str, str], ...]
    absent: tuple[tuple[str, str], ...]
    compilers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def counted(self) -> list[Finding]:
        """The findings that count: those that nobody accepted."""
        return [one for one in self.findings if one.suppression is None]

    def exit_code(self, bar: Severity) -> int:
        """0 clean, 1 a finding at or above the bar, 2 something was not analysed."""
        if any(one.severity >= bar for one in self.counted()):
            return 1
        return 2 if self.not_analysed else 0


def audit_project(
    project: Project,
    *,
    engines: Sequence[str] = tuple(ENGINES),
    cache: Cache | None = None,
    jobs: int = 1,
    seconds: int = 120,
    on_read: Callable[[str, str], None] = lambda path, engine: None,
) -> Outcome:
    """Run every engine over the sources in its language, and merge what they say.

    Parameters
    ----------
    engines :
        Names, in order; fallback engines read last, and only what no other could.
    cache :
        Analyses made before; what is read is kept there at once, so that an interrupted audit
        goes on where it stopped.
    jobs :
        Worker processes; 0 reads in this one, without time limit, and ends with what crashes it.
    seconds :
        Time limit of one engine on one source.
    on_read :
        Called with a path and an engine after each analysis.
    """
    kept = cache or Cache(None)
    opened = [engine(name) for name in engines]
    absent = tuple((one.name, one.missing()) for one in opened if one.missing())
    ready = [one for one in opened if not one.missing()]
    analyses: dict[str, list[Analysis]] = {source.path: [] for source in project.sources}
    for one in sorted(ready, key=lambda reader: reader.fallback):
        wanted = [s for s in project.sources if one.reads(s)]
        if one.fallback:
            wanted = [s for s in wanted if not _was_read(analyses[s.path])]
        for analysis in _run(one, project, wanted, kept, jobs, seconds):
            analyses[analysis.path].append(analysis)
            on_read(analysis.path, one.name)
    failed = [one for source in project.sources for one in _failures(source, analyses, absent)]
    every = [analysis for found in analyses.values() for analysis in found]
    found = [finding for analysis in every for finding in analysis.findings]
    found += [finding for source in project.sources for finding in text_findings(source)]
    texts = {source.path: source.text for source in project.sources}
    snipped = [one if one.snippet else one.with_snippet(texts.get(one.path, "")) for one in found]
    return Outcome(
        project,
        tuple(sorted(judged(merge(snipped)), key=order)),
        tuple(sorted(failed)),
        tuple((one.name, one.version()) for one in ready),
        absent,
        tuple(sorted({name for analysis in every for name in analysis.compilers})),
        tuple(sorted({note for analysis in every for note in analysis.notes})),
    )


def _run(
    reader: Engine,
    project: Project,
    sources: Sequence[Source],
    cache: Cache,
    jobs: int,
    seconds: int,
) -> Iterator[Analysis]:
    version = reader.version()
    fresh = []
    for source in sources:
        known = cache.fetch(reader.name, version, project, source)
        if known is None:
            fresh.append(source)
        else:
            yield known
    by_path = {source.path: source for source in fresh}
    if not fresh:
        return
    if reader.in_worker and jobs:
        made = read_all(reader.name, project, fresh, jobs=jobs, seconds=seconds)
    else:
        made = reader.analyse(project, fresh, seconds=seconds)
    for analysis in made:
        cache.keep(reader.name, version, project, by_path[analysis.path], analysis)
        yield analysis


def _was_read(analyses: Sequence[Analysis]) -> bool:
    return any(one.not_analysed is None for one in analyses)


def _failures(
    source: Source, analyses: dict[str, list[Analysis]], absent: Sequence[tuple[str, str]]
) -> Iterator[NotAnalysed]:
    """Every failure about a source, or that no engine reads its language."""
    if source.language in STRANGE:
        yield NotAnalysed(source.path, "", *STRANGE[source.language])
        return
    if source.language == "interface":
        return
    found = analyses[source.path]
    if not found:
        missing = "; ".join(why for _, why in absent)
        yield NotAnalysed(source.path, "", f"no engine here reads {source.language}", missing)
    for analysis in found:
        if analysis.not_analysed is not None:
            yield analysis.not_analysed
