"""Integer models as ONNX graphs: whole numbers in floats, within the bound where floats are exact.

A sum of products of whole numbers is exact in binary32, in whatever order a kernel takes it, while
the sum of all magnitudes is below 2**24; in binary64, below 2**53.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.inference.forest import Forest
from counterpoise.inference.net import Net
from counterpoise.inference.tree import Leaf, Split

OPSET, ML_OPSET, IR = 17, 3, 8
INPUT, LOGITS = "p", "logits"


def net_graph(net: Net, *, show_bytes: bool) -> bytes:
    """Give the graph of a net, with what enters the later layers as further outputs if wanted."""
    from onnx import TensorProto as Types
    from onnx import helper, numpy_helper

    real = np.float32 if net.largest_sum < 2**24 else np.float64
    kind = Types.FLOAT if real is np.float32 else Types.DOUBLE
    nodes = [helper.make_node("Cast", [INPUT], ["x0"], to=kind)]
    constants: dict[str, Any] = {}
    outputs = [helper.make_tensor_value_info(LOGITS, Types.INT32, ["n", net.outputs])]
    for number, layer in enumerate(net.layers):
        half = 1 << layer.shift >> 1
        constants[f"w{number}"] = layer.columns.astype(real)
        constants[f"b{number}"] = (layer.bias + half).astype(real)
        nodes.append(
            helper.make_node("Gemm", [f"x{number}", f"w{number}", f"b{number}"], [f"a{number}"])
        )
        if number == len(net.layers) - 1:
            break
        z = net.layers[number + 1].zero_point
        ends = {"s": 2.0**-layer.shift, "l": layer.lo, "h": layer.hi, "z": z}
        constants |= {f"{name}{number}": np.array(end, real) for name, end in ends.items()}
        steps = [("Mul", "s"), ("Floor", ""), ("Clip", "lh"), ("Add", "z")]
        current = f"a{number}"
        for operator, names in steps:
            following = f"x{number + 1}" if operator == "Add" else f"{current}_"
            inputs = [current, *(f"{name}{number}" for name in names)]
            nodes.append(helper.make_node(operator, inputs, [following]))
            current = following
        if show_bytes:
            nodes.append(helper.make_node("Cast", [current], [f"y{number}"], to=Types.UINT8))
            outputs.append(helper.make_tensor_value_info(f"y{number}", Types.UINT8, ["n", None]))
    nodes.append(helper.make_node("Cast", [f"a{len(net.layers) - 1}"], [LOGITS], to=Types.INT32))
    kept = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    return _graph(nodes, net.inputs, outputs, kept)


def forest_graph(forest: Forest, *, show_trees: bool) -> bytes:
    """Give the graph of a forest; instead of the logits it may give what each tree says.

    Raises
    ------
    InputError :
        A sum of its leaves may be 2**24 or more.
    """
    from onnx import TensorProto as Types
    from onnx import helper

    if forest.largest_sum >= 2**24:
        raise InputError("a sum of leaves may reach 2**24, beyond what binary32 adds exactly")
    count = len(forest.trees) if show_trees else forest.outputs
    attributes = _tree_attributes(forest, count)
    if not show_trees:
        attributes["base_values"] = [float(bias) for bias in forest.biases]
    nodes = [
        helper.make_node("Cast", [INPUT], ["x"], to=Types.FLOAT),
        helper.make_node(
            "TreeEnsembleRegressor", ["x"], ["sums"], domain="ai.onnx.ml", **attributes
        ),
        helper.make_node("Cast", ["sums"], [LOGITS], to=Types.INT32),
    ]
    output = helper.make_tensor_value_info(LOGITS, Types.INT32, ["n", count])
    return _graph(nodes, forest.inputs, [output], [])


def _tree_attributes(forest: Forest, targets: int) -> dict[str, Any]:
    fields: list[tuple[Any, ...]] = []
    leaves: list[tuple[int, int, int, float]] = []
    for number, tree in enumerate(forest.trees):
        for place, node in enumerate(tree.nodes):
            if isinstance(node, Leaf):
                fields.append((number, place, "LEAF", 0, 0.0, 0, 0))
                leaves.append((number, place, number % targets, float(node.value)))
            elif isinstance(node, Split):
                ways = (node.feature, float(node.threshold), node.left, node.right)
                fields.append((number, place, "BRANCH_LEQ", *ways))
    names = ("treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids")
    found: dict[str, Any] = {
        f"nodes_{name}": list(column)
        for name, column in zip(names, zip(*fields, strict=True), strict=True)
    }
    of_leaves = ("treeids", "nodeids", "ids", "weights")
    for name, column in zip(of_leaves, zip(*leaves, strict=True), strict=True):
        found[f"target_{name}"] = list(column)
    return found | {"n_targets": targets, "post_transform": "NONE", "aggregate_function": "SUM"}


def _graph(nodes: list[Any], inputs: int, outputs: list[Any], constants: list[Any]) -> bytes:
    from onnx import TensorProto, helper

    entering = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["n", inputs])
    graph = helper.make_graph(nodes, "integer model", [entering], outputs, constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR)
    return bytes(model.SerializeToString())
