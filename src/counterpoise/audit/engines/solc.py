"""The Solidity compiler: npm's builds in one Node process that stays, or `solc` on the path."""

from __future__ import annotations

import atexit
import json
import os
import re
import selectors
import shutil
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from counterpoise.audit.engines.solc_choice import Version
from counterpoise.core.errors import CounterpoiseError

__all__ = [
    "Compiler",
    "CompilerFailed",
    "Worker",
    "compiled",
    "compilers",
    "end_worker",
    "tools_folder",
]

WORKER = Path(__file__).with_name("solc_worker.js")
LARGEST = 1_000_000
"""Bytes of source that the compiler's build for Node can take at once."""


class CompilerFailed(CounterpoiseError):
    """The compiler ended, or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """One compiler: `place` is npm's ``soljson.js``, or a program where `native`."""

    version: Version
    place: Path
    native: bool

    @property
    def spoken(self) -> str:
        """Such as ``"solc 0.8.30"``."""
        return "solc " + ".".join(str(part) for part in self.version)


def tools_folder() -> Path:
    """Where ``make audit-tools`` puts things.

    It is ``$COUNTERPOISE_TOOLS``, or the nearest
    ``.tools``.
    """
    named = os.environ.get("COUNTERPOISE_TOOLS")
    if named:
        return Path(named)
    here = Path(__file__).resolve()
    for folder in (Path.cwd(), *Path.cwd().parents, *here.parents):
        if (folder / ".tools" / "solc").is_dir() or (folder / ".tools" / "slither").is_dir():
            return folder / ".tools"
    return Path.cwd() / ".tools"


@cache
def node() -> str:
    """Path of Node; empty if there is none."""
    return shutil.which("node") or ""


def compilers() -> tuple[Compiler, ...]:
    """Every compiler that is here: builds in the tools' folder if there is Node, and `solc`."""
    return _compilers(tools_folder(), node(), shutil.which("solc") or "")


@cache
def _compilers(tools: Path, has_node: str, program: str) -> tuple[Compiler, ...]:
    found: dict[Version, Compiler] = {}
    if program:
        with suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run(
                [program, "--version"], capture_output=True, text=True, timeout=30, check=False
            )
            version = _version(said.stdout)
            if version:
                found[version] = Compiler(version, Path(program), native=True)
    if has_node:
        for place in sorted(tools.glob("solc/*/soljson.js")):
            version = _version(place.parent.name)
            if version and version >= (0, 4, 12):
                found.setdefault(version, Compiler(version, place, native=False))
    return tuple(found[one] for one in sorted(found))


def _version(text: str) -> Version | None:
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def standard_input(sources: Mapping[str, str], remappings: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the compiler is asked: trees and interfaces, no code."""
    return {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": {
            "remappings": list(remappings),
            "outputSelection": {"*": {"": ["ast"], "*": ["abi"]}},
        },
    }


def compiled(compiler: Compiler, request: dict[str, Any], *, seconds: float) -> dict[str, Any]:
    """The compiler's answer to standard JSON.

    Raises
    ------
    CompilerFailed :
        It crashed, or was still busy at the time limit; it is started anew for the next request.
    """
    size = sum(len(one["content"].encode()) for one in request["sources"].values())
    if size > LARGEST:
        raise CompilerFailed(f"{size:,} bytes of source; the compiler takes {LARGEST:,} at once")
    if compiler.native:
        return _run(compiler, request, seconds)
    return _worker().ask(compiler, request, seconds)


def _run(compiler: Compiler, request: dict[str, Any], seconds: float) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [str(compiler.place), "--standard-json"],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise CompilerFailed(f"the compiler was still busy after {seconds:.0f} s") from None
    except (OSError, ValueError) as error:
        raise CompilerFailed(f"the compiler ended without an answer: {error}") from error
    return answer


@cache
def _worker() -> Worker:
    return Worker([node(), str(WORKER)])


class Worker:
    """A program that answers lines of JSON with lines of JSON, and is restarted when it fails."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None
        self._count = 0

    def ask(self, compiler: Compiler, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Compile in the worker."""
        answer = self.exchange({"soljson": str(compiler.place), "input": request}, seconds)
        if "error" in answer:
            self.end()
            raise CompilerFailed(f"the compiler crashed: {answer['error'].splitlines()[0]}")
        output: dict[str, Any] = answer["output"]
        return output

    def exchange(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send one message and wait for its answer.

        Raises
        ------
        CompilerFailed :
            The program ended, or said nothing within `seconds`. It is ended then.
        """
        self._count += 1
        process = self._running()
        line = json.dumps({"id": self._count, **message}).encode() + b"\n"
        try:
            _stdin(process).write(line)
            _stdin(process).flush()
            answer: dict[str, Any] = json.loads(self._line(process, time.monotonic() + seconds))
        except TimeoutError:
            self.end()
            raise CompilerFailed(f"still busy after {seconds:.0f} s") from None
        except (OSError, ValueError) as error:
            self.end()
            raise CompilerFailed("the process ended without an answer") from error
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
        return self.process

    def _line(self, process: subprocess.Popen[bytes], until: float) -> bytes:
        stream = process.stdout
        if stream is None:
            raise ValueError("no output")
        parts: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while not (parts and parts[-1].endswith(b"\n")):
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise TimeoutError
                part = os.read(stream.fileno(), 1 << 20)
                if not part:
                    raise ValueError("ended")
                parts.append(part)
        return b"".join(parts)

    def end(self) -> None:
        """End the program; the next exchange starts it anew."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()


def _stdin(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdin is None:
        raise ValueError("no input")
    return process.stdin


def end_worker() -> None:
    """End the compiler that stays; the next request starts it anew."""
    if _worker.cache_info().currsize:
        _worker().end()


atexit.register(end_worker)
