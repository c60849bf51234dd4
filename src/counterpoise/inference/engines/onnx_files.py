"""Models in ONNX: nets as chains, and the linear models and trees of ai.onnx.ml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.inference import limits
from counterpoise.inference.engines import onnx_trees
from counterpoise.inference.engines.onnx_chain import ENDS, Chain
from counterpoise.inference.features import Reals
from counterpoise.inference.float_model import Decisions, FloatForest, FloatNet, Source

CLASSIFIERS = ("LinearClassifier", "TreeEnsembleClassifier")
REGRESSORS = ("LinearRegressor", "TreeEnsembleRegressor")
LABELS = ("classlabels_ints", "classlabels_int64s", "classlabels_strings")
TIE = 1e-6
"""Shares of trees that differ by less differ by how 32-bit sums were rounded."""


def read(source: Any, threshold: float | None) -> Source:
    """Read a model from a file, from bytes or from a loaded ``ModelProto``.

    Parameters
    ----------
    threshold :
        Of a probability, where the graph ends in one; else of its output. A half, or 0, if None.

    Raises
    ------
    InputError :
        It is no ONNX model, or it has operators that have no integer form.
    """
    return _Graph(_loaded(source)).read(threshold)


def _loaded(source: Any) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        if isinstance(source, bytes):
            model = onnx.load_model_from_string(source)
        else:
            model = onnx.load(str(source)) if isinstance(source, Path | str) else source
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, OSError) as error:
        raise InputError(f"this is no ONNX model: {error}") from error
    return model


class _Graph:
    """One model while it is read."""

    def __init__(self, model: Any) -> None:
        from onnx import numpy_helper

        self.model = model
        graph = model.graph
        self.constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and "value" in (found := _attributes(node)):
                self.constants[node.output[0]] = numpy_helper.to_array(found["value"])
        inputs = [one for one in graph.input if one.name not in self.constants]
        if len(inputs) != 1:
            raise InputError(f"a graph of {len(inputs)} inputs", hint="export one input of rows")
        self.input = inputs[0]
        self.width = self._width()

    def _width(self) -> int:
        sizes = [one.dim_value for one in self.input.type.tensor_type.shape.dim]
        if len(sizes) != 2 or sizes[1] <= 0:
            raise InputError(f"an input of shape {sizes}, (rows, features) wanted")
        return int(sizes[1])

    def read(self, threshold: float | None) -> Source:
        chain, current = Chain(self.width, self.constants), self.input.name
        while True:
            node = self._following(current)
            if node is None or node.op_type in ENDS:
                break
            attributes = _attributes(node)
            if node.op_type in CLASSIFIERS + REGRESSORS:
                return self._learned(node, attributes, chain, threshold)
            chain.take(node, attributes, current)
            current = node.output[0]
        chain.close()
        net = FloatNet(tuple(chain.weights), tuple(chain.biases))
        return self._net(net, current, node, threshold)

    def _following(self, current: str) -> Any:
        """Give the one node that reads a value; None at the graph's end."""
        readers = [node for node in self.model.graph.node if current in node.input]
        ends = [node for node in readers if node.op_type in ENDS]
        if ends or not readers:
            return ends[0] if ends else None
        if len(readers) > 1:
            raise InputError(f"{len(readers)} operators read {current!r}", hint="only chains do")
        return readers[0]

    def _net(self, net: FloatNet, logits: str, end: Any, threshold: float | None) -> Source:
        outputs = len(net.biases[-1])
        is_probability = end is not None and end.op_type == "Sigmoid"
        if outputs > 1 and (is_probability or threshold is not None):
            raise InputError(f"{outputs} outputs that are each compared with a threshold")
        limit = threshold or 0.0
        if is_probability and threshold is not None:
            limit = limits.logit(threshold)
        run = self._session([logits])

        def decide(rows: Reals) -> Decisions:
            (found,) = run(rows, [logits])
            found = np.asarray(found).reshape(len(rows), outputs)
            chosen = found[:, 0] > limit if outputs == 1 else found.argmax(axis=1)
            return np.asarray(chosen).astype(np.intp)

        classes = tuple(map(str, range(max(2, outputs))))
        return Source("ONNX net", replace(net, threshold=limit), decide, classes)

    def _learned(
        self, node: Any, attributes: dict[str, Any], chain: Chain, threshold: float | None
    ) -> Source:
        labels = next((list(attributes[key]) for key in LABELS if attributes.get(key)), [])
        scale, offset = chain.prefix
        is_tree = node.op_type.startswith("Tree")
        model: FloatNet | FloatForest
        if is_tree:
            model = onnx_trees.forest(attributes, self.width, len(labels))
        else:
            weights, bias = onnx_trees.linear(attributes)
            model = FloatNet((weights,), (bias,))
        if len(labels) <= 2:
            limit = _limit(node.op_type, attributes, threshold)
            model = replace(model, threshold=limit)
        elif threshold is not None:
            raise InputError("several classes are told apart by the greatest, not by a threshold")
        if not (np.all(scale == 1) and np.all(offset == 0)):
            model = model.after(scale, offset)
        decide = self._decide_by(node, labels, threshold)
        classes = tuple(map(str, labels)) or ("at most", "above")
        return Source(f"ONNX {node.op_type}", model, decide, classes)

    def _decide_by(
        self, node: Any, labels: list[Any], threshold: float | None
    ) -> Callable[[Reals], Decisions]:
        """Decide by the operator's labels; a tie within what 32 bits round is the first class's."""
        shown = list(node.output)
        run = self._session(shown)

        def decide(rows: Reals) -> Decisions:
            *first, scores = run(rows, shown)
            if not labels or threshold is not None:
                return np.asarray(scores[:, -1] > (threshold or 0.0) + TIE).astype(np.intp)
            decided = np.array([labels.index(one) for one in first[0].tolist()], dtype=np.intp)
            if len(labels) == 2:
                decided[np.abs(scores[:, 1] - scores[:, 0]) <= TIE] = 0
            return decided

        return decide

    def _session(self, shown: list[str]) -> Callable[[Reals, list[str]], Any]:
        """Run the graph in ONNX Runtime, with these of its values shown."""
        from onnx import ModelProto, helper

        from counterpoise.inference.engines.onnx_runtime import session

        copy = ModelProto()
        copy.CopyFrom(self.model)
        known = {one.name for one in copy.graph.output}
        copy.graph.output.extend(
            helper.make_empty_tensor_value_info(name) for name in shown if name not in known
        )
        opened = session(copy.SerializeToString())
        kind = helper.tensor_dtype_to_np_dtype(self.input.type.tensor_type.elem_type)
        return lambda rows, names: opened.run(names, {self.input.name: rows.astype(kind)})


def _limit(operator: str, attributes: dict[str, Any], threshold: float | None) -> float:
    """Give the logit that a threshold stands for, by what the operator makes of its sums."""
    is_logistic = attributes.get("post_transform", "NONE") in ("LOGISTIC", "SOFTMAX")
    if operator in REGRESSORS:
        return limits.value(threshold, operator)
    if is_logistic or operator == "LinearClassifier":
        return 0.0 if threshold is None else limits.logit(threshold)
    # The runtime compares shares of trees with a half, if no leaf is negative; else sums with 0.
    if len(set(attributes["class_ids"])) > 1:
        return 0.0 if threshold is None else 2 * threshold - 1
    share = min(attributes["class_weights"]) >= 0
    return (0.5 if share else 0.0) if threshold is None else threshold


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    found = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    return {name: _decoded(value) for name, value in found.items()}


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list) and value and isinstance(value[0], bytes):
        return [one.decode() for one in value]
    return value
