"""Finds a job by its id: its terms, believed because the chain names their digest."""

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.federation.terms import Terms
from counterpoise.network import Network

MAX_TERMS = 1 << 20


def fetch_terms(network: Network, job: int) -> Terms:
    """Fetch the terms of a job from the store, by the digest that the chain holds.

    Raises
    ------
    InputError :
        No rounds were opened for this job, or its terms are not in the store.
    VerificationError :
        The terms are of another job, chain or contract.
    """
    digest = _task_digest(network, job)
    if not network.store.has(digest):
        raise InputError(
            f"the terms of job {job} are not in this store",
            hint="name the store that the operator shares: --store FOLDER_OR_URL",
        )
    terms = Terms.from_bytes(network.store.fetch(digest, max_bytes=MAX_TERMS))
    found = (terms.job, terms.chain_id, terms.rounds_contract)
    charter = network.charter
    if found != (job, charter.chain_id, charter.contracts["Rounds"]):
        raise VerificationError(f"the terms that job {job} names are of another job or network")
    return terms


def _task_digest(network: Network, job: int) -> bytes:
    for event in network.contract("Rounds").events("Opened"):
        if event.args["job"] == job:
            return bytes(event.args["task_digest"])
    raise InputError(
        f"no job {job} was opened on this network", hint="counterpoise federation list"
    )
