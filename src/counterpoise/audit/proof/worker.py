"""One attacker: reads attempts as JSON lines, answers each with one line. Run as a module.

The contract that is attacked is hostile code too, so it runs in a process that can be ended.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from counterpoise.audit.proof.attacks import Target, Task, attempt
from counterpoise.audit.worker import limit_memory

__all__ = ["main"]


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what an engine prints goes to standard error, not between answers
    limit_memory()
    for line in sys.stdin:
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


def _answer(message: dict[str, Any]) -> dict[str, Any]:
    target = Target(message["name"], tuple(message["abi"]), bytes.fromhex(message["bytecode"]))
    task = Task(message["template"], frozenset(message["functions"]))
    proof = attempt(target, task, seconds=message["seconds"])
    return {"proof": None if proof is None else asdict(proof)}


if __name__ == "__main__":
    main()
