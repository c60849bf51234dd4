"""A buyer's job goes to rows that it cannot see; what leaves, their owner's policy says."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.market.compute_to_data.algorithms import (
        Manifest,
        evaluation_algorithm,
        own_code,
        training_algorithm,
    )
    from counterpoise.market.compute_to_data.answers import Answer
    from counterpoise.market.compute_to_data.auditing import audit_data_jobs
    from counterpoise.market.compute_to_data.buying import Asked, DataBuyer
    from counterpoise.market.compute_to_data.checks import verify_data_jobs
    from counterpoise.market.compute_to_data.evaluation import Question
    from counterpoise.market.compute_to_data.home import OwnerHome
    from counterpoise.market.compute_to_data.node import DataNode
    from counterpoise.market.compute_to_data.offering import DataOwner, co_sign
    from counterpoise.market.compute_to_data.policy import DataPolicy
    from counterpoise.market.compute_to_data.refusals import NotAdmitted
    from counterpoise.market.compute_to_data.request import Condition, Request
    from counterpoise.market.compute_to_data.rows import Columns
    from counterpoise.market.compute_to_data.terms import Disclosure, Noise, Training

_HOMES = {
    "algorithms": ("Manifest", "evaluation_algorithm", "own_code", "training_algorithm"),
    "answers": ("Answer",),
    "auditing": ("audit_data_jobs",),
    "buying": ("Asked", "DataBuyer"),
    "checks": ("verify_data_jobs",),
    "evaluation": ("Question",),
    "home": ("OwnerHome",),
    "node": ("DataNode",),
    "offering": ("DataOwner", "co_sign"),
    "policy": ("DataPolicy",),
    "refusals": ("NotAdmitted",),
    "request": ("Condition", "Request"),
    "rows": ("Columns",),
    "terms": ("Disclosure", "Noise", "Training"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "Asked",
    "Columns",
    "Condition",
    "DataBuyer",
    "DataNode",
    "DataOwner",
    "DataPolicy",
    "Disclosure",
    "Manifest",
    "Noise",
    "NotAdmitted",
    "OwnerHome",
    "Question",
    "Request",
    "Training",
    "audit_data_jobs",
    "co_sign",
    "evaluation_algorithm",
    "own_code",
    "training_algorithm",
    "verify_data_jobs",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
