"""One round, from admitted updates to the next model, scores, dues and the trace: pure.

Coordinator, verifier and challenger all call `score_round` and compare digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoise.core import merkle
from counterpoise.core.errors import InputError
from counterpoise.federation.rules.aggregate import strategy
from counterpoise.federation.rules.game import Game, Mixtures, Rows, check_width, open_game
from counterpoise.federation.rules.logits import Integers
from counterpoise.federation.rules.pay import Standing, pot_of_round, score_ppm, share_out
from counterpoise.federation.rules.round_trace import (
    RoundInputs,
    mixtures_section,
    model_digest,
    model_section,
    rows_section,
    scores_section,
    updates_section,
)
from counterpoise.federation.rules.shapley import mixtures_of, scores_of
from counterpoise.federation.rules.task import TaskRules
from counterpoise.federation.rules.trace import Trace


@dataclass(frozen=True, slots=True)
class Digests:
    """What a round's result posts; each is 32 bytes.

    ``model``: SHA-256 of the next model's array bytes. ``updates``, ``scores``: roots of the
    trace's sections of these names. ``pay``: root over ``address || due (32 bytes)``.
    ``trace``: root of the trace.
    """

    model: bytes
    updates: bytes
    scores: bytes
    pay: bytes
    trace: bytes


@dataclass(frozen=True)
class RoundResult:
    """Everything that follows from one round's admitted updates.

    Parameters
    ----------
    members :
        Who was scored, in ascending order of address.
    model :
        The next base model, ``(n_params,)`` int64; the old one if the round is void.
    aggregated :
        The members whose updates are in the model.
    void :
        True if fewer members than the quorum replied, or nobody's score is positive: the
        base stays and the round's part of the pot goes back to the sponsor.
    phi :
        Score of each member, in units of ``1 / SCALE`` of a loss unit.
    pay :
        The round's part of the pot by this round's scores alone, in base units.
    utilities :
        Minus the validation loss of every mixture; the first is the base model's, the last
        that of everybody's mean.
    standing :
        All rounds so far: summed scores, dues.
    """

    round_id: int
    members: tuple[bytes, ...]
    model: Integers
    aggregated: tuple[bytes, ...]
    void: bool
    phi: dict[bytes, int]
    score_ppm: dict[bytes, int]
    pay: dict[bytes, int]
    utilities: Integers
    standing: Standing
    trace: Trace
    digests: Digests


@dataclass(frozen=True, slots=True)
class _Scored:
    """The members in order, and what the game gave them."""

    members: tuple[bytes, ...]
    updates: NDArray[np.int32]
    weights: Integers
    game: Game
    mixtures: Mixtures
    losses: NDArray[np.int32]
    utilities: Integers
    phi: list[int]


def score_round(
    task: TaskRules,
    round_id: int,
    base: Integers,
    updates: Mapping[bytes, NDArray[np.int32]],
    weights: Mapping[bytes, int],
    rows: Rows,
    *,
    standing: Standing | None = None,
    entropy: bytes = b"",
    context: bytes = bytes(32),
) -> RoundResult:
    """Aggregate, score and pay one round.

    Parameters
    ----------
    round_id :
        From 0 to ``task.rounds - 1``.
    base :
        The model all updates start from, ``(n_params,)`` int64.
    updates :
        Admitted updates by address; the order does not matter.
    weights :
        Weight of at least every address in `updates`.
    rows :
        The sponsor's validation rows, standardised.
    standing :
        The standing after the round before; None for the first.
    entropy :
        Hash of a block after the commitments; needed for permutation scoring alone.
    context :
        32 bytes naming chain, contract and job, bound into the trace.
    """
    if not 0 <= round_id < task.rounds or len(context) != 32 or any(len(m) != 20 for m in updates):
        raise InputError(
            f"round {round_id} of {task.rounds}, context of {len(context)} bytes",
            hint="wanted a round of the task, a context of 32 bytes and addresses of 20",
        )
    inputs = RoundInputs(task, round_id, base, rows, context, entropy)
    scored = _scored(inputs, updates, weights)
    phi = dict(zip(scored.members, scored.phi, strict=True))
    counts = len(phi) >= task.quorum and any(score > 0 for score in scored.phi)
    model, aggregated = _next_model(inputs, scored) if counts else _unchanged(inputs, scored)
    pot = pot_of_round(task, round_id) if counts else 0
    pay, standing = share_out(phi, pot), standing or Standing()
    standing = standing.after(task, phi, pot) if counts else standing
    trace = Trace(
        (
            inputs.section(),
            updates_section(scored.members, scored.weights, scored.updates, aggregated),
            model_section(base, model, scored.updates),
            rows_section(rows, scored.game),
            mixtures_section(scored.mixtures, scored.utilities, scored.losses),
            scores_section(phi, pay),
        )
    )
    return RoundResult(
        round_id=round_id,
        members=scored.members,
        model=model,
        aggregated=tuple(m for m, is_in in zip(phi, aggregated, strict=True) if is_in),
        void=not counts,
        phi=phi,
        score_ppm=score_ppm(phi),
        pay=pay,
        utilities=scored.utilities,
        standing=standing,
        trace=trace,
        digests=_digests(model, trace, standing),
    )


def _scored(
    inputs: RoundInputs, updates: Mapping[bytes, NDArray[np.int32]], weights: Mapping[bytes, int]
) -> _Scored:
    task = inputs.task
    members = tuple(sorted(updates))
    heavy = np.array([weights[member] for member in members], dtype=np.int64)
    stacked = np.array([updates[member] for member in members], dtype=np.int32)
    stacked = stacked.reshape(len(members), task.model.n_params)
    check_width(task, inputs.rows, heavy)
    game = open_game(task, inputs.base, stacked.astype(np.int64), inputs.rows)
    mixtures = mixtures_of(task.scoring, heavy, inputs.entropy)
    losses = game.losses(mixtures)
    utilities = -losses.sum(axis=1, dtype=np.int64)
    phi = scores_of(task.scoring, utilities, len(members), inputs.entropy)
    return _Scored(members, stacked, heavy, game, mixtures, losses, utilities, phi)


def _next_model(inputs: RoundInputs, scored: _Scored) -> tuple[Integers, NDArray[np.bool_]]:
    chosen = strategy(inputs.task.strategy)
    step, is_in = chosen.step(scored.updates.astype(np.int64), scored.weights, scored.phi)
    return inputs.base + step, is_in


def _unchanged(inputs: RoundInputs, scored: _Scored) -> tuple[Integers, NDArray[np.bool_]]:
    return inputs.base.copy(), np.zeros(len(scored.members), dtype=np.bool_)


def _digests(model: Integers, trace: Trace, standing: Standing) -> Digests:
    dues = [member + due.to_bytes(32, "big") for member, due in standing.dues.items()]
    return Digests(
        model=model_digest(model),
        updates=trace.section("updates").root,
        scores=trace.section("scores").root,
        pay=merkle.root(dues),
        trace=trace.root,
    )
