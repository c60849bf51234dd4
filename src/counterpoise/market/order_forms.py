"""What an order's verbs read and tell: what is ordered, what stands of it, who moves next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoise.core.errors import InputError
from counterpoise.core.units import format_tokens, parse_address, parse_tokens, to_checksum

if TYPE_CHECKING:
    from counterpoise.market.acceptance_client import AcceptanceClient
    from counterpoise.market.cli import Desk
    from counterpoise.market.orders import Orders
    from counterpoise.market.orders_said import OrderTerms

HOUR, DAY = 3_600, 86_400
Answer = tuple[dict[str, Any], list[str]]

NEXT = {
    "agreed": "the provider submits before {ends}; then anyone concludes: refund",
    "delivered": "the client accepts or objects before {ends}; then anyone concludes: pay",
    "objected": "the provider defends before {ends}; then anyone concludes: refund",
    "defended": "the arbiter rules before {ends}; then anyone concludes: refund",
}
"""Who moves next in each stage of acceptance, and what silence makes of it."""


def desk_of(desk: Desk) -> tuple[Orders, AcceptanceClient]:
    """Open the orders of a network, with the evaluators that are hooks of their jobs."""
    from counterpoise.jobs import JobsClient
    from counterpoise.market.acceptance_client import AcceptanceClient
    from counterpoise.market.orders import Orders
    from counterpoise.verification import JobDeskClient

    network = desk.network
    acceptance = AcceptanceClient(network.contract("Acceptance"))
    proofs = JobDeskClient(network.contract("JobDesk"))
    jobs = JobsClient(network.contract("Jobs"))
    return Orders(jobs, network.store, [acceptance, proofs]), acceptance


def party(desk: Desk, text: str) -> bytes:
    """Read an address, or the name of a contract of the network or of a local account."""
    if text.startswith("0x"):
        return parse_address(text)
    contracts = desk.network.charter.contracts
    return contracts[text] if text in contracts else desk.network.account(text).address


def described(desk: Desk, number: int) -> Answer:
    """Give everything that the chain says of an order, as a record and as lines."""
    orders, acceptance = desk_of(desk)
    found = orders.order(number)
    job = found.job
    record: dict[str, Any] = {
        "order": number,
        "status": job.status.name.lower(),
        "budget": format_tokens(job.budget),
        "agreed": found.agreed.hex(),
        "client": to_checksum(job.client),
        "provider": to_checksum(job.provider),
        "evaluator": to_checksum(job.evaluator),
        "expires": job.expires,
        "deliverable": found.deliverable.hex() if found.deliverable else None,
        "sealed": found.key is not None,
    }
    if job.evaluator == acceptance.address and job.status.name != "OPEN":
        case = acceptance.case(number)
        stage = case.stage.name.lower()
        record |= {
            "stage": stage,
            "bond": format_tokens(case.terms.bond),
            "arbiter": to_checksum(case.terms.arbiter),
        }
        if case.ends is not None:
            record["next"] = NEXT[stage].format(ends=case.ends)
        ended = acceptance.outcome(number)
        record["outcome"] = ended[0].name.lower().replace("_", " ") if ended else None
    width = max(map(len, record))
    return record, [f"{key:<{width}}  {value}" for key, value in record.items()]


def listed(desk: Desk, numbers: Sequence[int], nothing: str) -> Answer:
    """Give some orders as a record and as one line each."""
    records = [described(desk, number)[0] for number in numbers]
    lines = [
        f"{one['order']:>4}  {one['status']:<9}  {one['budget']:>12} tokens  {one['agreed'][:16]}"
        for one in records
    ]
    return {"orders": records}, lines or [nothing]


def terms_of(
    desk: Desk,
    agreed: str,
    provider: str | None,
    budget: str | None,
    evaluator: str,
    days: float,
    is_private: bool,
) -> OrderTerms:
    """Read what is ordered; an offer says whom to pay and how much.

    Raises
    ------
    InputError :
        Provider or budget are said nowhere.
    VerificationError :
        The offer is for another chain, or does not hold any more.
    """
    from counterpoise.market.offers import read_offer
    from counterpoise.market.orders_said import OrderTerms
    from counterpoise.provenance import Envelope

    now = desk.network.chain.block().time
    amount = parse_tokens(budget) if budget else None
    worker = party(desk, provider) if provider else None
    if len(agreed) == 64 and all(sign in "0123456789abcdef" for sign in agreed):
        digest = bytes.fromhex(agreed)
    else:
        envelope = Path(agreed).read_bytes()
        statement = Envelope.from_bytes(envelope).statement
        digest = statement.digest
        if statement.predicate_type.rstrip("/").endswith("/offer/v1"):
            offer, _ = read_offer(envelope)
            network = f"eip155:{desk.network.chain.chain_id()}"
            offer.check(resource=offer.resource, now=now, payer=desk.account.address)
            if (offer.network, offer.token) != (network, token_of(desk)):
                raise InputError(f"the offer is for {offer.network}, or for another token")
            amount, worker = amount or offer.amount, worker or offer.pay_to
    if worker is None or amount is None:
        raise InputError("nobody is said to work, or for how much", hint="--provider, --budget")
    expires = now + round(days * DAY)
    return OrderTerms(digest, worker, party(desk, evaluator), amount, expires, is_private)


def params_of(
    desk: Desk, number: int, arbiter: str | None, bond: str | None, hours: float | None
) -> bytes:
    """Give what funding tells the hook: nothing for the usual terms, or the terms as changed."""
    changes: dict[str, Any] = {}
    if arbiter:
        changes["arbiter"] = party(desk, arbiter)
    if bond:
        changes["bond"] = parse_tokens(bond)
    if hours:
        spans = ("window", "defence", "arbitration", "patience")
        changes |= dict.fromkeys(spans, round(hours * HOUR))
    if not changes:
        return b""
    orders, acceptance = desk_of(desk)
    job = orders.jobs.job(number)
    if job.evaluator != acceptance.address:
        raise InputError(
            f"order {number} is not decided by acceptance", hint="its evaluator knows no terms"
        )
    return replace(acceptance.usual_terms(job.budget), **changes).params()


def token_of(desk: Desk) -> bytes:
    """Give the address of the token that the network's escrow pays in."""
    return desk.network.charter.contracts["CreditToken"]
