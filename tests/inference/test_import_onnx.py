"""ONNX graphs are imported as what they compute: nets, linear models, trees."""

import numpy as np
import pytest
from sets import split
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from counterpoise.core.errors import InputError
from counterpoise.inference import Net, import_model

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def graph(nodes, constants, outputs, inputs=4, kind=TensorProto.FLOAT):
    """A graph of one input, as an exporter of PyTorch models writes one."""
    kept = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    made = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("rows", kind, ["n", inputs])],
        [helper.make_tensor_value_info("out", kind, ["n", outputs])],
        kept,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def torch_like(outputs, end=None):
    """Linear(4, 8), ReLU, Linear(8, outputs), as Gemm with transB, and perhaps an end."""
    rng = np.random.default_rng(3)
    weights = [
        rng.normal(size=size).astype(np.float32)
        for size in ((8, 4), (8,), (outputs, 8), (outputs,))
    ]
    nodes = [
        helper.make_node("Gemm", ["rows", "w0", "w1"], ["a"], transB=1),
        helper.make_node("Relu", ["a"], ["h"]),
        helper.make_node("Gemm", ["h", "w2", "w3"], ["z" if end else "out"], transB=1),
    ]
    if end:
        nodes.append(helper.make_node(end, ["z"], ["out"]))
    return graph(nodes, {f"w{i}": w for i, w in enumerate(weights)}, outputs), weights


def relu_net(weights, rows):
    hidden = np.maximum(rows @ weights[0].T + weights[1], 0)
    return hidden @ weights[2].T + weights[3]


ROWS = np.random.default_rng(1).normal(size=(600, 4))


@pytest.mark.parametrize(("outputs", "end"), [(1, "Sigmoid"), (1, None), (3, "Softmax"), (3, None)])
def test_a_chain_of_gemm_and_relu_arrives_as_a_net(outputs, end, tmp_path):
    model, weights = torch_like(outputs, end)
    path = tmp_path / "net.onnx"
    onnx.save(model, str(path))
    found = import_model(path, ROWS[:400], check=ROWS[400:], allow_loss=True)
    assert isinstance(found.model, Net) and [one.weights.shape for one in found.model.layers] == [
        (8, 4),
        (outputs, 8),
    ]
    assert found.report.agreement >= 0.98
    logits = found.model.run(found.quantiser.bytes_of(ROWS[:400])).logits * found.card.unit
    assert np.abs(logits - relu_net(weights, ROWS[:400])).max() < 0.25


def test_products_sums_scales_and_normalisations_fold_into_layers():
    rng = np.random.default_rng(5)
    constants = {
        "mean": rng.normal(size=4).astype(np.float32),
        "deviation": np.array([1.5, 2, 0.5, 1], np.float32),
        "w0": rng.normal(size=(4, 6)).astype(np.float32),
        "b0": rng.normal(size=6).astype(np.float32),
        "gamma": np.full(6, 1.3, np.float32),
        "beta": np.full(6, 0.2, np.float32),
        "mu": rng.normal(size=6).astype(np.float32),
        "variance": np.full(6, 2.0, np.float32),
        "w1": rng.normal(size=(6, 1)).astype(np.float32),
        "b1": np.array([0.1], np.float32),
        "two": np.array(2.0, np.float32),
    }
    nodes = [
        helper.make_node("Sub", ["rows", "mean"], ["c0"]),
        helper.make_node("Div", ["c0", "deviation"], ["c1"]),
        helper.make_node("MatMul", ["c1", "w0"], ["c2"]),
        helper.make_node("Add", ["b0", "c2"], ["c3"]),
        helper.make_node("BatchNormalization", ["c3", "gamma", "beta", "mu", "variance"], ["c4"]),
        helper.make_node("Relu", ["c4"], ["c5"]),
        helper.make_node("MatMul", ["c5", "w1"], ["c6"]),
        helper.make_node("Sub", ["b1", "c6"], ["c7"]),
        helper.make_node("Neg", ["c7"], ["c8"]),
        helper.make_node("Mul", ["two", "c8"], ["c9"]),
        helper.make_node("Identity", ["c9"], ["c10"]),
        helper.make_node("Sigmoid", ["c10"], ["out"]),
    ]
    found = import_model(graph(nodes, constants, 1), ROWS[:400], check=ROWS[400:])
    assert len(found.model.layers) == 2 and found.report.agreement >= 0.99


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([helper.make_node("Tanh", ["rows"], ["out"])], "operator Tanh in the graph"),
        ([helper.make_node("Add", ["rows", "rows"], ["out"])], "Add of two computed values"),
        (
            [
                helper.make_node("Relu", ["rows"], ["a"]),
                helper.make_node("Neg", ["rows"], ["b"]),
                helper.make_node("Add", ["a", "b"], ["out"]),
            ],
            "2 operators read 'rows'",
        ),
    ],
)
def test_a_graph_that_is_no_chain_is_refused_by_its_operator(nodes, reason):
    with pytest.raises(InputError, match=reason):
        import_model(graph(nodes, {}, 4), ROWS)


