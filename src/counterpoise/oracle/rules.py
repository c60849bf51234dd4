"""What the oracle's contract does, said in Python: who may do what when, and who is paid.

Functions take a request and the time of the block, and give the request as it is then or raise
`Reverted` with the contract's own reason. Amounts are base units, times Unix seconds.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from counterpoise.core.errors import Reverted
from counterpoise.core.units import Address
from counterpoise.verification import Status

MAX_CALLBACK_GAS = 1_000_000
MAX_FEE = 2**96 - 1
MAX_TIME = 2**40 - 1
MAX_BATCH = 64
LEVELS = 4
RESERVE = 20_000


class Stage(enum.IntEnum):
    """Where a request stands."""

    NONE = 0
    OPEN = 1
    ANSWERED = 2
    REFUNDED = 3


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as the chain keeps it.

    Parameters
    ----------
    client :
        Who asked and paid; 20 bytes.
    stage :
        Where it stands.
    level :
        How strongly the answer is proven, as `counterpoise.verification.Level` counts.
    model, input :
        Id of the model, and the commitment to its input; 32 bytes each.
    callback, callback_gas :
        The consumer that is called, zeros for none, and all the gas that it gets.
    fee :
        For whoever answers.
    deadline :
        The last second in which an answer may be proposed.
    """

    client: Address
    stage: Stage
    level: int
    model: bytes
    input: bytes
    callback: Address
    callback_gas: int
    fee: int
    deadline: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the oracle holds of a fulfilled request.

    Parameters
    ----------
    id :
        The request's number; 0 with all else empty where there is none.
    stage :
        ``ANSWERED``, or ``NONE``.
    level :
        How strongly it was proven.
    time :
        When it became final.
    answer :
        ``logits i32 each || decision u16``.
    """

    id: int
    stage: Stage
    level: int
    time: int
    answer: bytes


NO_ANSWER = Answer(0, Stage.NONE, 0, 0, b"")


def check_terms(
    now: int, *, level: int, offered: bool, callback_gas: int, fee: int, deadline: int, known: bool
) -> None:
    """Refuse a new request whose terms are not sound.

    Parameters
    ----------
    offered :
        Whether the oracle has an evaluator for the level.
    known :
        Whether the model is registered.
    """
    for holds, reason in (
        (0 <= level < LEVELS, "no such level"),
        (offered, "the level is not offered"),
        (now <= deadline, "the deadline is past"),
        (deadline <= MAX_TIME, "deadline above 2**40"),
        (fee <= MAX_FEE, "fee above 2**96"),
        (callback_gas <= MAX_CALLBACK_GAS, "callback gas above a million"),
        (known, "unknown model"),
    ):
        _demand(holds, reason)


def fulfil(ask: Ask, status: Status) -> Ask:
    """Answer an open request whose verdict is final."""
    _demand(ask.stage is Stage.OPEN, "no open request")
    _demand(status is Status.FINAL, "no final verdict yet")
    return replace(ask, stage=Stage.ANSWERED)


def cancel(ask: Ask, status: Status, now: int, patience: int) -> Ask:
    """Refund an open request that failed, that nobody can answer any more, or after patience."""
    _demand(ask.stage is Stage.OPEN, "no open request")
    hopeless = status is Status.NONE and now > ask.deadline
    over = now > ask.deadline + patience
    _demand(over or hopeless or status is Status.FAILED, "an answer may still come")
    return replace(ask, stage=Stage.REFUNDED)


def share(fee: int, providers: Sequence[Address]) -> dict[Address, int]:
    """Divide a fee among those who answered: equal parts, the first gets what is left over.

    Examples
    --------
    >>> list(share(11, [b"ann", b"bob", b"cleo"]).values())
    [5, 3, 3]
    """
    part, rest = divmod(fee, len(providers))
    dues: dict[Address, int] = {}
    for place, provider in enumerate(providers):
        dues[provider] = dues.get(provider, 0) + part + (rest if place == 0 else 0)
    return dues


def newest(answers: Sequence[Answer], least_level: int = 0) -> Answer:
    """Choose the newest answer at a level or above it; of two as new the stronger, then the later.

    Parameters
    ----------
    answers :
        All answers about one input of one model, in the order in which they were fulfilled.
    """
    best = NO_ANSWER
    for answer in answers:
        fit = answer.level >= least_level
        if fit and (answer.time, answer.level) >= (best.time, best.level):
            best = answer
    return best


def gas_wanted(callback_gas: int) -> int:
    """Give the gas that must be left where a consumer is called with so much."""
    return callback_gas + callback_gas // 63 + RESERVE


def _demand(holds: bool, reason: str) -> None:
    if not holds:
        raise Reverted("Oracle", f"oracle: {reason}")
