"""The detectors there are, and how to make them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from counterpoise.core.errors import InputError

if TYPE_CHECKING:
    from counterpoise.monitor.detector import Detector, Observer

_HERE = "counterpoise.monitor.detectors"

DETECTORS: Mapping[str, str] = {
    "laundering": f"{_HERE}.laundering:Laundering",
    "sandwich": f"{_HERE}.sandwich:Sandwich",
    "manipulation": f"{_HERE}.manipulation:Manipulation",
    "reentrancy": f"{_HERE}.reentrancy:Reentrancy",
    "approvals": f"{_HERE}.approvals:Approvals",
    "poisoning": f"{_HERE}.poisoning:Poisoning",
    "sybil": f"{_HERE}.sybil:Sybil",
    "rug": f"{_HERE}.rug:Rug",
    "screening": f"{_HERE}.screening:Screening",
    "wash": f"{_HERE}.washing:Washing",
    "timing": f"{_HERE}.timing:Timing",
}
"""Name of each detector, and ``module:class``; every class works without arguments."""

OBSERVERS: Mapping[str, str] = {"health": "counterpoise.monitor.health:Health"}
"""The same for what looks at how the chain itself behaves."""

__all__ = ["DETECTORS", "OBSERVERS", "make_detectors", "make_observers"]


def make_detectors(
    names: Sequence[str] | None = None,
    *,
    label_files: Sequence[str] = (),
    coins: Collection[bytes] | None = None,
    quotes: Collection[bytes] | None = None,
) -> tuple[Detector, ...]:
    """Make detectors.

    Parameters
    ----------
    names :
        Which; all if None, in the order of `DETECTORS`.
    label_files :
        Lists for screening, each a path or ``PATH@YYYY-MM-DD``; the shipped excerpt if empty.
    coins :
        Tokens of which one base unit is worth one wei, such as wrapped coins; the chain's own coin
        always is one. Gains in them are counted after the fees for gas.
    quotes :
        Tokens that others are priced in, besides `coins`, such as stablecoins.

    Raises
    ------
    InputError :
        A detector or a list is not there.
    """
    from counterpoise.monitor.blocks import NATIVE
    from counterpoise.monitor.labels import load_lists, shipped_labels

    chosen = list(DETECTORS) if names is None else list(names)
    coins = frozenset({NATIVE, *(coins or ())})
    given: dict[str, dict[str, Any]] = {
        "sandwich": {"coins": coins},
        "wash": {"quotes": coins | frozenset(quotes or ())},
    }
    if {"screening", "approvals"} & set(chosen):
        labels = load_lists(label_files) if label_files else shipped_labels()
        given |= {"screening": {"labels": labels}, "approvals": {"labels": labels}}
    return tuple(_made(DETECTORS, name, given.get(name, {})) for name in chosen)


def make_observers(names: Sequence[str] | None = None) -> tuple[Observer, ...]:
    """Make observers by name, all if None; `InputError` if there is none of a name."""
    return tuple(_made(OBSERVERS, name, {}) for name in (OBSERVERS if names is None else names))


def _made(table: Mapping[str, str], name: str, given: Mapping[str, Any]) -> Any:
    if name not in table:
        raise InputError(f"there is no {name!r}", hint=f"there are {', '.join(table)}")
    module, _, kind = table[name].partition(":")
    return getattr(import_module(module), kind)(**given)
