"""Reports of an audit, in the four formats that the command line offers."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from counterpoise.audit.audit import Outcome

__all__ = ["FORMATS", "write_report"]

FORMATS = ("text", "json", "sarif", "markdown")


def write_report(outcome: Outcome, form: str) -> str:
    """The report of an audit, as text that ends in a newline.

    Parameters
    ----------
    form :
        One of `FORMATS`. All but ``text`` are the same bytes for the same input: nothing in them
        tells a time, a machine or a folder outside of the project.
    """
    home = importlib.import_module(f"{__name__}.{form}_form")
    writer: Callable[[Outcome], str] = home.write
    return writer(outcome)
