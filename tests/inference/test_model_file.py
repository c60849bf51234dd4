"""A model's file is canonical, and a malformed one is refused with a clear reason."""

import examples_of as examples
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.digest import dag_cbor, from_dag_cbor, keccak
from counterpoise.core.errors import InputError
from counterpoise.inference import (
    Forest,
    Header,
    Layer,
    Leaf,
    Net,
    OrderedTree,
    Split,
    Tree,
    load_model,
    model_bytes,
    model_from_bytes,
    model_from_rows,
    model_id,
    save_model,
)

QUICK = settings(max_examples=60, deadline=None, derandomize=True)
MODELS = [examples.vector_net(), examples.vector_forest()]


@QUICK
@given(examples.seeds, st.booleans())
def test_a_file_gives_back_the_same_model(seed, is_net):
    rng = np.random.default_rng(seed)
    widths = rng.integers(1, 7, int(rng.integers(2, 10))).tolist()
    model = examples.random_net(rng, widths) if is_net else examples.random_forest(rng, 4, 3, 2)
    read = model_from_bytes(model_bytes(model))
    assert read.id == model.id
    rows = rng.integers(0, 256, (4, model.inputs)).astype(np.uint8)
    assert list(read.run(rows)) == list(model.run(rows))


@pytest.mark.parametrize("model", MODELS, ids=["net", "forest"])
def test_the_id_follows_from_the_file_by_hashing_alone(model):
    record = from_dag_cbor(model_bytes(model))
    tree = OrderedTree([keccak(row) for row in record["rows"]])
    assert model_id(record["header"], tree.root) == model.id


@pytest.mark.parametrize("model", MODELS, ids=["net", "forest"])
def test_no_changed_byte_of_a_file_passes_for_the_same_model(model):
    data = model_bytes(model)
    for place in range(len(data)):
        for change in (1, 0x80):
            changed = bytearray(data)
            changed[place] ^= change
            try:
                read = model_from_bytes(bytes(changed))
            except InputError:
                continue
            assert read.id != model.id and model_bytes(read) == changed


def changed_rows(model, index, row):
    rows = [model.row(i) for i in range(model.rows)]
    return [*rows[:index], row, *rows[index + 1 :]]


def test_rows_out_of_bounds_are_refused_when_read():
    net, forest = MODELS
    row = net.row(0)
    for bad, reason in [
        (row[:-1], "has 10 bytes"),
        (row[:-1] + bytes([128 + 65]), "weight 2 of neuron 0 is 65"),
        (row[:-1] + bytes([128 - 65]), "weight 2 of neuron 0 is -65"),
        (row[:4] + b"\x7f\xff\xff\xff" + row[8:], "can overflow"),
        (row[:4] + b"\x80\x00\x00\x00" + row[8:], "can overflow"),
        (b"\x01" + row[1:], "row 0 of the model is not canonical"),
        (row[:3] + b"\x01" + row[4:], "row 0 of the model is not canonical"),
    ]:
        with pytest.raises(InputError, match=reason):
            model_from_rows(net.header, changed_rows(net, 0, bad))
    tree = forest.row(0)
    for bad, reason in [
        (tree[:-1], "node of 7 bytes"),
        (tree[:8], "a tree of 0 nodes"),
        (tree[:8] + tree[8:16][:3] + b"\x00\x02\0\0\0" + tree[16:], "children after it"),
        (tree[:15] + b"\x01" + tree[16:], "not canonical"),
        (tree[:9] + b"\x03" + tree[10:], "asks for feature 3 of 3"),
        (tree[:4] + b"\1" + tree[5:], "row 0 of the model is not canonical"),
    ]:
        with pytest.raises(InputError, match=reason):
            model_from_rows(forest.header, changed_rows(forest, 0, bad))
    with pytest.raises(InputError, match="row of biases"):
        model_from_rows(forest.header, changed_rows(forest, 3, forest.row(3)[:-4]))
    with pytest.raises(InputError, match="its header wants 3"):
        model_from_rows(net.header, [net.row(0)])


