"""The numbers of a job, round after round: pure but for reading updates from the store.

The coordinator computes with it, and a verifier computes the same again. Round 1 is the round
of statistics; rounds 2 to `rules.rounds` + 1 train.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from counterpoise.core.digest import array_from_bytes, keccak
from counterpoise.core.errors import CounterpoiseError, InputError, VerificationError
from counterpoise.core.units import to_checksum
from counterpoise.federation.intake import Letter, Refusal
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.rules import (
    AdmissionError,
    RoundResult,
    Rows,
    Standing,
    Statistics,
    admit_statistics,
    combined,
    score_round,
    standardised,
    weights_of,
)
from counterpoise.federation.rules.logits import INTEGER_LIMIT
from counterpoise.federation.rules.round_trace import STATISTICS_ROUND, statistics_trace
from counterpoise.federation.rules.trace import Trace
from counterpoise.federation.rules.update import vector_of
from counterpoise.federation.terms import Terms
from counterpoise.federation.validation import ValidationSet
from counterpoise.store import Store

NOTHING = bytes(32)


@dataclass(frozen=True)
class Outcome:
    """What one round came to.

    Parameters
    ----------
    admitted :
        Digest of each admitted update's blob, by address ascending.
    refused :
        Updates refused by name.
    model :
        The model after the round.
    result :
        Scores and pay of a training round; None for statistics.
    trace :
        Every number of the round.
    standing :
        Summed scores and dues after the round.
    """

    number: int
    admitted: Mapping[bytes, bytes]
    refused: tuple[Refusal, ...]
    model: ModelFile
    result: RoundResult | None
    standing: Standing
    trace: Trace

    @property
    def updates_root(self) -> bytes:
        """Root of the trace's section of updates."""
        return self.trace.section("updates").root

    @property
    def trace_root(self) -> bytes:
        """Root of the trace."""
        return self.trace.root

    @property
    def scores_root(self) -> bytes:
        """Root of the trace's section of scores."""
        return self.trace.section("scores").root

    @property
    def void(self) -> bool:
        """Whether the round left the model as it was and nobody is paid for it."""
        return self.result.void if self.result else not self.admitted


