"""What the gateway counts, in the text format that Prometheus reads."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

PREFIX = "counterpoise_gateway_"
BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds; upper bounds of the buckets of the time a paid call takes."""
TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one gateway; written on its event loop."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str, int]] = Counter()
        self.charged: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.limited: Counter[str] = Counter()
        self.repeats = self.lost = self.claimed = 0
        self.in_flight = 0
        self.gauges: dict[str, tuple[str, int]] = {}
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    def count(self, method: str, route: str, status: int) -> None:
        """Count an answer of any kind, by the pattern of its route."""
        self.calls[method, route, status] += 1

    def refuse(self, reason: str) -> None:
        """Count a refused payment by the word before its colon; empty is an unpaid request."""
        self.refusals[reason.partition(":")[0] or "unpaid"] += 1

    def time(self, service: str, seconds: float) -> None:
        """Count how long a paid call took, from its last byte to its answer's first."""
        buckets = self._buckets.get(service)
        if buckets is None:
            buckets = self._buckets[service] = [0] * (len(BOUNDS) + 1)
            self._seconds[service] = 0.0
        buckets[bisect_left(BOUNDS, seconds)] += 1
        self._seconds[service] += seconds

    def gauge(self, name: str, value: int, told: str) -> None:
        """Set what stands at a moment, such as base units that are not claimed yet."""
        self.gauges[name] = told, value

    def page(self) -> bytes:
        """Give the whole page."""
        return ("\n".join(self._lines()) + "\n").encode()

    def _lines(self) -> Iterable[str]:
        calls = [
            ({"method": method, "route": route, "status": str(status)}, count)
            for (method, route, status), count in sorted(self.calls.items())
        ]
        yield from _block("calls_total", "counter", "Answers, by route and status.", calls)
        for name, counts, label, told in (
            ("charged_base_units_total", self.charged, "service", "Charged, in base units."),
            ("refusals_total", self.refusals, "reason", "Payments refused, in x402's words."),
            ("limited_total", self.limited, "limit", "Calls that a limit stopped."),
        ):
            rows = [({label: key}, count) for key, count in sorted(counts.items())]
            yield from _block(name, "counter", told, rows)
        for name, value, told in (
            ("repeats_total", self.repeats, "Answers given again for the same payment."),
            ("lost_total", self.lost, "Buyers that were gone before their answer."),
            ("claimed_base_units_total", self.claimed, "Claimed on the chain, in base units."),
        ):
            yield from _block(name, "counter", told, [({}, value)])
        yield from _block("in_flight", "gauge", "Calls worked on.", [({}, self.in_flight)])
        for name, (told, value) in self.gauges.items():
            yield from _block(name, "gauge", told, [({}, value)])
        yield from self._histograms()

    def _histograms(self) -> Iterable[str]:
        name = f"{PREFIX}call_seconds"
        if self._buckets:
            yield f"# HELP {name} Time of a paid call, from its last byte to its answer's first."
            yield f"# TYPE {name} histogram"
        for service, buckets in sorted(self._buckets.items()):
            label, total = f'service="{_quoted(service)}"', 0
            for bound, count in zip((*BOUNDS, "+Inf"), buckets, strict=True):
                total += count
                yield f'{name}_bucket{{{label},le="{bound}"}} {total}'
            yield f"{name}_sum{{{label}}} {self._seconds[service]:.6f}"
            yield f"{name}_count{{{label}}} {total}"


def _block(
    name: str, kind: str, told: str, samples: Iterable[tuple[Mapping[str, str], int]]
) -> Iterable[str]:
    yield f"# HELP {PREFIX}{name} {told}"
    yield f"# TYPE {PREFIX}{name} {kind}"
    for labels, value in samples:
        inside = ",".join(f'{key}="{_quoted(text)}"' for key, text in labels.items())
        yield f"{PREFIX}{name}{f'{{{inside}}}' if inside else ''} {value}"


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
