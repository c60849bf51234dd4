"""What one round's trace holds: its sections, their entries, field by field.

========== ===============================================================================
round      one entry: context 32, digest of the task's rules 32, round 8, entropy 32, counts 1,
           released 32, earned 16, bar 32, address at the bar 20; then each member's weight 8 and,
           of all members, whether its update is in the model 1
updates    per member: address 20, weight 8, digest of the update's blob 32, in the model 1
model      per 8 coordinates: base 8 x 8, next model 8 x 8, each member's 8 x 4
rows       per validation row: features 4 each, label 8; linear models: raw base logits
           8 each, each member's raw logits 8 each
losses     per mixture and 64 rows: losses of the mixture up to the last of them 8, each row's 4
utilities  per 16 mixtures, the first alone in the first entry: 8 each
steps      exact scoring, per entry of `utilities`: each member's score up to it 8.
           permutations, per order: its members 2 each, the mixture after each 4, each member's
           summed gains up to this order 8
masks      permutations, per mixture: its members as bits 8
scores     per member: address 20, score 16, positive scores up to it 8
standing   per registered account: address 20, weight 8, admitted 1, admitted before it 8,
           summed score 16, summed squares 32, earning 16, earnings up to it 16, due 16,
           dues up to it 16
dues       one entry: each registered account's address 20 and due 16
========== ===============================================================================

Numbers are big-endian two's complement. Every number follows from at most five entries, one of
which may be of the round before: see `judge_rules`. What is padding is zero. In the trace of the
round of statistics `model` has, per number of the vectors, the sum 8 and each member's 8; its
`updates`, `standing` and `dues` are as above, the other sections are empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.digest import array_bytes, canonical_json, sha256
from counterpoise.federation.rules.game import Game, LinearGame, Mixtures, Rows
from counterpoise.federation.rules.logits import Integers
from counterpoise.federation.rules.pay import Sharing, Standing
from counterpoise.federation.rules.task import TaskRules
from counterpoise.federation.rules.trace import Section, Trace, packed, packed_bytes
from counterpoise.federation.rules.update import update_bytes

SECTIONS = (
    "round",
    "updates",
    "model",
    "rows",
    "losses",
    "utilities",
    "steps",
    "masks",
    "scores",
    "standing",
    "dues",
)
COORDINATES, BLOCK, UTILITIES = 8, 64, 16
HEADER = 205
STATISTICS_ROUND, FIRST_ROUND = 1, 2


@dataclass(frozen=True, slots=True)
class RoundInputs:
    """What a round starts from, as its trace names it.

    Parameters
    ----------
    weights :
        Weight of every registered account, by address.
    """

    task: TaskRules
    round_id: int
    base: Integers
    rows: Rows
    weights: Mapping[bytes, int]
    context: bytes
    entropy: bytes


@dataclass(frozen=True, slots=True)
class Admission:
    """The members of a round in ascending order, and whose update is in the model."""

    members: tuple[bytes, ...]
    weights: Integers
    aggregated: NDArray[np.bool_]


def task_digest(task: TaskRules) -> bytes:
    """SHA-256 of the rules' canonical JSON."""
    return sha256(canonical_json(task.to_value()))


def model_digest(model: Integers) -> bytes:
    """SHA-256 of a model's array bytes, int64: what an update names as its base."""
    return sha256(array_bytes(model.astype(np.int64)))


def round_section(
    place: tuple[bytes, TaskRules, int],
    entropy: bytes,
    admission: Admission,
    standing: Standing,
    sharing: Sharing | None,
) -> Section:
    """The section ``round``: one entry.

    Parameters
    ----------
    place :
        Context, rules, and the round's number on the chain.
    sharing :
        How the pot was shared; None if the round does not count.
    """
    context, task, number = place
    entry = b"".join(
        (
            context,
            task_digest(task),
            number.to_bytes(8, "big"),
            entropy.ljust(32, b"\0") if len(entropy) <= 32 else sha256(entropy),
            bytes([sharing is not None]),
            standing.released.to_bytes(32, "big"),
            (sharing.earned if sharing else 0).to_bytes(16, "big"),
            (sharing.bar if sharing else 0).to_bytes(32, "big"),
            sharing.last if sharing else bytes(20),
            admission.weights.astype(">i8").tobytes(),
            admission.aggregated.astype(np.uint8).tobytes(),
        )
    )
    return Section("round", packed_bytes([entry], len(entry)))


def updates_section(admission: Admission, digests: Sequence[bytes]) -> Section:
    """The section ``updates``: one entry a member."""
    columns = zip(admission.members, admission.weights, digests, admission.aggregated, strict=True)
    entries = [
        member + int(weight).to_bytes(8, "big") + digest + bytes([bool(is_in)])
        for member, weight, digest, is_in in columns
    ]
    return Section("updates", packed_bytes(entries, 61))


def digests_of(updates: NDArray[np.int32]) -> list[bytes]:
    """SHA-256 of each update's canonical bytes."""
    return [sha256(update_bytes(update)) for update in updates]


def model_section(base: Integers, model: Integers, updates: NDArray[np.int32]) -> Section:
    """The section ``model``: one entry per 8 coordinates, the last padded with zeros."""
    blocks = [_blocks(base[None]), _blocks(model[None]), _blocks(updates)]
    return Section("model", packed(*(block for block in blocks if block.shape[1])))


