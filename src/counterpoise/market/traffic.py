"""What a gateway counted, read from its page of metrics."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from counterpoise.core.errors import InputError

PREFIX = "counterpoise_gateway_"
PAGES = ("/metrics", "/health", "/.well-known", "/evidence", "/log", "/openapi")
"""Routes of the gateway's own pages, whose readers are no customers."""

_SAMPLE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (-?[0-9.e+]+)")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a gateway counted since it was started.

    Parameters
    ----------
    statuses :
        Answers by status of HTTP, its own pages left out.
    services :
        Base units charged, by service.
    refused :
        Payments refused and calls limited, by reason.
    median, slow :
        Milliseconds that 50 and 95 of 100 calls stayed within, as far as the buckets tell.
    """

    statuses: Mapping[int, int] = field(default_factory=dict)
    services: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    repeats: int = 0
    lost: int = 0
    in_flight: int = 0
    waiting: int = 0
    median: float | None = None
    slow: float | None = None


def read_metrics(page: str) -> dict[str, dict[Labels, float]]:
    """Read the text format of Prometheus: by name, then by labels.

    Raises
    ------
    InputError :
        A line is none of the format.
    """
    found: dict[str, dict[Labels, float]] = defaultdict(dict)
    for line in page.splitlines():
        if not line or line.startswith("#"):
            continue
        sample = _SAMPLE.fullmatch(line)
        if sample is None:
            raise InputError(f"{line!r:.80} is no line of metrics", hint="give a gateway's address")
        labels = tuple(sorted(_LABEL.findall(sample[2] or "")))
        found[sample[1]][labels] = float(sample[3])
    return found


def traffic_of(page: str) -> Traffic:
    """Give what a gateway's page of metrics says."""
    metrics = read_metrics(page)

    def total(name: str) -> int:
        return int(sum(metrics.get(PREFIX + name, {}).values()))

    def by(name: str, label: str) -> Counter[str]:
        counts: Counter[str] = Counter()
        for labels, value in metrics.get(PREFIX + name, {}).items():
            counts[dict(labels).get(label, "")] += int(value)
        return counts

    statuses: Counter[int] = Counter()
    for labels, value in metrics.get(f"{PREFIX}calls_total", {}).items():
        told = dict(labels)
        if not told.get("route", "").startswith(PAGES):
            statuses[int(told.get("status", 0))] += int(value)
    refused = by("refusals_total", "reason")
    refused.pop("unpaid", None)
    refused.update({f"limit {name}": n for name, n in by("limited_total", "limit").items()})
    buckets = metrics.get(f"{PREFIX}call_seconds_bucket", {})
    return Traffic(
        dict(sorted(statuses.items())),
        by("charged_base_units_total", "service"),
        refused,
        total("repeats_total"),
        total("lost_total"),
        total("in_flight"),
        total("decisions_waiting"),
        quantile(buckets, 50),
        quantile(buckets, 95),
    )


def quantile(buckets: Mapping[Labels, float], percent: int) -> float | None:
    """Give the milliseconds within which so many of 100 calls were answered: a bucket's bound."""
    bounds: Counter[float] = Counter()
    for labels, count in buckets.items():
        bounds[float(dict(labels)["le"].replace("+Inf", "inf"))] += int(count)
    total = bounds.get(float("inf"), 0)
    for bound in sorted(bounds):
        if total and bounds[bound] * 100 >= percent * total:
            return bound * 1_000
    return None
