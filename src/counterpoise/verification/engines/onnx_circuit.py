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

FLOOR, LARGEST_FLOOR = 7, 11


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
        weights, bias, shifts = _scaled(number, layer, following, last=last)
        out = "logits" if last else f"sum{number}"
        operands = [entering, constant(f"w{number}", weights), constant(f"b{number}", bias)]
        nodes.append(helper.make_node("Gemm", operands, [out]))
        if last:
            break
        for place, shift in enumerate(shifts):
            ratio, floor = f"ratio{number}.{place}", f"floor{number}.{place}"
            divisor = constant(f"d{number}.{place}", [2**shift])
            nodes.append(helper.make_node("Div", [out, divisor], [ratio]))
            nodes.append(helper.make_node("Floor", [ratio], [floor]))
            out = floor
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


def _scaled(number: int, layer: Layer, following: int, *, last: bool) -> tuple[Any, Any, list[int]]:
    """Give weights and bias with what is folded into them, and the shifts of the floors.

    A floor by ``2**s`` decomposes its argument into four legs of base ``2**s``. So a shift below
    7 becomes one of 7 of a sum that is scaled up, which is the same number; and one above 11,
    which would need a table beyond the circuit, is taken in steps, which is the same floor.
    """
    if last:
        _check(number, layer.weights, layer.bias, last=True)
        return layer.columns, layer.bias, []
    raised = max(FLOOR - layer.shift, 0) if layer.shift else 0
    folded = layer.bias + (1 << layer.shift >> 1) + (following << layer.shift)
    weights, bias = layer.weights << raised, folded << raised
    _check(number, weights, bias, last=False)
    shifts, rest = [], layer.shift + raised
    while rest > LARGEST_FLOOR:
        shifts.append(FLOOR)
        rest -= FLOOR
    return weights.T, bias, [*shifts, rest] if rest else shifts


def _check(number: int, weights: Any, bias: Any, *, last: bool) -> None:
    """Refuse what a circuit does not hold exactly."""
    largest = int(np.abs(bias).max())
    reach = int((np.abs(weights).sum(axis=1) * 255 + np.abs(bias)).max())
    if largest >= EXACT or (not last and reach + 255 >= RANGE):
        raise InputError(
            f"layer {number} has a bias of {largest} and sums up to {reach}; a circuit holds "
            f"biases below {EXACT} and sums below {RANGE}",
            hint="scale the model down, or ask for another level of proof",
        )
