"""What the contract of bonded assertions does, said in Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address

ASSERT_TRUTH = b"ASSERT_TRUTH".ljust(32, b"\0")
MODEL_ANSWER = b"MODEL_ANSWER".ljust(32, b"\0")
NOBODY = bytes(20)
MAX_CLAIM = 4096
CALLBACK_GAS = 500_000


@dataclass(frozen=True, slots=True)
class Draft:
    """An assertion to make.

    Parameters
    ----------
    claim :
        What is asserted, at most 4,096 bytes; of a model's answer, see `claim_of_answer`.
    bond :
        In base units, at least the minimum.
    liveness :
        Seconds in which it can be disputed.
    currency :
        The token of the bond; the credit token's address.
    recipient :
        A contract that is told of dispute and settlement; zeros for none.
    manager :
        An evaluator that arbitrates; zeros for the default.
    """

    claim: bytes
    bond: int
    liveness: int
    currency: Address
    recipient: Address = NOBODY
    manager: Address = NOBODY
    identifier: bytes = ASSERT_TRUTH
    domain: bytes = bytes(32)


def assertion_id(draft: Draft, time: int, caller: Address) -> bytes:
    """Give the id that an assertion gets in a block of this time: equal ones in a block collide."""
    numbers = (9 * 32, draft.bond, time, draft.liveness)
    words = [number.to_bytes(32, "big") for number in numbers]
    words += [one.rjust(32, b"\0") for one in (draft.currency, draft.recipient, draft.manager)]
    words += [draft.identifier, caller.rjust(32, b"\0")]
    size = len(draft.claim)
    tail = size.to_bytes(32, "big") + draft.claim + bytes(-size % 32)
    return keccak(b"".join(words) + tail)  # the ABI's own encoding of the nine values


def claim_of_answer(model: bytes, commitment: bytes, answer: bytes) -> bytes:
    """Write the claim that a model gives an answer to a committed input.

    Raises
    ------
    InputError :
        The model or commitment has not 32 bytes, or the answer not 1 to 66.
    """
    if (len(model), len(commitment)) != (32, 32) or not 1 <= len(answer) <= 66:
        raise InputError("a claim is a model of 32 bytes, a commitment of 32 and 1..66 of answer")
    return model + commitment + answer


def holds(identifier: bytes, claim: bytes, ruling: bytes) -> bool:
    """Tell whether an arbiter's final answer says that a claim is true."""
    if len(ruling) < 2:
        return False
    return ruling == claim[64:] if identifier == MODEL_ANSWER else ruling[-2:] != bytes(2)


@dataclass(frozen=True, slots=True)
class Payout:
    """Where the bonds of a settled assertion go, in base units."""

    asserter: int
    disputer: int
    providers: tuple[int, ...]
    burnt: int


def payout(bond: int, truth: bool | None, providers: Sequence[Address]) -> Payout:
    """Divide the bonds of a disputed assertion.

    The winner gets both, less half of one. Half of that half is divided among those who did the
    arbiter's work; what is left is burnt. Without a ruling each has its own bond back.

    Parameters
    ----------
    truth :
        The ruling; None where there was none.
    """
    if truth is None:
        return Payout(bond, bond, (0,) * len(providers), 0)
    fee = bond * 5 * 10**17 // 10**18
    part = (fee - fee // 2) // len(providers) if providers else 0
    won, parts = 2 * bond - fee, (part,) * len(providers)
    burnt = fee - sum(parts)
    return Payout(won if truth else 0, 0 if truth else won, parts, burnt)
