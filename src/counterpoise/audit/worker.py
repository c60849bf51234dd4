"""One worker: reads tasks as JSON lines, answers each with one line. Run as a module.

Foreign code runs here, so that what hangs, crashes or eats memory takes nothing else with it.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import TextIO

from counterpoise.audit.engines import engine
from counterpoise.audit.project import Project, Source
from counterpoise.audit.records import analysis_record

__all__ = ["main"]

MEMORY = 4 << 30
"""Bytes of address space a worker may take."""


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what an engine prints goes to standard error, not between answers
    limit_memory()
    sys.setrecursionlimit(20_000)
    for line in sys.stdin:
        _serve(json.loads(line), answers)


def _serve(task: dict[str, object], answers: TextIO) -> None:
    project = Project(
        Path(str(task["root"])),
        (),
        tuple(Path(one) for one in task["search"]),  # type: ignore[attr-defined]
        tuple((one, other) for one, other in task["remappings"]),  # type: ignore[attr-defined]
    )
    content = base64.b64decode(str(task["content"]))
    source = Source(str(task["path"]), content, str(task["language"]))
    reader = engine(str(task["engine"]))
    for analysis in reader.analyse(project, [source], seconds=int(str(task["seconds"]))):
        answers.write(json.dumps(analysis_record(analysis)) + "\n")
    answers.flush()


def limit_memory() -> None:
    """Let this process take `MEMORY` at most, where the system can see to that."""
    try:
        import resource
    except ImportError:  # not on every platform
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
