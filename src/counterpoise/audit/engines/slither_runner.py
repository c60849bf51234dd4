"""Runs Slither's detectors over compiled units; a program of Slither's own environment.

Our package never imports it. It reads lines of JSON, ``{"id", "path", "version", "combined"}``,
where `path` is the file on disk and `combined` is what ``solc --combined-json`` prints, and
answers each with ``{"id", "detectors"}`` or ``{"id", "error"}``. An element of a detector has its
type, name and lines; only elements of type ``node`` are single statements.

crytic-compile has no face for a unit that is compiled already, so its two functions that start a
compiler are replaced here. Both packages are pinned for that reason.
"""

# mypy: ignore-errors
import inspect
import json
import logging
import os
import sys

from crytic_compile.compiler.compiler import CompilerVersion
from crytic_compile.platform import solc
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector

STYLE = {"backdoor", "naming-convention", "solc-version", "pragma", "similar-names"}
STYLE |= {"too-many-digits"}
"""Detectors of style, which say nothing about a flaw; and the example called backdoor."""

KEPT = ("check", "impact", "confidence", "description")

compiled = {}


def compiled_unit(compilation_unit, *_arguments, **_options):
    """Give the unit that was sent, in place of a compiler's run."""
    compilation_unit.compiler_version = CompilerVersion(
        compiler="solc", version=compiled["version"], optimized=False
    )
    return compiled["combined"]


def detectors():
    """Every detector but those of `STYLE`."""
    found = (getattr(all_detectors, name) for name in dir(all_detectors))
    return [
        one
        for one in found
        if inspect.isclass(one)
        and issubclass(one, AbstractDetector)
        and one is not AbstractDetector
        and one.ARGUMENT not in STYLE
    ]


def element(one):
    """Type, name and lines of one element; and the contract and function around it."""
    place = {one["type"]: one["name"]}
    parent = one.get("type_specific_fields", {}).get("parent")
    while parent:
        place.setdefault(parent["type"], parent["name"])
        parent = parent.get("type_specific_fields", {}).get("parent")
    return {
        "type": one["type"],
        "name": one["name"],
        "file": one["source_mapping"].get("filename_absolute", ""),
        "lines": one["source_mapping"]["lines"],
        "contract": place.get("contract", ""),
        "function": place.get("function", ""),
    }


def run(request):
    """Run every detector over one unit; one that crashes is named, the rest goes on."""
    compiled.update(version=request["version"], combined=request["combined"])
    slither = Slither(request["path"], disable_plugins=True)
    findings, broken = [], []
    for kind in detectors():
        try:
            slither.register_detector(kind)
            results = slither.run_detectors()
        except Exception as error:  # noqa: BLE001 - any crash of a foreign detector
            broken.append(f"{kind.ARGUMENT}: {type(error).__name__}")
            results = []
        slither._detectors.clear()
        for result in (one for batch in results for one in batch):
            kept = {name: result[name] for name in KEPT}
            findings += [kept | {"elements": [element(one) for one in result["elements"]]}]
    return {"id": request["id"], "detectors": findings, "broken": broken}


def main():
    """Answer every line of standard input."""
    logging.disable(logging.CRITICAL)
    solc._run_solc = compiled_unit
    solc.get_version = lambda *_arguments, **_options: compiled["version"]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = run(request)
        except Exception as error:  # noqa: BLE001 - any crash of a foreign analyser
            answer = {"id": request["id"], "error": f"{type(error).__name__}: {error}"[:400]}
        except SystemExit as error:
            answer = {"id": request["id"], "error": f"SystemExit: {error}"[:400]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
