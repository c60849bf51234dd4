"""Orders: larger work than a call, paid from escrow once its evaluator is content.

An order is a job of ERC-8183 whose description names what was agreed: the digest of a listing, an
offer or a request, and, if the work is for the buyer's eyes alone, the key to seal it to. What is
handed over lies in the store under the digest that the provider submits. Any evaluator will do: a
person, a federation, a level of proof, the client's own silence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from counterpoise.chain import Account, Contract, Event, Receipt
from counterpoise.core.errors import InputError, Reverted, VerificationError
from counterpoise.core.units import Address, format_tokens, to_checksum
from counterpoise.jobs import NOBODY, JobsClient
from counterpoise.jobs import Status as JobStatus
from counterpoise.market.orders_keys import Place, delivery_secret, opening_secret
from counterpoise.market.orders_said import OrderTerms, Placed, describe, read_description
from counterpoise.market.sealing import is_sealed, public_key, seal, unseal, unseal_shown
from counterpoise.store import Store


class Decider(Protocol):
    """An evaluator contract that is its jobs' hook as well, and concludes by anyone's call."""

    @property
    def address(self) -> Address:
        """Where it lies."""
        ...

    @property
    def contract(self) -> Contract:
        """The contract, for a trial of its ``conclude``."""
        ...

    def conclude(self, sender: Account, job: int, /) -> Receipt:
        """Let a job be paid or refunded if its time has come."""
        ...


class Orders:
    """The orders of one escrow.

    Parameters
    ----------
    jobs, store :
        The escrow; where deliverables lie.
    deciders :
        Evaluator contracts that want to be hooks of their jobs: acceptance, the desk of proofs.
    """

    def __init__(self, jobs: JobsClient, store: Store, deciders: Sequence[Decider] = ()) -> None:
        self.jobs, self.store = jobs, store
        self._deciders = {decider.address: decider for decider in deciders}
        self._chain = jobs.contract.chain

    def place(self, client: Account, terms: OrderTerms) -> int:
        """Open a job for an order and price it; gives its number. Nothing is paid yet."""
        key = public_key(self._secret(client)) if terms.is_private else None
        number = self.jobs.create(
            client,
            provider=terms.provider,
            evaluator=terms.evaluator,
            expires=terms.expires,
            description=describe(terms.agreed, key),
            hook=terms.evaluator if terms.evaluator in self._deciders else NOBODY,
        )
        self.jobs.set_budget(client, number, terms.budget)
        return number

    def fund(self, client: Account, number: int, params: bytes = b"") -> Receipt:
        """Move the budget into escrow; `params` are for the hook, such as terms of acceptance."""
        return self.jobs.fund(client, number, self.jobs.job(number).budget, params)

    def check(
        self,
        number: int,
        provider: Address,
        *,
        agreed: bytes,
        least: int,
        evaluators: Collection[Address],
        until: int,
    ) -> Placed:
        """Give an order that is worth working for, as its provider sees it.

        Parameters
        ----------
        agreed, least :
            What the provider offered, and the least budget for it.
        evaluators :
            Whom it lets decide. A client that is its own evaluator may refuse anything.
        until :
            Unix time before which the work will be done.

        Raises
        ------
        VerificationError :
            The order is another, not funded, or badly protected; the message says how.
        """
        found = self.order(number)
        job = found.job
        wrong = {
            "is not funded": job.status is not JobStatus.FUNDED,
            "has another provider": job.provider != provider,
            "is about something else": found.agreed != agreed,
            f"pays {format_tokens(job.budget)} tokens": job.budget < least,
            f"lets {to_checksum(job.evaluator)} decide": job.evaluator not in evaluators,
            "has a hook that is not its evaluator": job.hook not in (NOBODY, job.evaluator),
            "lacks its evaluator as a hook": (
                job.evaluator in self._deciders and job.hook != job.evaluator
            ),
            "expires too soon": job.expires <= until,
        }
        for what, is_so in wrong.items():
            if is_so:
                raise VerificationError(
                    f"order {number} {what}", hint="do not work for it; ask for another order"
                )
        return found

    def deliver(self, provider: Account, number: int, content: bytes) -> bytes:
        """Put the work into the store, sealed if that was asked for, and submit its digest.

        Safe to call again after a crash: the blob and its digest are the same.

        Returns
        -------
        bytes
            SHA-256 of the blob.
        """
        found, blob = self.order(number), content
        if found.key is not None:
            place = self._place(number)
            blob = seal(
                content, delivery_secret(provider, place, content), found.key, place.to_bytes()
            )
        digest = self.store.put(blob)
        self.store.flush()
        if found.deliverable != digest:
            self.jobs.submit(provider, number, digest)
        return digest

    def fetch(self, number: int, client: Account | None = None) -> bytes:
        """Fetch what was handed over, opened with the client's key if it is sealed.

        Raises
        ------
        InputError :
            Nothing was, its blob is missing, or it is sealed and nobody opens it.
        VerificationError :
            It is not what its digest says, or does not open.
        """
        blob, key = self._blob(number), self.order(number).key
        if key is None or not is_sealed(blob):
            return blob
        if client is None:
            raise InputError(f"the work of order {number} is sealed", hint="say who opens it")
        return unseal(blob, self._secret(client), self._place(number).to_bytes())

    def show(self, provider: Account, number: int, content: bytes) -> bytes:
        """Give the secret that opens one sealed delivery, for an arbiter; the seller's to give."""
        return delivery_secret(provider, self._place(number), content)

    def fetch_shown(self, number: int, shown: bytes) -> bytes:
        """Open a sealed delivery with what its seller has shown; it proves what was delivered."""
        found = self.order(number)
        if found.key is None:
            raise InputError(f"the work of order {number} is not sealed", hint="read it as it is")
        return unseal_shown(self._blob(number), shown, found.key, self._place(number).to_bytes())

    def conclude(self, anyone: Account, number: int) -> Receipt:
        """Let the order's evaluator end it, if that is a contract whose time has come."""
        decider = self._deciders.get(self.jobs.job(number).evaluator)
        if decider is None:
            raise InputError(
                f"order {number} ends by its evaluator's own word",
                hint="it completes or rejects the job; after the expiry, refund it",
            )
        return decider.conclude(anyone, number)

    def due(self, anyone: Address, *parties: Address) -> list[int]:
        """Give the orders, of these parties or all, that anyone could conclude now.

        A provider that looks every few hours is not outrun: whoever is silent in his window loses,
        but nothing happens before somebody concludes, and after the expiry the escrow refunds.
        """
        found = []
        for number in self.numbers(*parties):
            decider = self._deciders.get(self.jobs.job(number).evaluator)
            try:
                if decider is not None:
                    decider.contract.call("conclude", number, sender=anyone)
                    found.append(number)
            except Reverted:
                continue  # not yet, or not any more
        return found

    def refund(self, anyone: Account, number: int) -> Receipt:
        """Give the escrow of an expired order back to its client; nobody can block it."""
        return self.jobs.claim_refund(anyone, number)

    def order(self, number: int) -> Placed:
        """Fetch an order.

        Raises
        ------
        InputError :
            The job is no order: its description does not name what was agreed.
        """
        job = self.jobs.job(number)
        described = self._event("JobDescribed", number)
        read = read_description(described.args["description"] if described else "")
        if read is None:
            raise InputError(f"job {number} is no order", hint="counterpoise job show")
        submitted = self._event("JobSubmitted", number)
        return Placed(
            number,
            job,
            *read,
            bytes(submitted.args["deliverable"]) if submitted else None,
        )

    def numbers(self, *parties: Address) -> list[int]:
        """Give the orders of the escrow, or those with one of these as client or provider."""
        described = self.jobs.contract.events("JobDescribed")
        found = [e.args["jobId"] for e in described if read_description(e.args["description"])]
        if not parties:
            return found
        jobs = {number: self.jobs.job(number) for number in found}
        return [n for n, job in jobs.items() if {job.client, job.provider} & set(parties)]

    def _blob(self, number: int) -> bytes:
        found = self.order(number)
        if found.deliverable is None:
            raise InputError(f"nothing was handed over for order {number} yet")
        return self.store.fetch(found.deliverable)

    def _secret(self, client: Account) -> bytes:
        return opening_secret(client, self._chain.chain_id(), self.jobs.address)

    def _place(self, number: int) -> Place:
        return Place(self._chain.chain_id(), self.jobs.address, number)

    def _event(self, name: str, number: int) -> Event | None:
        """Fetch the one event of a name about a job, by its topic."""
        contract = self.jobs.contract
        wanted: list[bytes | Sequence[bytes] | None] = [contract.interface.topics(name)]
        wanted.append(number.to_bytes(32, "big"))
        head = self._chain.block("latest").number
        logs = self._chain.logs(0, head, [contract.address], wanted)
        return contract.decode(logs[0]) if logs else None
