"""What the desk's clerk states of each decision: what was asked and answered, what it came to, why.

The statement is public and holds what the chain shows anyway. The reasons of a decline are in it as
a digest alone; their record is for the applicant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from counterpoise.apps.lending.rules import Loan
from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address, to_checksum
from counterpoise.provenance import (
    AccountSigner,
    AddressVerifier,
    Envelope,
    Statement,
    Subject,
    build_statement,
    check_envelope,
    kind_of,
    sign,
)

PREFIX = "loan/"


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision of a desk, as it is stated.

    Parameters
    ----------
    desk, number :
        The desk's address and the loan's number.
    model, commitment :
        What was asked: the model's id and the commitment to the applicant's data.
    answer :
        As the oracle gave it.
    reasons :
        Digest of the reasons' record; empty unless declined.
    reference :
        SHA-256 of the bytes that the reasons are given beside.
    started, ended :
        When the applicant applied and when the desk decided, Unix seconds.
    """

    desk: Address
    number: int
    model: bytes
    commitment: bytes
    loan: Loan
    answer: bytes
    reasons: bytes
    reference: bytes
    started: int
    ended: int

    @property
    def name(self) -> str:
        """The decision's name, as in ``loan/0x…/7``."""
        return f"{PREFIX}{to_checksum(self.desk)}/{self.number}"

    def fields(self) -> dict[str, Any]:
        """Give what the predicate says beside actor, time and nonce."""
        loan = self.loan
        said: dict[str, Any] = {
            "request": self.name,
            "model": self.model,
            "input_commitment": self.commitment,
            "policy": f"desk {to_checksum(self.desk)}",
            "level": loan.level,
            "output": self.answer.hex(),
            "risk_ppm": loan.risk,
            "yearly_bps": loan.yearly_bps,
            "started": self.started,
            "ended": self.ended,
        }
        if self.reasons:
            said |= {"explanation": self.reasons, "reference": self.reference}
        return {key: v.hex() if isinstance(v, bytes) else v for key, v in said.items()}

    def sign(self, clerk: Account) -> Envelope:
        """Sign the statement; its nonce follows from the decision, which is public."""
        signer = AccountSigner(clerk)
        statement = build_statement(
            "decision",
            [Subject(self.name, sha256(self.name.encode()))],
            actor=signer.keyid,
            time=self.ended,
            nonce=sha256(b"nonce" + self.name.encode())[:16],
            **self.fields(),
        )
        return sign(statement, signer)


def stated_loans(entries: Iterable[bytes], desk: Address, clerk: Address) -> Iterator[Statement]:
    """Give the clerk's statements about a desk's loans among a log's entries.

    Statements that name the desk but that its clerk did not sign are nobody's, and passed over.
    """
    prefix = f"{PREFIX}{to_checksum(desk)}/"
    for entry in entries:
        try:
            envelope = Envelope.from_bytes(entry)
            statement = envelope.statement
            if kind_of(statement) != "decision":
                continue
            if not str(statement.predicate["request"]).startswith(prefix):
                continue
            yield check_envelope(envelope, [AddressVerifier(clerk)])
        except (InputError, VerificationError):
            continue
