"""What a job's coordinator and members read from the chain and post to it."""

from collections.abc import Mapping
from functools import cached_property

from counterpoise.chain import Account
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.federation.book import Entry
from counterpoise.federation.rounds import (
    COMMITMENT,
    Committed,
    Posted,
    ResultPosted,
    RolledBack,
    RoundEvent,
    RoundsClient,
    RoundsState,
)
from counterpoise.federation.rounds_rules import NOBODY, Record, Result
from counterpoise.jobs import CohortClient, CumulativeClaims, Joined
from counterpoise.network import Network


class Postings:
    """One job on the chain, as one account uses it.

    Parameters
    ----------
    account :
        Who sends transactions; None for a reader.
    """

    def __init__(self, network: Network, account: Account | None, job: int) -> None:
        self.network = network
        self._account = account
        self.job = job
        self.rounds = RoundsClient(network.contract("Rounds"))

    @cached_property
    def cohort(self) -> CohortClient:
        """The cohort that holds the stakes."""
        return CohortClient(self.network.contract("Cohort"), self.network.contract("CreditToken"))

    @property
    def account(self) -> Account:
        """The account that sends transactions; `InputError` for a reader."""
        if self._account is None:
            raise InputError("a reader cannot post", hint="give an account")
        return self._account

    def state(self) -> RoundsState:
        """Fetch where the job stands."""
        return self.rounds.state(self.job)

    def is_committed(self, number: int) -> bool:
        """Whether a round's commitments, or already its result, are on the chain."""
        state = self.state()
        return state.round_id >= number or (state.round_id == number - 1 and state.committed)

    def has_result(self, number: int) -> bool:
        """Whether a round's result is on the chain."""
        return self.state().round_id >= number

    def posted_record(self, number: int) -> Record | None:
        """Fetch the result of a round that stands, with its place; None if none does."""
        found = [e.record for e in self._events(number) if isinstance(e, ResultPosted)]
        return found[-1] if found and self.has_result(number) else None

    def commit(self, number: int, root: bytes) -> None:
        """Post the root of a round's commitments."""
        self.rounds.commit(self.account, self.job, number, root)

    def result(self, number: int, logged: Entry) -> None:
        """Post what the logged round statement says; its digest is the evidence."""
        self.rounds.result(self.account, self.job, number, result_of(logged))

    def pay_tree(self, number: int, dues: Mapping[bytes, int]) -> CumulativeClaims:
        """Build the tree of cumulative dues after a round."""
        return self.cohort.claims(self.job, number, dues)

    def posted_commitments(self, number: int) -> dict[bytes, bytes]:
        """Fetch the commitments that members posted themselves; of several the first counts."""
        found: dict[bytes, bytes] = {}
        for event in self._events(number):
            if isinstance(event, Posted) and event.kind == COMMITMENT:
                found.setdefault(event.account, event.digest)
        return found

    def commitments_root(self, job: int, round_id: int) -> bytes | None:
        """Fetch the root that was posted for a round, None if none was; see `Witness`."""
        found = self.commitment(round_id)
        return found.commitments_root if found else None

    def commitment(self, number: int) -> Committed | None:
        """Fetch the beginning of a round, None if it has not begun on the chain."""
        found = [event for event in self._events(number) if isinstance(event, Committed)]
        return found[-1] if found else None

    def joined(self) -> list[Joined]:
        """Fetch who joined before the first round's commitments were posted, in order."""
        begun = [e for e in self.rounds.events(self.job) if isinstance(e, Committed)]
        return self.cohort.members(self.job, until_block=begun[0].block if begun else None)

    def commitment_block(self, number: int) -> bytes:
        """Fetch the hash of the block that holds a round's commitments."""
        found = self.commitment(number)
        if found is None:
            raise VerificationError(f"the commitments of round {number} are not on the chain")
        return found.block_hash

    def post_commitment(self, account: Account, job: int, round_id: int, digest: bytes) -> None:
        """Post a member's own commitment that the coordinator left out; see `Witness`."""
        self.rounds.post(account, job, round_id, COMMITMENT, digest)

    def _events(self, number: int) -> list[RoundEvent]:
        """Fetch a round's events: none can be older than the result of the round before.

        What members posted in a round after one that fell is of another model, and left out.
        """
        events = self.rounds.events(self.job, self._starts.get(number, 0))
        found: list[RoundEvent] = []
        for event in events:
            if isinstance(event, ResultPosted):
                self._starts[event.round_id + 1] = event.block
            if isinstance(event, RolledBack) and event.round_id < number:
                found = []
            elif getattr(event, "round_id", None) == number:
                found.append(event)
        return found

    def rollbacks(self) -> list[RolledBack]:
        """Fetch every fall of a round in this job, in order."""
        events = self.rounds.events(self.job)
        return [event for event in events if isinstance(event, RolledBack)]

    def attempt(self, number: int) -> int:
        """Count how many rounds before this one fell, so that it began anew."""
        if self.state().judge == NOBODY:
            return 0
        return sum(fall.round_id < number for fall in self.rollbacks())

    def fallen_record(self, fall: RolledBack) -> Record:
        """Fetch the result that fell, as its event spelled it out."""
        posted = [
            event.record
            for event in self.rounds.events(self.job, 0, fall.block)
            if isinstance(event, ResultPosted) and event.round_id == fall.round_id
        ]
        return posted[-1]

    @cached_property
    def _starts(self) -> dict[int, int]:
        return {}

    def gas_by_round(self) -> dict[int, int]:
        """Give the gas that each round's transactions used, by its number."""
        spent: dict[int, int] = {}
        for event in self.rounds.events(self.job):
            if isinstance(event, Committed | ResultPosted):
                receipt = self.network.chain.receipt(event.tx_hash)
                gas = receipt.gas_used if receipt else 0
                spent[event.round_id] = spent.get(event.round_id, 0) + gas
        return spent


def result_of(logged: Entry) -> Result:
    """Give what the chain is told of a logged round statement."""
    fields = logged.fields
    return Result(
        updates_root=bytes.fromhex(fields["updates_root"]),
        trace_root=bytes.fromhex(fields["trace_root"]),
        scores_digest=bytes.fromhex(fields["scores_digest"]),
        pay_root=bytes.fromhex(fields["pay_root"]),
        pay_total=int(fields["pay_total"]),
        model_digest=bytes.fromhex(fields["model"]),
        evidence=logged.statement.digest,
    )
