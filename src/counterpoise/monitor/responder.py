"""From alerts to pauses: the reporter's side, with rules that bound what it stakes.

A reporter acts on what it is sure of and can prove: each pause costs its bond if the evaluator
finds the alert false. An alert that a reorg retracts afterwards is told, and the pause with it: the
reporter cannot take a pause back, the veto role can.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from counterpoise.chain import Account
from counterpoise.core.errors import Reverted
from counterpoise.core.units import PPM, Address
from counterpoise.monitor.alert import Alert, Severity
from counterpoise.monitor.guardian_client import GuardianClient, PauseCase, Ruling

if TYPE_CHECKING:
    from counterpoise.monitor.watch import Outcome


@dataclass(frozen=True, slots=True)
class Policy:
    """When a reporter pauses.

    Parameters
    ----------
    detectors :
        Whose alerts it acts on: those that point at a culprit by a rule, never a mere likeness.
    severity, confidence :
        The least of both; confidence in ppm.
    seconds :
        Longest pause; the target's own longest if None.
    at_stake :
        Most of its tokens in open bonds at one time, base units.
    """

    detectors: Set[str] = frozenset({"reentrancy", "manipulation"})
    severity: Severity = Severity.HIGH
    confidence: int = PPM // 2
    seconds: int | None = None
    at_stake: int = 1 << 96


@dataclass(frozen=True, slots=True)
class Action:
    """What was done about an alert: a pause, or why none."""

    alert: Alert
    target: Address
    case: PauseCase | None
    reason: str = ""


class Responder:
    """Watches over contracts that consented, on behalf of one bonded reporter.

    Parameters
    ----------
    targets :
        The contracts; an alert is about one if it names it among its entities.
    """

    def __init__(
        self,
        guardian: GuardianClient,
        reporter: Account,
        targets: Iterable[Address],
        policy: Policy | None = None,
    ) -> None:
        self.guardian, self.reporter = guardian, reporter
        self.targets, self.policy = tuple(targets), policy or Policy()

    def respond(self, outcome: Outcome) -> list[Action]:
        """Act on the alerts that a block raised; tell of pauses whose alert was retracted."""
        return self.act(outcome.raised, outcome.retracted)

    def act(self, raised: Iterable[Alert], retracted: Iterable[Alert] = ()) -> list[Action]:
        """The same for alerts from wherever; one that comes again pauses nobody again."""
        actions = [
            self._act(alert, target)
            for alert in raised
            if self._matters(alert)
            for target in self._concerned(alert)
        ]
        return actions + [one for alert in retracted for one in self._regret(alert)]

    def _matters(self, alert: Alert) -> bool:
        finding, policy = alert.finding, self.policy
        return (
            finding.detector in policy.detectors
            and finding.severity >= policy.severity
            and finding.confidence >= policy.confidence
        )

    def _concerned(self, alert: Alert) -> list[Address]:
        named = {entity.address for entity in alert.finding.entities}
        return [target for target in self.targets if target in named]

    def _act(self, alert: Alert, target: Address) -> Action:
        if reason := self._hindrance(alert, target):
            return Action(alert, target, None, reason)
        terms = self.guardian.terms_of(target)
        longest = terms.max_pause if terms else 0
        seconds = min(longest, self.policy.seconds or longest)
        try:
            case = self.guardian.pause(self.reporter, target, alert, seconds)
        except Reverted as refused:
            return Action(alert, target, None, refused.reason)
        return Action(alert, target, case)

    def _hindrance(self, alert: Alert, target: Address) -> str:
        """Why no pause can or need be asked for; empty if one can."""
        guardian, now = self.guardian, self.guardian.chain.block("latest").time
        terms = guardian.terms_of(target)
        if terms is None:
            return "the target has not consented"
        if guardian.paused_until(target) > now:
            return "paused already"
        if guardian.is_used(target, alert.digest):
            return "paused for this alert before"
        staked = sum(
            case.bond
            for case in guardian.cases()
            if case.reporter == self.reporter.address and case.outcome is Ruling.OPEN
        )
        if staked + terms.bond > self.policy.at_stake:
            return f"{staked} at stake already, {terms.bond} more would be too much"
        return ""

    def _regret(self, alert: Alert) -> list[Action]:
        """Pauses that stand for an alert which the chain no longer bears out."""
        now = self.guardian.chain.block("latest").time
        return [
            Action(alert, case.target, case, "its alert was retracted; the veto role can end it")
            for case in self.guardian.cases()
            if case.digest == alert.digest
            and case.reporter == self.reporter.address
            and case.until > now
        ]