def test_bytes_that_are_no_model_are_refused(tmp_path):
    record = from_dag_cbor(model_bytes(MODELS[0]))
    for bad, reason in [
        ({"format": "another"}, "no model of format"),
        (record | {"more": 1}, "nothing else"),
        (record | {"rows": b""}, "byte strings"),
        (record | {"header": record["header"][:11]}, "header of 11 bytes"),
        (record | {"header": b"\x02" + record["header"][1:]}, "version 2"),
        (record | {"header": record["header"] + b"\0"}, "does not fit what it announces"),
        (record | {"header": record["header"][:2] + b"\1" + record["header"][3:]}, "canonical"),
        ([], "no model of format"),
    ]:
        with pytest.raises(InputError, match=reason):
            model_from_bytes(dag_cbor(bad))
    with pytest.raises(InputError, match="no model file"):
        load_model(tmp_path / "nowhere")
    (tmp_path / "broken").write_bytes(b"\xff")
    with pytest.raises(InputError, match="broken: "):
        load_model(tmp_path / "broken")
    save_model(MODELS[1], tmp_path / "forest")
    assert load_model(tmp_path / "forest").id == MODELS[1].id


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Layer([[65]], [0]), "weight 0 of neuron 0 is 65"),
        (lambda: Layer([[1.0]], [0]), "integers wanted"),
        (lambda: Layer([[1]], [0, 1]), "no layer"),
        (lambda: Layer([[1]], [2**31 - 64 * 255]), "overflow"),
        (lambda: Layer([[1]], [64 * 255 - 2**31]), "overflow"),
        (lambda: Net(()), "without layers"),
        (lambda: Net((Layer([[1]] * 17, [0] * 17),)), "17 outputs"),
        (lambda: Net((Layer([[1]] * 2, [0] * 2),), 1), "threshold 1 with 2 outputs"),
        (lambda: Net((Layer([[1]], [0]),) * 9), "9 layers"),
        (lambda: Net((Layer([[1]], [0]), Layer([[1, 1]], [0]))), "widths do not fit"),
        (lambda: Net((Layer([[1]], [0], 256),)), "zero point 256"),
        (lambda: Net((Layer([[1]], [0], 0, 1),)), "last layer"),
        (lambda: Net((Layer([[1]], [0], 0, 25, 0, 1), Layer([[1]], [0]))), "shifts by 25"),
        (lambda: Net((Layer([[1]], [0], 0, 0, -1, 1), Layer([[1]], [0]))), "clips to -1"),
        (lambda: Net((Layer([[1]], [0], 0, 0, 2, 1), Layer([[1]], [0]))), "clips to 2..1"),
        (lambda: Net((Layer([[1]], [0], 0, 0, 0, 255), Layer([[1]], [0], 1))), "is no byte"),
        (lambda: Tree((Leaf(2**31),)), "beyond 32 bits"),
        (lambda: Tree((Split(0, 256, 1, 2), Leaf(0), Leaf(0))), "threshold in 0..255"),
        (lambda: Tree((Split(0, 0, 0, 1), Leaf(0))), "children after it"),
        (lambda: Tree((Leaf(0),) * 256), "256 nodes"),
        (lambda: Forest((Tree((Leaf(2**31 - 1),)),), (1,), 1), "beyond 32 bits"),
        (lambda: Forest((), (1,), 1), "0 trees"),
        (lambda: Forest((Tree((Leaf(0),)),), (), 1), "0 outputs"),
        (lambda: Header(3, 0, 1, 1), "kind 3"),
        (lambda: OrderedTree([]), "one leaf or more"),
    ],
)
def test_what_is_no_model_is_refused_by_name(make, reason):
    with pytest.raises(InputError, match=reason):
        make()


def test_the_largest_bias_that_cannot_overflow_is_taken():
    bias = 2**31 - 1 - 64 * 255
    net = Net((Layer([[64], [-64]], [bias, -bias]),))
    assert net.run(np.array([[255]], np.uint8)).logits.tolist() == [[2**31 - 1, -(2**31) + 1]]


def test_inputs_of_another_shape_or_type_are_refused():
    for model in MODELS:
        for rows in (np.zeros((1, 4), np.uint8), np.zeros((1, 3)), np.zeros(3, np.uint8)):
            with pytest.raises(InputError, match=r"\(n, 3\) uint8 wanted"):
                model.run(rows)
        with pytest.raises(InputError, match="one dimension"):
            model.trace(np.zeros((2, 3), np.uint8), bytes(32))
        with pytest.raises(InputError, match="a salt of 31 bytes"):
            _ = model.trace(bytes(3), bytes(31)).root


def test_a_models_arrays_cannot_be_written():
    weights = np.array([[1, 2]])
    layer = Layer(weights, [0])
    weights[0, 0] = 9
    assert layer.weights[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0, 0] = 2
