"""What can be broken in a contract, one kind of bug each; every edit is of the source.

An operator yields the places where it applies. It asks nothing of the rules that are measured:
whether a mutant is found is for the measurement to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from counterpoise.audit.mutants import deletions, insertions, rewrites
from counterpoise.audit.mutants.text import Text

__all__ = ["OPERATORS", "Mutant", "Operator", "mutants_of"]

Edits = Iterator[tuple[str, int, str]]
"""Function, line and new source of each place."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A kind of bug.

    Parameters
    ----------
    name :
        Short words for a table.
    expected :
        Rules of which one must say something new.
    edits :
        Gives the places of a source.
    """

    name: str
    expected: frozenset[str]
    edits: Callable[[Text], Edits]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A source with one bug put in."""

    operator: Operator
    path: str
    function: str
    line: int
    source: str

    @property
    def name(self) -> str:
        """``operator @ path function:line``."""
        return f"{self.operator.name} @ {self.path} {self.function}:{self.line}"


def _operator(name: str, edits: Callable[[Text], Edits], *expected: str) -> Operator:
    return Operator(name, frozenset(expected), edits)


REENTRANCY = ("reentrancy-state", "reentrancy-cross", "reentrancy-view")
ACCESS = (
    "unprotected-write",
    "unprotected-transfer",
    "unprotected-mint",
    "unprotected-init",
    "unprotected-call",
    "unequal-guard",
)

OPERATORS: tuple[Operator, ...] = (
    _operator("write after the call", rewrites.late_write, *REENTRANCY),
    _operator("lock removed", deletions.lock, *REENTRANCY, "reentrancy-unlocked"),
    _operator("guard deleted", deletions.guard, *ACCESS),
    _operator("guard made void", rewrites.void_guard, "void-guard"),
    _operator("tx.origin in a guard", rewrites.origin, "tx-origin"),
    _operator("unchecked arithmetic", rewrites.unsafe, "unsafe-math"),
    _operator("raw call's result ignored", deletions.raw_result, "unchecked-raw"),
    _operator("token's answer dropped", deletions.token_answer, "token-return"),
    _operator("delegate flag added", rewrites.delegate, "delegate-target"),
    _operator("contract check skipped", rewrites.skip_check, "skip-check"),
    _operator("selfdestruct inserted", insertions.selfdestruct, "selfdestruct"),
    _operator("draw from prevrandao", rewrites.prevrandao, "bad-randomness"),
    _operator("receivers paid in a loop", insertions.push_loop, "push-payment"),
    _operator("zero check of a signer removed", deletions.signer_check, "signature-zero"),
    _operator("nonce, chain or contract not signed", rewrites.domain, "signature-replay"),
    _operator("nonce not used up", deletions.nonce, "signature-replay"),
    _operator("deadline of a signature removed", deletions.deadline, "signature-replay"),
    _operator("division before product", rewrites.divide_first, "divide-first"),
    _operator(
        "second initialiser", insertions.initialiser, "unprotected-write", "unprotected-init"
    ),
    _operator("bound removed", deletions.bound, "unsafe-math", "missing-bound"),
    _operator("time compared for equality", rewrites.exact_time, "timestamp"),
    _operator("balance compared for equality", insertions.exact_balance, "strict-balance"),
    _operator("ether trapped", insertions.payable, "payable-trap"),
)


def mutants_of(text: Text) -> Iterator[Mutant]:
    """Every mutant of one source, by operator and place."""
    for operator in OPERATORS:
        for function, line, source in operator.edits(text):
            if source != text.source:
                yield Mutant(operator, text.path, function, line, source)
