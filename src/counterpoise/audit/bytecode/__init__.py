"""Deployed code without its source: a walk over its blocks, and rules over what the walk saw."""

from counterpoise.audit.bytecode.analyse import Reading, analyse_code
from counterpoise.audit.bytecode.code import Code, read_code

__all__ = ["Code", "Reading", "analyse_code", "read_code"]
