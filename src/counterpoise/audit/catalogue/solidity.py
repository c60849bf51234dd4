"""Rules about what only Solidity has."""

from counterpoise.audit.catalogue.rule import Rule

RULES: tuple[Rule, ...] = ()
