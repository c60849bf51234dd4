"""Solidity that does not compile: a few patterns over a tolerant parse, with little confidence."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from counterpoise.audit.catalogue import rule_named
from counterpoise.audit.findings import Analysis, Finding, severity_named
from counterpoise.audit.project import Project, Source

__all__ = ["SolidityTextEngine", "open_engine"]

CONFIDENCE = 200_000
"""In ppm: nothing is known of types, of inheritance, of what a guard guards."""

LARGEST = 2_000_000

PATTERNS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    (
        "tx-origin",
        ("binary_expression",),
        r"\btx\.origin\s*[=!]=(?!\s*msg\.sender)",
        "decides by tx.origin",
    ),
    (
        "unchecked-raw",
        ("expression_statement",),
        r"^\s*[\w.\[\]()]+\.(send|call|callcode|delegatecall)\b[^=]*$",
        "drops whether a call succeeded",
    ),
    ("selfdestruct", ("call_expression",), r"^(selfdestruct|suicide)\b", "destroys the contract"),
    (
        "delegate-target",
        ("call_expression",),
        r"^[\w.\[\]]+\.(delegatecall|callcode)\b",
        "runs foreign code",
    ),
    (
        "bad-randomness",
        ("binary_expression",),
        r"\b(now|block\.(timestamp|number|difficulty|coinbase|prevrandao))\b.*%|blockhash.*%",
        "draws from the block",
    ),
    (
        "timestamp",
        ("binary_expression",),
        r"^(now|block\.timestamp)\s*[=!]=|[=!]=\s*(now|block\.timestamp)$",
        "asks for an exact time",
    ),
)
GUARDED = re.compile(r"\bmsg\.sender\b|\bonly\w*", re.IGNORECASE)
OPEN_ONLY = ("selfdestruct", "delegate-target")
"""Rules that are silent in a function that names msg.sender, or a modifier called only…"""


class SolidityTextEngine:
    """See `Engine`. What it reads stays "not analysed": it sees shapes, not meaning."""

    name = "solidity-text"
    in_worker = True
    fallback = True

    def missing(self) -> str:
        """Why the parser is not here; empty if it is."""
        wanted = ("tree_sitter", "tree_sitter_solidity")
        absent = [name for name in wanted if importlib.util.find_spec(name) is None]
        return f"{absent[0]} is not installed: pip install 'counterpoise[audit]'" if absent else ""

    def version(self) -> str:
        """Of the grammar."""
        return f"1 with tree-sitter-solidity {importlib.metadata.version('tree-sitter-solidity')}"

    def reads(self, source: Source) -> bool:
        """Whether it is Solidity of a size that can be parsed."""
        return source.language == "solidity" and len(source.content) <= LARGEST

    def analyse(
        self, project: Project, sources: Sequence[Source], *, seconds: int
    ) -> Iterator[Analysis]:
        """Look for the patterns in each source."""
        for source in sources:
            found = tuple(dict.fromkeys(_findings(source)))
            yield Analysis(
                source.path,
                found,
                notes=("what does not compile is searched for a few patterns only",),
            )


@cache
def _parser() -> Any:
    import tree_sitter
    import tree_sitter_solidity

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_solidity.language()))


def _findings(source: Source) -> Iterator[Finding]:
    pending = [(_parser().parse(source.content).root_node, "", "", False)]
    while pending:
        node, contract, function, guarded = pending.pop()
        if node.type in ("contract_declaration", "library_declaration"):
            contract = _name(node)
        elif node.type in ("function_definition", "fallback_receive_definition"):
            function = _name(node) or "fallback"
            guarded = bool(GUARDED.search(_text(node)))
        for rule, kinds, pattern, does in PATTERNS:
            if node.type not in kinds or (guarded and rule in OPEN_ONLY):
                continue
            if re.search(pattern, _text(node).rstrip("; \n"), re.DOTALL):
                yield _finding(source.path, rule, node, contract, function, does)
        pending.extend((one, contract, function, guarded) for one in reversed(node.children))


def _finding(path: str, rule: str, node: Any, contract: str, function: str, does: str) -> Finding:
    first, last = node.start_point[0] + 1, node.end_point[0] + 1
    return Finding(
        rule=rule,
        path=path,
        lines=tuple(range(first, min(last, first + 20) + 1)),
        contract=contract,
        function=function,
        message=f"{' '.join(_text(node).split())[:70]} {does}, it seems: the file does not compile",
        engines=("solidity-text",),
        severity=severity_named(rule_named(rule).severity),
        confidence=CONFIDENCE,
        detectors=(f"text:{rule}",),
    )


def _name(node: Any) -> str:
    named = node.child_by_field_name("name")
    return _text(named) if named is not None else ""


def _text(node: Any) -> str:
    return str(node.text.decode("utf-8", "replace"))


def open_engine() -> SolidityTextEngine:
    """The engine, ready to read."""
    return SolidityTextEngine()
