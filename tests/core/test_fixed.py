"""Every rounding is the one its name says, for integers and for arrays alike."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from counterpoise.core.errors import InputError
from counterpoise.core.fixed import Rounding, divide, isqrt, to_fixed

INT64 = st.integers(-(2**63), 2**63 - 1)
RULES = {
    Rounding.FLOOR: math.floor,
    Rounding.CEIL: math.ceil,
    Rounding.TRUNCATE: math.trunc,
    Rounding.HALF_UP: lambda x: math.floor(x + Fraction(1, 2)),
    Rounding.HALF_EVEN: round,
}


@pytest.mark.parametrize("rounding", Rounding)
@settings(max_examples=100, deadline=None)
@given(a=st.integers(), b=st.integers(1))
def test_integers_are_rounded_as_the_exact_quotient(rounding, a, b):
    assert divide(a, b, rounding) == RULES[rounding](Fraction(a, b))


@pytest.mark.parametrize("rounding", Rounding)
@settings(max_examples=100, deadline=None)
@given(a=INT64, b=st.integers(1, 2**63 - 1))
@example(a=-(2**63), b=2**63 - 1)
@example(a=-(2**63), b=1)
@example(a=2**63 - 1, b=2)
def test_arrays_are_divided_as_integers_are_without_overflow(rounding, a, b):
    found = divide(np.array([a, -1, 0]), np.array([b, b, b]), rounding)
    assert found.dtype == np.int64
    assert found.tolist() == [divide(x, b, rounding) for x in (a, -1, 0)]
    assert divide(np.array([a]), b, rounding).tolist() == [divide(a, b, rounding)]


@pytest.mark.parametrize("rounding", Rounding)
def test_every_small_quotient_is_right(rounding):
    for b in range(1, 9):
        dividends = np.arange(-40, 41)
        wanted = [RULES[rounding](Fraction(int(a), b)) for a in dividends]
        assert divide(dividends, b, rounding).tolist() == wanted
        assert [divide(int(a), b, rounding) for a in dividends] == wanted


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 0),
        (1, -2),
        (1, 2.0),
        (np.array([1]), 0),
        (np.array([1]), np.array([-3])),
        (np.array([1], dtype=np.int32), 2),
        (np.array([1.0]), 2),
        (np.array([1]), np.array([2.0])),
    ],
)
def test_other_divisors_and_types_are_refused(a, b):
    with pytest.raises(InputError):
        divide(a, b, Rounding.FLOOR)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**63 - 1))
@example(3037000499**2)
@example(3037000499**2 - 1)
@example(2**63 - 1)
def test_the_square_root_of_an_array_is_that_of_each_integer(n):
    assert isqrt(np.array([n, 0, 1])).tolist() == [math.isqrt(n), 0, 1]
    assert isqrt(n) == math.isqrt(n)


@given(st.integers(0, 3037000499), st.sampled_from([-1, 0, 1]))
def test_the_square_root_is_right_beside_every_square(root, step):
    n = root * root + step
    if n >= 0:
        assert isqrt(np.array([n])).tolist() == [math.isqrt(n)]


@pytest.mark.parametrize("n", [-1, np.array([4, -4]), np.array([4.0]), np.array([4], np.int32)])
def test_no_square_root_of_a_negative_or_another_type(n):
    with pytest.raises(InputError):
        isqrt(n)


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 64))
def test_a_float_becomes_its_nearest_fixed_point(x, bits):
    assert to_fixed(x, bits) == round(Fraction(x) * 2**bits)


@pytest.mark.parametrize(("x", "bits"), [(math.nan, 16), (math.inf, 16), (-math.inf, 0), (1.0, -1)])
def test_no_fixed_point_of_what_is_no_number(x, bits):
    with pytest.raises(InputError):
        to_fixed(x, bits)
