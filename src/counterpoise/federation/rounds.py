"""Typed calls to the rounds contract, and its events; the only Python that knows its ABI."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from counterpoise.chain import Account, Contract, Event, Receipt
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.federation.rounds_rules import NOBODY, PATIENCE, Record, Result

COMMITMENT, REVEAL = 0, 1
"""The kinds of what a member may post by itself."""


@dataclass(frozen=True, slots=True)
class RoundsState:
    """Where a job stands on the chain; all zeros if its rounds were never opened.

    Parameters
    ----------
    round_id :
        The last round with a standing result; 0 for none.
    committed :
        Whether the round after it is committed.
    time :
        When the last result was posted, or the job was opened; Unix time.
    total :
        What members are due so far, in base units.
    """

    coordinator: Address
    judge: Address
    rounds: int
    challenge_seconds: int
    patience_seconds: int
    expires: int
    budget: int
    round_id: int
    committed: bool
    finished: bool
    time: int
    total: int


@dataclass(frozen=True, slots=True)
class Opened:
    """The rounds of a job were opened."""

    job: int
    coordinator: Address
    judge: Address
    rounds: int
    challenge_seconds: int
    patience_seconds: int
    task_digest: bytes
    block: int


@dataclass(frozen=True, slots=True)
class Committed:
    """A round began: the root of its commitments, and the block that fixed it."""

    job: int
    round_id: int
    commitments_root: bytes
    time: int
    block: int
    block_hash: bytes
    tx_hash: bytes


@dataclass(frozen=True, slots=True)
class Posted:
    """A member put its own commitment (kind 0) or reveal (kind 1) on the record."""

    job: int
    round_id: int
    account: Address
    kind: int
    digest: bytes
    block: int


@dataclass(frozen=True, slots=True)
class ResultPosted:
    """A round's result, with all that its word on the chain is the hash of."""

    job: int
    round_id: int
    record: Record
    block: int
    block_hash: bytes
    tx_hash: bytes


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A convicted round fell, and with it every round up to `last`."""

    job: int
    round_id: int
    last: int
    total: int
    reason: bytes
    block: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The job was paid by the result of its last round."""

    job: int
    round_id: int
    result: bytes
    pay_total: int
    block: int
    tx_hash: bytes


RoundEvent = Opened | Committed | Posted | ResultPosted | RolledBack | Finished


class RoundsClient:
    """The rounds contract at one address.

    Parameters
    ----------
    contract :
        The deployed ``Rounds``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address

    def open(
        self,
        sponsor: Account,
        job: int,
        *,
        coordinator: Address,
        rounds: int,
        challenge_seconds: int,
        task_digest: bytes,
        judge: Address = NOBODY,
        patience_seconds: int = PATIENCE,
    ) -> Receipt:
        """Fix who coordinates a funded job, and how; its sponsor, once.

        Parameters
        ----------
        judge :
            The contract that may roll back results and slash; `NOBODY` for none.
        patience_seconds :
            How long after a result without the next one anyone may finish.
        """
        terms = (coordinator, rounds, challenge_seconds, task_digest, judge, patience_seconds)
        return self.contract.transact(sponsor, "open", job, *terms)

    def commit(self, coordinator: Account, job: int, round_id: int, root: bytes) -> Receipt:
        """Begin the next round with the root of its commitments."""
        return self.contract.transact(coordinator, "commit", job, round_id, root)

    def result(self, coordinator: Account, job: int, round_id: int, content: Result) -> Receipt:
        """Post what a committed round came to; its challenge window opens."""
        return self.contract.transact(coordinator, "result", job, round_id, astuple(content))

    def post(self, member: Account, job: int, round_id: int, kind: int, digest: bytes) -> Receipt:
        """Put a member's own `COMMITMENT` or `REVEAL` on the record."""
        return self.contract.transact(member, "post", job, round_id, kind, digest)

    def finish(self, anyone: Account, job: int) -> Receipt:
        """Let the job be paid by its last result, once that one's window is over."""
        last = self.results(job)
        if not last:
            raise InputError(
                f"job {job} has no result to finish with",
                hint="its sponsor is refunded at the expiry: counterpoise job refund",
            )
        return self.contract.transact(
            anyone, "finish", job, last[-1].round_id, last[-1].record.values()
        )

    def state(self, job: int) -> RoundsState:
        """Fetch where a job stands."""
        return RoundsState(*self.contract.call("state", job))

    def digest_of_round(self, job: int, round_id: int) -> bytes:
        """Fetch the word of a round; zeros if none stands. See `rounds_rules`."""
        return bytes(self.contract.call("digest_of_round", job, round_id))

    def events(
        self, job: int, from_block: int = 0, to_block: int | None = None
    ) -> list[RoundEvent]:
        """Fetch everything that happened to the rounds of one job, in order."""
        found = self.contract.events(None, from_block, to_block)
        typed = (round_event(event) for event in found if event.args["job"] == job)
        return [event for event in typed if event is not None]

    def results(self, job: int) -> list[ResultPosted]:
        """Fetch the results that stand, first round first; what fell is left out."""
        return standing_results(self.events(job))

    def commitments(self, job: int) -> list[Committed]:
        """Fetch the commitments that stand, first round first."""
        standing: dict[int, Committed] = {}
        for event in self.events(job):
            if isinstance(event, Committed):
                standing[event.round_id] = event
            elif isinstance(event, RolledBack):
                standing = {n: e for n, e in standing.items() if n < event.round_id}
        return list(standing.values())


def standing_results(events: Sequence[RoundEvent]) -> list[ResultPosted]:
    """Give the results that stand after a job's events, first round first."""
    standing: list[ResultPosted] = []
    for event in events:
        if isinstance(event, ResultPosted):
            standing.append(event)
        elif isinstance(event, RolledBack):
            del standing[event.round_id - 1 :]
    return standing


def round_event(event: Event) -> RoundEvent | None:
    """Give a decoded event of the contract its type; None for the slashing of a stake."""
    a, block, place = event.args, event.block_number, (event.block_hash, event.tx_hash)
    if event.name == "Committed":
        return Committed(a["job"], a["round"], a["commitments_root"], a["time"], block, *place)
    if event.name == "ResultPosted":
        content = Result(**{name: a[name] for name in Result.__slots__})
        record = Record(a["commitment"], a["time"], a["previous_total"], content)
        return ResultPosted(a["job"], a["round"], record, block, *place)
    if event.name == "Posted":
        return Posted(a["job"], a["round"], a["account"], a["kind"], a["digest"], block)
    if event.name == "RolledBack":
        return RolledBack(a["job"], a["round"], a["last"], a["total"], a["reason"], block)
    if event.name == "Finished":
        return Finished(a["job"], a["round"], a["result"], a["pay_total"], block, event.tx_hash)
    return Opened(**a, block=block) if event.name == "Opened" else None
