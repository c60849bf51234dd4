"""Measures the rules on mutants: which are found, which are equivalent, which slip through."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from counterpoise.audit.findings import Finding
from counterpoise.audit.mutants.operators import Mutant, mutants_of
from counterpoise.audit.mutants.text import Text
from counterpoise.audit.project import Project, Source

__all__ = ["Measured", "Tally", "copied", "measure", "tallies", "texts_of"]

Judge = Callable[[Project, Source], tuple[Finding, ...] | None]
"""Findings of a source, or None where it does not compile."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One mutant and what came of it.

    Parameters
    ----------
    found :
        Whether one of the expected rules says something that it does not say of the original.
    equivalent :
        Why it is no bug after all; empty where it is one.
    """

    mutant: Mutant
    found: bool
    equivalent: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """The mutants of one operator that compile: real bugs, those found, and equivalent ones."""

    operator: str
    real: int
    found: int
    equivalent: int


def copied(project: Project, folder: Path) -> Project:
    """The project's Vyper sources and interfaces in another folder, to be changed there."""
    for place in sorted(project.root.rglob("*.vy*")):
        relative = place.relative_to(project.root)
        hidden = any(part.startswith(".") for part in relative.parts)
        if place.suffix in (".vy", ".vyi") and not hidden:
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, folder / relative)
    return Project(folder, project.sources, project.search, project.remappings)


def texts_of(
    project: Project, tree_of: Callable[[Project, Source], Mapping[str, object]]
) -> Iterator[Text]:
    """Each source with its own annotated tree."""
    for source in project.sources:
        tree = tree_of(project, source)
        yield Text(source.path, source.text, tree["ast"])  # type: ignore[arg-type]


def measure(
    project: Project,
    texts: Iterable[Text],
    judge: Judge,
    users: Mapping[str, str],
    equivalents: Mapping[str, str],
    *,
    most: int = 0,
) -> Iterator[Measured]:
    """Put in every bug in turn, judge, and restore; mutants that do not compile are left out.

    Parameters
    ----------
    project :
        A copy, whose files are changed.
    users :
        For a module that is no contract, the path of a contract that uses it, which is judged.
    equivalents :
        Reason by the mutant's name without its line, ``operator @ path function``, or with it.
    most :
        Most mutants of one operator in one source; 0 for all.
    """
    originals: dict[str, Counter[tuple[object, ...]]] = {}
    by_path = {source.path: source for source in project.sources}
    for text in texts:
        judged = users.get(text.path, text.path)
        if judged not in originals:
            found = judge(project, by_path[judged]) or ()
            originals[judged] = Counter(map(_key, found))
        taken: Counter[str] = Counter()
        for mutant in mutants_of(text):
            taken[mutant.operator.name] += 1
            if most and taken[mutant.operator.name] > most:
                continue
            result = _judged(project, mutant, judged, judge, by_path)
            if result is None:
                taken[mutant.operator.name] -= 1
                continue
            new = Counter(map(_key, result)) - originals[judged]
            hit = any(key[0] in mutant.operator.expected for key in new)
            short = mutant.name.rpartition(":")[0]
            reason = equivalents.get(mutant.name) or equivalents.get(short, "")
            yield Measured(mutant, hit, reason)


def _judged(
    project: Project, mutant: Mutant, judged: str, judge: Judge, sources: Mapping[str, Source]
) -> tuple[Finding, ...] | None:
    place = project.root / mutant.path
    original = place.read_bytes()
    try:
        place.write_text(mutant.source)
        content = (project.root / judged).read_bytes()
        return judge(project, Source(judged, content, sources[judged].language))
    finally:
        place.write_bytes(original)


def _key(finding: Finding) -> tuple[object, ...]:
    """What a finding says, apart from line numbers."""
    return (
        finding.rule,
        finding.path,
        finding.function,
        finding.severity,
        finding.snippet,
        finding.message,
        len(finding.lines),
    )


def tallies(measured: Iterable[Measured]) -> list[Tally]:
    """Sums by operator, in the operators' order."""
    rows: dict[str, list[Measured]] = {}
    for one in measured:
        rows.setdefault(one.mutant.operator.name, []).append(one)
    return [
        Tally(
            name,
            sum(not one.equivalent for one in group),
            sum(one.found and not one.equivalent for one in group),
            sum(bool(one.equivalent) for one in group),
        )
        for name, group in rows.items()
    ]
