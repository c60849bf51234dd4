"""Typed calls to the cohort: stakes, claims and what is left over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from counterpoise.chain import Account, Contract, Receipt, artifact
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.jobs.claims import CumulativeClaims
from counterpoise.jobs.client import approve
from counterpoise.jobs.cohort_rules import Member, Stage, join_nonce
from counterpoise.jobs.token import Payment, TokenClient, split


@dataclass(frozen=True, slots=True)
class CohortTerms:
    """What a member agrees to when it joins: who judges, the stake, the expiry of the job."""

    rounds: Address
    stake: int
    expires: int


@dataclass(frozen=True, slots=True)
class Purse:
    """What a job owes: to its members (`owed`) and back to its sponsor (`spare`), base units.

    `stage` is None for a job that was never opened to members.
    """

    stage: Stage | None
    round_id: int
    owed: int
    spare: int


@dataclass(frozen=True, slots=True)
class Joined:
    """An account that joined, with its dataset statement's digest, in the order of joining."""

    account: Address
    dataset: bytes
    stake: int
    block: int


@dataclass(frozen=True, slots=True)
class Authorization:
    """A signed EIP-3009 authorization of a stake; anyone may bring it to the chain."""

    account: Address
    job: int
    dataset: bytes
    salt: bytes
    valid_before: int
    signature: bytes


class CohortClient:
    """The cohort contract at one address.

    Parameters
    ----------
    contract :
        The deployed ``Cohort``.
    token :
        The token in which it stakes and pays; asked of the contract where None.
    """

    def __init__(self, contract: Contract, token: Contract | None = None) -> None:
        self.contract = contract
        self.address = contract.address
        if token is None:
            jobs = Contract(contract.chain, contract.call("jobs"), artifact("Jobs"))
            token = Contract(contract.chain, jobs.call("paymentToken"), artifact("CreditToken"))
        self.token = TokenClient(token)

    def open(self, sponsor: Account, job: int, *, stake: int, rounds: Address) -> Receipt:
        """Let members join a funded job."""
        return self.contract.transact(sponsor, "open", job, stake, rounds)

    def join(self, member: Account, job: int, dataset: bytes) -> Receipt:
        """Join with the stake of the job, approving it first where that is needed.

        Parameters
        ----------
        dataset :
            Digest of the member's dataset statement, 32 bytes.
        """
        approve(self.token, member, self.address, self._open_terms(job).stake)
        return self.contract.transact(member, "join", job, dataset)

    def join_with_permit(self, member: Account, job: int, dataset: bytes, deadline: int) -> Receipt:
        """Join in one transaction: the stake is approved by a signature (EIP-2612)."""
        stake = self._open_terms(job).stake
        _, signature = self.token.sign_permit(member, self.address, stake, deadline=deadline)
        terms = (job, dataset, deadline, *split(signature))
        return self.contract.transact(member, "join_with_permit", *terms)

    def authorize(
        self, member: Account, job: int, dataset: bytes, *, salt: bytes, valid_before: int
    ) -> Authorization:
        """Sign the stake of one job and dataset away, for anyone to bring to the chain."""
        chain_id = self.contract.chain.chain_id()
        payment = Payment(
            member.address,
            self.address,
            self._open_terms(job).stake,
            valid_before,
            join_nonce(chain_id, self.address, job, dataset, salt),
            by_receiver=True,
        )
        signature = self.token.sign_payment(member, payment)
        return Authorization(member.address, job, dataset, salt, valid_before, signature)

    def join_with_authorization(self, sender: Account, signed: Authorization) -> Receipt:
        """Bring a member into a job by its authorization; `sender` pays the gas."""
        who = (signed.account, signed.job, signed.dataset, signed.salt, signed.valid_before)
        terms = (*who, *split(signed.signature))
        return self.contract.transact(sender, "join_with_authorization", *terms)

    def claim(
        self, sender: Account, job: int, account: Address, due: int, proof: Sequence[bytes]
    ) -> Receipt:
        """Pay `account` what it has not drawn of `due`; anyone may send it."""
        return self.contract.transact(sender, "claim", job, account, due, list(proof))

    def withdraw(self, sender: Account, job: int, account: Address) -> Receipt:
        """Give `account` its stake back; anyone may send it once the job is over."""
        return self.contract.transact(sender, "withdraw", job, account)

    def refund(self, sender: Account, job: int) -> Receipt:
        """Give the sponsor what no member is due; anyone may send it once the job is over."""
        return self.contract.transact(sender, "refund", job)

    def settle(self, sender: Account, job: int) -> Receipt:
        """Open the claims of a job whose escrow was paid; ``Rounds.finish`` does it too."""
        return self.contract.transact(sender, "settle", job)

    def terms(self, job: int) -> CohortTerms:
        """Fetch what a member agrees to; zeros if the job is not open to members."""
        return CohortTerms(*self.contract.call("terms", job))

    def purse(self, job: int) -> Purse:
        """Fetch what a job owes."""
        state, round_id, owed, spare = self.contract.call("purse", job)
        return Purse(Stage(state) if state else None, round_id, owed, spare)

    def pay_root(self, job: int) -> bytes:
        """Fetch the root of the claims; zeros before delivery."""
        return bytes(self.contract.call("pay_root", job))

    def member(self, job: int, account: Address) -> Member | None:
        """Fetch what an account has at stake and has drawn; None if it never joined."""
        joined, stake, drawn = self.contract.call("member", job, account)
        return Member(stake, drawn) if joined else None

    def members(self, job: int, until_block: int | None = None) -> list[Joined]:
        """Fetch who joined, in order, up to and with a block."""
        return [
            Joined(e.args["account"], e.args["dataset"], e.args["stake"], e.block_number)
            for e in self.contract.events("Joined", to_block=until_block)
            if e.args["job"] == job
        ]

    def claims(self, job: int, round_id: int, due: Mapping[Address, int]) -> CumulativeClaims:
        """Build the tree of what members are due after a round."""
        chain_id = self.contract.chain.chain_id()
        return CumulativeClaims(chain_id, self.address, job, round_id, due)

    def _open_terms(self, job: int) -> CohortTerms:
        terms = self.terms(job)
        if not any(terms.rounds):
            raise InputError(
                f"job {job} is not open to members",
                hint="its sponsor must fund it and open the cohort first",
            )
        return terms
