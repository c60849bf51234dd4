"""A net as the ONNX graph from which a circuit is made: the same integers, held in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from counterpoise.core.errors import InputError
from counterpoise.inference import Layer, Net

OPSET, IR_VERSION = 14, 8
EXACT = 2**24
"""Integers up to here are exact in float32."""
RANGE = 128**4
"""What four legs of base 128 decompose: every value that meets a floor or a clip is below it."""


def circuit_onnx(net: Net) -> bytes:
    """Give the graph of a net whose every operation is exact on integers.

    A layer is one matrix product and, unless it is the last, a division by a power of two, a
    floor and a clip. The rounding term and the next layer's zero point are folded into the bias,
    so that the floor and the clip give the next layer's bytes at once.

    Raises
    ------
    InputError :
        A bias or an accumulator is beyond what the circuit holds exactly.
    """
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, values: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    entering = "input"
    for number, layer in enumerate(net.layers):
        last = number == len(net.layers) - 1
        following = 0 if last else net.layers[number + 1].zero_point
        bias = _bias(number, layer, following, last=last)
        weights = (constant(f"w{number}", layer.columns), constant(f"b{number}", bias))
        out = "logits" if last else f"sum{number}"
        nodes.append(helper.make_node("Gemm", [entering, *weights], [out]))
        if last:
            break
        if layer.shift:
            divisor = constant(f"d{number}", [2**layer.shift])
            nodes.append(helper.make_node("Div", [out, divisor], [f"ratio{number}"]))
            nodes.append(helper.make_node("Floor", [f"ratio{number}"], [f"floor{number}"]))
            out = f"floor{number}"
        bounds = [
            constant(f"{end}{number}", value + following)
            for end, value in (("lo", layer.lo), ("hi", layer.hi))
        ]
        entering = f"bytes{number + 1}"
        nodes.append(helper.make_node("Clip", [out, *bounds], [entering]))
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, net.inputs])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, net.shape.outputs])],
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString(deterministic=True))


def _bias(number: int, layer: Layer, following: int, *, last: bool) -> Any:
    """Give the bias with what is folded into it, or tell why the circuit cannot hold it."""
    bias = layer.bias
    if not last:
        bias = bias + (1 << layer.shift >> 1) + (following << layer.shift)
    largest = int(np.abs(bias).max())
    reach = int((np.abs(layer.weights).sum(axis=1) * 255 + np.abs(bias)).max())
    if largest >= EXACT or (not last and reach + 255 >= RANGE):
        raise InputError(
            f"layer {number} has a bias of {largest} and sums up to {reach}; a circuit holds "
            f"biases below {EXACT} and sums below {RANGE}",
            hint="scale the model down, or ask for another level of proof",
        )
    return bias
