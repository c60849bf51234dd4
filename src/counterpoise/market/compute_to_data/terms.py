"""What may leave, what noise may be spent, which training is joined: the parts of a policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.market.compute_to_data.records import (
    addresses,
    amount,
    digest_from,
    shown,
    whole,
)

MICRO = 1_000_000
"""Parts of an epsilon in which noise is budgeted."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Discrete Laplace noise, and how much may be spent on it.

    Parameters
    ----------
    most_a_job, in_all :
        Millionths of an epsilon that one job may spend, and all jobs of all buyers together.
    key :
        SHA-256 of the owner's key, from which the noise of each job follows; so that the owner
        cannot choose it and an auditor can repeat it.
    """

    most_a_job: int
    in_all: int
    key: bytes

    def __post_init__(self) -> None:
        if not 1 <= self.most_a_job <= self.in_all <= 1_000 * MICRO or len(self.key) != 32:
            raise InputError(
                f"{self.most_a_job} of {self.in_all} millionths of an epsilon a job",
                hint="1 <= most_a_job <= in_all <= 1,000 epsilon",
            )

    def to_record(self) -> dict[str, Any]:
        """Give it as a policy tells it."""
        return {"job": self.most_a_job, "all": self.in_all, "key": self.key.hex()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Noise:
        """Read what `to_record` gave."""
        return cls(whole(record["job"]), whole(record["all"]), digest_from(record["key"]))


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What of a result leaves.

    Parameters
    ----------
    least_rows :
        Fewest rows in a group; a smaller count leaves as 0.
    round_to :
        Counts leave as the nearest multiple of it.
    bits_a_job, bits_in_all :
        The most that one result of own code may tell, by its declaration, and all together.
    noise :
        If given, counts leave with noise in place of rounding.
    is_public :
        Whether everybody may read results; otherwise they are sealed to the buyer.
    """

    least_rows: int
    round_to: int = 1
    bits_a_job: int = 0
    bits_in_all: int = 0
    noise: Noise | None = None
    is_public: bool = True

    def __post_init__(self) -> None:
        if not 2 <= self.least_rows < 2**32 or not 1 <= self.round_to <= 10_000:
            raise InputError(
                f"least rows {self.least_rows}, counts rounded to {self.round_to}",
                hint="2 rows or more, rounded to 1..10,000",
            )
        if not 0 <= self.bits_a_job <= self.bits_in_all < 2**40:
            raise InputError(f"{self.bits_a_job} bits a job, {self.bits_in_all} in all")

    def to_record(self) -> dict[str, Any]:
        """Give it as a policy tells it."""
        return {
            "least_rows": self.least_rows,
            "round_to": self.round_to,
            "bits": {"job": self.bits_a_job, "all": self.bits_in_all},
            "noise": self.noise and self.noise.to_record(),
            "public": self.is_public,
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Disclosure:
        """Read what `to_record` gave."""
        return cls(
            whole(record["least_rows"]),
            whole(record["round_to"]),
            whole(record["bits"]["job"]),
            whole(record["bits"]["all"]),
            None if record["noise"] is None else Noise.from_record(record["noise"]),
            record["public"] is True,
        )


@dataclass(frozen=True, slots=True)
class Training:
    """What a federation's task must keep to, for the owner's node to join it.

    Parameters
    ----------
    most_rounds, most_params :
        Training rounds; parameters of the model: every round shows an update of each.
    most_clip_ppm :
        Greatest step of one parameter in a round, in millionths.
    least_members :
        The task's quorum: with fewer, no round counts.
    most_stake, least_pot :
        In base units.
    coordinators :
        Who may coordinate; None for anyone.
    """

    most_rounds: int
    most_params: int
    most_clip_ppm: int
    least_members: int
    most_stake: int
    least_pot: int
    coordinators: tuple[Address, ...] | None = None

    def __post_init__(self) -> None:
        plain = (self.most_rounds, self.most_params, self.most_clip_ppm, self.least_members)
        if min(plain) < 1 or min(self.most_stake, self.least_pot) < 0:
            raise InputError("terms of training are counts of 1 or more and amounts of 0 or more")

    def to_record(self) -> dict[str, Any]:
        """Give it as a policy tells it."""
        return {
            "rounds": self.most_rounds,
            "params": self.most_params,
            "clip_ppm": self.most_clip_ppm,
            "members": self.least_members,
            "stake": str(self.most_stake),
            "pot": str(self.least_pot),
            "coordinators": None if self.coordinators is None else shown(self.coordinators),
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Training:
        """Read what `to_record` gave."""
        who = record["coordinators"]
        return cls(
            whole(record["rounds"]),
            whole(record["params"]),
            whole(record["clip_ppm"]),
            whole(record["members"]),
            amount(record["stake"]),
            amount(record["pot"]),
            None if who is None else addresses(who),
        )
