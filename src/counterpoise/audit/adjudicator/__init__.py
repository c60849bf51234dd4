"""A second opinion from a language model: off unless asked for, and never the last word."""

from counterpoise.audit.adjudicator.adjudication import Adjudicated, Budget, adjudicate
from counterpoise.audit.adjudicator.endpoint import Endpoint

__all__ = ["Adjudicated", "Budget", "Endpoint", "adjudicate"]
