"""Leaves modules of engines that are not installed out of the search for examples in docstrings."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("ezkl") else ["src/counterpoise/verification/engines/ezkl.py"]
