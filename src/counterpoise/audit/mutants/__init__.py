"""Bugs put into contracts on purpose, to measure what the rules find."""

from __future__ import annotations

from counterpoise.audit.mutants.corpus import Measured, Tally, measure, tallies
from counterpoise.audit.mutants.operators import OPERATORS, Mutant, mutants_of

__all__ = ["OPERATORS", "Measured", "Mutant", "Tally", "measure", "mutants_of", "tallies"]
