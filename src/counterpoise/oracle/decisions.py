"""What a node states of each answer that it was paid for, and how that gets into the log.

A node signs one `decision` statement a request and mails it under the request's own topic; whoever
keeps the log takes in those that the chain bears out. A letter is named by its digest, so nobody
can take another's place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.errors import Busy, InputError, VerificationError
from counterpoise.core.units import Address, parse_address, to_checksum
from counterpoise.network import Network
from counterpoise.oracle.client import Fulfilment, OracleClient
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
from counterpoise.verification import Level

MAX_LETTERS = 64
"""How many letters about one request are opened, whoever put them there."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer as it is stated.

    Parameters
    ----------
    chain_id, oracle, request :
        Where it was asked: together the request's name everywhere.
    model, commitment :
        What was asked: the model's id and the commitment to the input.
    answer, evidence :
        As the chain has them.
    started, ended :
        When the node saw the request, and when it stated the decision; Unix seconds.
    """

    chain_id: int
    oracle: Address
    request: int
    model: bytes
    commitment: bytes
    level: int
    answer: bytes
    evidence: bytes
    started: int
    ended: int

    @property
    def name(self) -> str:
        """The request's name, as in ``31337/0x…/7``."""
        return request_name(self.chain_id, self.oracle, self.request)

    def sign(self, account: Account, nonce: bytes | None = None) -> Envelope:
        """Sign the statement; `nonce` is 16 bytes, random where None."""
        signer = AccountSigner(account)
        statement = build_statement(
            "decision",
            [Subject(self.name, sha256(self.name.encode()))],
            actor=signer.keyid,
            time=self.ended,
            nonce=nonce or os.urandom(16),
            request=self.name,
            model=self.model,
            input_commitment=self.commitment,
            policy=f"oracle, level {Level(self.level).name.lower()}",
            level=self.level,
            output=self.answer.hex(),
            reference=self.evidence,
            started=self.started,
            ended=self.ended,
        )
        return sign(statement, signer)


def request_name(chain_id: int, oracle: Address, request: int) -> str:
    """Name a request for people and statements."""
    return f"{chain_id}/{to_checksum(oracle)}/{request}"


def read_decision(statement: Statement) -> Decision:
    """Read what `Decision.sign` wrote.

    Raises
    ------
    VerificationError :
        It is no decision of an oracle.
    """
    found = statement.predicate
    try:
        chain_id, oracle, request = str(found["request"]).split("/")
        return Decision(
            int(chain_id),
            parse_address(oracle),
            int(request),
            bytes.fromhex(found["model"]),
            bytes.fromhex(found["input_commitment"]),
            int(found["level"]),
            bytes.fromhex(found["output"]),
            bytes.fromhex(found["reference"]),
            int(found["started"]),
            int(found["ended"]),
        )
    except (KeyError, ValueError, TypeError, InputError) as error:
        raise VerificationError(f"the statement is no decision of an oracle: {error}") from None


def topic(oracle: Address, request: int) -> str:
    """Name the place of the letters about a request."""
    return f"oracle-decision/{oracle.hex()}/{request}"


def post_decision(network: Network, envelope: Envelope) -> None:
    """Mail a signed decision to whoever keeps the log."""
    found, letter = read_decision(envelope.statement), envelope.to_bytes()
    network.mailbox.post(topic(found.oracle, found.request), sha256(letter).hex(), letter)


def signed_decision(envelope: Envelope, providers: Iterable[Address]) -> Decision:
    """Give the decision of an envelope that one of these providers signed.

    Raises
    ------
    VerificationError :
        Another signed it, the signature is false, or it is no decision of an oracle.
    """
    allowed = {to_checksum(provider): provider for provider in providers}
    [keyid] = [one.keyid for one in envelope.signatures] or [""]
    if keyid not in allowed:
        raise VerificationError(f"a decision signed by {keyid}, who was not paid for the answer")
    statement = check_envelope(envelope, [AddressVerifier(allowed[keyid])])
    if kind_of(statement) != "decision" or statement.predicate["actor"] != keyid:
        raise VerificationError("the statement is no decision of its signer")
    return read_decision(statement)


class Archive:
    """Takes mailed decisions into the network's log, each once.

    Parameters
    ----------
    network :
        Opened from its state folder: only who has the log's key can write to it.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.oracle = OracleClient(network.contract("Oracle"))
        self._read = 0
        self._known: set[bytes] = set()

    def collect(self) -> int:
        """Log what is new; gives how many decisions that were. 0 while another writes the log."""
        try:
            log = self.network.log
        except Busy:
            return 0
        for entry in log.entries(self._read):
            self._known.add(sha256(entry))
        self._read = log.size
        new = [letter for one in self.oracle.fulfilments() for letter in self._letters(one)]
        if new:
            log.append(new)
            self._read += len(new)
            self._known |= {sha256(letter) for letter in new}
        return len(new)

    def _letters(self, one: Fulfilment) -> list[bytes]:
        """Give the letters about a request that the chain bears out and the log lacks."""
        mailbox, place = self.network.mailbox, topic(self.oracle.address, one.id)
        found = []
        for name in mailbox.list(place)[:MAX_LETTERS]:
            if not _is_new(name, self._known):
                continue
            letter = mailbox.read(place, name)
            try:
                decision = signed_decision(Envelope.from_bytes(letter), one.providers)
            except (VerificationError, InputError):
                continue  # nobody's
            same = (decision.answer, decision.evidence, decision.level)
            here = decision.name == request_name(self.chain_id, self.oracle.address, one.id)
            if here and same == (one.answer, one.evidence, one.level):
                found.append(letter)
        return found

    @property
    def chain_id(self) -> int:
        """Id of the chain on which the oracle is."""
        return self.network.chain.chain_id()


def _is_new(name: str, known: set[bytes]) -> bool:
    try:
        return len(name) == 64 and bytes.fromhex(name) not in known
    except ValueError:
        return False