def _blocks(values: NDArray[np.int64] | NDArray[np.int32]) -> NDArray[np.generic]:
    """``(count, n)`` as ``(blocks, count, 8)``."""
    padding = -values.shape[1] % COORDINATES
    padded = np.pad(values, ((0, 0), (0, padding)))
    return padded.reshape(len(values), padded.shape[1] // COORDINATES, COORDINATES).swapaxes(0, 1)


def rows_section(rows: Rows, game: Game) -> Section:
    """The section ``rows``: one entry a validation row."""
    columns: list[NDArray[np.generic]] = [rows.features, rows.labels]
    if isinstance(game, LinearGame):
        columns += [game.base.T, game.deltas.transpose(2, 0, 1)]
    return Section("rows", packed(*(column for column in columns if column.size)))


def losses_section(losses: NDArray[np.int32]) -> Section:
    """The section ``losses``: one entry per mixture and 64 rows, with the sum so far."""
    count, rows = losses.shape
    blocks = -(-rows // BLOCK)
    padded = np.zeros((count, blocks, BLOCK), dtype=np.int32)
    padded.reshape(count, -1)[:, :rows] = losses
    sums = padded.sum(axis=2, dtype=np.int64).cumsum(axis=1)
    return Section("losses", packed(sums.reshape(-1), padded.reshape(-1, BLOCK)))


def utilities_section(utilities: Integers) -> Section:
    """The section ``utilities``: 16 mixtures an entry, the first one alone in the first."""
    return Section("utilities", packed(in_sixteens(utilities)))


def in_sixteens(values: Integers) -> Integers:
    """Values of mixtures, ``(n,)``, as the 16 columns of `utilities`; zeros where none is."""
    padded = np.zeros((-(-(len(values) - 1) // UTILITIES) + 1, UTILITIES), dtype=np.int64)
    padded.reshape(-1)[UTILITIES - 1 :][: len(values)] = values
    return padded


def masks_section(mixtures: Mixtures) -> Section:
    """The section ``masks``: who is in each coalition, member i as bit i."""
    count = mixtures.coefficients.shape[1]
    width = 64 * max(1, -(-count // 64))
    bits = np.zeros((len(mixtures.denominators), width), dtype=np.bool_)
    bits[:, width - count :] = mixtures.coefficients[:, ::-1] > 0
    return Section("masks", np.packbits(bits, axis=1))


def empty_section(name: str) -> Section:
    """A section that this kind of round does not have."""
    return Section(name, np.empty((0, 0), dtype=np.uint8))


def scores_section(phi: Mapping[bytes, int]) -> Section:
    """The section ``scores``: one entry a member."""
    entries, positive = [], 0
    for member, score in phi.items():
        positive += score > 0
        entries.append(
            member + score.to_bytes(16, "big", signed=True) + positive.to_bytes(8, "big")
        )
    return Section("scores", packed_bytes(entries, 44))


def standing_sections(
    weights: Mapping[bytes, int],
    members: Sequence[bytes],
    standing: Standing,
    sharing: Sharing | None,
) -> tuple[Section, Section]:
    """The sections ``standing`` and ``dues``: every registered account in ascending order."""
    entries, dues, before, earned, paid = [], [], 0, 0, 0
    present = set(members)
    for account in sorted({*weights, *standing.scores, *standing.dues}):
        due = standing.dues.get(account, 0)
        earning = sharing.earning.get(account, 0) if sharing else 0
        earned, paid = earned + earning, paid + due
        entries.append(
            b"".join(
                (
                    account,
                    weights.get(account, 0).to_bytes(8, "big"),
                    bytes([account in present]),
                    before.to_bytes(8, "big"),
                    standing.scores.get(account, 0).to_bytes(16, "big", signed=True),
                    standing.squares.get(account, 0).to_bytes(32, "big"),
                    *(n.to_bytes(16, "big") for n in (earning, earned, due, paid)),
                )
            )
        )
        dues.append(account + due.to_bytes(16, "big"))
        before += account in present
    whole = b"".join(dues)
    named = Section("dues", packed_bytes([whole], len(whole)))
    return Section("standing", packed_bytes(entries, 149)), named


def statistics_trace(
    place: tuple[bytes, TaskRules, int],
    weights: Mapping[bytes, int],
    vectors: Mapping[bytes, Integers],
    digests: Mapping[bytes, bytes],
    total: Sequence[int],
) -> Trace:
    """The trace of the round of statistics.

    Parameters
    ----------
    vectors, digests :
        Every admitted member's vector and the digest of its blob, by address.
    total :
        The sum of the vectors.
    """
    members = tuple(sorted(vectors))
    heavy = np.array([weights[member] for member in members], dtype=np.int64)
    admission = Admission(members, heavy, np.ones(len(members), dtype=np.bool_))
    columns = np.array([total, *(vectors[member] for member in members)], dtype=np.int64).T
    standing = Standing()
    return Trace(
        (
            round_section(place, b"", admission, standing, None),
            updates_section(admission, [digests[member] for member in members]),
            Section("model", packed(columns)),
            *(empty_section(name) for name in SECTIONS[3:9]),
            *standing_sections(weights, members, standing, None),
        )
    )
