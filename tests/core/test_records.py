"""DAG-CBOR has one encoding of each record, and its reader accepts no other."""

import enum
import math

import cbor2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.digest import dag_cbor, digest_of, from_dag_cbor, sha256
from counterpoise.core.errors import InputError

numbers = st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
plain = st.none() | st.booleans() | numbers | st.text() | st.binary()
records = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Colour(enum.IntEnum):
    RED = 1


def same(a, b):
    """Equality that tells 1 from True and 0.0 from -0.0."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return type(b) is float and a == b and math.copysign(1, a) == math.copysign(1, b)
    return type(a) is type(b) and a == b


@settings(max_examples=150, deadline=None)
@given(records)
def test_a_record_survives_writing_and_reading(record):
    data = dag_cbor(record)
    assert same(from_dag_cbor(data), record)
    assert same(cbor2.loads(data), record)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_what_the_reader_accepts_the_writer_writes(data):
    try:
        record = from_dag_cbor(data)
    except InputError:
        return
    assert dag_cbor(record) == data


@settings(max_examples=150, deadline=None)
@given(records, st.integers(0, 2**16), st.integers(0, 255))
def test_a_changed_byte_never_gives_the_same_record(record, place, byte):
    data = bytearray(dag_cbor(record))
    data[place % len(data)] = byte
    if bytes(data) == dag_cbor(record):
        return
    try:
        found = from_dag_cbor(bytes(data))
    except InputError:
        return
    assert not same(found, record)


@pytest.mark.parametrize(
    ("record", "encoded"),
    [
        (None, "f6"),
        (False, "f4"),
        (True, "f5"),
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (255, "18ff"),
        (256, "190100"),
        (2**32, "1b0000000100000000"),
        (2**64 - 1, "1bffffffffffffffff"),
        (-1, "20"),
        (-(2**64), "3bffffffffffffffff"),
        (1.0, "fb3ff0000000000000"),
        (-0.0, "fb8000000000000000"),
        ("", "60"),
        ("ü", "62c3bc"),
        (b"", "40"),
        ([], "80"),
        ({}, "a0"),
        ((1, [2]), "82018102"),
        ({"b": 1, "aa": 2, "a": 3}, "a3616103616201626161" + "02"),
        ({"": 0, "z": 1, "é": 2}, "a36000617a0162c3a902"),
    ],
)
def test_known_records_have_known_bytes(record, encoded):
    assert dag_cbor(record).hex() == encoded


@pytest.mark.parametrize(
    "record",
    [
        math.nan,
        math.inf,
        -math.inf,
        2**64,
        -(2**64) - 1,
        10**30,
        {1: 2},
        {b"a": 1},
        {None: 1},
        "\ud800",
        {"\udfff": 1},
        {1, 2},
        object(),
        1j,
        bytearray(b"a"),
        np.int64(1),
        np.float64(1.0),
        np.bool_(True),
        np.zeros(2),
        Colour.RED,
        [[math.nan]],
    ],
)
def test_what_has_no_single_encoding_is_refused(record):
    with pytest.raises(InputError):
        dag_cbor(record)


@pytest.mark.parametrize(
    "encoded",
    [
        "",  # nothing
        "0000",  # trailing byte
        "1817",  # 23 in two bytes
        "190017",  # 23 in three
        "1a0000ffff",
        "1b00000000ffffffff",
        "3800",  # -1 in two bytes
        "580161",  # a length in two bytes
        "5f4161ff",  # indefinite bytes
        "7f6161ff",
        "9fff",
        "bfff",
        "1c",
        "1f",
        "ff",  # break
        "f7",  # undefined
        "e0",
        "f820",
        "f93c00",  # half float
        "fa3f800000",  # single float
        "fb7ff8000000000000",  # NaN
        "fb7ff0000000000000",  # infinity
        "fbfff0000000000000",
        "c000",  # tags
        "c249010000000000000000",
        "d82a4100",
        "a2616201616101",  # unsorted keys
        "a26261610161" + "6201",  # longer key first
        "a2616101616102",  # duplicate keys
        "a10000",  # integer key
        "a1416100",
        "62c328",  # bad UTF-8
        "61ff",
        "63eda080",  # surrogate
        "42ff",  # short bytes
        "82" + "00",  # short list
        "a16161",
        "9bffffffffffffffff",  # a list of 2**64 members
        "bbffffffffffffffff",
        "5bffffffffffffffff",
        "7bffffffffffffffff",
        "fb3ff0",
    ],
)
def test_bytes_that_the_writer_never_writes_are_refused(encoded):
    with pytest.raises(InputError):
        from_dag_cbor(bytes.fromhex(encoded))


def test_nesting_is_bounded_on_both_sides():
    deep = 1
    for _ in range(64):
        deep = [deep]
    assert from_dag_cbor(dag_cbor(deep)) == deep
    for opening in (b"\x81", b"\xa1\x60"):
        with pytest.raises(InputError):
            from_dag_cbor(opening * 100_000 + b"\x00")
    with pytest.raises(InputError):
        dag_cbor([deep])
    ring = []
    ring.append(ring)
    with pytest.raises(InputError):
        dag_cbor(ring)


def test_the_order_of_insertion_does_not_matter():
    assert digest_of({"a": 1, "b": {"x": 1, "y": 2}}) == digest_of({"b": {"y": 2, "x": 1}, "a": 1})


def test_a_digest_tells_types_apart():
    values = [1, 1.0, True, "1", b"1", [1], None, {"1": 1}, 0, 0.0, -0.0, False, "", b"", [], {}]
    assert len({digest_of(value) for value in values}) == len(values)
    assert digest_of([]) == sha256(b"\x80")
