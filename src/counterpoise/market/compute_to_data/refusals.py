"""Why a job is not run, or its result does not leave: every reason has a rule's name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from counterpoise.core.errors import InputError

RULES: Mapping[str, str] = MappingProxyType(
    {
        "request": "the request is whole, for this owner, chain and escrow, and in time",
        "replay": "one request is answered once, whatever was paid",
        "policy": "the request names the policy in force",
        "buyer": "the policy admits this buyer",
        "purpose": "the policy admits this purpose",
        "algorithm": "the owner has admitted this algorithm",
        "code": "the code at hand is the code that was admitted",
        "parameters": "the parameters are as the algorithm declares them",
        "columns": "the policy lets these columns be used",
        "model": "the model and its card are at hand, and are those named",
        "money": "the escrow holds the price, for this request and these parties, long enough",
        "jobs": "the policy's numbers of jobs are not used up",
        "bits": "what may leave in all, in bits, is not used up",
        "noise": "the budget of noise is not used up",
        "rows": "a group has at least so many rows",
        "overlap": "no group of this job and of earlier ones together sets few rows apart",
        "limits": "the code keeps to its time, memory and calls",
        "output": "what leaves is what the algorithm declares",
        "task": "the policy admits this training task",
    }
)
"""Each rule by its name, as a refusal states it."""


class NotAdmitted(InputError):
    """A job that the policy does not let run, or whose result it does not let leave.

    Parameters
    ----------
    rule :
        One of `RULES`.
    message :
        What was found and what was wanted; it never tells a value of a row.
    """

    def __init__(self, rule: str, message: str, *, hint: str = "") -> None:
        if rule not in RULES:
            raise KeyError(rule)
        super().__init__(message, hint=hint or RULES[rule])
        self.rule = rule
