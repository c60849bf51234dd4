"""Typed calls to the job escrow; with `cohort_client`, the only Python that knows its ABI."""

from counterpoise.chain import Account, Contract, Event, Receipt, artifact
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address, format_tokens, to_checksum
from counterpoise.jobs.rules import NOBODY, Job, Status
from counterpoise.jobs.token import TokenClient

MAX_DESCRIPTION = 512
MAX_PARAMS = 1024


class JobsClient:
    """The escrow at one address.

    Parameters
    ----------
    contract :
        The deployed ``Jobs``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address
        token = contract.call("paymentToken")
        self.token = TokenClient(Contract(contract.chain, token, artifact("CreditToken")))

    def create(
        self,
        client: Account,
        *,
        provider: Address = NOBODY,
        evaluator: Address,
        expires: int,
        description: str = "",
        hook: Address = NOBODY,
    ) -> int:
        """Open a job and give its id.

        Parameters
        ----------
        provider :
            Who will work; `NOBODY` to choose later with `set_provider`.
        expires :
            Unix time from which the client can be refunded.
        description :
            A brief, or the digest of one in hex; at most 512 bytes.
        """
        terms = (provider, evaluator, expires, _described(description), hook)
        return self._id_in(self.contract.transact(client, "createJob", *terms))

    def create_and_fund(
        self,
        client: Account,
        *,
        provider: Address,
        evaluator: Address,
        expires: int,
        budget: int,
        description: str = "",
    ) -> int:
        """Open a job without a hook and move its budget into escrow; give its id."""
        approve(self.token, client, self.address, budget)
        terms = (provider, evaluator, expires, _described(description), budget)
        return self._id_in(self.contract.transact(client, "createAndFund", *terms))

    def set_provider(
        self, client: Account, job: int, provider: Address, params: bytes = b""
    ) -> Receipt:
        """Name the provider of a job that was opened without one."""
        return self.contract.transact(client, "setProvider", job, provider, _bounded(params))

    def set_budget(self, account: Account, job: int, amount: int, params: bytes = b"") -> Receipt:
        """Set the price of an open job, in base units; client or provider."""
        return self.contract.transact(account, "setBudget", job, amount, _bounded(params))

    def fund(self, client: Account, job: int, budget: int, params: bytes = b"") -> Receipt:
        """Move the agreed budget into escrow, approving it first where that is needed."""
        approve(self.token, client, self.address, budget)
        return self.contract.transact(client, "fund", job, budget, _bounded(params))

    def submit(
        self, provider: Account, job: int, deliverable: bytes, params: bytes = b""
    ) -> Receipt:
        """Say that the work with this digest is done."""
        return self.contract.transact(provider, "submit", job, deliverable, _bounded(params))

    def complete(
        self, evaluator: Account, job: int, reason: bytes = bytes(32), params: bytes = b""
    ) -> Receipt:
        """Accept the work; the budget goes to the provider."""
        return self.contract.transact(evaluator, "complete", job, reason, _bounded(params))

    def reject(
        self, account: Account, job: int, reason: bytes = bytes(32), params: bytes = b""
    ) -> Receipt:
        """End a job without payment; the client while it is open, then the evaluator."""
        return self.contract.transact(account, "reject", job, reason, _bounded(params))

    def claim_refund(self, anyone: Account, job: int) -> Receipt:
        """Give the escrow of an expired job back to its client."""
        return self.contract.transact(anyone, "claimRefund", job)

    def job(self, job: int) -> Job:
        """Fetch a job; `Reverted` if there is none with this id."""
        client, provider, evaluator, hook, budget, expires, status = self.contract.call(
            "getJob", job
        )
        return Job(client, provider, evaluator, hook, budget, expires, Status(status))

    def count(self) -> int:
        """Fetch how many jobs there are; ids run from 1 to this."""
        return int(self.contract.call("jobCounter"))

    def description(self, job: int) -> str:
        """Fetch the description of a job from the log of its creation."""
        for event in self.contract.events("JobDescribed"):
            if event.args["jobId"] == job:
                return str(event.args["description"])
        raise InputError(f"no job {job} was ever described", hint="counterpoise job list")

    def history(self, job: int) -> list[Event]:
        """Fetch every event of one job, in order."""
        return [event for event in self.contract.events() if event.args["jobId"] == job]

    def _id_in(self, receipt: Receipt) -> int:
        created = [e for e in self.contract.events_in(receipt) if e.name == "JobCreated"]
        return int(created[0].args["jobId"])


def approve(token: TokenClient, owner: Account, spender: Address, amount: int) -> Receipt | None:
    """Let `spender` take `amount` of `owner`'s tokens; None where it already may.

    Raises
    ------
    InputError :
        The owner has less than that.
    """
    found = token.balance(owner.address)
    if found < amount:
        raise InputError(
            f"{to_checksum(owner.address)} has {format_tokens(found)} tokens, "
            f"{format_tokens(amount)} are needed",
            hint="ask the token's minter, or lower the amount",
        )
    if token.allowance(owner.address, spender) >= amount:
        return None
    return token.approve(owner, spender, amount)


def _described(text: str) -> str:
    size = len(text.encode())
    if size > MAX_DESCRIPTION:
        raise InputError(
            f"a description of {size} bytes, at most {MAX_DESCRIPTION} wanted",
            hint="store the brief and give its digest",
        )
    return text


def _bounded(params: bytes) -> bytes:
    if len(params) > MAX_PARAMS:
        raise InputError(f"{len(params)} bytes of parameters, at most {MAX_PARAMS} wanted")
    return params
