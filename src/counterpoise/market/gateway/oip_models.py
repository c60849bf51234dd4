"""Models behind the Open Inference Protocol: any ONNX graph, and the house's integer models."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.inference import Card, IntegerModel, Runner, input_commitment
from counterpoise.market.engines.onnx_session import OnnxSession
from counterpoise.market.gateway.levels import Proofs
from counterpoise.market.gateway.oip_tensors import Array, TensorSpec, read_tensor
from counterpoise.market.gateway.service import NotServed

KINDS = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float": "FP32",
    "double": "FP64",
    "string": "BYTES",
}
SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Found:
    """What a model gives: outputs by name with their datatypes, and what goes with them.

    Parameters
    ----------
    answer :
        What the statement commits to, where that is not the response's body.
    values :
        One input's bytes, where the model is one of integers and there was one row.
    """

    outputs: Mapping[str, tuple[str, Array, Mapping[str, Any]]]
    answer: bytes | None = None
    values: bytes | None = None


class Model(Protocol):
    """One version of a model."""

    platform: str
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]
    digest: bytes
    proofs: Proofs | None
    """Who proves answers more strongly; None where nobody does."""

    def read(self, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Array]:
        """Read a request's inputs by name; `NotServed` where they are not what is wanted."""

    def run(self, feed: Mapping[str, Array], names: Sequence[str]) -> Found:
        """Compute the outputs of these names."""

    def is_quick(self, feed: Mapping[str, Array]) -> bool:
        """Whether a run is so short that it may hold up other calls."""


def read_all(
    inputs: Mapping[str, Any], specs: Sequence[TensorSpec], optional: Sequence[str] = ()
) -> dict[str, Array]:
    """Read inputs that must be exactly these."""
    wanted = {spec.name for spec in specs}
    for name in inputs:
        if name not in wanted:
            raise NotServed(422, f"there is no input {name!r:.80}", hint=", ".join(sorted(wanted)))
    for name in sorted(wanted - set(inputs) - set(optional)):
        raise NotServed(422, f"input {name!r} is missing")
    return {spec.name: read_tensor(inputs[spec.name], spec) for spec in specs}


QUICK_SECONDS = 0.001
"""A run that takes longer goes to a thread."""


@dataclass(slots=True)
class Pace:
    """How long a model takes a row, measured as it runs.

    Seconds of this thread's CPU: a wait for other threads says nothing of the model.
    """

    seconds: float = 0.0

    def is_quick(self, rows: int) -> bool:
        """Whether so many rows take less than `QUICK_SECONDS`, by what was seen so far."""
        return self.seconds * rows < QUICK_SECONDS

    def saw(self, rows: int, seconds: float) -> None:
        """Take note of a run; slow ones count at once, quick ones slowly."""
        each = seconds / max(rows, 1)
        self.seconds = max(each, 0.9 * self.seconds + 0.1 * each)


class OnnxModel:
    """Any ONNX graph whose inputs and outputs are tensors.

    Parameters
    ----------
    graph :
        The file's bytes; their SHA-256 is the model's digest.
    """

    platform = "onnx_onnxv1"
    proofs: Proofs | None = None

    def __init__(self, graph: bytes, *, threads: int = 1) -> None:
        self.digest = sha256(graph)
        self._session = OnnxSession(graph, threads=threads)
        for port in self._session.inputs:
            if port.kind not in KINDS:
                raise InputError(
                    f"input {port.name!r} is {port.kind}", hint=f"one of {', '.join(KINDS)}"
                )
        self.inputs: Sequence[TensorSpec] = tuple(
            TensorSpec(port.name, KINDS[port.kind], port.shape) for port in self._session.inputs
        )
        self.outputs: Sequence[TensorSpec] = tuple(
            TensorSpec(port.name, KINDS[port.kind], port.shape)
            for port in self._session.outputs
            if port.kind in KINDS
        )
        if not self.outputs:
            raise InputError(
                "no output of the graph is a tensor", hint="export it without maps (zipmap=False)"
            )
        self._datatypes = {spec.name: spec.datatype for spec in self.outputs}
        self._pace = Pace(QUICK_SECONDS)
        self._clock = time.thread_time if threads == 1 else time.perf_counter

    def read(self, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Array]:
        """Read every input of the graph."""
        return read_all(inputs, self.inputs)

    def run(self, feed: Mapping[str, Array], names: Sequence[str]) -> Found:
        """Run the graph."""
        began = self._clock()
        arrays = self._session.run(names, feed)
        self._pace.saw(_rows(feed), self._clock() - began)
        found = zip(names, arrays, strict=True)
        return Found({name: (self._datatypes[name], array, {}) for name, array in found})

    def is_quick(self, feed: Mapping[str, Array]) -> bool:
        """Whether a run is so short that it may hold up other calls."""
        return self._pace.is_quick(_rows(feed))


