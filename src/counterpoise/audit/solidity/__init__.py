"""Solidity: the compiler's tree, graphs of what can happen, and our rules over them."""

from counterpoise.audit.solidity.contracts import Unit, unit_of
from counterpoise.audit.solidity.rules import Hint, hints

__all__ = ["Hint", "Unit", "hints", "unit_of"]
