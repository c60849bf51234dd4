"""ONNX Runtime, with one thread: the rooms' integers need no more, and more cost time."""

from __future__ import annotations

from typing import Any

from counterpoise.core.errors import InputError


def session(graph: bytes) -> Any:
    """Open a graph on the processor.

    Raises
    ------
    InputError :
        The runtime does not take the graph.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as states

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    refusals = (states.Fail, states.InvalidGraph, states.InvalidArgument, states.NotImplemented)
    try:
        return onnxruntime.InferenceSession(
            graph, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except refusals as error:
        raise InputError(f"ONNX Runtime refuses the graph: {error}") from error
