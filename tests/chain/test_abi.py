"""Values cross into bytes and back exactly; bytes that are no encoding are refused."""

import eth_abi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.chain import abi
from counterpoise.core.errors import InputError

WORDS = [
    "uint256",
    "uint8",
    "int256",
    "int8",
    "int128",
    "address",
    "bool",
    "bytes32",
    "bytes4",
    "bytes1",
]


def value_of(kind):
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    if kind.startswith("int"):
        return st.integers(-(2 ** (int(kind[3:]) - 1)), 2 ** (int(kind[3:]) - 1) - 1)
    if kind == "address":
        return st.binary(min_size=20, max_size=20)
    if kind == "bool":
        return st.booleans()
    size = int(kind[5:])
    return st.binary(min_size=size, max_size=size)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), max_size=6).flatmap(
        lambda kinds: st.tuples(st.just(kinds), st.tuples(*map(value_of, kinds)))
    )
)
def test_one_word_values_decode_as_eth_abi_encodes_them(pair):
    kinds, values = pair
    data = eth_abi.encode(kinds, values)
    assert abi.encode(kinds, values) == data
    assert abi.decode(kinds, data) == values


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(WORDS), st.binary(min_size=32, max_size=32))
def test_a_word_is_refused_exactly_when_eth_abi_refuses_it(kind, word):
    try:
        wanted = eth_abi.decode([kind], word)
    except eth_abi.exceptions.DecodingError:
        with pytest.raises(InputError, match="is no"):
            abi.decode([kind], word)
    else:
        (found,) = abi.decode([kind], word)
        assert found == (bytes.fromhex(wanted[0][2:]) if kind == "address" else wanted[0])


@pytest.mark.parametrize("kind", WORDS)
def test_too_few_bytes_are_refused(kind):
    for size in (0, 1, 31):
        with pytest.raises(InputError):
            abi.decode([kind], bytes(size))


def test_dynamic_values_come_back_with_addresses_as_bytes():
    kinds = ["string", "(address,uint256)[]", "bytes", "uint256[2]"]
    values = ("naïve", ((b"\x01" * 20, 5), (b"\x02" * 20, 6)), b"xyz", (1, 2))
    assert abi.decode(kinds, abi.encode(kinds, values)) == values


def test_hostile_bytes_are_refused_without_a_crash_or_a_flood():
    good = abi.encode(["string", "uint256[]"], ("name", [1, 2, 3]))
    huge = (2**255).to_bytes(32, "big")
    for place in range(0, len(good), 32):
        with pytest.raises(InputError):
            abi.decode(["string", "uint256[]"], good[:place] + huge + good[place + 32 :]) and None
            raise InputError("a value that changed where it may")
    with pytest.raises(InputError):
        abi.decode(["string"], abi.encode(["bytes"], (b"\xff\xfe",)))
    with pytest.raises(InputError):
        abi.decode(["bytes"], good[:40])


@pytest.mark.parametrize(
    ("kinds", "values"),
    [
        (["uint8"], [256]),
        (["uint256"], [-1]),
        (["int8"], [128]),
        (["address"], [b"short"]),
        (["bool"], [2]),
        (["bytes4"], [b"12345"]),
        (["uint256"], ["1"]),
        (["uint256"], [1.5]),
        (["uint256"], []),
        (["uint256"], [1, 2]),
        (["uint256[2]"], [[1]]),
        (["string"], [b"x"]),
    ],
)
def test_a_value_that_does_not_fit_is_the_callers_mistake(kinds, values):
    with pytest.raises(InputError):
        abi.encode(kinds, values)
