"""Contribution in integers: exact Shapley values, the path method, permutations.

Each method is a list of mixtures to evaluate and an integer combination of their utilities.
Utility is minus the summed validation loss. Scores are in units of ``1 / SCALE`` of a loss
unit; `SCALE` is lcm(1..14), which every denominator of every method divides.

References
----------
Shapley, *A value for n-person games* (1953); Aumann & Shapley, *Values of Non-Atomic Games*
(1974); Mitchell et al., arXiv 2104.12199, for antithetic permutations.
"""

from __future__ import annotations

import hashlib
from math import comb

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.federation.rules.game import Mixtures
from counterpoise.federation.rules.logits import Integers
from counterpoise.federation.rules.task import EXACT_LIMIT

SCALE = 360_360
POINTS = 8
PERMUTATIONS = 120


def mixtures_of(scoring: str, weights: Integers, entropy: bytes) -> Mixtures:
    """The mixtures that a method evaluates; the first is nobody, the last is everybody.

    Parameters
    ----------
    scoring :
        ``"exact"``, ``"path"`` or ``"permutation"``.
    weights :
        ``(members,)`` positive weights, members in ascending order of address.
    entropy :
        Seed of the permutations: the hash of a block after the commitments.

    Raises
    ------
    InputError
        Exact scoring of more than 14 members, or permutations without entropy.
    """
    if scoring == "path":
        return _path_mixtures(weights)
    if scoring == "permutation":
        return coalition_mixtures(_visited(len(weights), entropy), weights)
    return coalition_mixtures(exact_masks(len(weights)), weights)


def scores_of(scoring: str, utilities: Integers, members: int, entropy: bytes) -> list[int]:
    """Each member's score, from the utilities of `mixtures_of` in the same order.

    Returns
    -------
    list[int]
        In units of ``1 / SCALE``. Exact and permutation scores sum to
        ``SCALE * (utilities[-1] - utilities[0])``; path scores do so up to the quadrature.
    """
    if scoring == "path":
        sides = utilities[1:-1].reshape(members, POINTS, 2)
        return [int(score) * SCALE for score in (sides[..., 1] - sides[..., 0]).sum(axis=1)]
    if scoring == "permutation":
        return _permutation_scores(utilities, members, entropy)
    return _exact_scores(utilities, members)


def exact_masks(members: int) -> list[int]:
    """All coalitions; bit i of a mask is member i."""
    if members > EXACT_LIMIT:
        raise InputError(
            f"exact scoring of {members} members, at most {EXACT_LIMIT} are allowed",
            hint='name scoring="path" or "permutation" in the task',
        )
    return list(range(1 << members))


