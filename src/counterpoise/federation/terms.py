"""The terms of one training job: what its sponsor signs and everyone else recomputes from."""

import json
from dataclasses import dataclass
from typing import Any

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import parse_address, to_checksum
from counterpoise.federation.rules import TaskRules

MAX_BYTES = 1 << 20
MAX_OPENED = 4_096
"""Most lists and objects: deep nesting is refused before a parser can overflow its stack."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything that fixes the numbers and the money of one job.

    Parameters
    ----------
    job :
        Id of the job in ``Jobs`` and ``Rounds``.
    chain_id, rounds_contract :
        Where it is posted; every leaf and signature names them.
    sponsor, coordinator :
        Who pays; who may post results. Addresses of 20 bytes.
    rules :
        The integer rules of every round.
    stake :
        What each participant puts up, in base units.
    commit_seconds, reveal_seconds, challenge_seconds :
        How long each phase may take by the chain's clock.
    base :
        Digest of the model that the first round starts from.
    validation :
        Digest of the rows on which contribution is scored.
    bond :
        What the coordinator puts up with the judge of rounds, in base units; 0 for no judge.
    """

    job: int
    chain_id: int
    rounds_contract: bytes
    sponsor: bytes
    coordinator: bytes
    rules: TaskRules
    stake: int
    commit_seconds: int
    reveal_seconds: int
    challenge_seconds: int
    base: bytes
    validation: bytes
    bond: int = 0

    def to_bytes(self) -> bytes:
        """Give the canonical JSON of the terms."""
        bond = {"bond": str(self.bond)} if self.bond else {}
        return canonical_json(
            {
                "job": self.job,
                "chain_id": self.chain_id,
                "rounds_contract": to_checksum(self.rounds_contract),
                "sponsor": to_checksum(self.sponsor),
                "coordinator": to_checksum(self.coordinator),
                "rules": self.rules.to_value(),
                "stake": str(self.stake),
                "seconds": [self.commit_seconds, self.reveal_seconds, self.challenge_seconds],
                "base": self.base.hex(),
                "validation": self.validation.hex(),
                **bond,
            }
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the terms: the task digest that ``Rounds`` keeps."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Terms":
        """Read what `to_bytes` wrote.

        Raises
        ------
        InputError :
            The bytes are no terms, or are not in their canonical form.
        """
        if len(data) > MAX_BYTES or data.count(b"[") + data.count(b"{") > MAX_OPENED:
            raise InputError("these bytes are no terms of a job: too long or too deep")
        try:
            record: dict[str, Any] = json.loads(data)
            commit, reveal, challenge = map(_count, record["seconds"])
            terms = cls(
                job=_count(record["job"]),
                chain_id=_count(record["chain_id"]),
                rounds_contract=parse_address(record["rounds_contract"]),
                sponsor=parse_address(record["sponsor"]),
                coordinator=parse_address(record["coordinator"]),
                rules=TaskRules.from_value(record["rules"]),
                stake=_count(int(record["stake"])),
                commit_seconds=commit,
                reveal_seconds=reveal,
                challenge_seconds=challenge,
                base=_digest(record["base"]),
                validation=_digest(record["validation"]),
                bond=_count(int(record.get("bond", "0"))),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"these bytes are no terms of a job: {error}") from error
        if terms.to_bytes() != data:
            raise InputError("the terms are not in canonical form")
        return terms


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r:.80} is no whole number from 0")
    return value


def _digest(text: str) -> bytes:
    if len(digest := bytes.fromhex(text)) != 32:
        raise ValueError(f"a digest of {len(digest)} bytes")
    return digest
