"""Typed calls to the guardian: bonded pauses, vetoes, rulings, and what became of each case."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Any

from counterpoise.chain import Account, Chain, Contract, Event, Receipt, deploy
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.jobs import TokenClient
from counterpoise.monitor.alert import Alert


class Ruling(enum.IntEnum):
    """How a case ended."""

    WRONG = 0
    RIGHT = 1
    LAPSED = 2
    OPEN = 3


@dataclass(frozen=True, slots=True)
class GuardianTerms:
    """On what a contract lets itself be paused; times in seconds, amounts in base units.

    Parameters
    ----------
    max_pause :
        Longest single pause.
    cooldown :
        Least time between the end of a pause and the next.
    period, most_per_period :
        At most so many seconds of pause in a period.
    bond, bounty :
        What a reporter stakes on an alert, and what a true one brings it from the deposit.
    ruling_seconds :
        How long the evaluator has to rule.
    evaluator, veto :
        Who rules on an alert; who may end a pause at once.
    """

    max_pause: int
    cooldown: int
    period: int
    most_per_period: int
    bond: int
    bounty: int
    ruling_seconds: int
    evaluator: Address
    veto: Address

    def values(self) -> tuple[Any, ...]:
        """The members in the contract's order: what a target passes to ``consent``."""
        return astuple(self)


@dataclass(frozen=True, slots=True)
class PauseCase:
    """One pause and the alert it stands for.

    Parameters
    ----------
    digest :
        Of the alert (`Alert.digest`).
    until :
        When the pause ends, or ended; Unix seconds.
    rule_by :
        Until when the evaluator may rule; 0 once the case is closed.
    bond, bounty :
        At stake, base units.
    vetoed :
        When a veto ended the pause; 0 if none did.
    """

    number: int
    target: Address
    reporter: Address
    digest: bytes
    started: int
    until: int
    rule_by: int
    bond: int
    bounty: int
    vetoed: int
    outcome: Ruling


class GuardianClient:
    """The guardian at one address.

    Parameters
    ----------
    contract :
        The deployed ``Guardian``.
    token :
        The token of bonds and bounties; approvals are given as they are needed.
    """

    def __init__(self, contract: Contract, token: TokenClient) -> None:
        self.contract, self.token = contract, token

    @classmethod
    def deploy(cls, chain: Chain, account: Account, token: TokenClient) -> GuardianClient:
        """Deploy a guardian that takes bonds in a token."""
        return cls(deploy(chain, account, "Guardian", token.address), token)

    @property
    def address(self) -> Address:
        """The guardian's address."""
        return self.contract.address

    @property
    def chain(self) -> Chain:
        """The chain it is on."""
        return self.contract.chain

    def terms_of(self, target: Address) -> GuardianTerms | None:
        """The terms that a target consented to; None if it did not, or has left."""
        terms = GuardianTerms(*self.contract.call("terms_of", target))
        return terms if terms.bond else None

    def paused_until(self, target: Address) -> int:
        """Until when a target is paused, Unix seconds; it is if this lies in the future."""
        return int(self.contract.call("paused_until", target))

    def is_used(self, target: Address, digest: bytes) -> bool:
        """Whether a target was paused for this alert before."""
        return bool(self.contract.call("is_used", target, digest))

    def deposit_of(self, target: Address) -> int:
        """What is left to pay bounties about a target from, base units."""
        return int(self.contract.call("deposit_of", target))

    def credit_of(self, account: Address) -> int:
        """What an account can withdraw, base units."""
        return int(self.contract.call("credit", account))

    def deposit(self, payer: Account, target: Address, amount: int) -> Receipt:
        """Add to what bounties about a target are paid from."""
        self._allow(payer, amount)
        return self.contract.transact(payer, "deposit", target, amount)

    def pause(
        self, reporter: Account, target: Address, alert: Alert | bytes, seconds: int | None = None
    ) -> PauseCase:
        """Pause a target for an alert, given whole or by its digest, and stand for it with a bond.

        Parameters
        ----------
        seconds :
            How long; as long as the target allows if None.

        Raises
        ------
        InputError :
            The target never consented.
        Reverted :
            It is paused already, cooling down, was paused for this alert, or the bond is missing.
        """
        terms = self.terms_of(target)
        if terms is None:
            raise InputError(
                f"0x{target.hex()} has not consented to be paused",
                hint="its owner lets it call Guardian.consent(terms)",
            )
        digest = alert.digest if isinstance(alert, Alert) else alert
        self._allow(reporter, terms.bond)
        longest = terms.max_pause if seconds is None else seconds
        receipt = self.contract.transact(reporter, "pause", target, digest, longest)
        (paused,) = (e for e in self.contract.events_in(receipt) if e.name == "Paused")
        return self.case(int(paused.args["case_id"]))

    def veto(self, account: Account, target: Address) -> Receipt:
        """End a target's pause at once."""
        return self.contract.transact(account, "veto", target)

    def rule(self, evaluator: Account, number: int, *, is_true: bool) -> Receipt:
        """Say whether a case's alert was true: the bond goes to the target, or back with bounty."""
        return self.contract.transact(evaluator, "rule", number, is_true)

    def lapse(self, account: Account, number: int) -> Receipt:
        """Close a case that nobody ruled on in time; the bond goes back."""
        return self.contract.transact(account, "lapse", number)

    def withdraw(self, sender: Account, account: Address | None = None) -> Receipt:
        """Pay an account (the sender if None) what it has to its credit."""
        return self.contract.transact(sender, "withdraw", account or sender.address)

    def case(self, number: int) -> PauseCase:
        """One case, open or closed, by its number.

        Raises
        ------
        InputError :
            There is no such case.
        """
        found = next((one for one in self.cases() if one.number == number), None)
        if found is None:
            raise InputError(f"the guardian has no case {number}", hint="numbers begin with 1")
        return found

    def cases(self, target: Address | None = None) -> Iterator[PauseCase]:
        """Every case, or those of one target, oldest first, from the guardian's events."""
        events = self.contract.events()
        ruled = {e.args["case_id"]: Ruling(e.args["outcome"]) for e in events if e.name == "Ruled"}
        for event in events:
            if event.name == "Paused" and target in (None, event.args["target"]):
                number = int(event.args["case_id"])
                yield self._case(event, ruled.get(number, Ruling.OPEN), _veto(event, events))

    def _case(self, paused: Event, outcome: Ruling, vetoed: int) -> PauseCase:
        args, number = paused.args, int(paused.args["case_id"])
        started = self.chain.block(paused.block_number).time
        rule_by = int(self.contract.call("case", number)[4]) if outcome is Ruling.OPEN else 0
        return PauseCase(
            number,
            args["target"],
            args["reporter"],
            args["digest"],
            started,
            vetoed or int(args["until"]),
            rule_by,
            int(args["bond"]),
            int(args["bounty"]),
            vetoed,
            outcome,
        )

    def _allow(self, payer: Account, amount: int) -> None:
        """Approve exactly what is about to be taken, where it may not be taken yet."""
        if self.token.allowance(payer.address, self.address) < amount:
            self.token.approve(payer, self.address, amount)


def _veto(paused: Event, events: list[Event]) -> int:
    """When a veto ended this pause: one of the same target, while it ran."""
    begun = (paused.block_number, paused.log_index)
    return next(
        (
            int(event.args["time"])
            for event in events
            if event.name == "Vetoed"
            and event.args["target"] == paused.args["target"]
            and (event.block_number, event.log_index) > begun
            and int(event.args["time"]) < int(paused.args["until"])
        ),
        0,
    )
