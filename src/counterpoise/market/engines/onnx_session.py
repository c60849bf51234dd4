"""Any ONNX model in ONNX Runtime: what it wants, what it gives, and its errors as ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError

Array = npt.NDArray[Any]
_REFUSALS = (
    "Fail",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "NotImplemented",
    "RuntimeException",
)


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a graph; None in the shape is a size that is free."""

    name: str
    kind: str
    shape: tuple[int | None, ...]


class OnnxSession:
    """One graph on the processor.

    Parameters
    ----------
    threads :
        How many cores one run may take.

    Raises
    ------
    InputError :
        ONNX Runtime does not take the graph.
    """

    def __init__(self, graph: bytes, *, threads: int = 1) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as states

        self._refusals = tuple(getattr(states, name) for name in _REFUSALS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                graph, sess_options=options, providers=["CPUExecutionProvider"]
            )
        except self._refusals as refused:
            raise InputError(f"ONNX Runtime refuses the graph: {_first(refused)}") from None
        self.inputs = tuple(map(_port, self._session.get_inputs()))
        self.outputs = tuple(map(_port, self._session.get_outputs()))

    def run(self, names: Sequence[str], feed: Mapping[str, Array]) -> list[Array]:
        """Give the outputs of these names.

        Raises
        ------
        InputError :
            The graph does not take this input.
        """
        try:
            found = self._session.run(list(names), dict(feed))
        except (*self._refusals, ValueError, RuntimeError) as refused:
            raise InputError(f"the model does not take this input: {_first(refused)}") from None
        return [np.asarray(one) for one in found]


def _port(value: Any) -> Port:
    shape = tuple(size if isinstance(size, int) and size >= 0 else None for size in value.shape)
    kind = value.type
    return Port(value.name, kind[7:-1] if kind.startswith("tensor(") else kind, shape)


def _first(refused: Exception) -> str:
    """Give the first line, without the places in a library's source."""
    return (str(refused).splitlines() or ["no reason given"])[0][:300]
