"""The signed statements of a federation: how they are made, and how they are read back."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.chain import Account, Domain, eip712_digest
from counterpoise.core.digest import sha256
from counterpoise.core.errors import VerificationError
from counterpoise.core.units import parse_address
from counterpoise.federation.terms import Terms
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

COMMITMENT = "Commitment(uint256 job,uint256 round,address participant,bytes32 digest)"
COMMITMENT_TAG = b"counterpoise commitment v1\0"


@dataclass(frozen=True, slots=True)
class Notary:
    """Who signs, what time it is and where nonces come from.

    Parameters
    ----------
    account :
        The signing account; its checksum address is the statement's actor.
    clock :
        Gives POSIX seconds; the chain's clock in a running network.
    nonce :
        Gives so many random bytes.
    """

    account: Account
    clock: Callable[[], int]
    nonce: Callable[[int], bytes] = os.urandom

    def state(
        self,
        kind: str,
        subject: Sequence[Subject],
        /,
        *,
        inputs: Sequence[Mapping[str, Any]] = (),
        **fields: Any,
    ) -> Envelope:
        """Sign one statement of a kind; see `provenance.build_statement`."""
        signer = AccountSigner(self.account)
        statement = build_statement(
            kind,
            subject,
            actor=signer.keyid,
            time=self.clock(),
            nonce=self.nonce(16),
            inputs=inputs,
            **fields,
        )
        return sign(statement, signer)


def signer_of(envelope: Envelope) -> bytes:
    """Give the address that the only signature of an envelope names, unverified."""
    if len(envelope.signatures) != 1:
        raise VerificationError(f"{len(envelope.signatures)} signatures where one was wanted")
    return parse_address(envelope.signatures[0].keyid)


def read_signed(envelope: Envelope, kind: str, signer: bytes) -> Statement:
    """Give the statement of an envelope that `signer` signed.

    Raises
    ------
    VerificationError :
        Another signed it, the signature is false, or the statement is of another kind.
    """
    statement = check_envelope(envelope, [AddressVerifier(signer)])
    if kind_of(statement) != kind:
        raise VerificationError(f"a {kind} statement was wanted, not {statement.predicate_type}")
    return statement


def commitment_digest(
    terms: Terms, round_id: int, participant: bytes, update: bytes, salt: bytes
) -> bytes:
    """Hide an update until it is revealed; the address inside makes a copy worthless.

    Parameters
    ----------
    update :
        SHA-256 of the update's blob.
    salt :
        16 random bytes.
    """
    place = terms.job.to_bytes(32, "big") + round_id.to_bytes(32, "big")
    return sha256(COMMITMENT_TAG + place + participant + update + salt)


def commitment_leaf(terms: Terms, round_id: int, participant: bytes, digest: bytes) -> bytes:
    """Give the leaf of a commitment: the EIP-712 digest that its participant signs."""
    domain = Domain("Counterpoise Rounds", "1", terms.chain_id, terms.rounds_contract)
    return eip712_digest(domain, COMMITMENT, (terms.job, round_id, participant, digest))
