"""Nets in ONNX: a chain of matrix products, sums and ReLUs, folded into layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.inference.features import Reals

PASSING = ("Cast", "Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze")
ENDS = ("Sigmoid", "Softmax", "LogSoftmax", "ArgMax")


class Chain:
    """The layers found so far, and the affine map that is being put together.

    Parameters
    ----------
    inputs :
        Features that enter.
    constants :
        The graph's initialisers by name.
    """

    def __init__(self, inputs: int, constants: dict[str, Reals]) -> None:
        self.constants = constants
        self.weights: list[Reals] = []
        self.biases: list[Reals] = []
        self._matrix, self._offset = np.eye(inputs), np.zeros(inputs)

    @property
    def prefix(self) -> tuple[Reals, Reals]:
        """Scale and offset of what has happened to each feature so far, before any layer."""
        scale = np.diag(self._matrix)
        if self.weights or not np.array_equal(np.diag(scale), self._matrix):
            raise InputError(
                "layers of a net before a tree or a linear operator", hint="split them"
            )
        return scale.copy(), self._offset

    def take(self, node: Any, attributes: dict[str, Any], current: str) -> None:
        """Fold one node in; an `InputError` if it is none that a net may have."""
        steps: dict[str, Callable[[], None]] = {
            "Gemm": lambda: self._gemm(node, attributes, current),
            "MatMul": lambda: self._product(self._other(node, current, first=True)),
            "Add": lambda: self._affine(1.0, self._other(node, current)),
            "Sub": lambda: self._subtract(node, current),
            "Mul": lambda: self._affine(self._other(node, current), 0.0),
            "Div": lambda: self._affine(1 / self._other(node, current, first=True), 0.0),
            "Neg": lambda: self._affine(-1.0, 0.0),
            "Relu": self.close,
            "Scaler": lambda: self._scale(attributes),
            "BatchNormalization": lambda: self._normalise(node, attributes),
        }
        if node.op_type in PASSING:
            return
        if node.op_type not in steps:
            raise InputError(
                f"operator {node.op_type} in the graph has no integer form here",
                hint=f"there are {', '.join((*steps, *PASSING, *ENDS))}, LinearClassifier, "
                "LinearRegressor, TreeEnsembleClassifier and TreeEnsembleRegressor",
            )
        steps[node.op_type]()

    def close(self) -> None:
        """End a layer: a ReLU follows, or nothing."""
        self.weights.append(self._matrix)
        self.biases.append(self._offset)
        width = len(self._offset)
        self._matrix, self._offset = np.eye(width), np.zeros(width)

    def append(self, weights: Reals, bias: Reals) -> None:
        """Fold a product and a sum in."""
        self._product(weights.T)
        self._affine(1.0, bias)

    def _other(self, node: Any, current: str, *, first: bool = False) -> Reals:
        """Give the constant operand of a node of two."""
        others = [name for name in node.input if name != current]
        if len(others) != 1 or others[0] not in self.constants:
            raise InputError(
                f"{node.op_type} of two computed values", hint="only chains have layers"
            )
        if first and node.input[0] != current:
            raise InputError(f"{node.op_type} with the constant first")
        return self.constants[others[0]].astype(np.float64)

    def _product(self, matrix: Reals) -> None:
        if matrix.ndim != 2 or matrix.shape[0] != len(self._offset):
            raise InputError(f"a product of {len(self._offset)} values with shape {matrix.shape}")
        self._matrix, self._offset = matrix.T @ self._matrix, matrix.T @ self._offset

    def _affine(self, scale: Reals | float, offset: Reals | float) -> None:
        width = len(self._offset)
        try:
            scale = np.broadcast_to(np.squeeze(scale), width)
            offset = np.broadcast_to(np.squeeze(offset), width)
        except ValueError as error:
            raise InputError(f"a constant does not fit {width} values: {error}") from error
        self._matrix = scale[:, None] * self._matrix
        self._offset = scale * self._offset + offset

    def _subtract(self, node: Any, current: str) -> None:
        other = self._other(node, current)
        is_first = node.input[0] == current
        self._affine(1.0 if is_first else -1.0, -other if is_first else other)

    def _gemm(self, node: Any, attributes: dict[str, Any], current: str) -> None:
        names = list(node.input)
        if names[0] != current or attributes.get("transA") or names[1] not in self.constants:
            raise InputError("a Gemm whose first operand is no plain row")
        matrix = self.constants[names[1]].astype(np.float64)
        self._product(
            (matrix.T if attributes.get("transB") else matrix) * attributes.get("alpha", 1)
        )
        if len(names) > 2 and names[2]:
            if names[2] not in self.constants:
                raise InputError("a Gemm with a computed bias")
            self._affine(1.0, self.constants[names[2]] * attributes.get("beta", 1))

    def _scale(self, attributes: dict[str, Any]) -> None:
        scale = np.array(attributes.get("scale", [1.0]), dtype=np.float64)
        offset = np.array(attributes.get("offset", [0.0]), dtype=np.float64)
        self._affine(scale, -offset * scale)

    def _normalise(self, node: Any, attributes: dict[str, Any]) -> None:
        names = list(node.input)[1:5]
        if any(name not in self.constants for name in names):
            raise InputError("a BatchNormalization that is still training")
        gamma, beta, mean, variance = (self.constants[n].astype(np.float64) for n in names)
        scale = gamma / np.sqrt(variance + attributes.get("epsilon", 1e-5))
        self._affine(scale, beta - mean * scale)
