"""A model behind a fast path that was checked, bit for bit, before it is used."""

from __future__ import annotations

import struct

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.inference.fast import Blas, FastPath, Reference
from counterpoise.inference.forest import Forest
from counterpoise.inference.model_file import IntegerModel
from counterpoise.inference.trace import Answers, Bytes, Trace, checked_rows, decide, one_row

PATHS = ("onnx", "blas", "reference")
RANDOM_ROWS = 200
MOST_EDGES = 64


class Runner:
    """Runs one model, fast where that is proven to be the same.

    Before the first answer the path is compared with the reference on random rows and on edges:
    all zeros, all 255, and the rows that drive neurons furthest up and down. A path that is not
    installed, does not fit the model or differs in one bit is left, and `reason` says why.

    Parameters
    ----------
    path :
        ``onnx`` (ONNX Runtime, one thread), ``blas`` (NumPy's matrix product), or ``reference``.
    seed :
        Of the random rows.

    Examples
    --------
    >>> from counterpoise.inference import Layer, Net
    >>> runner = Runner(Net((Layer([[3, -2]], [-10]),)))
    >>> runner.path, runner.answer(bytes([10, 2])).hex()
    ('onnx', '000000100001')
    """

    def __init__(self, model: IntegerModel, path: str = "onnx", *, seed: int = 0) -> None:
        if path not in PATHS:
            raise InputError(f"no path {path!r}; there are {', '.join(PATHS)}")
        self.model = model
        self.path, self.reason = path, ""
        self._inputs, self._threshold = model.inputs, model.threshold
        self._argmax = model.outputs > 1
        self._answer = struct.Struct(f">{model.outputs}iH")
        try:
            self._fast = _open(model, path)
            self._check(check_rows(model, seed))
        except InputError as refused:
            self.path, self.reason = "reference", refused.message
            self._fast = Reference(model)

    def run(self, rows: Bytes) -> Answers:
        """Answer rows of bytes, (n, inputs) uint8."""
        found = self._fast.logits(checked_rows(rows, self._inputs))
        return decide(found.astype(np.int64), self._threshold)

    def answer(self, values: bytes | Bytes) -> bytes:
        """Answer one input, in the bytes the chain takes."""
        logits = self._fast.logits(one_row(values, self._inputs))[0].tolist()
        decision = logits.index(max(logits)) if self._argmax else logits[0] > self._threshold
        return self._answer.pack(*logits, decision)

    def trace(self, values: bytes | Bytes, salt: bytes) -> Trace:
        """Answer one input and keep every byte on the way."""
        row = one_row(values, self._inputs)
        between = self._fast.between(row)
        kept = (
            one.tobytes() if one.dtype == np.uint8 else one.astype(">i4").tobytes()
            for one in between
        )
        return Trace(salt, (row.tobytes(), *kept, self.answer(row[0])))

    def _check(self, rows: Bytes) -> None:
        """Raise `InputError` where the path differs from the reference."""
        reference = Reference(self.model)
        pairs = [(reference.logits(rows), self._fast.logits(rows))]
        pairs += zip(reference.between(rows), self._fast.between(rows), strict=True)
        for ours, theirs in pairs:
            wrong = np.argwhere(np.asarray(ours) != theirs)
            if len(wrong):
                row, place = (int(i) for i in wrong[0])
                raise InputError(
                    f"the {self.path} path gives {theirs[row, place]} where the reference gives "
                    f"{ours[row, place]}, for input {rows[row].tobytes().hex()}"
                )


def _open(model: IntegerModel, path: str) -> FastPath:
    if path == "reference":
        return Reference(model)
    if path == "blas":
        return Blas(model)
    try:
        from counterpoise.inference.engines.onnx_fast import OnnxPath

        return OnnxPath(model)
    except ModuleNotFoundError as missing:
        raise InputError(f"the Python module {missing.name!r} is not installed") from missing


def check_rows(model: IntegerModel, seed: int) -> Bytes:
    """Give the rows on which a path is compared with the reference."""
    rng = np.random.default_rng(seed)
    random = rng.integers(0, 256, (RANDOM_ROWS, model.inputs))
    flat = np.repeat([[0], [1], [127], [128], [254], [255]], model.inputs, axis=1)
    rows = [random, flat]
    if not isinstance(model, Forest):
        signs = model.layers[0].weights[:MOST_EDGES]
        rows += [255 * (signs > 0), 255 * (signs < 0)]
    else:
        asked = rng.integers(0, 2, random.shape) + np.array(_thresholds(model, rng))
        rows.append(np.minimum(asked, 255))
    return np.concatenate(rows).astype(np.uint8)


def _thresholds(forest: Forest, rng: np.random.Generator) -> list[int]:
    """Give for each feature a threshold that some tree asks it for."""
    lanes = forest.lanes
    splits = lanes.depth and lanes.children[::2] != np.arange(len(lanes.feature))
    found = [0] * forest.inputs
    for place in rng.permutation(np.flatnonzero(splits)):
        found[int(lanes.feature[place])] = int(lanes.threshold[place])
    return found
