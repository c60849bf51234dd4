"""Analyses that were made before, by the content they were made from."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

from counterpoise.audit.findings import Analysis
from counterpoise.audit.project import Project, Source
from counterpoise.audit.records import analysis_from_record, analysis_record
from counterpoise.core.digest import sha256

__all__ = ["Cache", "code_digest"]


@cache
def code_digest() -> str:
    """SHA-256 over the analyser's own code: with another one, nothing that is kept counts."""
    here = Path(__file__).parent
    files = sorted(one for one in here.rglob("*") if one.suffix in (".py", ".json", ".js"))
    parts = [
        f"{one.relative_to(here).as_posix()} {sha256(one.read_bytes()).hex()}" for one in files
    ]
    return sha256("\n".join(parts).encode()).hex()


class Cache:
    """A folder of analyses.

    An entry counts for the same engine, rules, path and content, and only while every other file
    that was read for it has the digest that it had then.

    Parameters
    ----------
    folder :
        Where it is; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def fetch(self, engine: str, version: str, project: Project, source: Source) -> Analysis | None:
        """What is kept about a source, if it still counts."""
        place = self._place(engine, version, project, source)
        if place is None:
            return None
        try:
            found = analysis_from_record(json.loads(place.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        current = all(_digest(project.root / path) == digest for path, digest in found.depends)
        return found if current else None

    def keep(
        self, engine: str, version: str, project: Project, source: Source, analysis: Analysis
    ) -> None:
        """Keep what was found; what failed is tried again next time."""
        place = self._place(engine, version, project, source)
        if place is None or analysis.not_analysed is not None:
            return
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_suffix(f".{os.getpid()}")
            draft.write_text(json.dumps(analysis_record(analysis)))
            draft.replace(place)
        except OSError:
            self.folder = None  # a full or read-only disk costs the cache, not the audit

    def _place(self, engine: str, version: str, project: Project, source: Source) -> Path | None:
        if self.folder is None:
            return None
        parts = [
            code_digest(),
            engine,
            version,
            source.path,
            source.language,
            source.digest,
            *(str(one) for one in project.search),
            *(f"{one}={other}" for one, other in project.remappings),
        ]
        name = sha256("\0".join(parts).encode()).hex()
        return self.folder / name[:2] / f"{name}.json"


def _digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hex()
    except OSError:
        return ""
