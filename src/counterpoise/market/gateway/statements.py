"""The statement of each decision: built from a template that is checked against the slow way.

A statement says who answered, by which model, when, and commits to request and answer under a
salt that only the buyer is told: what is in the log gives nothing away.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.errors import VerificationError
from counterpoise.provenance import (
    AccountSigner,
    AddressVerifier,
    Envelope,
    Statement,
    Subject,
    build_statement,
    check_envelope,
    sign,
)

REQUEST, ANSWER = b"counterpoise gateway request\x00", b"counterpoise gateway answer\x00"


def request_commitment(salt: bytes, request: bytes) -> bytes:
    """Commit to a request by the 32 bytes that name it, under a salt of 32 bytes."""
    return sha256(REQUEST + salt + request)


def answer_commitment(salt: bytes, answer: bytes) -> bytes:
    """Commit to an answer by the SHA-256 of its bytes, under the same salt."""
    return sha256(ANSWER + salt + answer)


@dataclass(frozen=True, slots=True)
class Facts:
    """What one decision was.

    Parameters
    ----------
    service :
        Its name in the gateway.
    model, commitment, answer :
        32 bytes each: the model, and commitments to the input and to the answer.
    level :
        How the answer is proven beside the signature.
    started, ended :
        Unix seconds.
    reference :
        32 bytes that name further evidence, or nothing.
    """

    service: str
    model: bytes
    commitment: bytes
    answer: bytes
    level: str
    started: int
    ended: int
    reference: bytes | None = None


class Statements:
    """Writes and signs decisions of one account."""

    def __init__(self, account: Account) -> None:
        self.signer = AccountSigner(account)
        self.verifier = AddressVerifier(account.address)
        self._actor = self.signer.keyid
        for reference in (None, bytes(range(32))):
            self._check(Facts('a "name"', bytes(32), bytes(32), bytes(32), "none", 1, 2, reference))

    def write(self, facts: Facts, nonce: bytes | None = None) -> bytes:
        """Give the canonical bytes of a statement; `nonce` is 16 bytes, random where None."""
        mark = (nonce or os.urandom(16)).hex()
        name = f"{self._actor}/{mark}"
        proof = "" if facts.reference is None else f'"reference":"{facts.reference.hex()}",'
        return (
            '{"_type":"https://in-toto.io/Statement/v1","predicate":{'
            f'"actor":"{self._actor}","ended":{facts.ended},'
            f'"input_commitment":"{facts.commitment.hex()}","inputs":[],'
            f'"model":"{facts.model.hex()}","nonce":"{mark}",'
            f'"output_commitment":"{facts.answer.hex()}","policy":{_policy(facts.level)},{proof}'
            f'"request":"{name}","service":{_quoted(facts.service)},'
            f'"started":{facts.started},"time":{facts.ended}}},'
            '"predicateType":"https://counterpoise.network/decision/v1",'
            f'"subject":[{{"digest":{{"sha256":"{sha256(name.encode()).hex()}"}},'
            f'"name":"{name}"}}]}}'
        ).encode()

    def sign(self, payload: bytes) -> bytes:
        """Give the bytes of the signed envelope: an entry of the log."""
        envelope = Envelope(payload, ())
        mark = b64encode(self.signer.sign(envelope.pae())).decode()
        return (
            f'{{"payload":"{b64encode(payload).decode()}",'
            f'"payloadType":"{envelope.payload_type}",'
            f'"signatures":[{{"keyid":"{self._actor}","sig":"{mark}"}}]}}'
        ).encode()

    def _check(self, facts: Facts) -> None:
        nonce = bytes(range(16))
        slow = self._slow(facts, nonce)
        entry = self.sign(self.write(facts, nonce))
        if entry != sign(slow, self.signer).to_bytes():
            raise VerificationError("the template of decisions is not canonical")
        check_envelope(Envelope.from_bytes(entry), [self.verifier])

    def _slow(self, facts: Facts, nonce: bytes) -> Statement:
        name = f"{self._actor}/{nonce.hex()}"
        proof: dict[str, Any] = {} if facts.reference is None else {"reference": facts.reference}
        return build_statement(
            "decision",
            [Subject(name, sha256(name.encode()))],
            actor=self._actor,
            time=facts.ended,
            nonce=nonce,
            request=name,
            model=facts.model,
            input_commitment=facts.commitment,
            output_commitment=facts.answer,
            policy=f"gateway, level {facts.level}",
            service=facts.service,
            started=facts.started,
            ended=facts.ended,
            **proof,
        )


@lru_cache(maxsize=64)
def _policy(level: str) -> str:
    return json.dumps(f"gateway, level {level}", ensure_ascii=False)


@lru_cache(maxsize=1024)
def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)
