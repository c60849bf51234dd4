"""Who pays whom in a laundering scheme: eight typologies, and the harmless that look like them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Draw = np.random.Generator
Numbers = NDArray[np.int32]
Accounts = Callable[[int], Numbers]
"""Draws so many accounts."""

Rows = list[tuple[Any, Any, float, float]]
"""Sender, receiver, when (a share of the scheme's span), how much (a share of its amount)."""

Rule = Callable[[Draw, Accounts, int], Rows]
"""One scheme of size k."""

TYPOLOGIES = (
    "fan-out",
    "fan-in",
    "cycle",
    "scatter-gather",
    "gather-scatter",
    "bipartite",
    "stack",
    "random",
)


def _fan_out(draw: Draw, accounts: Accounts, k: int) -> Rows:
    hub, *ends = accounts(k + 1)
    return [(hub, end, draw.random(), 1.0) for end in ends]


def _fan_in(draw: Draw, accounts: Accounts, k: int) -> Rows:
    hub, *ends = accounts(k + 1)
    return [(end, hub, draw.random(), 1.0) for end in ends]


def _walk(draw: Draw, path: Numbers, keep: float) -> Rows:
    times, share, rows = np.sort(draw.random(len(path) - 1)), 1.0, []
    for step, time in enumerate(times):
        rows.append((path[step], path[step + 1], time, share))
        share *= draw.uniform(keep, 1)
    return rows


def _cycle(draw: Draw, accounts: Accounts, k: int) -> Rows:
    ring = accounts(k + 1)
    return _walk(draw, np.append(ring, ring[0]), 0.95)


def _random(draw: Draw, accounts: Accounts, k: int) -> Rows:
    return _walk(draw, accounts(k + 1), 0.9)


def _scatter_gather(draw: Draw, accounts: Accounts, k: int) -> Rows:
    source, sink, *middles = accounts(k + 2)
    rows = [(source, middle, draw.uniform(0, 0.5), 1.0) for middle in middles]
    return rows + [(m, sink, draw.uniform(0.5, 1), draw.uniform(0.95, 1)) for m in middles]


def _gather_scatter(draw: Draw, accounts: Accounts, k: int) -> Rows:
    hub, *others = accounts(2 * k + 1)
    rows = [(one, hub, draw.uniform(0, 0.5), 1.0) for one in others[:k]]
    return rows + [(hub, one, draw.uniform(0.5, 1), 1.0) for one in others[k:]]


def _layer(draw: Draw, left: Numbers, right: Numbers, low: float, high: float) -> Rows:
    """Two transfers from each account on the left to accounts on the right."""
    return [
        (one, other, draw.uniform(low, high), 1.0)
        for one in left
        for other in draw.choice(right, min(2, len(right)), replace=False)
    ]


def _bipartite(draw: Draw, accounts: Accounts, k: int) -> Rows:
    both = accounts(2 * k)
    return _layer(draw, both[:k], both[k:], 0, 1)


def _stack(draw: Draw, accounts: Accounts, k: int) -> Rows:
    width = max(1, k // 2)
    layers = accounts(3 * width)
    first, second, third = layers[:width], layers[width : 2 * width], layers[2 * width :]
    return _layer(draw, first, second, 0, 0.5) + _layer(draw, second, third, 0.5, 1)


TYPOLOGY_RULES = (
    _fan_out,
    _fan_in,
    _cycle,
    _scatter_gather,
    _gather_scatter,
    _bipartite,
    _stack,
    _random,
)
# Payroll twice: it is the commonest harmless fan-out.
LOOK_ALIKE_RULES = (_fan_out, _fan_out, _fan_in, _gather_scatter, _cycle, _random)
