"""The policy of a dataset: who may ask what of it, what leaves, how often and at what price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.core.units import Address, to_checksum
from counterpoise.market.compute_to_data.records import (
    addresses,
    amount,
    digest_from,
    read_object,
    shown,
    whole,
)
from counterpoise.market.compute_to_data.terms import Disclosure, Training

FORMAT = "counterpoise-data-policy/v1"
ANYONE, CONSENT = "anyone", "consent"
MAX_POLICY = 1 << 16


@dataclass(frozen=True, slots=True)
class DataPolicy:
    """What an owner lets happen with one dataset.

    Parameters
    ----------
    owner :
        Whose node answers, and who is paid.
    dataset :
        Digest of the dataset statement.
    algorithms :
        Digest of each manifest that the owner has admitted.
    columns :
        Names of the columns that may be used, the outcome's among them.
    buyers :
        ``"anyone"``, ``"consent"`` (who holds the owner's consent statement), or addresses.
    purposes :
        What a request may say that it is for.
    price :
        Of a job, in base units.
    evaluators :
        Who may decide about the pay; None for anyone the buyer names. Take contracts here: a
        buyer that decides itself may read the result and not pay.
    jobs_a_buyer, jobs_in_all :
        How many jobs are answered, over all policies of the dataset.
    expires :
        Unix time after which nothing runs under it.
    seconds, memory :
        Limits of own code: of time, and of address space in bytes.
    officers :
        Who must sign the policy beside the owner, such as a data protection officer.
    training :
        Which training tasks are joined; None for none.
    """

    owner: Address
    dataset: bytes
    algorithms: tuple[bytes, ...]
    columns: tuple[str, ...]
    buyers: str | tuple[Address, ...]
    purposes: tuple[str, ...]
    price: int
    evaluators: tuple[Address, ...] | None
    jobs_a_buyer: int
    jobs_in_all: int
    expires: int
    disclosure: Disclosure
    seconds: int = 30
    memory: int = 1 << 30
    officers: tuple[Address, ...] = ()
    training: Training | None = None

    def __post_init__(self) -> None:
        if isinstance(self.buyers, str) and self.buyers not in (ANYONE, CONSENT):
            raise InputError(f"buyers {self.buyers!r}", hint="anyone, consent, or addresses")
        if not 1 <= self.jobs_a_buyer <= self.jobs_in_all <= 10**6:
            raise InputError(f"{self.jobs_a_buyer} jobs a buyer, {self.jobs_in_all} in all")
        if not 1 <= self.price < 2**96:
            raise InputError(
                f"a price of {self.price} base units", hint="an escrow holds 1 or more"
            )
        if not 1 <= self.seconds <= 3_600 or not 1 << 26 <= self.memory <= 1 << 36:
            raise InputError("code may run 1 to 3,600 s in 64 MiB to 64 GiB")
        if not self.columns or not self.purposes or not all((*self.columns, *self.purposes)):
            raise InputError("a policy names columns and purposes, none of them empty")
        if self.disclosure.noise and (self.training or self.disclosure.bits_in_all):
            raise InputError(
                "a budget of noise covers evaluations alone",
                hint="leave training and own code (bits) to another dataset",
            )

    def to_bytes(self) -> bytes:
        """Give the canonical JSON: what officers sign and listings name."""
        data = canonical_json(_record(self))
        if len(data) > MAX_POLICY:
            raise InputError(f"a policy of {len(data)} bytes, at most {MAX_POLICY} wanted")
        return data

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON, 32 bytes."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> DataPolicy:
        """Read what `to_bytes` wrote; anything else is an `InputError`."""
        record = read_object(data, "policy", MAX_POLICY)
        try:
            found = _policy(record)
        except CounterpoiseError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"these bytes are no policy: {error}") from error
        if found.to_bytes() != data:
            raise InputError("the policy is not in its canonical form")
        return found


def _record(policy: DataPolicy) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "owner": to_checksum(policy.owner),
        "dataset": policy.dataset.hex(),
        "algorithms": [digest.hex() for digest in policy.algorithms],
        "columns": list(policy.columns),
        "buyers": policy.buyers if isinstance(policy.buyers, str) else shown(policy.buyers),
        "purposes": list(policy.purposes),
        "price": str(policy.price),
        "evaluators": None if policy.evaluators is None else shown(policy.evaluators),
        "jobs": {"buyer": policy.jobs_a_buyer, "all": policy.jobs_in_all},
        "expires": policy.expires,
        "disclosure": policy.disclosure.to_record(),
        "limits": {"seconds": policy.seconds, "memory": policy.memory},
        "officers": shown(policy.officers),
        "training": policy.training and policy.training.to_record(),
    }


def _policy(record: dict[str, Any]) -> DataPolicy:
    jobs, limits, buyers = record["jobs"], record["limits"], record["buyers"]
    training = record["training"]
    return DataPolicy(
        owner=addresses([record["owner"]])[0],
        dataset=digest_from(record["dataset"]),
        algorithms=tuple(map(digest_from, record["algorithms"])),
        columns=tuple(map(str, record["columns"])),
        buyers=buyers if isinstance(buyers, str) else addresses(buyers),
        purposes=tuple(map(str, record["purposes"])),
        price=amount(record["price"]),
        evaluators=None if record["evaluators"] is None else addresses(record["evaluators"]),
        jobs_a_buyer=whole(jobs["buyer"]),
        jobs_in_all=whole(jobs["all"]),
        expires=whole(record["expires"]),
        disclosure=Disclosure.from_record(record["disclosure"]),
        seconds=whole(limits["seconds"]),
        memory=whole(limits["memory"]),
        officers=addresses(record["officers"]),
        training=None if training is None else Training.from_record(training),
    )
