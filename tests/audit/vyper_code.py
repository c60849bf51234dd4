"""Small contracts for tests, and what the rules say of them."""

import json
from pathlib import Path

from counterpoise.audit import Project, Source
from counterpoise.audit.engines.vyper import VyperEngine

HEAD = """# pragma version ~=0.4.3
from ethereum.ercs import IERC20
"""


def project(folder: Path, text: str, name: str = "Vault.vy", **others: str) -> Project:
    """A folder with one contract to audit, and other files beside it."""
    for other, content in others.items():
        (folder / f"{other}.vy").write_text(content)
    (folder / name).write_text(text)
    (folder / "pyproject.toml").write_text("")
    return Project(folder.resolve(), (Source(name, text.encode(), "vyper"),))


def analysed(folder: Path, text: str, **others: str):
    """What the engine says of a contract."""
    made = project(folder, text, **others)
    (analysis,) = VyperEngine().analyse(made, made.sources, seconds=60)
    return analysis


def findings(folder: Path, body: str, head: str = HEAD, **others: str):
    """The findings of a contract that compiles."""
    analysis = analysed(folder, head + body, **others)
    assert analysis.not_analysed is None, analysis.not_analysed
    return analysis.findings


def rules(folder: Path, body: str, least: int = 1, **options: str) -> set[str]:
    """Ids of the rules that say something at or above a severity."""
    return {one.rule for one in findings(folder, body, **options) if one.severity >= least}


def record(path: Path):
    """A JSON file."""
    return json.loads(path.read_text())
