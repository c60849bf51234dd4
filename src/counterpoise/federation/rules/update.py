"""Updates: made of integers by the participant, admitted or refused by name by everybody else.

A refusal is never an accident of numpy: each reason has a code, the round goes on without that
participant, and the aggregate is the others' to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.digest import array_bytes, array_from_bytes, sha256
from counterpoise.core.errors import InputError
from counterpoise.federation.rules.task import TaskRules

CODES = {
    "weight": "the number of rows it claims is no positive whole number",
    "non-finite": "a NaN or an infinity",
    "shape": "another shape or layout than the task's",
    "keys": "an array or a metric that the task does not name, or not in its order",
    "dtype": "not little-endian int32 numbers",
    "clip": "a coordinate beyond the clip",
    "duplicate": "more than one reply",
    "identity": "not registered, or signed by another",
    "stale": "for another round or another base",
    "mismatch": "not what was committed",
    "missing": "committed, not revealed",
    "late": "revealed after the deadline",
    "size": "more bytes than the task allows",
    "time-out": "no answer in time",
    "absent": "nothing was committed",
    "statistics": "sums that no such rows can have",
}
ARRAY_OVERHEAD = 128


class AdmissionError(InputError):
    """Why one participant's message is not admitted: a code of `CODES` and a detail."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail, hint=f"refused as {code}: {CODES[code]}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Reply:
    """What arrived from one participant, as it arrived.

    Parameters
    ----------
    participant :
        The account it says it comes from.
    update :
        Canonical array bytes, a flat array, or named arrays in the order of the model's.
    round_id, base :
        The round and the digest of the base model it answers.
    signer :
        The account that signed it; None where the carrier has no signatures.
    metrics :
        What else it says of itself. Only ``"rows"`` may be there, and it never counts.
    """

    participant: bytes
    update: object
    round_id: int
    base: bytes
    signer: bytes | None = None
    metrics: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a round expects: its task, number and base, and who may answer with which weight.

    Parameters
    ----------
    weights :
        ``min(rows of the dataset statement, row_cap)`` of each registered participant.
    """

    task: TaskRules
    round_id: int
    base: bytes
    weights: Mapping[bytes, int]


@dataclass(frozen=True, slots=True)
class Admitted:
    """An update that counts: int32 ``(n_params,)``, its weight, the digest of its bytes."""

    participant: bytes
    update: NDArray[np.int32]
    weight: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A reply that does not count, and why."""

    participant: bytes
    code: str
    detail: str


def quantised(delta: NDArray[np.float64], task: TaskRules) -> NDArray[np.int32]:
    """A participant's step in the task's units, rounded half to even and clipped.

    Raises
    ------
    InputError
        The step is not finite or of another shape.
    """
    if delta.shape != (task.model.n_params,) or not np.isfinite(delta).all():
        raise InputError(
            f"a step of shape {delta.shape}, finite: {bool(np.isfinite(delta).all())}",
            hint=f"wanted ({task.model.n_params},) finite numbers; lower the learning rate",
        )
    scaled = np.rint(np.clip(delta, -(2.0**20), 2.0**20) * 2.0**task.scale_bits)
    return np.clip(scaled, -task.clip, task.clip).astype(np.int32)


def update_bytes(update: NDArray[np.int32]) -> bytes:
    """The canonical bytes of an update: what is digested, committed and revealed."""
    return array_bytes(update)


def admit(reply: Reply, expected: Expected) -> Admitted | Refused:
    """Admit one reply, or refuse it by name. Never raises for what a participant sent."""
    try:
        weight = _checked_claims(reply, expected)
        update = vector_of(reply.update, expected.task)
    except AdmissionError as refusal:
        return Refused(reply.participant, refusal.code, refusal.message)
    return Admitted(reply.participant, update, weight, sha256(update_bytes(update)))


def admit_all(
    replies: Iterable[Reply], expected: Expected
) -> tuple[dict[bytes, Admitted], list[Refused]]:
    """Admit a round's replies, in ascending order of participant, whatever order they came in.

    A participant that replies twice with the same update counts once; with two different
    ones it does not count. Only replies that are admitted alone can be duplicates, so that
    nobody can knock out another.
    """
    verdicts = [admit(reply, expected) for reply in replies]
    refused = [verdict for verdict in verdicts if isinstance(verdict, Refused)]
    admitted: dict[bytes, Admitted] = {}
    for participant in sorted({v.participant for v in verdicts if isinstance(v, Admitted)}):
        own = [v for v in verdicts if isinstance(v, Admitted) and v.participant == participant]
        same = len({verdict.digest for verdict in own}) == 1
        if same:
            admitted[participant] = own[0]
        if len(own) > 1:
            kind = "the same" if same else "different"
            detail = f"{len(own)} replies with {kind} updates"
            refused.append(Refused(participant, "duplicate", detail))
    return admitted, sorted(refused, key=lambda r: (r.participant, r.code, r.detail))


