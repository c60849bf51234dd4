"""A sentence encoder of BERT's shape as an ONNX graph, built from its arrays.

References
----------
Devlin et al., *BERT* (2019); Reimers & Gurevych, *Sentence-BERT* (2019): the mean over the tokens
of the last layer, scaled to length 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPSET = 20
Arrays = Mapping[str, NDArray[np.float32]]


class _Graph:
    """Nodes and constants in the order in which they are made."""

    def __init__(self, arrays: Arrays) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.arrays, self._known = arrays, set[str]()

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output, and give the output's name."""
        from onnx import helper

        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Add a constant once, and give its name."""
        from onnx import numpy_helper

        if name not in self._known:
            self._known.add(name)
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def array(self, name: str) -> str:
        """Add one of the model's arrays."""
        return self.constant(name, self.arrays[name])

    def dense(self, value: str, name: str) -> str:
        """Multiply by a matrix, which is stored as (outputs, inputs), and add the bias."""
        weight = self.constant(f"{name}.weight", self.arrays[f"{name}.weight"].T)
        product = self.add("MatMul", value, weight)
        return self.add("Add", product, self.array(f"{name}.bias"))

    def norm(self, value: str, name: str, epsilon: float) -> str:
        """Normalise each token's features."""
        inputs = value, self.array(f"{name}.weight"), self.array(f"{name}.bias")
        return self.add("LayerNormalization", *inputs, axis=-1, epsilon=epsilon)


def build_encoder(arrays: Arrays, layers: int, heads: int, epsilon: float) -> bytes:
    """Give the graph as bytes.

    Its inputs are ``ids`` and ``mask``, both (n, tokens) int64, the mask 1 for a token and 0 for
    padding; its output ``embedding`` is (n, features) float32, each row of length 1.
    """
    graph = _Graph(arrays)
    mask = graph.add("Cast", "mask", to=1)
    bias = graph.add("Sub", mask, graph.constant("one", np.array([1], np.float32)))
    bias = graph.add("Mul", bias, graph.constant("far", np.array([1e9], np.float32)))
    bias = graph.add("Unsqueeze", bias, graph.constant("over", np.array([1, 2])))
    state = _embedded(graph, epsilon)
    for layer in range(layers):
        state = _layer(graph, state, bias, f"encoder.layer.{layer}", heads, epsilon)
    _pool(graph, state, mask)
    return _model(graph, arrays["embeddings.LayerNorm.bias"].shape[0])


def _embedded(graph: _Graph, epsilon: float) -> str:
    words = graph.add("Gather", graph.array("embeddings.word_embeddings.weight"), "ids")
    length = graph.add("Slice", graph.add("Shape", "ids"), _whole(graph, 1), _whole(graph, 2))
    positions = graph.array("embeddings.position_embeddings.weight")
    places = graph.add("Slice", positions, _whole(graph, 0), length, _whole(graph, 0))
    kinds = graph.array("embeddings.token_type_embeddings.weight")
    kind = graph.add("Slice", kinds, _whole(graph, 0), _whole(graph, 1), _whole(graph, 0))
    summed = graph.add("Add", graph.add("Add", words, places), kind)
    return graph.norm(summed, "embeddings.LayerNorm", epsilon)


def _layer(graph: _Graph, state: str, bias: str, name: str, heads: int, epsilon: float) -> str:
    mixed = graph.dense(
        _attention(graph, state, bias, f"{name}.attention.self", heads),
        f"{name}.attention.output.dense",
    )
    state = graph.norm(
        graph.add("Add", mixed, state), f"{name}.attention.output.LayerNorm", epsilon
    )
    wide = graph.add("Gelu", graph.dense(state, f"{name}.intermediate.dense"))
    narrow = graph.dense(wide, f"{name}.output.dense")
    return graph.norm(graph.add("Add", narrow, state), f"{name}.output.LayerNorm", epsilon)


def _attention(graph: _Graph, state: str, bias: str, name: str, heads: int) -> str:
    split = graph.constant("split", np.array([0, 0, heads, -1]))

    def part(which: str, order: list[int]) -> str:
        made = graph.dense(state, f"{name}.{which}")
        return graph.add("Transpose", graph.add("Reshape", made, split), perm=order)

    query, key = part("query", [0, 2, 1, 3]), part("key", [0, 2, 3, 1])
    value = part("value", [0, 2, 1, 3])
    width = graph.arrays[f"{name}.query.bias"].shape[0] // heads
    scale = graph.constant("scale", np.array([width**-0.5], np.float32))
    scores = graph.add("Mul", graph.add("MatMul", query, key), scale)
    shares = graph.add("Softmax", graph.add("Add", scores, bias), axis=-1)
    mixed = graph.add("Transpose", graph.add("MatMul", shares, value), perm=[0, 2, 1, 3])
    return graph.add("Reshape", mixed, graph.constant("join", np.array([0, 0, -1])))


def _pool(graph: _Graph, state: str, mask: str) -> None:
    """Take the mean over the tokens, and scale it to length 1."""
    weight = graph.add("Unsqueeze", mask, graph.constant("last", np.array([2])))
    total = graph.add("ReduceSum", graph.add("Mul", state, weight), _whole(graph, 1), keepdims=0)
    count = graph.add("ReduceSum", weight, _whole(graph, 1), keepdims=0)
    mean = graph.add("Div", total, count)
    length = graph.add("ReduceL2", mean, _whole(graph, 1), keepdims=1)
    graph.add("Div", mean, length)


def _whole(graph: _Graph, number: int) -> str:
    return graph.constant(f"whole_{number}", np.array([number]))


def _model(graph: _Graph, features: int) -> bytes:
    from onnx import TensorProto, helper

    graph.nodes[-1].output[0] = "embedding"
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "tokens"])
        for name in ("ids", "mask")
    ]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", features])
    made = helper.make_graph(graph.nodes, "encoder", inputs, [output], graph.constants)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=9)
    return bytes(model.SerializeToString())