@dataclass
class Replay:
    """The state of a job's numbers between rounds.

    Parameters
    ----------
    rows :
        Rows of each member's dataset statement, by address.
    """

    terms: Terms
    rows: Mapping[bytes, int]
    validation: ValidationSet
    store: Store
    model: ModelFile
    standing: Standing = field(default_factory=Standing)
    number: int = 0
    _rows_kept: dict[bytes, Rows] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.validation.check_fit(self.terms.rules)
        task, params = self.terms.rules, self.model.params.astype(np.int64)
        reach = int(np.abs(params).max(initial=0)) + task.rounds * task.clip
        if params.shape != (task.model.n_params,) or reach >= 1 << 31:
            raise InputError(
                f"a base model of {params.shape} parameters that may reach {reach}",
                hint=f"the rules need ({task.model.n_params},), for ever below 2**31",
            )

    @property
    def context(self) -> bytes:
        """32 bytes that name chain, contract and job in every trace."""
        terms = self.terms
        place = terms.chain_id.to_bytes(32, "big") + terms.rounds_contract.rjust(32, b"\0")
        return keccak(place + terms.job.to_bytes(32, "big"))

    def step(self, letters: Sequence[Letter], *, entropy: bytes = b"") -> Outcome:
        """Advance by one round with the reveals that their commitments cover.

        Parameters
        ----------
        entropy :
            Hash of the block of the commitments; used by permutation scoring alone.
        """
        self.number += 1
        vectors: dict[bytes, np.ndarray] = {}
        refused: list[Refusal] = []
        for letter in letters:
            try:
                vectors[letter.participant] = self._vector(letter)
            except AdmissionError as refusal:
                refused.append(Refusal(letter.participant, refusal.code, refusal.message))
        admitted = {x.participant: x.digest for x in letters if x.participant in vectors}
        if self.number == STATISTICS_ROUND:
            outcome = self._statistics(vectors, admitted, tuple(refused))
        else:
            outcome = self._train(vectors, admitted, tuple(refused), entropy)
        self.model, self.standing = outcome.model, outcome.standing
        return outcome

    @property
    def update_limit(self) -> int:
        """Most bytes of an update that are read."""
        task = self.terms.rules
        return 64 * (task.model.n_params + len(task.features)) + 1024

    def fetch(self, digest: bytes) -> bytes:
        """Fetch an update's blob.

        Raises
        ------
        AdmissionError :
            ``missing``: it is not in the store, or something else is in its place; ``size``.
        """
        try:
            return self.store.fetch(digest, max_bytes=self.update_limit)
        except InputError as error:
            code = "size" if self.store.has(digest) else "missing"
            raise AdmissionError(code, error.message) from error
        except VerificationError as error:
            raise AdmissionError("missing", error.message) from error

    def _vector(self, letter: Letter) -> np.ndarray:
        task, blob = self.terms.rules, self.fetch(letter.digest)
        if self.number != STATISTICS_ROUND:
            return vector_of(blob, task)
        try:
            vector = array_from_bytes(blob, max_bytes=self.update_limit)
        except CounterpoiseError as error:
            raise AdmissionError("dtype", error.message) from error
        rows = self.rows[letter.participant]
        self._check_room(rows)
        return admit_statistics(vector, task, rows)

    def _check_room(self, rows: int) -> None:
        """Refuse so many rows that sums over all members could leave 62 bits.

        Each member has an equal part of the room, so that none can make the round fail.
        """
        task = self.terms.rules
        widest = max(
            max((f.maximum - f.minimum) << task.feature_bits, f.minimum**2, f.maximum**2)
            for f in task.features
        )
        most = (INTEGER_LIMIT - 1) // max(widest, 1) // len(self.rows)
        if rows > most:
            raise AdmissionError("statistics", f"{rows} rows, the sums have room for {most}")

    def _statistics(
        self,
        vectors: Mapping[bytes, np.ndarray],
        admitted: Mapping[bytes, bytes],
        refused: tuple[Refusal, ...],
    ) -> Outcome:
        if not vectors:
            why = "; ".join(f"{to_checksum(r.participant)}: {r.code}, {r.detail}" for r in refused)
            raise InputError(
                f"nobody's statistics were admitted, so no feature can be standardised ({why})",
                hint="the sponsor is refunded when the job expires",
            )
        whole = combined(vectors, self.terms.rules)
        statistics = np.array([whole.rows, *whole.sums, *whole.squares], dtype=np.int64)
        model = ModelFile(self.model.params, statistics)
        weights = weights_of(self.rows, self.terms.rules)
        place = (self.context, self.terms.rules, self.number)
        trace = statistics_trace(place, weights, vectors, admitted, [int(x) for x in statistics])
        return Outcome(self.number, admitted, refused, model, None, self.standing, trace)

    def _train(
        self,
        vectors: Mapping[bytes, np.ndarray],
        admitted: Mapping[bytes, bytes],
        refused: tuple[Refusal, ...],
        entropy: bytes,
    ) -> Outcome:
        task = self.terms.rules
        result = score_round(
            task,
            self.number - 2,
            self.model.params.astype(np.int64),
            {address: vector.astype(np.int32) for address, vector in vectors.items()},
            weights_of(self.rows, task),
            self.validation_rows(),
            standing=self.standing,
            entropy=entropy,
            context=self.context,
        )
        model = self.model
        if not result.void:
            model = ModelFile(result.model.astype(np.int32), model.statistics)
        end = (model, result, result.standing, result.trace)
        return Outcome(self.number, admitted, refused, *end)

    def validation_rows(self) -> Rows:
        """Give the validation rows, standardised by the job's statistics."""
        key = self.model.statistics.tobytes()
        if key not in self._rows_kept:
            raw = self.validation
            features = standardised(raw.features, statistics_of(self.model), self.terms.rules)
            self._rows_kept = {key: Rows(features, raw.labels)}
        return self._rows_kept[key]


def statistics_of(model: ModelFile) -> Statistics:
    """Give the statistics that a model carries."""
    count, *sums = (int(value) for value in model.statistics)
    width = len(sums) // 2
    return Statistics(count, tuple(sums[:width]), tuple(sums[width:]))
