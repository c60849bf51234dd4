"""Whether a policy lets a job run: the checks that need no row, the same for node and auditor."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.core.units import Address, format_tokens
from counterpoise.jobs import NOBODY, Job
from counterpoise.market.compute_to_data.algorithms import CODE, EVALUATION, Manifest
from counterpoise.market.compute_to_data.ledger import Spent
from counterpoise.market.compute_to_data.policy import ANYONE, CONSENT, DataPolicy
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.market.compute_to_data.request import Condition, Request, used_columns
from counterpoise.market.compute_to_data.rows import Columns
from counterpoise.market.compute_to_data.shapes import bits_of, check_shapes

MARGIN = 600
"""Seconds that an escrow must still have before it expires, for the job to be begun."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an owner is paid: what a request must name."""

    owner: Address
    chain_id: int
    escrow: Address


def check_request(request: Request, place: Place, policy: DataPolicy, now: int) -> None:
    """Check that a request is for this owner, under this policy, in time.

    Raises
    ------
    NotAdmitted :
        By ``request``, ``policy``, ``buyer`` or ``purpose``.
    """
    if (request.owner, request.chain_id, request.escrow) != (
        place.owner,
        place.chain_id,
        place.escrow,
    ):
        raise NotAdmitted("request", "the request is for another owner, chain or escrow")
    if now > request.until:
        raise NotAdmitted("request", f"it was to be run until {request.until}, it is {now}")
    if request.policy != policy.digest:
        raise NotAdmitted(
            "policy",
            "another policy is in force than the one that the request names",
            hint="read the policy in force and ask again",
        )
    if now > policy.expires:
        raise NotAdmitted("policy", f"the policy expired at {policy.expires}")
    if policy.buyers not in (ANYONE, CONSENT) and request.buyer not in policy.buyers:
        raise NotAdmitted("buyer", "the policy names other buyers")
    if policy.buyers == CONSENT and not request.consent:
        raise NotAdmitted("buyer", "the policy asks for the owner's consent statement")
    if bool(request.seal) == policy.disclosure.is_public:
        wanted = "no key: results are public" if request.seal else "a key to seal the result to"
        raise NotAdmitted("request", f"the policy asks for {wanted}")
    if request.purpose not in policy.purposes:
        raise NotAdmitted("purpose", f"the policy admits: {', '.join(policy.purposes)}")


def check_algorithm(
    request: Request, policy: DataPolicy, manifest: Manifest, columns: Columns
) -> None:
    """Check what is to be run, on which columns, and how it is disclosed.

    Raises
    ------
    NotAdmitted :
        By ``algorithm``, ``columns``, ``parameters``, ``bits`` or ``noise``.
    """
    if request.algorithm not in policy.algorithms or manifest.digest != request.algorithm:
        raise NotAdmitted("algorithm", "the policy does not admit this algorithm")
    for name in used_columns(request):
        columns.place(name)
        if name not in policy.columns:
            raise NotAdmitted("columns", f"the policy does not let {name!r} be used")
    if not request.columns:
        raise NotAdmitted("columns", "the job uses no column")
    for one in request.where:
        _check_condition(one, columns)
    if manifest.kind == CODE:
        check_shapes("parameters", request.parameters, manifest.parameters)
        bits = bits_of(manifest.outputs)
        if bits > policy.disclosure.bits_a_job:
            raise NotAdmitted(
                "bits", f"{bits} bits could leave, at most {policy.disclosure.bits_a_job} a job"
            )
    noise = policy.disclosure.noise
    wanted = manifest.kind == EVALUATION and noise is not None
    if bool(request.noise) != wanted or (noise and request.noise > noise.most_a_job):
        most = noise.most_a_job if noise and wanted else 0
        raise NotAdmitted("noise", f"{request.noise} millionths of an epsilon, 1 to {most} wanted")


def _check_condition(one: Condition, columns: Columns) -> None:
    if one.column == columns.label:
        raise NotAdmitted("columns", "the outcome chooses no rows: it is what is counted")
    least, most = columns.bounds(one.column)
    if not least <= one.least <= one.most <= most:
        raise NotAdmitted("parameters", f"{one.column!r} goes from {least} to {most}")


def check_money(request: Request, policy: DataPolicy, job: Job, now: int) -> None:
    """Check the escrow of a request.

    Raises
    ------
    NotAdmitted :
        By ``money``.
    """
    if (job.client, job.provider) != (request.buyer, request.owner):
        raise NotAdmitted("money", "the escrow is not between the request's buyer and owner")
    if job.budget < max(policy.price, request.price):
        price = format_tokens(max(policy.price, request.price))
        raise NotAdmitted("money", f"{format_tokens(job.budget)} tokens in escrow of {price}")
    if policy.evaluators is not None and job.evaluator not in policy.evaluators:
        raise NotAdmitted("money", "the policy names other evaluators")
    if job.hook not in (NOBODY, job.evaluator):
        raise NotAdmitted("money", "the escrow has a hook that could hold the pay back")
    if job.expires < now + MARGIN:
        raise NotAdmitted("money", f"the escrow expires in less than {MARGIN} s")


def check_spent(request: Request, policy: DataPolicy, manifest: Manifest, spent: Spent) -> None:
    """Check that one more job fits what is left.

    Raises
    ------
    NotAdmitted :
        By ``jobs``, ``bits`` or ``noise``.
    """
    shown = policy.disclosure
    if spent.by_buyer.get(request.buyer, 0) >= policy.jobs_a_buyer:
        raise NotAdmitted("jobs", f"{policy.jobs_a_buyer} jobs a buyer are used up")
    if spent.jobs >= policy.jobs_in_all:
        raise NotAdmitted("jobs", f"{policy.jobs_in_all} jobs in all are used up")
    if spent.bits + cost_in_bits(manifest) > shown.bits_in_all:
        raise NotAdmitted("bits", f"of {shown.bits_in_all} bits in all {spent.bits} are used up")
    if shown.noise and spent.noise + request.noise > shown.noise.in_all:
        raise NotAdmitted(
            "noise", f"of {shown.noise.in_all} millionths of an epsilon {spent.noise} are used up"
        )


def cost_in_bits(manifest: Manifest) -> int:
    """Give the bits that a job of this algorithm is charged: own code's declaration."""
    return bits_of(manifest.outputs) if manifest.kind == CODE else 0
