"""The catalogue: every rule that a finding may name, whoever finds it.

A rule speaks of a flaw, not of an engine or a language: ``reentrancy-state`` is one rule for
Vyper, for Solidity and for what another tool reports about either.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from counterpoise.audit.catalogue.rule import DASP, Rule
from counterpoise.core.errors import InputError

__all__ = ["DASP", "RULE_SET", "Rule", "all_rules", "rule_named"]

RULE_SET = "1"
"""Version of the rule set; it changes when a rule is added, or says other things than before."""

_PARTS = ("access", "calls", "values", "money", "solidity", "bytecode")


@cache
def all_rules() -> dict[str, Rule]:
    """Every rule by its id, sorted.

    >>> all_rules()["tx-origin"].swc
    'SWC-115'
    """
    found: dict[str, Rule] = {}
    for part in _PARTS:
        for rule in import_module(f"{__name__}.{part}").RULES:
            if rule.id in found:
                raise InputError(f"the rule {rule.id!r} is declared twice")
            found[rule.id] = rule
    return dict(sorted(found.items()))


def rule_named(name: str) -> Rule:
    """The rule of one id."""
    try:
        return all_rules()[name]
    except KeyError:
        raise InputError(
            f"no rule {name!r} in the catalogue", hint="see docs/explain/audit-rules.md"
        ) from None
