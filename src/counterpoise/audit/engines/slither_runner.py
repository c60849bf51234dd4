"""Runs Slither's detectors over compiled units; a program of Slither's own environment.

Our package never imports Slither. This program reads lines of JSON, ``{"id", "path", "version",
"combined"}``, where `path` is the file on disk and `combined` is what ``solc --combined-json``
prints, and answers each with ``{"id", "detectors", "broken"}`` or ``{"id", "error"}``. An element
of a detector has its type, name and lines; only elements of type ``node`` are single statements.

crytic-compile has no face for a unit that is compiled already, so its two functions that start a
compiler are replaced here. Both packages are pinned for that reason; with ``--check`` the program
only says, by how it ends, whether the two are where they were.
"""

# mypy: ignore-errors
import inspect
import json
import logging
import os
import sys

STYLE = {"backdoor", "naming-convention", "solc-version", "pragma", "similar-names"}
STYLE |= {"too-many-digits"}
"""Detectors of style, which say nothing about a flaw; and the example called backdoor."""

KEPT = ("check", "impact", "confidence", "description")

CRASHES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""How a foreign analyser fails, beside its own errors; any other ends the program."""

compiled = {}


def compiled_unit(compilation_unit, *_arguments, **_options):
    """Give the unit that was sent, in place of a compiler's run."""
    from crytic_compile.compiler.compiler import CompilerVersion

    compilation_unit.compiler_version = CompilerVersion(
        compiler="solc", version=compiled["version"], optimized=False
    )
    return compiled["combined"]


def crashes():
    """Errors of Slither and its compiler's front end."""
    from crytic_compile import InvalidCompilation
    from slither.exceptions import SlitherException
    from slither.visitors.expression.constants_folding import NotConstant

    return (*CRASHES, InvalidCompilation, NotConstant, SlitherException)


def detectors():
    """Every detector but those of `STYLE`."""
    from slither.detectors import all_detectors
    from slither.detectors.abstract_detector import AbstractDetector

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


def results_of(results):
    """Results as they are sent: what is `KEPT`, and the elements."""
    return [
        {name: result[name] for name in KEPT}
        | {"elements": [element(one) for one in result["elements"]]}
        for result in results
    ]


def run(request, failing):
    """Run every detector over one unit; one that crashes is named, the rest goes on."""
    from slither import Slither

    compiled.update(version=request["version"], combined=request["combined"])
    slither = Slither(request["path"], disable_plugins=True)
    findings, broken = [], []
    for kind in detectors():
        results = []
        try:
            slither.register_detector(kind)
            results = slither.run_detectors()
        except failing as error:
            broken.append(f"{kind.ARGUMENT}: {type(error).__name__}")
        slither._detectors.clear()
        findings += results_of(one for batch in results for one in batch)
    return {"id": request["id"], "detectors": findings, "broken": broken}


def main():
    """Answer every line of standard input."""
    from crytic_compile.platform import solc

    if not (callable(solc._run_solc) and callable(solc.get_version)):
        sys.exit(1)
    failing = crashes()
    if sys.argv[1:] == ["--check"]:
        return
    logging.disable(logging.CRITICAL)
    solc._run_solc = compiled_unit
    solc.get_version = lambda *_arguments, **_options: compiled["version"]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = run(request, failing)
        except failing as error:
            answer = {"id": request["id"], "error": f"{type(error).__name__}: {error}"[:400]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
