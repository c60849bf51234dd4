"""Arrays as bytes: one encoding, no pickle, nothing allocated that was not asked for."""

import io
import pickle

import cbor2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from counterpoise.core.arrays import DTYPES
from counterpoise.core.digest import array_bytes, array_from_bytes, dag_cbor, from_dag_cbor
from counterpoise.core.errors import InputError

arrays = st.sampled_from(DTYPES).flatmap(
    lambda kind: hnp.arrays(np.dtype(kind), hnp.array_shapes(min_dims=0, min_side=0, max_dims=4))
)


def encoded(**changes):
    return dag_cbor({"data": bytes(8), "dtype": "<i4", "shape": [2]} | changes)


@settings(max_examples=100, deadline=None)
@given(arrays)
def test_an_array_survives_with_type_shape_and_bits(array):
    found = array_from_bytes(array_bytes(array), max_bytes=array.nbytes)
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()
    assert found.flags.writeable
    assert found.flags.c_contiguous


def test_equal_arrays_have_equal_bytes_however_they_lie_in_memory():
    array = np.arange(12, dtype=np.int32).reshape(3, 4)
    twins = [
        np.asfortranarray(array),
        array.astype(">i4"),
        np.repeat(array, 2, axis=1)[:, ::2],
        array[::-1][::-1],
    ]
    assert {array_bytes(twin) for twin in twins} == {array_bytes(array)}


def test_type_and_shape_are_part_of_the_bytes():
    zeros = np.zeros(8, np.int32)
    variants = [zeros, zeros.view(np.uint32), zeros.view(np.float32), zeros.view(np.int64)]
    variants += [zeros.reshape(2, 4), zeros.reshape(4, 2), zeros.reshape(8, 1)]
    assert len({array_bytes(variant) for variant in variants}) == len(variants)


def test_the_bits_of_a_nan_are_kept_so_that_it_can_be_refused_by_name():
    array = np.array([np.nan, -0.0, np.inf], dtype=np.float32)
    assert array_from_bytes(array_bytes(array), max_bytes=12).tobytes() == array.tobytes()


def test_any_cbor_reader_can_open_an_array():
    record = cbor2.loads(array_bytes(np.array([[1], [2]], dtype=np.uint16)))
    assert record == {"data": b"\x01\0\x02\0", "dtype": "<u2", "shape": [2, 1]}


@pytest.mark.parametrize(
    "array",
    [
        np.array([object()]),
        np.array(["a"]),
        np.array([b"a"]),
        np.array([True]),
        np.zeros(2, np.float16),
        np.zeros(2, np.complex128),
        np.zeros(2, "datetime64[s]"),
        np.zeros(2, [("a", "i4")]),
        np.zeros((1,) * 9),
        [1, 2],
        3,
    ],
)
def test_arrays_without_canonical_bytes_are_refused(array):
    with pytest.raises(InputError):
        array_bytes(array)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def npy_bomb():
    file = io.BytesIO()
    np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(pickle.dumps(Bomb()), id="pickle"),
        pytest.param(npy_bomb(), id="npy of objects"),
        pytest.param(encoded(data=pickle.dumps(Bomb()), dtype="|O", shape=[1]), id="object"),
        pytest.param(encoded(dtype=">i4"), id="big-endian"),
        pytest.param(encoded(dtype="=i4"), id="native"),
        pytest.param(encoded(dtype="i4"), id="not canonical"),
        pytest.param(encoded(dtype="<f2"), id="half"),
        pytest.param(encoded(dtype="|b1", data=bytes(2)), id="bool"),
        pytest.param(encoded(dtype="V8", shape=[1]), id="void"),
        pytest.param(encoded(dtype=4), id="type is no string"),
        pytest.param(encoded(dtype=["<i4"]), id="type is a list"),
        pytest.param(encoded(data="a" * 8), id="text for data"),
        pytest.param(encoded(shape=2), id="shape is no list"),
        pytest.param(encoded(shape=[2.0]), id="float length"),
        pytest.param(encoded(shape=[True, 2]), id="bool length"),
        pytest.param(encoded(shape=[-1, -2]), id="negative"),
        pytest.param(encoded(shape=[3]), id="shape beyond data"),
        pytest.param(encoded(shape=[1]), id="data beyond shape"),
        pytest.param(encoded(data=b"", shape=[0, 2**63]), id="empty but vast"),
        pytest.param(encoded(shape=[2**32, 2**32]), id="overflowing product"),
        pytest.param(encoded(shape=[2] + [1] * 8), id="nine dimensions"),
        pytest.param(encoded(extra=1), id="another key"),
        pytest.param(dag_cbor({"data": b"", "dtype": "<i4"}), id="no shape"),
        pytest.param(dag_cbor([b"", "<i4", [0]]), id="a list"),
        pytest.param(encoded() + b"\0", id="trailing"),
        pytest.param(encoded()[:-1], id="truncated"),
        pytest.param(cbor2.dumps({"shape": [2], "dtype": "<i4", "data": bytes(8)}), id="unsorted"),
    ],
)
def test_hostile_bytes_are_refused_and_never_run(data):
    with pytest.raises(InputError):
        array_from_bytes(data, max_bytes=1000)


def test_a_larger_array_than_wanted_is_refused_before_it_is_read():
    data = array_bytes(np.zeros(1000, np.int64))
    assert array_from_bytes(data, max_bytes=8000).shape == (1000,)
    for most in (7999, 0):
        with pytest.raises(InputError):
            array_from_bytes(data, max_bytes=most)
    claimed = bytes.fromhex("a3" + "6464617461" + "5b0000ffffffffffff")
    with pytest.raises(InputError):
        array_from_bytes(claimed, max_bytes=2**50)


def test_every_byte_of_the_header_counts():
    data = array_bytes(np.arange(4, dtype=np.int16))
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        try:
            found = array_from_bytes(changed, max_bytes=1000)
        except InputError:
            continue
        assert array_bytes(found) == changed
        assert from_dag_cbor(changed) != from_dag_cbor(data)
