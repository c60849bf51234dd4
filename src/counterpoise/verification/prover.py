"""What every level of proof gives: an answer, what proves it, and the way to settle it on chain."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from counterpoise.chain import Account
    from counterpoise.inference import IntegerModel


class Level(enum.IntEnum):
    """How strongly an answer is proven, as `IEvaluator.level` counts."""

    QUORUM = 0
    OPTIMISTIC = 1
    ZK = 2
    DIRECT = 3


class Status(enum.IntEnum):
    """Where a question stands, as `IEvaluator.Verdict.status` counts."""

    NONE = 0
    PROPOSED = 1
    DISPUTED = 2
    FINAL = 3
    FAILED = 4


@dataclass(frozen=True, slots=True)
class Request:
    """A question of an asker with the input that its commitment hides.

    Parameters
    ----------
    asker :
        Address of the contract that asks, 20 bytes.
    id :
        The asker's own number of the question.
    model :
        Id of the model, 32 bytes.
    salt :
        32 bytes that hide the input in its commitment.
    values :
        The input, one byte a feature.
    deadline :
        The last second in which an answer may be proposed, Unix seconds.
    """

    asker: bytes
    id: int
    model: bytes
    salt: bytes
    values: bytes
    deadline: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """An answer with what proves it.

    Parameters
    ----------
    level :
        The level that made it.
    answer :
        ``logits i32 || decision u16``, as docs/explain/integer-models.md says.
    digest :
        What the chain is told of the proof: a trace root, a proof's hash, zeros.
    proof :
        The proof itself: a trace, a SNARK; empty where the chain needs none.
    """

    level: Level
    answer: bytes
    digest: bytes
    proof: bytes


class Prover(Protocol):
    """One level of proof, seen from a node that answers."""

    level: Level

    def prove(self, model: IntegerModel, request: Request) -> Evidence:
        """Run the model and make the evidence. No transaction is sent."""
        ...

    def verify(self, model: IntegerModel, request: Request, evidence: Evidence) -> None:
        """Raise `VerificationError` unless the evidence proves its answer to this request."""
        ...

    def advance(self, account: Account, request: Request, evidence: Evidence) -> Status:
        """Send the next transaction that is due, if one is; tell where the question stands.

        Calling it again is safe after a crash, a lost transaction or a reorg: what is done
        is read from the chain.
        """
        ...
