"""What the quorum computes: commitments, signed answers, which answer wins, who is fined."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from counterpoise.chain import Account, Domain, eip712_digest, recover
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address

NAME, VERSION = "Counterpoise Quorum", "1"
ANSWER = "Answer(address asker,uint256 id,bytes32 model,bytes32 input,bytes answer)"
SEATS = 13
PPM = 1_000_000
HALF = 1 << 255


class Fault(enum.IntEnum):
    """Why a member was fined."""

    SILENT = 1
    DIFFERENT = 2
    TWO_FACED = 3


@dataclass(frozen=True, slots=True)
class QuorumTerms:
    """What a committee agrees to.

    Parameters
    ----------
    token :
        The token in which members stake.
    least_stake :
        Of a member, in base units.
    quorum :
        How many members must sign, or reveal, at least.
    fine_ppm :
        The part of its stake that a fault costs, in ppm.
    commit_seconds, reveal_seconds, leave_seconds :
        The two windows of a round, and the delay before a stake comes back.
    median :
        Whether answers are single values of which the stake's lower median is final.
    tolerance :
        With `median`: how far a logit may lie from the final one without a fine.
    """

    token: Address
    least_stake: int
    quorum: int
    fine_ppm: int = 100_000
    commit_seconds: int = 60
    reveal_seconds: int = 60
    leave_seconds: int = 86_400
    median: bool = False
    tolerance: int = 0


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """What members sign: an answer to a question about a model and an input."""

    asker: Address
    id: int
    model: bytes
    input: bytes
    answer: bytes

    def digest(self, domain: Domain) -> bytes:
        """Give the 32 bytes that are signed."""
        values = (self.asker, self.id, self.model, self.input, self.answer)
        return eip712_digest(domain, ANSWER, values)


def subject(model: bytes, hidden_input: bytes) -> bytes:
    """Give what a commitment says it answers, so that it serves no other question of that number.

    Parameters
    ----------
    hidden_input :
        The commitment to the input.
    """
    return keccak(model + hidden_input)


def commitment(
    chain_id: int,
    contract: Address,
    asker: Address,
    question: int,
    member: Address,
    answer: bytes,
    salt: bytes,
) -> bytes:
    """Give what a member commits to; it names the member, so that a copy is of no use."""
    words = (chain_id, contract, asker, question, member, keccak(answer), salt)
    return keccak(
        b"".join(
            word.to_bytes(32, "big") if isinstance(word, int) else word.rjust(32, b"\0")
            for word in words
        )
    )


def secret_salt(
    account: Account, chain_id: int, contract: Address, asker: Address, question: int, attempt: int
) -> bytes:
    """Derive the salt of a commitment from the account's key.

    Signatures are deterministic (RFC 6979), so a node that was killed between commit and reveal
    finds the same salt again; without the key nobody can.
    """
    numbers = b"".join(value.to_bytes(32, "big") for value in (chain_id, question, attempt))
    seed = keccak(b"counterpoise quorum salt\x00" + contract + asker + numbers)
    return keccak(account.sign_digest(seed))


def compact(signature: bytes) -> tuple[bytes, bytes]:
    """Give a signature of 65 bytes as the two words of EIP-2098.

    Raises
    ------
    InputError :
        It has another length, or its s is high.
    """
    if len(signature) != 65 or signature[32] >= 128:
        raise InputError("a signature has 65 bytes, with a low s")
    s = int.from_bytes(signature[32:64], "big") | (HALF if signature[64] == 28 else 0)
    return signature[:32], s.to_bytes(32, "big")


def signers(domain: Domain, signed: SignedAnswer, signatures: list[bytes]) -> dict[Address, bytes]:
    """Give who signed, by ascending address as the contract wants them, each with its signature.

    Raises
    ------
    VerificationError :
        One of them is no signature, or somebody signed twice.
    """
    digest = signed.digest(domain)
    found = {recover(digest, signature): signature for signature in signatures}
    if len(found) != len(signatures):
        raise VerificationError("one account has signed twice")
    return dict(sorted(found.items()))


def winner(
    reveals: Mapping[Address, bytes], weights: Mapping[Address, int], total: int, terms: QuorumTerms
) -> bytes | None:
    """Give the final answer of a round; None where there is no quorum, or two answers tie.

    Parameters
    ----------
    reveals :
        The answer of each member that revealed one.
    weights :
        The stake of each of them.
    total :
        The most stake that was seated while the round took commitments.
    """
    revealed = sum(weights[member] for member in reveals)
    if len(reveals) < terms.quorum or 2 * revealed <= total:
        return None
    if terms.median:
        return _median(reveals, weights)
    stakes: Counter[bytes] = Counter()
    for member, answer in reveals.items():
        stakes[answer] += weights[member]
    (best, most), *others = stakes.most_common(2)
    return None if any(stake == most for _, stake in others) else best


def fault(answer: bytes | None, final: bytes | None, terms: QuorumTerms) -> Fault | None:
    """Tell what a member of a round did wrong; None for nothing."""
    if answer is None:
        return Fault.SILENT
    if final is None or answer == final:
        return None
    if terms.median and abs(_order(answer)[0] - _order(final)[0]) <= terms.tolerance:
        return None
    return Fault.DIFFERENT


def fine(stake: int, terms: QuorumTerms) -> int:
    """Give what a fault costs."""
    return stake * terms.fine_ppm // PPM


def _median(reveals: Mapping[Address, bytes], weights: Mapping[Address, int]) -> bytes:
    """Give the least answer such that half of the stake revealed it or a lesser one."""
    ordered = sorted(reveals, key=lambda member: _order(reveals[member]))
    total = sum(weights[member] for member in ordered)
    passed = 0
    for member in ordered:
        passed += weights[member]
        if 2 * passed >= total:
            return reveals[member]
    raise InputError("there is no median of nothing")


def _order(answer: bytes) -> tuple[int, int]:
    return int.from_bytes(answer[:4], "big", signed=True), int.from_bytes(answer[4:], "big")