def test_bytes_that_are_no_onnx_are_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    for source in (tmp_path / "model.onnx", b"\x00", torch_like(1)[0].SerializeToString()[:-40]):
        with pytest.raises(InputError, match="no ONNX model"):
            import_model(source, ROWS)


CONVERTED = {
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
    "mlp": lambda: make_pipeline(
        StandardScaler(), MLPClassifier((12,), max_iter=100, random_state=0)
    ),
    "random forest": lambda: RandomForestClassifier(20, random_state=0),
    "boosted": lambda: GradientBoostingClassifier(n_estimators=10, random_state=0),
}


@pytest.mark.parametrize("name", ["credit", "wine"])
@pytest.mark.parametrize("kind", CONVERTED)
def test_what_a_converter_writes_decides_as_the_model_it_came_from(name, kind):
    convert = pytest.importorskip("skl2onnx").to_onnx
    rows, held, labels, held_labels = split(name)
    trained = CONVERTED[kind]().fit(rows, labels)
    made = convert(trained, rows[:1].astype(np.float32), options={"zipmap": False})
    found = import_model(made, rows, check=held, check_labels=held_labels)
    assert found.report.disagreements <= (0 if "boosted" in kind or "forest" in kind else 3)
    direct = import_model(trained, rows, check=held)
    bytes_of = found.quantiser.bytes_of(held, clip=True)
    same = (
        found.model.run(bytes_of).decisions
        == direct.model.run(direct.quantiser.bytes_of(held, clip=True)).decisions
    )
    assert same.mean() > 0.99


@pytest.mark.parametrize("make", [LinearRegression, lambda: DecisionTreeRegressor(max_depth=5)])
def test_a_regressor_in_onnx_decides_by_the_value_that_is_named(make):
    convert = pytest.importorskip("skl2onnx").to_onnx
    rows, held, labels, _ = split("heart")
    made = convert(make().fit(rows, labels), rows[:1].astype(np.float32))
    with pytest.raises(InputError, match="decides nothing by itself"):
        import_model(made, rows)
    assert import_model(made, rows, check=held, threshold=0.45).report.agreement >= 0.99


def test_a_threshold_on_converted_trees_is_a_probability():
    convert = pytest.importorskip("skl2onnx").to_onnx
    rows, held, labels, _ = split("credit")
    for kind in ("random forest", "boosted", "logistic"):
        trained = CONVERTED[kind]().fit(rows, labels)
        made = convert(trained, rows[:1].astype(np.float32), options={"zipmap": False})
        found = import_model(made, rows, check=held, threshold=0.3)
        assert found.report.disagreements <= 2
        decided = found.model.run(found.quantiser.bytes_of(held, clip=True)).decisions
        assert (decided != (trained.predict_proba(held)[:, 1] > 0.3)).sum() <= 3
