"""The demonstration `counterpoise demo monitor`: a chain under attack, watched, paused, told."""

from pathlib import Path

STAGED = Path(__file__).parent / "staged"
"""The contracts of the stage: lower-case names, for they never ship as contracts of the package."""
