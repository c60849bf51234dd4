"""The pairing of BN254, by py_ecc: about a second for a comparison."""

from __future__ import annotations

from py_ecc.fields import optimized_bn128_FQ as FQ
from py_ecc.fields import optimized_bn128_FQ2 as FQ2
from py_ecc.fields import optimized_bn128_FQ12 as FQ12
from py_ecc.optimized_bn128.optimized_curve import b2, is_on_curve
from py_ecc.optimized_bn128.optimized_pairing import final_exponentiate, pairing

from counterpoise.verification.bn254 import Affine

Twisted = tuple[int, int, int, int]
"""A point of G2: real and imaginary part of x, then of y."""


def is_on_twist(point: Twisted) -> bool:
    """Tell whether a point lies on the curve of G2."""
    return bool(is_on_curve(_second(point), b2))


def same_ratio(left: Affine, right: Twisted, other_left: Affine, other_right: Twisted) -> bool:
    """Tell whether ``e(left, right) == e(other_left, other_right)``."""
    opposite = (other_left[0], -other_left[1])
    product = pairing(_second(right), _first(left), final_exponentiate=False)
    product *= pairing(_second(other_right), _first(opposite), final_exponentiate=False)
    return bool(final_exponentiate(product) == FQ12.one())


def _first(point: Affine) -> tuple[FQ, FQ, FQ]:
    return FQ(point[0]), FQ(point[1]), FQ(1)


def _second(point: Twisted) -> tuple[FQ2, FQ2, FQ2]:
    return FQ2(point[:2]), FQ2(point[2:]), FQ2([1, 0])
