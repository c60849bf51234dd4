"""Typed calls to the job desk: a model's answer as the work of an escrowed job."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.chain import Account, Chain, Contract, Receipt, artifact, deploy
from counterpoise.core.digest import keccak
from counterpoise.core.units import Address
from counterpoise.jobs import JobsClient


@dataclass(frozen=True, slots=True)
class JobTerms:
    """What a client offers for an answer.

    Parameters
    ----------
    provider :
        Who shall submit it.
    budget :
        What it is paid, in base units.
    model :
        Id of the model.
    input :
        Commitment to the input, 32 bytes; the provider is given salt and bytes off chain.
    evaluator :
        The contract of the level that shall prove it.
    deadline, expires :
        The last second for a proposed answer, and when the client can be refunded.
    """

    provider: Address
    budget: int
    model: bytes
    input: bytes
    evaluator: Address
    deadline: int
    expires: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """What a job asks; `deliverable` is the hash that was submitted, zeros before."""

    model: bytes
    input: bytes
    evaluator: Address
    deadline: int
    deliverable: bytes
    concluded: bool


class JobDeskClient:
    """The desk at one address.

    Parameters
    ----------
    contract :
        The deployed ``JobDesk``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address
        jobs = Contract(contract.chain, contract.call("jobs"), artifact("Jobs"))
        self.jobs = JobsClient(jobs)

    @classmethod
    def deploy(cls, chain: Chain, account: Account, jobs: Address) -> JobDeskClient:
        """Deploy a desk for the jobs of one escrow."""
        return cls(deploy(chain, account, "JobDesk", jobs))

    def ask(self, client: Account, terms: JobTerms) -> int:
        """Open a job, fund it and pose its question; gives its id."""
        job = self.jobs.create(
            client,
            provider=terms.provider,
            evaluator=self.address,
            expires=terms.expires,
            description=terms.description,
            hook=self.address,
        )
        self.jobs.set_budget(client, job, terms.budget)
        self.jobs.fund(client, job, terms.budget)
        self.pose(client, job, terms)
        return job

    def pose(self, client: Account, job: int, terms: JobTerms) -> Receipt:
        """Say what a funded job asks."""
        question = (terms.model, terms.input, terms.evaluator, terms.deadline)
        return self.contract.transact(client, "pose", job, *question)

    def deliver(self, provider: Account, job: int, answer: bytes) -> Receipt:
        """Submit an answer, by its hash, as the work of a job."""
        return self.jobs.submit(provider, job, keccak(answer))

    def conclude(self, sender: Account, job: int) -> Receipt:
        """Let a job be paid or refunded, as the verdict of its level says; anyone may."""
        return self.contract.transact(sender, "conclude", job)

    def case(self, job: int) -> Case:
        """Fetch what a job asks; zeros if nothing was posed."""
        return Case(*self.contract.call("case", job))