@dataclass
class WholeModel:
    """One of the house's integer models: a row of bytes in, or of reals by the model's card.

    Parameters
    ----------
    card :
        Says how reals become bytes; without it the model takes bytes alone.
    """

    model: IntegerModel
    card: Card | None = None
    proofs: Proofs | None = None
    platform: str = field(default="counterpoise_integer_v1", init=False)

    def __post_init__(self) -> None:
        if self.card is not None and self.card.model != self.model.id:
            raise InputError(
                f"the card is of model {self.card.model.hex()}, this is {self.model.id.hex()}"
            )
        self.digest = self.model.id
        self._runner = Runner(self.model)
        self._pace = Pace()
        self._bytes = TensorSpec("bytes", "UINT8", (None, self.model.inputs))
        self._reals = TensorSpec("features", "FP64", (None, self.model.inputs))
        both = (self._reals, self._bytes)
        self.inputs: Sequence[TensorSpec] = both[1:] if self.card is None else both
        outputs = [
            TensorSpec("decision", "INT64", (None,)),
            TensorSpec("logits", "INT64", (None, self.model.outputs)),
        ]
        if self.card is not None:
            outputs.append(TensorSpec("class", "BYTES", (None,)))
        self.outputs: Sequence[TensorSpec] = tuple(outputs)

    def read(self, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Array]:
        """Read one of the two forms of input, and make bytes of it."""
        if len(inputs) != 1 or not set(inputs) <= {spec.name for spec in self.inputs}:
            names = " or ".join(repr(spec.name) for spec in self.inputs)
            raise NotServed(422, f"inputs {sorted(inputs)!r:.80}; one is wanted: {names}")
        if "bytes" in inputs:
            return {"bytes": read_tensor(inputs["bytes"], self._bytes)}
        clip = parameters.get("clip", False)
        if not isinstance(clip, bool):
            raise NotServed(422, "the parameter 'clip' is neither true nor false")
        assert self.card is not None
        reals = read_tensor(inputs["features"], self._reals)
        try:
            return {"bytes": self.card.quantiser.bytes_of(reals, clip=clip)}
        except InputError as outside:
            raise NotServed(
                422, outside.message, hint="the parameter 'clip' takes the end"
            ) from None

    def run(self, feed: Mapping[str, Array], names: Sequence[str]) -> Found:
        """Run the rows."""
        rows, began = feed["bytes"], time.thread_time()
        answers = self._runner.run(rows)
        self._pace.saw(len(rows), time.thread_time() - began)
        decisions = answers.decisions.astype(np.int64)
        unit: dict[str, Any] = {"decimal_scale": 0}
        outputs: dict[str, tuple[str, Array, Mapping[str, Any]]] = {
            "decision": ("INT64", decisions, {"decimal_scale": 0}),
        }
        if self.card is not None:
            unit["unit"] = repr(self.card.unit)
            labels = [_label(self.card, int(one)) for one in decisions]
            outputs["class"] = ("BYTES", np.array(labels, dtype=np.object_), {})
        outputs["logits"] = ("INT64", answers.logits.astype(np.int64), unit)
        values = rows[0].tobytes() if len(rows) == 1 else None
        return Found({name: outputs[name] for name in names}, b"".join(answers), values)

    def is_quick(self, feed: Mapping[str, Array]) -> bool:
        """Whether a run is so short that it may hold up other calls."""
        return self._pace.is_quick(len(feed["bytes"]))

    def commitment(self, salt: bytes, values: bytes) -> bytes:
        """Commit to one input as every evaluator does."""
        return input_commitment(salt, values)


def _label(card: Card, decision: int) -> str:
    return card.classes[decision] if decision < len(card.classes) else str(decision)


def _rows(feed: Mapping[str, Array]) -> int:
    return max((array.shape[0] if array.ndim else 1 for array in feed.values()), default=1)
