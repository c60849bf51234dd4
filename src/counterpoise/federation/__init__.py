"""Many owners train one model; each is paid for what it gave, and anyone can check every number."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.federation.bonds import judge_of, release_bond
    from counterpoise.federation.book import Book, Entry
    from counterpoise.federation.committed_rows import CommittedRows, committed
    from counterpoise.federation.coordinator import STEPS, Coordinator
    from counterpoise.federation.courier import Correspondent, Courier, DirectCourier, MailCourier
    from counterpoise.federation.evidence import Notary, read_signed
    from counterpoise.federation.home import Home
    from counterpoise.federation.host import Host
    from counterpoise.federation.intake import Letter, Refusal
    from counterpoise.federation.learners import (
        EstimatorLearner,
        GradientLearner,
        Learner,
        predicted,
    )
    from counterpoise.federation.lookup import fetch_terms
    from counterpoise.federation.model_file import ModelFile
    from counterpoise.federation.node import Node
    from counterpoise.federation.participant import Participant, Trainer, Witness
    from counterpoise.federation.postings import Postings, result_of
    from counterpoise.federation.replay import Outcome, Replay, statistics_of
    from counterpoise.federation.roster import Member, read_roster
    from counterpoise.federation.rounds import RoundsClient, RoundsState
    from counterpoise.federation.rows_file import load_rows
    from counterpoise.federation.rules import (
        CODES,
        SCALE,
        AdmissionError,
        Expected,
        Feature,
        Model,
        Reply,
        RoundResult,
        Rows,
        Standing,
        Statistics,
        Strategy,
        TaskRules,
        admit_all,
        admit_statistics,
        local_statistics,
        model_digest,
        model_logits,
        quantised,
        score_ppm,
        score_round,
        share_out,
        standardised,
        update_bytes,
        weights_of,
    )
    from counterpoise.federation.settlement import Drawn, draw, final_claims, finish_if_over
    from counterpoise.federation.sponsor import Draft, open_job, task_statement
    from counterpoise.federation.statements import model_statement
    from counterpoise.federation.task_file import TaskFile, load_task, task_record
    from counterpoise.federation.terms import Terms
    from counterpoise.federation.trainers import HonestTrainer, as_floats, round_seed
    from counterpoise.federation.validation import Disclosure, ValidationSet
    from counterpoise.federation.verify import job_ids, verify_job
    from counterpoise.federation.watcher import Watcher

_HOMES = {
    "bonds": ("judge_of", "release_bond"),
    "book": ("Book", "Entry"),
    "committed_rows": ("CommittedRows", "committed"),
    "coordinator": ("STEPS", "Coordinator"),
    "courier": ("Correspondent", "Courier", "DirectCourier", "MailCourier"),
    "evidence": ("Notary", "read_signed"),
    "home": ("Home",),
    "host": ("Host",),
    "intake": ("Letter", "Refusal"),
    "learners": ("EstimatorLearner", "GradientLearner", "Learner", "predicted"),
    "lookup": ("fetch_terms",),
    "model_file": ("ModelFile",),
    "node": ("Node",),
    "participant": ("Participant", "Trainer", "Witness"),
    "postings": ("Postings", "result_of"),
    "replay": ("Outcome", "Replay", "statistics_of"),
    "roster": ("Member", "read_roster"),
    "rounds": ("RoundsClient", "RoundsState"),
    "rows_file": ("load_rows",),
    "rules": (
        "AdmissionError",
        "CODES",
        "Expected",
        "Feature",
        "Model",
        "Reply",
        "RoundResult",
        "Rows",
        "SCALE",
        "Standing",
        "Statistics",
        "Strategy",
        "TaskRules",
        "admit_all",
        "admit_statistics",
        "local_statistics",
        "model_digest",
        "model_logits",
        "quantised",
        "score_ppm",
        "score_round",
        "share_out",
        "standardised",
        "update_bytes",
        "weights_of",
    ),
    "settlement": (
        "Drawn",
        "draw",
        "final_claims",
        "finish_if_over",
    ),
    "sponsor": ("Draft", "open_job", "task_statement"),
    "statements": ("model_statement",),
    "task_file": (
        "TaskFile",
        "load_task",
        "task_record",
    ),
    "terms": ("Terms",),
    "trainers": ("HonestTrainer", "as_floats", "round_seed"),
    "validation": ("Disclosure", "ValidationSet"),
    "verify": ("job_ids", "verify_job"),
    "watcher": ("Watcher",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AdmissionError",
    "Book",
    "CODES",
    "CommittedRows",
    "Coordinator",
    "Correspondent",
    "Courier",
    "DirectCourier",
    "Disclosure",
    "Draft",
    "Drawn",
    "Entry",
    "EstimatorLearner",
    "Expected",
    "Feature",
    "GradientLearner",
    "Home",
    "HonestTrainer",
    "Host",
    "Learner",
    "Letter",
    "MailCourier",
    "Member",
    "Model",
    "ModelFile",
    "Node",
    "Notary",
    "Outcome",
    "Participant",
    "Postings",
    "Refusal",
    "Replay",
    "Reply",
    "RoundResult",
    "RoundsClient",
    "RoundsState",
    "Rows",
    "SCALE",
    "STEPS",
    "Standing",
    "Statistics",
    "Strategy",
    "TaskFile",
    "TaskRules",
    "Terms",
    "Trainer",
    "ValidationSet",
    "Watcher",
    "Witness",
    "admit_all",
    "admit_statistics",
    "as_floats",
    "committed",
    "draw",
    "fetch_terms",
    "final_claims",
    "finish_if_over",
    "job_ids",
    "judge_of",
    "load_rows",
    "load_task",
    "local_statistics",
    "model_digest",
    "model_logits",
    "model_statement",
    "open_job",
    "predicted",
    "quantised",
    "read_roster",
    "read_signed",
    "release_bond",
    "result_of",
    "round_seed",
    "score_ppm",
    "score_round",
    "share_out",
    "standardised",
    "statistics_of",
    "task_record",
    "task_statement",
    "update_bytes",
    "verify_job",
    "weights_of",
]


def __getattr__(name: str) -> Any:
    """Import a name of the face when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
