"""Algorithms as an owner admits them: pinned code, what goes in, what may come out."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import InputError
from counterpoise.market.compute_to_data.records import digest_from, read_object
from counterpoise.market.compute_to_data.shapes import (
    Choice,
    Shapes,
    record_of,
    shapes_of,
)

FORMAT = "counterpoise-data-algorithm/v1"
EVALUATION, TRAINING, CODE = "evaluation", "training", "code"
KINDS = (EVALUATION, TRAINING, CODE)
IMPORTS = ("bisect", "collections", "fractions", "functools", "heapq", "itertools", "math", "numpy")
"""Modules that own code may import: they compute, and reach nothing outside."""
ENTRY = "run"
MAX_CODE = 1 << 20
MAX_MANIFEST = 1 << 15


@dataclass(frozen=True)
class Manifest:
    """One algorithm: what an owner reviews and a buyer names by its digest.

    Parameters
    ----------
    name :
        For people.
    kind :
        One of `KINDS`.
    code :
        SHA-256 of the code: of the file of own code, of this package's sources otherwise.
    parameters, outputs :
        Shapes by name; of own code alone.
    """

    name: str
    kind: str
    code: bytes
    parameters: Shapes = field(default_factory=dict)
    outputs: Shapes = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name or self.kind not in KINDS or len(self.code) != 32:
            raise InputError(f"no algorithm of kind {self.kind!r}", hint=", ".join(KINDS))
        if (self.kind == CODE) != bool(self.outputs) or (self.kind != CODE and self.parameters):
            raise InputError("own code declares its outputs; other kinds have their own")
        if any(isinstance(shape, Choice) for shape in self.outputs.values()):
            raise InputError("what comes out is integers")

    def to_bytes(self) -> bytes:
        """Give the canonical JSON."""
        return canonical_json(
            {
                "format": FORMAT,
                "name": self.name,
                "kind": self.kind,
                "code": self.code.hex(),
                "parameters": record_of(self.parameters),
                "outputs": record_of(self.outputs),
            }
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON: what policies admit and requests name."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Read what `to_bytes` wrote; anything else is an `InputError`."""
        record = read_object(data, "manifest", MAX_MANIFEST)
        try:
            found = cls(
                str(record["name"]),
                str(record["kind"]),
                digest_from(record["code"]),
                shapes_of(record["parameters"], results=False),
                shapes_of(record["outputs"], results=True),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"these bytes are no manifest: {error}") from error
        if found.to_bytes() != data:
            raise InputError("the manifest is not in its canonical form")
        return found


def own_code(
    name: str, source: bytes, outputs: Mapping[str, Any], parameters: Mapping[str, Any]
) -> Manifest:
    """Make the manifest of a Python file, once it is of the form that can be run.

    Parameters
    ----------
    source :
        UTF-8. It defines ``run(columns, parameters)``: int64 arrays (lists where it does not
        import numpy) by column name, to a dict of integers and lists of integers.
    outputs, parameters :
        Shapes, as `shapes_of` reads them.

    Raises
    ------
    InputError :
        It is no Python, defines no ``run``, or imports what it may not.
    """
    check_code(source)
    shaped = shapes_of(dict(parameters), results=False), shapes_of(dict(outputs), results=True)
    return Manifest(name, CODE, sha256(source), *shaped)


def check_code(source: bytes) -> frozenset[str]:
    """Check the form of own code; give the modules that it imports.

    This is no judgement of what it does: that is the owner's review.
    """
    if len(source) > MAX_CODE:
        raise InputError(f"code of {len(source)} bytes, at most {MAX_CODE} wanted")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"the code is no Python: {error}") from error
    entries = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if not any(entry.name == ENTRY for entry in entries):
        raise InputError(f"the code defines no function {ENTRY}(columns, parameters)")
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "" if not node.level else ".")
    foreign = sorted(name for name in found if name.partition(".")[0] not in IMPORTS)
    if foreign:
        raise InputError(
            f"the code imports {foreign[0]!r}", hint=f"it may import {', '.join(IMPORTS)}"
        )
    return frozenset(found)


def evaluation_algorithm() -> Manifest:
    """Give the manifest of evaluations of integer models, as this release computes them."""
    return Manifest("evaluation of an integer model", EVALUATION, package_digest())


def training_algorithm() -> Manifest:
    """Give the manifest of joining a federation's training job, as this release does it."""
    return Manifest("federated training", TRAINING, package_digest("federation"))


@cache
def package_digest(*rooms: str) -> bytes:
    """Give the digest of the sources that compute: this room's, inference's and `rooms`'."""
    here = Path(__file__).parent
    package = here.parents[1]
    folders = [here, package / "inference", *(package / room for room in rooms)]
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return sha256(
        canonical_json([[str(f.relative_to(package)), sha256(f.read_bytes()).hex()] for f in files])
    )
