"""Attacks that are generated and run on a chain of their own: what succeeds is proof."""

from counterpoise.audit.proof.attacks import Target, Task, attempt
from counterpoise.audit.proof.proving import Proving, prove

__all__ = ["Proving", "Target", "Task", "attempt", "prove"]
