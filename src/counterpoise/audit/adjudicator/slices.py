"""The part of a source that a finding is about, with nothing in it but code.

Comments are dropped and the insides of strings emptied: what a model is shown cannot speak to it.
A second form of the slice has every name replaced that is not the language's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from counterpoise.audit.findings import Finding

__all__ = ["Slice", "renamed", "slice_of"]

MOST_LINES = 160
_NAME = re.compile(r"\b[A-Za-z_$][\w$]*")
_VYPER = re.compile(
    r'(?P<t>"""|\'\'\').*?(?P=t)|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|#[^\n]*', re.S
)
_SOLIDITY = re.compile(
    r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?(?:\*/|\Z)', re.S
)
_WORDS = """
    address bool bytes bytes1 bytes4 bytes20 bytes32 string int int128 int256 uint uint8 uint16
    uint32 uint64 uint96 uint112 uint128 uint160 uint256 String Bytes DynArray HashMap mapping
    struct enum flag event interface contract library abstract is import from as using for
    function constructor fallback receive modifier returns return returndata if elif else while
    do break continue pass range in not and or assert require revert raise throw try catch emit
    log new delete public private internal external payable view pure nonpayable constant
    immutable transient storage memory calldata virtual override indexed anonymous assembly
    unchecked var let def deploy nonreentrant reentrant implements uses initializes exports
    self msg sender value data sig gas tx origin gasprice block timestamp number coinbase
    prevrandao difficulty blockhash chainid basefee now this super balance code codehash codesize
    length push pop transfer send call delegatecall staticcall callcode raw_call raw_revert
    extcall staticcall is_delegate_call is_static_call revert_on_failure max_outsize
    default_return_value skip_contract_check selfdestruct suicide keccak256 sha256 sha3 ecrecover
    abi encode encodePacked encodeWithSelector encodeWithSignature decode abi_encode abi_decode
    concat convert empty max_value min_value min max unsafe_add unsafe_sub unsafe_mul unsafe_div
    pow_mod256 isqrt sqrt create_minimal_proxy_to create_copy_of create_from_blueprint len slice
    method_id type true false True False wei ether gwei finney szabo seconds minutes hours days
    weeks years pragma version solidity _ __init__ __default__ default
"""
OWN = frozenset(_WORDS.split())
"""Names of the languages themselves; every other name is the author's."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Lines of a source, by number, without comments and strings."""

    language: str
    lines: dict[int, str]

    @property
    def text(self) -> str:
        """The lines with their numbers."""
        return "\n".join(f"{number}: {line}" for number, line in sorted(self.lines.items()))


def bare(text: str, language: str) -> str:
    r"""The text without comments and the insides of strings; lines stay where they are.

    >>> bare('x = "ignore"  # safe\ny', "vyper")
    'x = ""  \ny'
    """
    pattern = _VYPER if language == "vyper" else _SOLIDITY

    def blank(found: re.Match[str]) -> str:
        kept = re.sub(r"[^\n]", "", found[0])
        return f'""{kept}' if found[0][0] in "\"'" else kept

    return pattern.sub(blank, text)


def slice_of(finding: Finding, text: str, language: str) -> Slice:
    """The function of a finding, those that call it or that it calls, and what they declare."""
    rows = [row.rstrip() for row in bare(text, language).splitlines()]
    pieces = list(_vyper_pieces(rows) if language == "vyper" else _solidity_pieces(rows))
    wanted = [span for span in pieces if any(span[0] <= n < span[1] for n in finding.lines)]
    names = {name for span in wanted for name in _names(rows, span)}
    own = {_title(rows[start - 1 : end - 1]) for start, end in wanted} - {""}
    for span in pieces:
        title = _title(rows[span[0] - 1 : span[1] - 1])
        declares = span[1] - span[0] <= 2 or title in names
        if span not in wanted and (declares or own & _names(rows, span)):
            wanted.append(span)
    shown: dict[int, str] = {}
    for start, end in wanted:
        for number in range(start, end):
            if len(shown) < MOST_LINES and rows[number - 1].strip():
                shown[number] = rows[number - 1]
    return Slice(language, shown)


def _names(rows: list[str], span: tuple[int, int]) -> set[str]:
    return {name for row in rows[span[0] - 1 : span[1] - 1] for name in _NAME.findall(row)}


def _title(rows: list[str]) -> str:
    found = re.search(r"\b(?:def|function|modifier)\s+(\w+)", "\n".join(rows))
    return found[1] if found else ""


def _vyper_pieces(rows: list[str]) -> Iterator[tuple[int, int]]:
    """Spans of lines, from 1, of what stands at the left margin, decorators with their function."""
    starts: list[int] = []
    held = False
    for number, row in enumerate(rows, 1):
        if row and not row[0].isspace() and row[0] not in ")]}":
            if not held:
                starts.append(number)
            held = row.startswith("@")
    yield from zip(starts, [*starts[1:], len(rows) + 1], strict=True)


def _solidity_pieces(rows: list[str]) -> Iterator[tuple[int, int]]:
    """Spans of lines of the members of contracts, by the depth of braces."""
    depth, start = 0, 0
    for number, row in enumerate(rows, 1):
        before = depth
        depth += row.count("{") - row.count("}")
        if before == 1 and row.strip() and not start:
            start = number
        if start and depth <= 1 and (";" in row or "}" in row):
            yield start, number + 1
            start = 0
    if start:
        yield start, len(rows) + 1


def renamed(part: Slice, *texts: str) -> tuple[Slice, list[str]]:
    """The slice with every name of the author's replaced, and the same done to some texts."""
    known: dict[str, str] = {}

    def swap(found: re.Match[str]) -> str:
        name = found[0]
        return name if name in OWN else known.setdefault(name, f"n{len(known) + 1}")

    lines = {number: _NAME.sub(swap, line) for number, line in sorted(part.lines.items())}
    plain = [_NAME.sub(lambda found: known.get(found[0], found[0]), text) for text in texts]
    return Slice(part.language, lines), plain