def vector_of(update: object, task: TaskRules) -> NDArray[np.int32]:
    """The int32 vector ``(n_params,)`` in what was sent, in units of ``2**-scale_bits``.

    Raises
    ------
    AdmissionError
        With the code ``size``, ``dtype``, ``non-finite``, ``keys``, ``shape`` or ``clip``.
    """
    count = task.model.n_params
    if isinstance(update, bytes | bytearray | memoryview):
        update = _decoded(bytes(update), count)
    if isinstance(update, Mapping):
        return _joined(update, task)
    return _checked_array(update, (count,), "the update", task)


def _decoded(data: bytes, count: int) -> NDArray[np.generic]:
    limit = 8 * count + ARRAY_OVERHEAD
    if len(data) > limit:
        raise AdmissionError("size", f"{len(data)} bytes, at most {limit} are read")
    try:
        return array_from_bytes(data, max_bytes=limit)
    except InputError as wrong:
        raise AdmissionError("dtype", f"no canonical array: {wrong.message}") from wrong


def _joined(arrays: Mapping[Any, Any], task: TaskRules) -> NDArray[np.int32]:
    wanted = task.model.arrays
    names = [str(name) for name in arrays]
    if names != [name for name, _ in wanted]:
        raise AdmissionError("keys", f"arrays {names}, not {[name for name, _ in wanted]}")
    parts = [_checked_array(arrays[name], shape, name, task) for name, shape in wanted]
    return np.concatenate([part.reshape(-1) for part in parts])


def _checked_array(
    array: object, shape: tuple[int, ...], name: str, task: TaskRules
) -> NDArray[np.int32]:
    if not isinstance(array, np.ndarray) or type(array) is not np.ndarray:
        raise AdmissionError("dtype", f"{name} is a {type(array).__name__}, not an array")
    if array.dtype.kind == "f":
        _refuse_floats(array, name, task)
    if array.dtype.str != "<i4":
        raise AdmissionError("dtype", f"{name} is {array.dtype.str}, not <i4")
    if array.shape != shape or not array.flags.c_contiguous:
        layout = "" if array.flags.c_contiguous else ", not contiguous"
        raise AdmissionError("shape", f"{name} has shape {array.shape}{layout}, not {shape}")
    if array.size and max(int(array.max()), -int(array.min())) > task.clip:
        beyond = max(int(array.max()), -int(array.min()))
        raise AdmissionError("clip", f"{name} reaches {beyond}, the clip is {task.clip}")
    return array


def _refuse_floats(array: NDArray[Any], name: str, task: TaskRules) -> None:
    if not np.isfinite(array).all():
        raise AdmissionError("non-finite", f"{name} holds a NaN or an infinity")
    if array.size and float(np.abs(array).max()) > task.clip:
        raise AdmissionError("clip", f"{name} reaches beyond the clip of {task.clip}")


def _checked_claims(reply: Reply, expected: Expected) -> int:
    weight = expected.weights.get(reply.participant)
    if weight is None:
        raise AdmissionError("identity", "the account is not registered for this job")
    if reply.signer is not None and reply.signer != reply.participant:
        raise AdmissionError("identity", "the reply is signed by another account")
    if reply.round_id != expected.round_id:
        raise AdmissionError("stale", f"for round {reply.round_id}, this is {expected.round_id}")
    if reply.base != expected.base:
        raise AdmissionError("stale", "trained from another base model")
    if unknown := sorted(set(reply.metrics) - {"rows"}):
        raise AdmissionError("keys", f"unknown metrics {unknown}")
    rows = reply.metrics.get("rows", weight)
    if type(rows) is not int or rows < 1:
        raise AdmissionError("weight", f"it claims {rows!r} rows")
    return weight


def weights_of(rows: Mapping[bytes, int], task: TaskRules) -> dict[bytes, int]:
    """Each participant's weight: its stated rows, at most the task's cap, ascending by address."""
    return {participant: min(rows[participant], task.row_cap) for participant in sorted(rows)}


def missing(committed: Sequence[bytes], revealed: Iterable[bytes]) -> list[Refused]:
    """A refusal for each participant that committed and did not reveal."""
    absent = sorted(set(committed) - set(revealed))
    return [Refused(participant, "missing", CODES["missing"]) for participant in absent]
