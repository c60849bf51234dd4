"""Small Solidity contracts for tests, and what our rules say of them."""

import json
import os
from pathlib import Path

import pytest

from counterpoise.audit import Project, Source
from counterpoise.audit.engines import engine
from counterpoise.audit.solidity import unit_of
from counterpoise.audit.solidity.contracts import Unit

HEAD = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.0;\n"
OLD = "pragma solidity ^0.4.24;\n"
DATA = Path(os.environ.get("COUNTERPOISE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def need(*names: str) -> None:
    """Skip where an engine's tools are not here."""
    for name in names:
        if engine(name).missing():
            pytest.skip("needs make audit-tools")


def project(folder: Path, files: dict[str, str], **options) -> Project:
    """A project of Solidity files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    sources = tuple(Source(name, text.encode(), "solidity") for name, text in files.items())
    return Project(folder.resolve(), sources, **options)


def analysed(folder: Path, text: str, name: str = "solidity", seconds: int = 60):
    """What one engine says of one file."""
    made = project(folder, {"Vault.sol": text})
    (analysis,) = engine(name).analyse(made, made.sources, seconds=seconds)
    return analysis


def findings(folder: Path, text: str, name: str = "solidity"):
    """The findings of a file that compiles."""
    analysis = analysed(folder, text, name)
    assert analysis.not_analysed is None, analysis.not_analysed
    return analysis.findings


def said(folder: Path, text: str, contract: str) -> set[str]:
    """``rule/variant`` of each finding in one contract."""
    return {
        one.detectors[0].removeprefix("solidity:").split("+")[0]
        for one in findings(folder, text)
        if one.contract == contract
    }


def recorded(name: str) -> Unit:
    """A unit from a recorded tree of a contract of ours; no compiler is needed."""
    place = Path(__file__).parent / "trees" / f"{name}.json"
    record = json.loads(place.read_text())
    return unit_of(tuple(record["version"]), record["texts"], record["trees"])
