"""What is known at one point of a function, and how paths meet again."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.audit.vyper.events import Fact
from counterpoise.audit.vyper.program import Key
from counterpoise.audit.vyper.values import Value, Values

__all__ = ["State", "assume", "join"]

MOST_ALTERNATIVES = 24
"""Facts of one path that a meeting remembers; with more, only what both paths share is kept."""


@dataclass(slots=True)
class State:
    """A point on a path.

    Parameters
    ----------
    env :
        Value of each local variable.
    facts :
        What holds here.
    last :
        Ids of the events that can have happened just before.
    """

    env: dict[Key, Value]
    facts: frozenset[Fact]
    last: frozenset[int]

    def copy(self) -> State:
        """A state that can go its own way."""
        return State(dict(self.env), self.facts, self.last)


def assume(state: State, condition: Value, truth: bool) -> State | None:
    """The state once a condition is known to hold, or not; None where that cannot be."""
    found = _facts(condition, truth)
    if found is None:
        return None
    state.facts |= found
    return state


def _facts(condition: Value, truth: bool) -> frozenset[Fact] | None:  # noqa: PLR0911 - one a form
    if condition.op == "lit" and condition.tag in ("True", "False"):
        return frozenset() if (condition.tag == "True") == truth else None
    if condition.op == "not":
        return _facts(condition.args[0], not truth)
    if (condition.op == "and" and truth) or (condition.op == "or" and not truth):
        found: frozenset[Fact] = frozenset()
        for arg in condition.args:
            part = _facts(arg, truth)
            if part is None:
                return None
            found |= part
        return found
    if condition.op in ("or", "and", "phi"):
        possible = [arg for arg in condition.args if _facts(arg, truth) is not None]
        if len(possible) == 1:
            return _facts(possible[0], truth)
        if not possible and condition.op != "phi":
            return None
    return frozenset([(condition, truth)])


def join(values: Values, states: list[State]) -> State | None:
    """The state where paths meet: what holds on all of them, and their difference as "either"."""
    if not states:
        return None
    if len(states) == 1:
        return states[0]
    first, *others = states
    env = {}
    for key, value in first.env.items():
        if all(key in other.env for other in others):
            options = [value, *(other.env[key] for other in others)]
            env[key] = value if all(o is value for o in options) else values.phi(*options)
    common = frozenset.intersection(*(state.facts for state in states))
    rests = [state.facts - common for state in states]
    if all(0 < len(rest) <= MOST_ALTERNATIVES for rest in rests):
        branches = {id(v): v for v in (_conjunction(values, rest) for rest in rests)}
        if len(branches) > 1:
            common |= {(values.make("either", "", *branches.values()), True)}
    return State(env, common, frozenset().union(*(state.last for state in states)))


def _conjunction(values: Values, facts: frozenset[Fact]) -> Value:
    ordered = sorted(facts, key=lambda fact: (fact[0].serial, fact[1]))
    parts = [value if truth else values.make("not", "", value) for value, truth in ordered]
    return parts[0] if len(parts) == 1 else values.make("and", "", *parts)
