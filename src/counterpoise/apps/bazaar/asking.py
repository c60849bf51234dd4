"""How anyone asks a seller about a heart over HTTP, pays, and keeps what proves the answer."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.consensus import Reply
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, Unreachable, VerificationError
from counterpoise.inference import answer_bytes
from counterpoise.payments import Answer, Buyer

HEADERS = {"content-type": "application/json"}
STEP_SECONDS = 0.1
"""What a validator counts an answer's time in."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer with its evidence.

    Parameters
    ----------
    row, answer :
        The bytes that were asked about, and the model's answer as the chain takes it.
    body :
        SHA-256 of the answer's body.
    decision, salt :
        Digest of the seller's statement; what opens its commitments. 32 bytes each.
    receipt :
        The signed receipt, in base64.
    paid :
        Base units.
    """

    row: bytes
    answer: bytes
    body: bytes
    decision: bytes
    salt: bytes
    receipt: str
    paid: int

    @property
    def is_diseased(self) -> bool:
        """What was decided."""
        return self.answer[-1] == 1

    def record(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "row": self.row.hex(),
            "answer": self.answer.hex(),
            "body": self.body.hex(),
            "decision": self.decision.hex(),
            "salt": self.salt.hex(),
            "receipt": self.receipt,
            "paid": str(self.paid),
        }

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Heard:
        """Read what `record` gives."""
        row, answer, body, decision, salt = (
            bytes.fromhex(record[name]) for name in ("row", "answer", "body", "decision", "salt")
        )
        return cls(row, answer, body, decision, salt, record["receipt"], int(record["paid"]))


def place_of(url: str, model: str) -> str:
    """Give the address at which a seller answers for a model."""
    return f"{url}/v2/models/{model}/infer"


def question(row: bytes) -> bytes:
    """Write a request of the Open Inference Protocol about one row of bytes."""
    tensor = {"name": "bytes", "shape": [1, len(row)], "datatype": "UINT8", "data": list(row)}
    return json.dumps({"inputs": [tensor]}, separators=(",", ":")).encode()


def answer_in(body: bytes) -> bytes:
    """Read an answer about one row, as the chain takes it.

    Raises
    ------
    VerificationError :
        It is no answer of an integer model.
    """
    try:
        outputs = {one["name"]: one["data"] for one in json.loads(body)["outputs"]}
        return answer_bytes(outputs["logits"], int(outputs["decision"][0]))
    except (ValueError, KeyError, TypeError, OverflowError) as wrong:
        raise VerificationError(f"no answer of an integer model: {wrong!r:.80}") from None


def buy(buyer: Buyer, url: str, model: str, row: bytes) -> Heard:
    """Ask about one row.

    Raises
    ------
    InputError :
        The budget is spent.
    VerificationError, Unreachable :
        The seller refuses, gives no answer, or something else.
    """
    bought = buyer.fetch(place_of(url, model), "POST", question(row), HEADERS)
    if bought.answer.status != 200:
        text = bought.answer.body[:200].decode(errors="replace")
        raise VerificationError(f"{url} answered {bought.answer.status}: {text}")
    return heard(row, bought.answer, bought.paid)


def heard(row: bytes, answer: Answer, paid: int) -> Heard:
    """Keep an answer with its evidence."""
    told = answer.headers
    return Heard(
        row,
        answer_in(answer.body),
        sha256(answer.body),
        bytes.fromhex(told.get("decision", "")),
        bytes.fromhex(told.get("decision-salt", "")),
        told.get("payment-receipt", ""),
        paid,
    )


class PaidAsk:
    """How a validator asks: from an account and over a wire like every buyer's.

    Parameters
    ----------
    urls :
        Of the sellers, by their number in the market.
    """

    def __init__(self, buyer: Buyer, urls: Mapping[int, str], model: str) -> None:
        self._buyer, self._urls, self._model = buyer, urls, model

    def numbers(self) -> Sequence[int]:
        """Give the numbers of the sellers."""
        return sorted(self._urls)

    def refund(self) -> None:
        """Have what was not spent given back by every seller."""
        for url in self._urls.values():
            self._buyer.refund(place_of(url, self._model))

    def ask(self, number: int, question: bytes) -> Reply | None:
        """Ask one about a row; None if it gave no answer that is one.

        Raises
        ------
        Unreachable :
            This validator's budget is spent: that is not the seller's fault.
        """
        began = time.perf_counter()
        try:
            found = buy(self._buyer, self._urls[number], self._model, question)
        except (VerificationError, Unreachable):
            return None
        except InputError as spent:
            raise Unreachable(spent.message) from spent
        return Reply(found.answer, 1 + int((time.perf_counter() - began) / STEP_SECONDS))
