"""Runs admitted code on rows in a process that can reach nothing, within hard limits.

The owner's review comes first; these walls are the second line. They stand or the code does not
run: without a filter of system calls, own code is refused. Whatever the code does, its owner
learns one of a few words of why there was no result, and the buyer no more.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from counterpoise.core.errors import InputError
from counterpoise.core.json_text import read_json
from counterpoise.market.compute_to_data import cell
from counterpoise.market.compute_to_data.algorithms import check_code
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.market.compute_to_data.rows import Integers
from counterpoise.market.compute_to_data.system_calls import call_filter

MAX_OUTPUT = 1 << 16
STARTING = 30
"""Seconds that an interpreter may take to start and to import; then the code's own begin."""
_STANDING: list[bool] = []
CLOSED = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of CPU and of the clock; bytes of address space and of output."""

    seconds: int
    memory: int
    output: int = MAX_OUTPUT


def run_code(
    source: bytes,
    columns: Mapping[str, Integers],
    parameters: Mapping[str, Any],
    limits: Limits,
) -> Any:
    """Run ``run(columns, parameters)`` of a source and give what it gave, as JSON has it.

    The child has a closed environment, an empty folder, no other open files; its input lies in
    memory alone. What it writes to its third file is thrown away: it could tell of rows.

    Raises
    ------
    NotAdmitted :
        By ``limits``: too long, too much memory or output, a call that is not permitted, an
        error; or by ``output``: what it gave is no JSON.
    InputError :
        This machine has no filter of system calls.
    """
    program = call_filter()
    if program is None:
        raise InputError(
            "this machine has no filter of system calls, so own code does not run on it",
            hint="Linux on x86-64 or ARM64",
        )
    count = len(next(iter(columns.values()), ()))
    order = {
        "code": source.decode(),
        "imports": sorted(check_code(source)),
        "parameters": dict(parameters),
        "columns": list(columns),
        "rows": count,
        "seconds": limits.seconds,
        "memory": limits.memory,
        "filter": program.hex(),
    }
    given = [json.dumps(order).encode(), b"\n"]
    given += [values.astype("<i8").tobytes() for values in columns.values()]
    with _in_memory(given) as file, tempfile.TemporaryDirectory(prefix="cell-") as empty:
        output, code = _run(file, empty, limits)
    if code:
        raise NotAdmitted("limits", _reason(code))
    try:
        return read_json(output, deepest=4, parse_float=_no_float, parse_constant=_no_float)
    except ValueError as error:
        raise NotAdmitted("output", "the code gave no JSON of integers") from error


def _no_float(_: str) -> Any:
    raise ValueError("a float")


def _reason(code: int) -> str:
    if code == cell.NO_WALLS:
        raise InputError("this system lets no process lock its own calls; own code does not run")
    return "the code ended without a result: an error, or a limit of time, memory or calls"


def _in_memory(parts: Sequence[bytes]) -> IO[bytes]:
    """Give a file that lies in memory alone, at its beginning."""
    file = os.fdopen(os.memfd_create("rows"), "w+b")
    file.writelines(parts)
    file.flush()
    file.seek(0)
    return file


def _run(file: IO[bytes], folder: str, limits: Limits) -> tuple[bytes, int]:
    """Run the cell; give its output and its exit code, -9 where it was ended here."""
    child = subprocess.Popen(
        [sys.executable, "-s", "-P", "-B", str(Path(cell.__file__))],
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=CLOSED,
        close_fds=True,
        start_new_session=True,
    )
    with child:
        try:
            output = _read(cast("IO[bytes]", child.stdout).fileno(), limits)
            return output, child.wait(timeout=max(limits.seconds, 1))
        except (subprocess.TimeoutExpired, TimeoutError):
            return b"", -9
        finally:
            child.kill()


def _read(pipe: int, limits: Limits) -> bytes:
    """Read the child's output to its end, within its time and size."""
    end, found = time.monotonic() + STARTING, b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        while waiting.select(max(end - time.monotonic(), 0)):
            part = os.read(pipe, 1 << 16)
            if not part:
                return found
            if not found:
                end = time.monotonic() + limits.seconds
            found += part
            if len(found) > limits.output or time.monotonic() > end:
                break
    raise TimeoutError


def has_walls() -> bool:
    """Whether own code can run here: a process may lock its own calls. Asked until it can."""
    if not _STANDING:
        try:
            run_code(b"def run(columns, parameters): return {}\n", {}, {}, Limits(5, 1 << 28))
        except InputError:
            return False
        _STANDING.append(True)
    return True
