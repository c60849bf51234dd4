"""Escrows whose evaluator is also their hook: acceptance, where silence pays the owner."""

from __future__ import annotations

from counterpoise.chain import Contract, artifact
from counterpoise.core.errors import ChainError, InputError
from counterpoise.jobs import NOBODY, Job
from counterpoise.market.acceptance_client import AcceptanceClient
from counterpoise.market.compute_to_data.admission import MARGIN
from counterpoise.market.compute_to_data.policy import DataPolicy
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.network import Network


def check_case(network: Network, policy: DataPolicy, number: int, job: Job, now: int) -> None:
    """Check what a buyer agreed with the contract of acceptance, where it decides.

    The contract and the arbiter are the network's own, or named by the policy; and there is time
    left for every window after the delivery.

    Raises
    ------
    NotAdmitted :
        By ``money``.
    """
    if job.hook == NOBODY:
        return
    named = policy.evaluators or ()
    if job.evaluator not in (network.charter.contracts.get("Acceptance"), *named):
        raise NotAdmitted("money", "the escrow has a hook that its owner does not know")
    acceptance = acceptance_at(network, job)
    try:
        terms = acceptance.case(number).terms
        arbiters = (acceptance.usual_terms(job.budget).arbiter, *named)
    except (ChainError, InputError) as error:
        raise NotAdmitted("money", f"the hook tells no terms: {error.message}") from error
    if terms.arbiter not in arbiters:
        raise NotAdmitted("money", "the buyer named an arbiter that the policy does not")
    if now + MARGIN + terms.seconds > job.expires:
        raise NotAdmitted("money", f"the escrow expires before its windows of {terms.seconds} s")


def acceptance_at(network: Network, job: Job) -> AcceptanceClient:
    """Give the contract of acceptance that decides a job."""
    return AcceptanceClient(Contract(network.chain, job.evaluator, artifact("Acceptance")))
