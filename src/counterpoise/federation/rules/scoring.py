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
from counterpoise.federation.rules.pay import Sharing, Standing, pot_of_round, score_ppm, share_out
from counterpoise.federation.rules.round_trace import (
    FIRST_ROUND,
    Admission,
    RoundInputs,
    digests_of,
    empty_section,
    losses_section,
    masks_section,
    model_digest,
    model_section,
    round_section,
    rows_section,
    scores_section,
    standing_sections,
    updates_section,
    utilities_section,
)
from counterpoise.federation.rules.shapley import (
    exact_terms,
    mixtures_of,
    permutation_walk,
    scores_of,
)
from counterpoise.federation.rules.task import TaskRules
from counterpoise.federation.rules.trace import Section, Trace, packed


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
        Weight of every registered account, of at least those in `updates`; the trace lists all.
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
    inputs = RoundInputs(task, round_id, base, rows, weights, context, entropy)
    scored = _scored(inputs, updates)
    phi = dict(zip(scored.members, scored.phi, strict=True))
    counts = len(phi) >= task.quorum and any(score > 0 for score in scored.phi)
    model, aggregated = _next_model(inputs, scored) if counts else _unchanged(inputs, scored)
    pot = pot_of_round(task, round_id) if counts else 0
    pay, standing = share_out(phi, pot), standing or Standing()
    standing = standing.after(task, phi, pot) if counts else standing
    sharing = standing.sharing(task, phi, pot) if counts else None
    trace = _trace(inputs, scored, (model, aggregated), (standing, sharing))
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


def _scored(inputs: RoundInputs, updates: Mapping[bytes, NDArray[np.int32]]) -> _Scored:
    task = inputs.task
    members = tuple(sorted(updates))
    heavy = np.array([inputs.weights[member] for member in members], dtype=np.int64)
    stacked = np.array([updates[member] for member in members], dtype=np.int32)
    stacked = stacked.reshape(len(members), task.model.n_params)
    check_width(task, inputs.rows, heavy)
    game = open_game(task, inputs.base, stacked.astype(np.int64), inputs.rows)
    mixtures = mixtures_of(task.scoring, heavy, inputs.entropy)
    losses = game.losses(mixtures)
    utilities = -losses.sum(axis=1, dtype=np.int64)
    phi = scores_of(task.scoring, utilities, len(members), inputs.entropy)
    return _Scored(members, stacked, heavy, game, mixtures, losses, utilities, phi)


def _trace(
    inputs: RoundInputs,
    scored: _Scored,
    ending: tuple[Integers, NDArray[np.bool_]],
    money: tuple[Standing, Sharing | None],
) -> Trace:
    model, aggregated = ending
    admission = Admission(scored.members, scored.weights, aggregated)
    place = (inputs.context, inputs.task, inputs.round_id + FIRST_ROUND)
    walked = inputs.task.scoring == "permutation"
    return Trace(
        (
            round_section(place, inputs.entropy, admission, *money),
            updates_section(admission, digests_of(scored.updates)),
            model_section(inputs.base, model, scored.updates),
            rows_section(inputs.rows, scored.game),
            losses_section(scored.losses),
            utilities_section(scored.utilities),
            _steps_section(inputs, scored),
            masks_section(scored.mixtures) if walked else empty_section("masks"),
            scores_section(dict(zip(scored.members, scored.phi, strict=True))),
            *standing_sections(inputs.weights, scored.members, *money),
        )
    )


def _steps_section(inputs: RoundInputs, scored: _Scored) -> Section:
    """How utilities add up to scores; for the path each score is the sum of one entry."""
    count = len(scored.members)
    if inputs.task.scoring == "path" or not count:
        return empty_section("steps")
    if inputs.task.scoring == "exact":
        return Section("steps", packed(exact_terms(scored.utilities, count)))
    order, mixtures, gains = permutation_walk(scored.utilities, count, inputs.entropy)
    columns = order.astype(np.uint16), mixtures.astype(np.uint32), gains
    return Section("steps", packed(*columns))


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
