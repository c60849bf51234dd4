"""What a run came to: one record, for the screen, for `--report` and for the next time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from counterpoise.apps.watchtower.demo import Watchtower
from counterpoise.apps.watchtower.story import Planted
from counterpoise.core.units import to_checksum
from counterpoise.monitor import Alert, PauseCase, Severity, draw
from counterpoise.provenance import Verdict

Record = dict[str, Any]


def build_record(run: Watchtower, *, seconds: Mapping[str, float]) -> Record:
    """Gather the figures of a run that has just ended."""
    story, tower = run.story, run.tower
    blocks = run.network.chain.block("latest").number
    live = [one for one in tower.times if one]
    return {
        "seed": run.options.seed,
        "state": str(run.folder),
        "blocks": blocks,
        "honest_transactions": story.honest,
        "detectors": [list(pair) for pair in tower.terms.detectors],
        "attacks": [_planted(one, story.alerts) for one in story.attacks],
        "twins": [
            {"resembles": one.name, "transactions": len(one.transactions)}
            | {"alerts": [a.finding.detector for a in _naming(one.transactions, story.alerts)]}
            for one in story.twins
        ],
        "alerts": len(story.alerts),
        "other_alerts": _others(run),
        "retracted": [alert.finding.detector for alert in story.retracted],
        "milliseconds_per_block": {
            "median": round(1e3 * median(live), 2),
            "most": round(1e3 * max(live), 2),
        },
        "screening": story.screening.to_value() if story.screening else None,
        "pause": _pause(story.pause)
        | {
            "lost_before": str(story.lost_before),
            "still_there": str(story.kept_by_pause),
            "robberies_refused": story.refused_while_paused,
        },
        "false_alarm": _pause(story.false_alarm),
        "case": _case(run),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def verified(verdict: Verdict, statements: int) -> Record:
    """What verification came to."""
    return {
        "statements": statements,
        "numbers": verdict.numbers,
        "false": [str(falsehood) for falsehood in verdict.false],
    }


def _naming(transactions: Sequence[bytes], alerts: Sequence[Alert]) -> list[Alert]:
    own = set(transactions)
    return [alert for alert in alerts if own & set(alert.finding.transactions)]


def _planted(planted: Planted, alerts: Sequence[Alert]) -> Record:
    """An attack: the first alert of the detector that is made for it, and how grave it got."""
    naming = _naming(planted.transactions, alerts)
    by_own = [one for one in naming if one.finding.detector == planted.detector]
    own = by_own[0] if by_own else None
    found = (
        {}
        if own is None
        else {
            "block": own.block_number,
            "severity": max(one.finding.severity for one in by_own).name.lower(),
            "confidence_ppm": max(one.finding.confidence for one in by_own),
            "reason": own.finding.reasons[0],
            "loss": str(own.finding.loss),
        }
    )
    return {
        "name": planted.name,
        "detector": planted.detector,
        "transactions": len(planted.transactions),
        "first_block": planted.blocks[0],
        "found": own is not None,
        "alerts": dict(Counter(one.finding.detector for one in naming)),
        **found,
    }


def _others(run: Watchtower) -> Record:
    """Alerts about nothing that was planted: while the stage was set up, and afterwards."""
    story = run.story
    planted = {digest for one in story.attacks for digest in one.transactions}
    other = [one for one in story.alerts if not planted & set(one.finding.transactions)]
    before = [one for one in other if one.block_number < story.begins]
    after = [one for one in other if one.block_number >= story.begins]
    return {
        "setting_up": dict(Counter(one.finding.detector for one in before)),
        "honest_life": dict(Counter(one.finding.detector for one in after)),
        "honest_life_high": sum(one.finding.severity >= Severity.HIGH for one in after),
    }


def _pause(case: PauseCase | None) -> Record:
    if case is None:
        return {"number": None}
    return {
        "number": case.number,
        "target": to_checksum(case.target),
        "digest": case.digest.hex(),
        "seconds": case.until - case.started,
        "vetoed": bool(case.vetoed),
        "ruling": case.outcome.name.lower(),
        "bond": str(case.bond),
        "bounty": str(case.bounty),
    }


def _case(run: Watchtower) -> Record:
    case = run.story.case
    if case is None:
        return {"id": None}
    edges = [edge for alert in case.alerts for edge in alert.finding.edges]
    return {
        "id": case.id.hex(),
        "alerts": len(case.alerts),
        "severity": case.severity.name.lower(),
        "files": [path.name for path in run.story.files],
        "picture": draw(edges, case.entities, 90),
    }
