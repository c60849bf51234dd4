"""The rules of bonded answers, which ``Optimistic.vy`` agrees with for every history.

One book holds what every account can withdraw and what stands for every question. Tokens that are
held are always what the book says: balances, bonds of proposals, bonds of open demands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from counterpoise.core.errors import Reverted
from counterpoise.core.units import Address

NOBODY: Address = bytes(20)
"""Whose balance is what is to be burnt."""
Key = tuple[Address, int]


@dataclass
class Standing:
    """A proposal, with each leaf that was ever demanded and each demand that is open."""

    provider: Address
    claim: bytes
    proposed: int
    leaves: int
    touched: int = 0
    asked: set[int] = field(default_factory=set)
    demands: dict[int, tuple[Address, int]] = field(default_factory=dict)
    final: bool = False


@dataclass
class BondBook:
    """What the contract holds, owes and takes.

    Parameters
    ----------
    bond, demand_bond :
        In base units.
    liveness, reveal :
        In seconds.
    """

    bond: int
    demand_bond: int
    liveness: int
    reveal_seconds: int
    balances: dict[Address, int] = field(default_factory=dict)
    standing: dict[Key, Standing] = field(default_factory=dict)

    def held(self) -> int:
        """Give the tokens that the contract has."""
        open_ones = [one for one in self.standing.values() if not one.final]
        demands = sum(len(one.demands) for one in open_ones)
        bonds = len(open_ones) * self.bond + demands * self.demand_bond
        return sum(self.balances.values()) + bonds

    def balance(self, account: Address) -> int:
        """Give what an account can withdraw."""
        return self.balances.get(account, 0)

    def ends(self, key: Key) -> int:
        """Give the first second in which a proposal may be settled."""
        one = self.standing[key]
        after_demand = one.touched + 2 * self.reveal_seconds if one.asked else 0
        return max(one.proposed + self.liveness, after_demand)

    def status(self, key: Key) -> int:
        """Give the status as `IEvaluator.Verdict` counts it."""
        one = self.standing.get(key)
        if one is None:
            return 0
        return 3 if one.final else 2 if one.demands else 1

    def propose(self, who: Address, now: int, key: Key, claim: bytes, leaves: int) -> None:
        """Answer a question; whether it is asked and the answer fits is the chain's to check."""
        if key in self.standing:
            _refuse("a proposal stands")
        self.standing[key] = Standing(who, claim, now, leaves)
        self._take(who, self.bond)

    def convict(self, who: Address, key: Key, claim: bytes, *, is_false: bool) -> None:
        """Prove a cell of the trace that `claim` binds false."""
        one = self._open(key)
        if claim != one.claim:
            _refuse("not the trace in dispute")
        if not is_false:
            _refuse("the cell is right")
        self._fall(key, who)

    def demand(self, who: Address, now: int, key: Key, claim: bytes, leaf: int) -> None:
        """Demand a leaf."""
        one = self._open(key)
        if claim != one.claim:
            _refuse("another proposal stands")
        if leaf + 1 >= one.leaves:
            _refuse("no such leaf to demand")
        if leaf in one.asked:
            _refuse("already demanded")
        if now >= one.proposed + self.liveness:
            _refuse("too late to demand")
        one.touched = now
        one.asked.add(leaf)
        one.demands[leaf] = (who, now + self.reveal_seconds)
        self._take(who, self.demand_bond)

    def reveal(self, now: int, key: Key, leaf: int, *, is_right: bool) -> None:
        """Answer a demand; anyone may, and the provider is paid."""
        one = self._open(key)
        if leaf not in one.demands:
            _refuse("not demanded")
        if now >= one.demands[leaf][1]:
            _refuse("too late to reveal")
        if not is_right:
            _refuse("not the leaf")
        del one.demands[leaf]
        self._give(one.provider, self.demand_bond)

    def forfeit(self, now: int, key: Key, leaf: int) -> None:
        """Convict of a leaf that was not revealed in time, for who demanded it."""
        one = self._open(key)
        if leaf not in one.demands:
            _refuse("no open demand")
        demander, deadline = one.demands[leaf]
        if now < deadline:
            _refuse("time to reveal is left")
        self._fall(key, demander)

    def settle(self, now: int, key: Key) -> None:
        """Make an answer final."""
        one = self._open(key)
        if one.demands:
            _refuse("a demand stands open")
        if now < self.ends(key):
            _refuse("the window is open")
        one.final = True
        self._give(one.provider, self.bond)

    def withdraw(self, who: Address) -> int:
        """Take out a balance; give the amount."""
        amount = self.balances.pop(who, 0)
        return amount or _refuse("nothing to withdraw")

    def burn(self) -> int:
        """Burn what is nobody's; give the amount."""
        amount = self.balances.pop(NOBODY, 0)
        return amount or _refuse("nothing to burn")

    def _open(self, key: Key) -> Standing:
        if key not in self.standing:
            _refuse("no proposal stands")
        if self.standing[key].final:
            _refuse("already final")
        return self.standing[key]

    def _fall(self, key: Key, challenger: Address) -> None:
        one = self.standing.pop(key)
        for demander, _ in one.demands.values():
            self._give(demander, self.demand_bond)
        self._give(challenger, self.bond // 2)
        self._give(NOBODY, self.bond - self.bond // 2)

    def _take(self, who: Address, amount: int) -> None:
        self.balances[who] = max(0, self.balance(who) - amount)

    def _give(self, who: Address, amount: int) -> None:
        self.balances[who] = self.balance(who) + amount


def _refuse(why: str) -> NoReturn:
    raise Reverted("Optimistic", f"optimistic: {why}")
