"""What one round's trace holds: its sections, their entries, field by field.

========== ===============================================================================
round      context 32, task digest 32, round 8, base digest 32, rows digest 32,
           SHA-256 of the entropy 32
updates    per member: address 20, weight 8, digest of the update's bytes 32, in the model 1
model      per 64 coordinates: base 64 x 8, next model 64 x 8, each member's 64 x 4
rows       per validation row: features 4 each, label 8; linear models: raw base logits
           8 each, each member's raw logits 8 each
mixtures   per mixture: denominator 8, coefficients 8 each, utility 8, loss of every row 4
scores     per member: address 20, score 16, pay of the round by its own scores 32
========== ===============================================================================

All numbers are big-endian two's complement. One cell of `mixtures` follows from one entry of
`rows` and the head of its own entry; a coordinate of the model from one entry of `model` and
the weights in `updates`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.digest import array_bytes, canonical_json, sha256
from counterpoise.federation.rules.game import Game, LinearGame, Mixtures, Rows
from counterpoise.federation.rules.logits import Integers
from counterpoise.federation.rules.task import TaskRules
from counterpoise.federation.rules.trace import Octets, Section, packed, packed_bytes
from counterpoise.federation.rules.update import update_bytes

COORDINATES = 64


@dataclass(frozen=True, slots=True)
class RoundInputs:
    """What a round starts from, as its trace names it."""

    task: TaskRules
    round_id: int
    base: Integers
    rows: Rows
    context: bytes
    entropy: bytes

    def section(self) -> Section:
        """The section ``round``: one entry."""
        entry = b"".join(
            (
                self.context,
                task_digest(self.task),
                self.round_id.to_bytes(8, "big"),
                model_digest(self.base),
                sha256(array_bytes(self.rows.features) + array_bytes(self.rows.labels)),
                sha256(self.entropy),
            )
        )
        return Section("round", packed_bytes([entry]))


def task_digest(task: TaskRules) -> bytes:
    """SHA-256 of the rules' canonical JSON."""
    return sha256(canonical_json(task.to_value()))


def model_digest(model: Integers) -> bytes:
    """SHA-256 of a model's array bytes, int64: what an update names as its base."""
    return sha256(array_bytes(model.astype(np.int64)))


def updates_section(
    members: tuple[bytes, ...],
    weights: Integers,
    updates: NDArray[np.int32],
    aggregated: NDArray[np.bool_],
) -> Section:
    """The section ``updates``: one entry a member."""
    digests = [sha256(update_bytes(update)) for update in updates]
    entries = [
        member + int(weight).to_bytes(8, "big") + digest + bytes([bool(is_in)])
        for member, weight, digest, is_in in zip(members, weights, digests, aggregated, strict=True)
    ]
    return Section("updates", _entries(entries, 61))


def model_section(base: Integers, model: Integers, updates: NDArray[np.int32]) -> Section:
    """The section ``model``: one entry per 64 coordinates, the last padded with zeros."""
    blocks = [_blocks(base[None]), _blocks(model[None]), _blocks(updates)]
    return Section("model", packed(*(block for block in blocks if block.shape[1])))


def _blocks(values: NDArray[np.int64] | NDArray[np.int32]) -> NDArray[np.generic]:
    """``(count, n)`` as ``(blocks, count, 64)``."""
    padding = -values.shape[1] % COORDINATES
    padded = np.pad(values, ((0, 0), (0, padding)))
    return padded.reshape(len(values), padded.shape[1] // COORDINATES, COORDINATES).swapaxes(0, 1)


def rows_section(rows: Rows, game: Game) -> Section:
    """The section ``rows``: one entry a validation row."""
    columns: list[NDArray[np.generic]] = [rows.features, rows.labels]
    if isinstance(game, LinearGame):
        columns += [game.base.T, game.deltas.transpose(2, 0, 1)]
    return Section("rows", packed(*(column for column in columns if column.size)))


def mixtures_section(mixtures: Mixtures, utilities: Integers, losses: NDArray[np.int32]) -> Section:
    """The section ``mixtures``: one entry a mixture."""
    columns = (mixtures.denominators, mixtures.coefficients, utilities, losses)
    return Section("mixtures", packed(*(column for column in columns if column.size)))


def scores_section(phi: Mapping[bytes, int], pay: Mapping[bytes, int]) -> Section:
    """The section ``scores``: one entry a member."""
    entries = [
        member + phi[member].to_bytes(16, "big", signed=True) + pay[member].to_bytes(32, "big")
        for member in phi
    ]
    return Section("scores", _entries(entries, 68))


def _entries(entries: list[bytes], size: int) -> Octets:
    return packed_bytes(entries) if entries else np.empty((0, size), dtype=np.uint8)
