"""A whole federation without chain, log or store: the same trainers under the same rules.

For benchmarks and for choosing a recipe; what it gives is what the network gives, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.digest import array_from_bytes
from counterpoise.federation import (
    Expected,
    ModelFile,
    Reply,
    RoundResult,
    Rows,
    Standing,
    Statistics,
    TaskRules,
    Terms,
    Trainer,
    admit_all,
    admit_statistics,
    model_digest,
    score_round,
    statistics_of,
    weights_of,
)

MAX_STATISTICS = 1 << 20


@dataclass(frozen=True)
class Rehearsal:
    """Where a rehearsed federation ended.

    Parameters
    ----------
    model :
        Parameters and statistics.
    results :
        Every training round.
    refused :
        Codes of all refusals, by participant.
    """

    model: ModelFile
    standing: Standing
    results: tuple[RoundResult, ...]
    refused: dict[bytes, list[str]]

    @property
    def statistics(self) -> Statistics:
        """The federated statistics."""
        return statistics_of(self.model)


def rehearse(
    task: TaskRules,
    trainers: Mapping[bytes, Trainer],
    sizes: Mapping[bytes, int],
    validation: Callable[[Statistics], Rows],
) -> Rehearsal:
    """Run the round of statistics and every training round.

    Parameters
    ----------
    trainers, sizes :
        What each participant does, and the rows of its dataset statement, by address.
    validation :
        Gives the standardised validation rows, once the statistics are known.
    """
    terms, standing = _terms(task), Standing()
    model = ModelFile(
        np.zeros(task.model.n_params, dtype=np.int32), _statistics(terms, trainers, sizes)
    )
    rows, weights = validation(statistics_of(model)), weights_of(sizes, task)
    results: list[RoundResult] = []
    refused: dict[bytes, list[str]] = {address: [] for address in trainers}
    for round_id in range(task.rounds):
        base = model.params.astype(np.int64)
        expected = Expected(task, round_id, model_digest(base), weights)
        replies = [
            Reply(address, trainer.update(terms, round_id + 2, model), round_id, expected.base)
            for address, trainer in trainers.items()
        ]
        admitted, rejected = admit_all(replies, expected)
        for refusal in rejected:
            refused[refusal.participant].append(refusal.code)
        updates = {address: one.update for address, one in admitted.items()}
        result = score_round(task, round_id, base, updates, weights, rows, standing=standing)
        standing = result.standing
        results.append(result)
        model = ModelFile(result.model.astype(np.int32), model.statistics)
    return Rehearsal(model, standing, tuple(results), refused)


def _statistics(
    terms: Terms, trainers: Mapping[bytes, Trainer], sizes: Mapping[bytes, int]
) -> NDArray[np.int64]:
    vectors = [
        admit_statistics(
            array_from_bytes(trainer.statistics(terms), max_bytes=MAX_STATISTICS),
            terms.rules,
            sizes[address],
        )
        for address, trainer in trainers.items()
    ]
    total: NDArray[np.int64] = np.sum(vectors, axis=0, dtype=np.int64)
    return total


def _terms(task: TaskRules) -> Terms:
    """Terms of no job: a trainer reads nothing of them but the rules."""
    nobody, nothing = bytes(20), bytes(32)
    return Terms(
        job=0,
        chain_id=0,
        rounds_contract=nobody,
        sponsor=nobody,
        coordinator=nobody,
        rules=task,
        stake=0,
        commit_seconds=0,
        reveal_seconds=0,
        challenge_seconds=0,
        base=nothing,
        validation=nothing,
    )
