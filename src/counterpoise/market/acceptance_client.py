"""Typed calls to the contract of acceptance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from counterpoise.chain import Account, Chain, Contract, Receipt, artifact, deploy
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address
from counterpoise.jobs import JobsClient, TokenClient
from counterpoise.market.acceptance_rules import AcceptanceTerms, Case, Outcome, Stage


class AcceptanceClient:
    """Acceptance at one address.

    Parameters
    ----------
    contract :
        The deployed ``Acceptance``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address
        jobs = Contract(contract.chain, contract.call("jobs"), artifact("Jobs"))
        self.jobs = JobsClient(jobs)
        self.token: TokenClient = self.jobs.token

    @classmethod
    def deploy(
        cls, chain: Chain, account: Account, jobs: Address, usual: AcceptanceTerms
    ) -> AcceptanceClient:
        """Deploy acceptance for the jobs of one escrow; `usual` holds where a client is silent."""
        return cls(deploy(chain, account, "Acceptance", jobs, astuple(usual)))

    def usual_terms(self, budget: int) -> AcceptanceTerms:
        """Fetch what holds for a job of this budget whose client brings no terms."""
        return AcceptanceTerms(*self.contract.call("usual_terms", budget))

    def case(self, job: int) -> Case:
        """Fetch what was agreed for a job, and where it stands.

        Raises
        ------
        InputError :
            Nothing was: the job is not funded, or another evaluator decides it.
        """
        terms, stage, since, latest, deliverable = self.contract.call("case", job)
        if not stage:
            raise InputError(
                f"nothing was agreed for job {job}",
                hint="fund it; its evaluator and its hook must be the contract of acceptance",
            )
        return Case(AcceptanceTerms(*terms), Stage(stage), since, latest, bytes(deliverable))

    def check_terms(self, job: int, wanted: AcceptanceTerms) -> None:
        """Raise `VerificationError` unless a job was funded by the terms that were agreed on."""
        found = self.case(job).terms
        if found != wanted:
            raise VerificationError(
                f"job {job} was funded by the terms {found}, not {wanted}",
                hint="do not work for it: its arbiter or its windows are others",
            )

    def outcome(self, job: int) -> tuple[Outcome, bool] | None:
        """Fetch what ended a case, and whether the escrow paid; None while it is open."""
        topics = self.contract.interface.topics("Concluded")
        wanted: list[bytes | Sequence[bytes] | None] = [topics, job.to_bytes(32, "big")]
        last = self.contract.chain.block("latest").number
        for log in self.contract.chain.logs(0, last, [self.address], wanted):
            event = self.contract.decode(log)
            if event is not None:
                return Outcome(event.args["outcome"]), bool(event.args["paid"])
        return None

    def accept(self, client: Account, job: int) -> Receipt:
        """Take the work: the provider is paid at once."""
        return self.contract.transact(client, "accept", job)

    def concede(self, provider: Account, job: int) -> Receipt:
        """Give up the pay: the client is refunded at once."""
        return self.contract.transact(provider, "concede", job)

    def object_to(self, client: Account, job: int, grounds: bytes = bytes(32)) -> Receipt:
        """Say with a bond that the work is not what was agreed; `grounds` is a digest of why."""
        self._approve(client, job)
        return self.contract.transact(client, "object", job, grounds)

    def defend(self, provider: Account, job: int, grounds: bytes = bytes(32)) -> Receipt:
        """Say with a bond as high that it is."""
        self._approve(provider, job)
        return self.contract.transact(provider, "defend", job, grounds)

    def conclude(self, anyone: Account, job: int) -> Receipt:
        """End a case whose time has come, or that the arbiter has decided."""
        return self.contract.transact(anyone, "conclude", job)

    def withdraw(self, anyone: Account, account: Address) -> Receipt:
        """Pay those who did an arbiter's work what they earned."""
        return self.contract.transact(anyone, "withdraw", account)

    def credit(self, account: Address) -> int:
        """Fetch what an arbiter's provider earned and has not drawn, in base units."""
        return int(self.contract.call("credit", account))

    def _approve(self, account: Account, job: int) -> None:
        bond = self.case(job).terms.bond
        found = self.token.balance(account.address)
        if found < bond:
            raise InputError(
                f"a bond of {bond} base units is wanted, the account has {found}",
                hint="the bond comes back unless the arbiter finds against you",
            )
        if self.token.allowance(account.address, self.address) < bond:
            self.token.approve(account, self.address, bond)
