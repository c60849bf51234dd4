"""Slither by its own command line: slower, for where the inside is not as the runner knows it."""

from __future__ import annotations

import json
import shlex
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from counterpoise.audit.engines.slither_runner import results_of

__all__ = ["asked", "fits"]

RUNNER = Path(__file__).with_name("slither_runner.py")


@cache
def fits(python: str) -> bool:
    """Whether the runner finds in an environment what it replaces there."""
    try:
        done = subprocess.run(
            [python, "-I", str(RUNNER), "--check"], capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def asked(python: str, name: str, request: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What `slither_runner` would answer to a request, from the command line.

    Parameters
    ----------
    name :
        The file, relative to the project; `request` names it in full.

    Slither asks a script in place of the compiler, which repeats what was compiled.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(Path(request["path"]).read_text("utf-8", "replace"), "utf-8")
        root = request["path"].removesuffix(name)
        told = json.dumps(request["combined"]).replace(json.dumps(root)[1:-1], f"{folder}/")
        Path(folder, "combined.json").write_text(told, "utf-8")
        script = Path(folder, "solc")
        script.write_text(
            "#!/bin/sh\n"
            f"case \"$*\" in *--version*) echo 'Version: {request['version']}+commit' ;;\n"
            f"*) cat {shlex.quote(folder)}/combined.json ;; esac\n",
            "utf-8",
        )
        script.chmod(0o700)
        command = [python, "-I", "-m", "slither", str(place), "--solc", str(script)]
        answer = _answered([*command, "--json", "-", "--fail-none"], folder, seconds)
        for result in answer.get("detectors", ()):
            for one in result["elements"]:
                one["file"] = one["file"].replace(f"{folder}/", root)
        return answer


def _answered(command: list[str], folder: str, seconds: float) -> dict[str, Any]:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False, cwd=folder
        )
    except subprocess.TimeoutExpired:
        return {"error": f"still busy after {seconds:.0f} s"}
    except OSError as error:
        return {"error": str(error)}
    try:
        said = json.loads(done.stdout)
        if not said["success"]:
            return {"error": str(said["error"] or "no reason given")}
        results: list[dict[str, Any]] = results_of(  # type: ignore[no-untyped-call]
            said["results"].get("detectors", ())
        )
    except (ValueError, KeyError, TypeError):
        last = done.stderr.strip().splitlines()[-1:] or ["it ended without an answer"]
        return {"error": last[0][:400]}
    return {"detectors": results, "broken": []}
