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
    from counterpoise.verification.provers import level_of, prover_of
    from counterpoise.verification.ptau import import_ptau
    from counterpoise.verification.quorum import Quorum, QuorumClient
    from counterpoise.verification.quorum_rules import Fault, QuorumTerms, SignedAnswer
    from counterpoise.verification.srs import Srs, find_srs, load_srs, make_development_srs
    from counterpoise.verification.zk import Zk, ZkClient
    from counterpoise.verification.zk_key import ZkKey, check_key, load_key, make_key
    from counterpoise.verification.zk_verifier import (
        build_verifier,
        check_runtime,
        deploy_verifier,
        load_verifier,
    )

_HOMES = {
    "challenger": ("Challenger", "Dispute"),
    "direct": ("Direct", "DirectClient"),
    "evaluators": ("Verdict", "fetch_verdict"),
    "job_desk": ("JobDeskClient", "JobTerms"),
    "optimistic": ("Optimistic",),
    "optimistic_client": ("OptimisticClient", "OptimisticTerms"),
    "prover": ("Evidence", "Level", "Prover", "Request", "Status"),
    "provers": ("level_of", "prover_of"),
    "ptau": ("import_ptau",),
    "quorum": ("Quorum", "QuorumClient"),
    "quorum_rules": ("Fault", "QuorumTerms", "SignedAnswer"),
    "srs": ("Srs", "find_srs", "load_srs", "make_development_srs"),
    "zk": ("Zk", "ZkClient"),
    "zk_key": ("ZkKey", "check_key", "load_key", "make_key"),
    "zk_verifier": ("build_verifier", "check_runtime", "deploy_verifier", "load_verifier"),
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
    "Srs",
    "Status",
    "Verdict",
    "Zk",
    "ZkClient",
    "ZkKey",
    "build_verifier",
    "check_key",
    "check_runtime",
    "deploy_verifier",
    "fetch_verdict",
    "find_srs",
    "import_ptau",
    "level_of",
    "load_key",
    "load_srs",
    "load_verifier",
    "make_development_srs",
    "make_key",
    "prover_of",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
