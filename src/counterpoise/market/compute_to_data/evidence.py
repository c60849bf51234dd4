"""What a log says of data jobs: policies, requests and answers, as an outsider reads them."""

from __future__ import annotations

from dataclasses import dataclass, field

from counterpoise.core.errors import CounterpoiseError, InputError, VerificationError
from counterpoise.core.units import Address, parse_address
from counterpoise.market.compute_to_data.answers import ADMISSION, REFUSAL, RESULTS
from counterpoise.market.compute_to_data.offering import check_policy_signed
from counterpoise.market.compute_to_data.policy import MAX_POLICY, DataPolicy
from counterpoise.market.compute_to_data.request import KIND, Request
from counterpoise.market.compute_to_data.rows import Columns
from counterpoise.network import Network
from counterpoise.provenance import (
    AddressVerifier,
    Envelope,
    Statement,
    Verdict,
    check_envelope,
    kind_of,
)


@dataclass(frozen=True)
class Given:
    """One answer in the log, its signature checked.

    Parameters
    ----------
    signer :
        Who signed it.
    entry :
        Its place in the log.
    """

    statement: Statement
    kind: str
    signer: Address
    entry: int

    @property
    def number(self) -> int:
        """Which of the dataset's charged jobs it answers; 0 where it was not charged."""
        return int(self.statement.predicate.get("number", 0))

    @property
    def request(self) -> bytes:
        """Digest of the request that it answers."""
        return bytes.fromhex(self.statement.predicate["request"])


@dataclass
class Evidence:
    """All that a log holds of data jobs.

    Parameters
    ----------
    policies, entries :
        By digest; and where each was stated.
    columns, roots :
        Of each dataset, by its statement's digest.
    """

    policies: dict[bytes, DataPolicy] = field(default_factory=dict)
    entries: dict[bytes, int] = field(default_factory=dict)
    columns: dict[bytes, Columns] = field(default_factory=dict)
    roots: dict[bytes, tuple[str, Address]] = field(default_factory=dict)
    requests: dict[bytes, Request] = field(default_factory=dict)
    consents: list[Envelope] = field(default_factory=list)
    answers: list[Given] = field(default_factory=list)


def read_evidence(network: Network, verdict: Verdict) -> Evidence:
    """Read a network's log; what is stated falsely is a falsehood of its entry."""
    found = Evidence()
    for number, entry in enumerate(network.log_reader().entries()):
        try:
            envelope = Envelope.from_bytes(entry)
            kind = kind_of(envelope.statement)
        except (InputError, VerificationError):
            continue  # an entry of another format
        try:
            _take(found, network, envelope, kind or "", number)
        except CounterpoiseError as false:
            verdict.refuse(f"data jobs / entry {number}", false)
    return found


def _take(found: Evidence, network: Network, envelope: Envelope, kind: str, number: int) -> None:
    predicate = envelope.statement.predicate
    is_answer = kind in (REFUSAL, ADMISSION) or (kind in RESULTS and "request" in predicate)
    if kind == "data-policy":
        digest = bytes.fromhex(predicate["policy"])
        policy = DataPolicy.from_bytes(network.store.fetch(digest, max_bytes=MAX_POLICY))
        check_policy_signed(policy, envelope)
        found.policies[digest], found.entries[digest] = policy, number
    elif kind == KIND:
        request = Request.from_envelope(envelope)
        found.requests[request.digest] = request
    elif kind == "consent" and "buyer" in predicate:
        found.consents.append(envelope)
    elif kind == "dataset" and "columns" in predicate:
        statement, signer = _signed(envelope)
        found.columns[statement.digest] = Columns.from_record(predicate["columns"])
        found.roots[statement.digest] = (str(predicate["row_root"]), signer)
    elif is_answer:
        statement, signer = _signed(envelope)
        found.answers.append(Given(statement, kind, signer, number))


def _signed(envelope: Envelope) -> tuple[Statement, Address]:
    """Give a statement that its actor alone signed."""
    actor = parse_address(str(envelope.statement.predicate["actor"]))
    return check_envelope(envelope, [AddressVerifier(actor)]), actor
