"""The rules of a round: pure, in integers, the same for coordinator, verifier and judge."""

from counterpoise.federation.rules.aggregate import STRATEGIES, Strategy, strategy, weighted_mean
from counterpoise.federation.rules.game import Mixtures, Rows
from counterpoise.federation.rules.logits import model_logits
from counterpoise.federation.rules.pay import Standing, pot_of_round, score_ppm, share_out
from counterpoise.federation.rules.round_trace import model_digest, task_digest
from counterpoise.federation.rules.scoring import Digests, RoundResult, score_round
from counterpoise.federation.rules.shapley import SCALE
from counterpoise.federation.rules.statistics import (
    Statistics,
    admit_statistics,
    combined,
    local_statistics,
    standardised,
)
from counterpoise.federation.rules.task import Feature, Model, TaskRules
from counterpoise.federation.rules.trace import Opening, Section, Trace
from counterpoise.federation.rules.update import (
    CODES,
    AdmissionError,
    Admitted,
    Expected,
    Refused,
    Reply,
    admit,
    admit_all,
    missing,
    quantised,
    update_bytes,
    weights_of,
)

__all__ = [
    "CODES",
    "SCALE",
    "STRATEGIES",
    "Admitted",
    "Digests",
    "Expected",
    "Feature",
    "Mixtures",
    "Model",
    "Opening",
    "Refused",
    "AdmissionError",
    "Reply",
    "RoundResult",
    "Rows",
    "Section",
    "Standing",
    "Statistics",
    "Strategy",
    "TaskRules",
    "Trace",
    "admit",
    "admit_all",
    "admit_statistics",
    "combined",
    "local_statistics",
    "missing",
    "model_digest",
    "model_logits",
    "pot_of_round",
    "quantised",
    "score_ppm",
    "score_round",
    "share_out",
    "standardised",
    "strategy",
    "task_digest",
    "update_bytes",
    "weighted_mean",
    "weights_of",
]
