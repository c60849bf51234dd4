"""Spot checks: questions whose right answer is known, sealed under a root before they are asked.

A provider must not tell a check from what a buyer asks, so every check is asked once, of one
provider, and never again by anyone who has read that it was opened. What is sealed is a tree of
RFC 6962 over salted cases: its root says nothing of them, and each can be shown alone.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.core.merkle import leaf_hash, root_of_hashes

SALT_BYTES = 32
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """A question and its right answer, as bytes; the answer is a secret until it is opened."""

    question: bytes
    label: bytes

    def __post_init__(self) -> None:
        """Refuse a case without a question or a label, or one that is too long."""
        if not self.question or not self.label:
            raise InputError("a check wants a question and a label")
        if len(self.question) + len(self.label) > MOST_BYTES:
            raise InputError(f"a check of more than {MOST_BYTES} bytes")

    @property
    def digest(self) -> bytes:
        """SHA-256 of the question, by which a question that was opened is known again."""
        return sha256(self.question)


def sealed_leaf(salt: bytes, case: Case) -> bytes:
    """Give the leaf hash of a case in a reserve; `salt` has 32 bytes."""
    return leaf_hash(salt + len(case.question).to_bytes(4, "big") + case.question + case.label)


def root_of_leaves(leaves: Sequence[bytes]) -> bytes:
    """Give the root over leaf hashes of 32 bytes each."""
    return root_of_hashes(np.frombuffer(b"".join(leaves), np.uint8).reshape(-1, 32))


@dataclass(frozen=True)
class Reserve:
    """Cases that a validator has sealed for an epoch to come.

    Parameters
    ----------
    secret :
        32 bytes from which the salts follow.
    cases :
        In the order in which they are dealt.

    Examples
    --------
    >>> reserve = Reserve(bytes(32), (Case(b"2 + 2", b"4"), Case(b"3 + 3", b"6")))
    >>> sealed_leaf(reserve.salt(1), reserve.cases[1]) == reserve.leaves[1]
    True
    """

    secret: bytes
    cases: tuple[Case, ...] = ()

    def salt(self, place: int) -> bytes:
        """Give the salt of one case, 32 bytes."""
        return sha256(self.secret + place.to_bytes(4, "big"))

    @cached_property
    def leaves(self) -> tuple[bytes, ...]:
        """The leaf hashes."""
        return tuple(sealed_leaf(self.salt(k), case) for k, case in enumerate(self.cases))

    @property
    def root(self) -> bytes:
        """What is committed to."""
        return root_of_leaves(self.leaves)


def draw(
    bank: Iterable[Case],
    count: int,
    seed: bytes,
    spoiled: Collection[bytes] = (),
    is_mine: Callable[[bytes], bool] = lambda digest: True,
) -> tuple[Case, ...]:
    """Draw cases for a reserve, the labels taking turns.

    Turns make whoever always gives the same answer right as seldom as the bank allows.

    Parameters
    ----------
    seed :
        The drawing validator's own secret; another seed is another order.
    spoiled :
        Digests of questions that were asked or opened before.
    is_mine :
        Tells by a question's digest whether this validator may ask it; see `falls_to`.

    Returns
    -------
    At most `count` cases, each question once.
    """
    by_label: dict[bytes, list[tuple[bytes, Case]]] = {}
    known: set[bytes] = set()
    for case in bank:
        digest = case.digest
        if digest not in spoiled and digest not in known and is_mine(digest):
            known.add(digest)
            by_label.setdefault(case.label, []).append((sha256(seed + digest), case))
    piles = [sorted(pile, key=lambda one: one[0]) for pile in by_label.values()]
    piles.sort(key=lambda pile: pile[0][0])
    drawn: list[Case] = []
    for turn in range(max(map(len, piles), default=0)):
        drawn += [pile[turn][1] for pile in piles if turn < len(pile)]
        if len(drawn) >= count:
            break
    return tuple(drawn[:count])


def falls_to(digest: bytes, validators: Collection[int]) -> int | None:
    """Tell which validator a question of a shared bank falls to, so that no two ask the same.

    The highest hash of validator and question wins: who comes or goes moves only its own
    questions (Thaler & Ravishankar, *Using name-based mappings to increase hit rates*, 1998).
    """
    order = [(sha256(number.to_bytes(4, "big") + digest), number) for number in validators]
    return max(order)[1] if order else None


def deal(
    cases: Sequence[Case], numbers: Sequence[int], count: int, spoiled: Collection[bytes] = ()
) -> Mapping[int, tuple[int, ...]]:
    """Deal the places of a reserve to providers, each place to one: `count` each if there are.

    Returns
    -------
    Places by provider. If there are too few, each gets as many as every other.
    """
    fresh = [place for place, case in enumerate(cases) if case.digest not in spoiled]
    each = min(count, len(fresh) // len(numbers)) if numbers else 0
    return {n: tuple(fresh[k * each : (k + 1) * each]) for k, n in enumerate(numbers)}
