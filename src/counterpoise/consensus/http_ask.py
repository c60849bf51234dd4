"""Asks providers over HTTP, as any buyer does, and pays where that is asked (x402)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from counterpoise.consensus.asking import Reply
from counterpoise.core.digest import canonical_json
from counterpoise.core.errors import InputError, Unreachable, VerificationError
from counterpoise.core.json_text import read_json
from counterpoise.payments import Buyer

DEEPEST = 16
JSON = {"content-type": "application/json", "accept": "application/json"}
Read = Callable[[bytes], bytes]


def whole(body: bytes) -> bytes:
    """Take the body itself as the answer."""
    return body


def first_output(body: bytes) -> bytes:
    """Take the values of the first output of an answer of the Open Inference Protocol v2.

    >>> first_output(b'{"model_name": "m", "outputs": [{"name": "y", "data": [1, 2]}]}')
    b'[1,2]'
    """
    try:
        values: bytes = canonical_json(read_json(body, DEEPEST)["outputs"][0]["data"])
    except (ValueError, KeyError, IndexError, TypeError, InputError):
        return b""
    return values


FORMS: Mapping[str, Read] = {"raw": whole, "oip": first_output}


@dataclass(frozen=True)
class HttpAsk:
    """Posts a question to a provider's address; the body that comes back is the answer.

    Parameters
    ----------
    addresses :
        By number.
    buyer :
        Pays what is asked, within its budget. A provider must not know it for a validator's.
    read :
        Takes the answer from the body; empty for none.
    step_seconds :
        Length of a step.
    clock :
        Seconds that pass evenly.
    """

    addresses: Mapping[int, str]
    buyer: Buyer
    read: Read = whole
    step_seconds: float = 0.05
    headers: Mapping[str, str] = field(default_factory=lambda: dict(JSON))
    clock: Callable[[], float] = time.monotonic

    def numbers(self) -> Sequence[int]:
        """Give the numbers that have an address."""
        return sorted(self.addresses)

    def ask(self, number: int, question: bytes) -> Reply | None:
        """Ask one; silence, an error and a refused payment are the provider's.

        Raises
        ------
        Unreachable :
            The buyer will not pay what is asked: nothing was asked then.
        """
        started = self.clock()
        try:
            bought = self.buyer.fetch(self.addresses[number], "POST", question, self.headers)
        except (Unreachable, VerificationError):
            return None
        except InputError as refused:
            raise Unreachable(refused.message, hint=refused.hint) from refused
        steps = int((self.clock() - started) / self.step_seconds) + 1
        if bought.answer.status != 200:
            return None
        return Reply(self.read(bought.answer.body), steps)
