"""What may follow an audit, if it is asked for: attacks that are run, and a second opinion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoise.audit.audit import Outcome
from counterpoise.audit.findings import Finding

if TYPE_CHECKING:
    from counterpoise.audit.adjudicator import Endpoint

__all__ = ["SecondLook"]


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What was asked for.

    Parameters
    ----------
    prove :
        Whether attacks are generated and run for what they can show.
    url, model :
        Of the endpoint that is asked for an opinion; none where the address is empty.
    calls :
        Questions to the endpoint, at most.
    answers :
        Folder in which its answers are kept.
    """

    prove: bool = False
    url: str = ""
    model: str = ""
    calls: int = 90
    answers: Path | None = None

    def at(self, outcome: Outcome, tell: Callable[[str], None] = lambda line: None) -> Outcome:
        """The outcome with proofs, then with what doubts do to the confidence of the rest.

        Raises
        ------
        InputError :
            The endpoint's address or the model's name cannot be used.
        """
        asked = self._endpoint() if self.url or self.model else None
        if self.prove:
            from counterpoise.audit.proof import prove

            proven = prove(
                outcome.project,
                outcome.findings,
                on_attempt=lambda path, template: tell(f"attacks {path}: {template}"),
            )
            outcome = _with(outcome, proven.findings, proven.notes)
        if asked is not None:
            from counterpoise.audit.adjudicator import Budget, adjudicate

            opinion = adjudicate(
                outcome.project,
                outcome.findings,
                asked,
                budget=Budget(calls=self.calls),
                folder=self.answers,
                on_question=lambda path: tell(f"asks {self.model} about {path}"),
            )
            outcome = _with(outcome, opinion.findings, opinion.notes)
        return outcome

    def _endpoint(self) -> Endpoint:
        from counterpoise.audit.adjudicator import Endpoint

        return Endpoint(self.url, self.model)


def _with(outcome: Outcome, findings: tuple[Finding, ...], notes: tuple[str, ...]) -> Outcome:
    return replace(outcome, findings=findings, notes=tuple(sorted({*outcome.notes, *notes})))