def coalition_mixtures(masks: list[int], weights: Integers) -> Mixtures:
    """The weighted mean over each coalition; nobody's has denominator 1."""
    count = len(weights)
    size = max(1, (count + 7) // 8)
    packed = b"".join(mask.to_bytes(size, "little") for mask in masks)
    octets = np.frombuffer(packed, dtype=np.uint8).reshape(len(masks), -1)
    belongs = np.unpackbits(octets, axis=1, count=count, bitorder="little")
    coefficients = belongs * weights
    return Mixtures(coefficients, np.maximum(coefficients.sum(axis=1), 1))


def exact_factors(members: int) -> list[int]:
    """SCALE / (n * C(n-1, |S|)) for every size of a coalition without the member, and a zero."""
    return [*(SCALE // (members * comb(members - 1, size)) for size in range(members)), 0]


def _exact_scores(utilities: Integers, members: int) -> list[int]:
    """sum_S SCALE / (n * C(n-1, |S|)) * (U(S + i) - U(S)), each factor a whole number."""
    factors = exact_factors(members)
    sizes = np.bitwise_count(np.arange(1 << members, dtype=np.uint32)).astype(np.int64)
    leaving = np.array(factors, dtype=np.int64)[sizes] * utilities
    joining = np.array([0, *factors[:-1]], dtype=np.int64)[sizes] * utilities
    both, without = leaving + joining, int(leaving.sum())
    return [
        int(both.reshape(-1, 2, 1 << member)[:, 1].sum()) - without for member in range(members)
    ]


def _path_mixtures(weights: Integers) -> Mixtures:
    """Before and after each member's own step in each of 8 segments from nobody to everybody.

    In units of 1/16 of the total weight, segment k is centred at ``(2k + 1) * weights``, and
    member i's own step there runs from ``-weights[i]`` to ``+weights[i]``. The 16 mixtures of
    one member follow each other, and the members too.
    """
    count, total = len(weights), int(weights.sum())
    centres = (2 * np.arange(POINTS) + 1)[:, None] * weights
    own = np.eye(count, dtype=np.int64) * weights
    steps = own[:, None, :]
    sides = np.stack([centres - steps, centres + steps], axis=2).reshape(2 * POINTS * count, count)
    ends = np.zeros((1, count), dtype=np.int64), (2 * POINTS * weights)[None]
    coefficients = np.concatenate([ends[0], sides, ends[1]])
    return Mixtures(
        coefficients, np.full(len(coefficients), max(1, 2 * POINTS * total), dtype=np.int64)
    )


def orders(members: int, entropy: bytes) -> list[list[int]]:
    """The permutations that are scored: 60 by SHA-256, each followed by its reverse.

    Order p sorts the members by ``sha256(entropy || p || index)``, both as 4 bytes big-endian.
    """
    if not entropy:
        raise InputError(
            "permutations without entropy", hint="give the hash of a block after the commitments"
        )
    drawn = []
    for number in range(PERMUTATIONS // 2):
        seed = entropy + number.to_bytes(4, "big")
        keys = [
            hashlib.sha256(seed + member.to_bytes(4, "big")).digest() for member in range(members)
        ]
        order = sorted(range(members), key=keys.__getitem__)
        drawn += [order, order[::-1]]
    return drawn


def _prefixes(order: list[int]) -> list[int]:
    """The coalitions after each member of an order has joined, as masks."""
    masks, mask = [], 0
    for member in order:
        mask |= 1 << member
        masks.append(mask)
    return masks


def _visited(members: int, entropy: bytes) -> list[int]:
    """The distinct coalitions that the permutations pass through, by size, then by mask."""
    masks = {0}
    for order in orders(members, entropy):
        masks.update(_prefixes(order))
    return sorted(masks, key=lambda mask: (mask.bit_count(), mask))


def _permutation_scores(utilities: Integers, members: int, entropy: bytes) -> list[int]:
    _, _, gains = permutation_walk(utilities, members, entropy)
    return [int(score) * (SCALE // PERMUTATIONS) for score in gains[-1]]


def permutation_walk(
    utilities: Integers, members: int, entropy: bytes
) -> tuple[Integers, Integers, Integers]:
    """How permutations add up, each ``(permutations, members)``.

    Returns
    -------
    tuple of arrays
        Every order; the mixture after each of its members has joined; what each member has
        gained in all orders so far.
    """
    place = {mask: number for number, mask in enumerate(_visited(members, entropy))}
    drawn = orders(members, entropy)
    order = np.array(drawn, dtype=np.int64).reshape(len(drawn), members)
    mixtures = np.array([[place[m] for m in _prefixes(o)] for o in drawn], dtype=np.int64)
    mixtures = mixtures.reshape(order.shape)
    before = np.concatenate([np.zeros((len(drawn), 1), np.int64), mixtures], axis=1)[:, :-1]
    gains = np.zeros_like(order)
    np.put_along_axis(gains, order, utilities[mixtures] - utilities[before], axis=1)
    return order, mixtures, gains.cumsum(axis=0)


def exact_terms(utilities: Integers, members: int) -> Integers:
    """Each member's exact score up to every 16 utilities, ``(entries, members)``.

    The entries are those of the trace: the first holds the first utility alone.
    """
    factors = np.array(exact_factors(members), dtype=np.int64)
    masks = np.arange(1 << members, dtype=np.int64)
    sizes = np.bitwise_count(masks).astype(np.int64)
    belongs = (masks[None] >> np.arange(members)[:, None]) & 1 == 1
    terms = np.where(belongs, factors[sizes - 1], -factors[sizes]) * utilities
    starts = np.concatenate([[0], np.arange(1, 1 << members, 16)])
    sums: Integers = np.add.reduceat(terms, starts, axis=1).cumsum(axis=1).T
    return sums
