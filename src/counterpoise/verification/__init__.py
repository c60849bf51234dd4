"""Evaluators: who decides what a model's answer is, and how strongly it is proven."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.verification.challenger import Challenger, Dispute
    from counterpoise.verification.direct import Direct, DirectClient
    from counterpoise.verification.evaluators import Verdict, fetch_verdict
    from counterpoise.verification.job_desk import JobDeskClient, JobTerms
    from counterpoise.verification.optimistic import Optimistic
    from counterpoise.verification.optimistic_client import OptimisticClient, OptimisticTerms
    from counterpoise.verification.prover import Evidence, Level, Prover, Request, Status
    from counterpoise.verification.quorum import Quorum, QuorumClient
    from counterpoise.verification.quorum_rules import Fault, QuorumTerms, SignedAnswer

_HOMES = {
    "challenger": ("Challenger", "Dispute"),
    "direct": ("Direct", "DirectClient"),
    "evaluators": ("Verdict", "fetch_verdict"),
    "job_desk": ("JobDeskClient", "JobTerms"),
    "optimistic": ("Optimistic",),
    "optimistic_client": ("OptimisticClient", "OptimisticTerms"),
    "prover": ("Evidence", "Level", "Prover", "Request", "Status"),
    "quorum": ("Quorum", "QuorumClient"),
    "quorum_rules": ("Fault", "QuorumTerms", "SignedAnswer"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Challenger",
    "Direct",
    "DirectClient",
    "Dispute",
    "Evidence",
    "Fault",
    "JobDeskClient",
    "JobTerms",
    "Level",
    "Optimistic",
    "OptimisticClient",
    "OptimisticTerms",
    "Prover",
    "Quorum",
    "QuorumClient",
    "QuorumTerms",
    "Request",
    "SignedAnswer",
    "Status",
    "Verdict",
    "fetch_verdict",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
