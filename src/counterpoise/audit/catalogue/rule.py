"""One rule: what it is called elsewhere, how bad it is, what to do."""

from __future__ import annotations

from dataclasses import dataclass

DASP = (
    "reentrancy",
    "access_control",
    "arithmetic",
    "unchecked_low_level_calls",
    "denial_of_service",
    "bad_randomness",
    "front_running",
    "time_manipulation",
    "short_addresses",
    "other",
)
"""The ten categories of DASP, as SmartBugs spells them."""

OF_SWC = {
    101: 682,
    104: 252,
    105: 284,
    106: 284,
    107: 841,
    109: 824,
    110: 670,
    112: 829,
    113: 703,
    114: 362,
    115: 477,
    116: 829,
    117: 347,
    118: 665,
    120: 330,
    121: 347,
    122: 345,
    123: 573,
    124: 123,
    126: 691,
    127: 695,
    128: 400,
    132: 667,
    133: 294,
    134: 655,
}
"""Weakness class (CWE) of each entry of the SWC registry that rules name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of flaw.

    Parameters
    ----------
    id :
        Stable; lower-case words with hyphens.
    title :
        A few words for a list.
    severity :
        ``"info"``, ``"low"``, ``"medium"`` or ``"high"``.
    dasp :
        One of `DASP`.
    owasp :
        OWASP Smart Contract Top 10 of 2025: ``"SC01"`` to ``"SC10"``; may be empty.
    advice :
        What to do, in one or two sentences.
    swc :
        Such as ``"SWC-107"``; empty where the registry has none.
    cwe :
        Such as ``"CWE-841"``; from the SWC entry where it is not given.
    """

    id: str
    title: str
    severity: str
    dasp: str
    owasp: tuple[str, ...]
    advice: str
    swc: str = ""
    cwe: str = ""


def rule(
    name: str,
    title: str,
    severity: str,
    dasp: str,
    owasp: str,
    advice: str,
    *,
    swc: int = 0,
    cwe: int = 0,
) -> Rule:
    """A rule, written in a table; `owasp` is ``"SC05"`` or ``"SC02 SC07"`` or empty."""
    if dasp not in DASP or severity not in ("info", "low", "medium", "high"):
        raise ValueError(f"the rule {name} has category {dasp!r} and severity {severity!r}")
    weakness = cwe or OF_SWC.get(swc, 0)
    return Rule(
        name,
        title,
        severity,
        dasp,
        tuple(owasp.split()),
        advice,
        f"SWC-{swc}" if swc else "",
        f"CWE-{weakness}" if weakness else "",
    )
