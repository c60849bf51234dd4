"""Integer models in ONNX Runtime."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from counterpoise.inference.engines.onnx_graphs import INPUT, LOGITS, forest_graph, net_graph
from counterpoise.inference.engines.onnx_runtime import session
from counterpoise.inference.fast import Whole
from counterpoise.inference.forest import Forest
from counterpoise.inference.model_file import IntegerModel
from counterpoise.inference.trace import Bytes


class OnnxPath:
    """One model in ONNX Runtime.

    Raises
    ------
    InputError :
        The model is beyond what floats add exactly.
    """

    def __init__(self, model: IntegerModel) -> None:
        self.model = model
        self._session = session(self._graph(shown=False))

    def logits(self, rows: Bytes) -> Whole:
        """Give the logits."""
        found: Whole = self._session.run([LOGITS], {INPUT: rows})[0]
        return found

    def between(self, rows: Bytes) -> list[Whole]:
        """Give the bytes after each layer but the last, or what each tree says."""
        found: list[Whole] = self._whole.run(None, {INPUT: rows})
        return found if isinstance(self.model, Forest) else found[1:]

    @cached_property
    def _whole(self) -> Any:
        return session(self._graph(shown=True))

    def _graph(self, *, shown: bool) -> bytes:
        if isinstance(self.model, Forest):
            return forest_graph(self.model, show_trees=shown)
        return net_graph(self.model, show_bytes=shown)
