"""The group G1 of BN254, enough to check a ceremony's file: additions and weighted sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from counterpoise.core.errors import VerificationError

Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583
R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
TWO_ADICITY = 28
"""The scalar field has roots of unity of order ``2**28`` and no larger power of two."""

Affine = tuple[int, int]
Point = tuple[int, int, int]

NOTHING: Point = (1, 1, 0)
GENERATOR: Affine = (1, 2)
_UNDO = pow(1 << 256, -1, Q)


def read_points(data: bytes) -> list[Affine]:
    """Read affine points, 64 bytes each, little-endian in Montgomery form; (0, 0) is infinity.

    Raises
    ------
    VerificationError :
        One of them is not on the curve.
    """
    numbers = [
        int.from_bytes(data[at : at + 32], "little") * _UNDO % Q for at in range(0, len(data), 32)
    ]
    points = list(zip(numbers[::2], numbers[1::2], strict=True))
    for place, (x, y) in enumerate(points):
        if (x or y) and (y * y - x * x * x - 3) % Q:
            raise VerificationError(f"point {place} is not on the curve")
    return points


def add(left: Point, right: Affine) -> Point:
    """Add an affine point to one in Jacobian coordinates."""
    if right == (0, 0):
        return left
    x1, y1, z1 = left
    if not z1:
        return (*right, 1)
    square = z1 * z1 % Q
    across = (right[0] * square - x1) % Q
    up = (right[1] * square * z1 - y1) % Q
    if not across:
        return _double(left) if not up else NOTHING
    wide = across * across % Q
    cube = wide * across % Q
    base = x1 * wide % Q
    x3 = (up * up - cube - 2 * base) % Q
    return x3, (up * (base - x3) - y1 * cube) % Q, z1 * across % Q


def affine(point: Point) -> Affine:
    """Give a point's two coordinates; (0, 0) for infinity."""
    if not point[2]:
        return 0, 0
    undo = pow(point[2], -1, Q)
    square = undo * undo % Q
    return point[0] * square % Q, point[1] * square * undo % Q


def total(points: Iterable[Affine]) -> Affine:
    """Give the sum of points."""
    found = NOTHING
    for point in points:
        found = add(found, point)
    return affine(found)


def weighted(scalars: Sequence[int], points: Sequence[Affine]) -> Affine:
    """Give the sum of points, each times its scalar, window by window (Pippenger)."""
    found = NOTHING
    width = max(2, min(8, len(points).bit_length() - 3))
    for shift in range(256 - 256 % width, -1, -width):
        for _ in range(width):
            found = _double(found)
        buckets = [NOTHING] * (1 << width)
        for scalar, point in zip(scalars, points, strict=True):
            digit = scalar >> shift & (1 << width) - 1
            if digit:
                buckets[digit] = add(buckets[digit], point)
        running, window = NOTHING, NOTHING
        for bucket in reversed(buckets[1:]):
            running = add(running, affine(bucket))
            window = add(window, affine(running))
        found = add(found, affine(window))
    return affine(found)


def root_of_unity(generator: int, logrows: int) -> int:
    """Give the root of order ``2**logrows`` that follows from a generator of the scalar field."""
    odd = (R - 1) >> TWO_ADICITY
    return pow(generator, odd << (TWO_ADICITY - logrows), R)


def evaluate(coefficients: Sequence[int], root: int) -> list[int]:
    """Give a polynomial's values at all powers of a root of unity of its own length."""
    if len(coefficients) == 1:
        return list(coefficients)
    even = evaluate(coefficients[::2], root * root % R)
    odd = evaluate(coefficients[1::2], root * root % R)
    turned, power = [], 1
    for value in odd:
        turned.append(power * value % R)
        power = power * root % R
    return [(a + b) % R for a, b in zip(even, turned, strict=True)] + [
        (a - b) % R for a, b in zip(even, turned, strict=True)
    ]


def exponent(base: int, power: int, logrows: int) -> int:
    """Give e with ``base**e == power``, both of order ``2**logrows``, bit by bit."""
    found = 0
    for bit in range(logrows):
        rest = power * pow(base, -found, R) % R
        if pow(rest, 1 << (logrows - 1 - bit), R) != 1:
            found |= 1 << bit
    return found


def _double(point: Point) -> Point:
    x, y, z = point
    if not z:
        return NOTHING
    square = y * y % Q
    fourth = 4 * x * square % Q
    slope = 3 * x * x % Q
    x3 = (slope * slope - 2 * fourth) % Q
    return x3, (slope * (fourth - x3) - 8 * square * square) % Q, 2 * y * z % Q
