"""The credit token, jobs in escrow (ERC-8183), stakes and cumulative claims."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.jobs.claims import NO_CLAIMS, CumulativeClaims
    from counterpoise.jobs.client import JobsClient
    from counterpoise.jobs.cohort_client import (
        Authorization,
        CohortClient,
        CohortTerms,
        Joined,
        Purse,
    )
    from counterpoise.jobs.cohort_rules import Member, Stage
    from counterpoise.jobs.rules import NOBODY, Job, Status
    from counterpoise.jobs.token import Payment, Permit, TokenClient

_HOMES = {
    "claims": ("NO_CLAIMS", "CumulativeClaims"),
    "client": ("JobsClient",),
    "cohort_client": ("Authorization", "CohortClient", "CohortTerms", "Joined", "Purse"),
    "cohort_rules": ("Member", "Stage"),
    "rules": ("NOBODY", "Job", "Status"),
    "token": ("Payment", "Permit", "TokenClient"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Authorization",
    "CohortClient",
    "CohortTerms",
    "CumulativeClaims",
    "Job",
    "JobsClient",
    "Joined",
    "Member",
    "NOBODY",
    "NO_CLAIMS",
    "Payment",
    "Permit",
    "Purse",
    "Stage",
    "Status",
    "TokenClient",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
