"""What an order says: its terms, and the description by which the chain names them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.jobs import Job

_DESCRIBED = re.compile(r"order ([0-9a-f]{64})(?: sealed to ([0-9a-f]{64}))?")


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """What a client orders.

    Parameters
    ----------
    agreed :
        Digest of the statement that says what the work is, 32 bytes.
    provider :
        Who works; `NOBODY` to choose later.
    evaluator :
        Who decides: an account, or a contract.
    budget :
        In base units of the escrow's token.
    expires :
        Unix time from which the client can be refunded.
    is_private :
        Whether the work is to be sealed, so that only the client reads it.
    """

    agreed: bytes
    provider: Address
    evaluator: Address
    budget: int
    expires: int
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as the chain has it.

    Parameters
    ----------
    key :
        X25519 public key to seal the work to; None where it is public.
    deliverable :
        What was submitted; None before that.
    """

    number: int
    job: Job
    agreed: bytes
    key: bytes | None
    deliverable: bytes | None


def describe(agreed: bytes, key: bytes | None = None) -> str:
    """Write the description of an order.

    >>> describe(bytes(32))[:12]
    'order 000000'
    """
    if len(agreed) != 32:
        raise InputError(
            f"{len(agreed)} bytes of what was agreed", hint="give a statement's digest"
        )
    return f"order {agreed.hex()}" + (f" sealed to {key.hex()}" if key else "")


def read_description(text: str) -> tuple[bytes, bytes | None] | None:
    """Give what was agreed and the key to seal to; None for a job that is no order.

    >>> read_description(describe(b"a" * 32, b"k" * 32)) == (b"a" * 32, b"k" * 32)
    True
    """
    read = _DESCRIBED.fullmatch(text)
    if read is None:
        return None
    return bytes.fromhex(read[1]), bytes.fromhex(read[2]) if read[2] else None
