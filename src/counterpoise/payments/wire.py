"""What x402 says over HTTP: offers, payments and answers, as JSON in base64 in three headers.

Reading is strict: a wrong type, length or number is an `InputError` that names the field.
Members that x402 may add later are passed over.

References
----------
x402 protocol, version 2 (the older header ``X-PAYMENT`` is still read).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.core.json_text import check_nesting
from counterpoise.core.units import Address
from counterpoise.payments.json_members import (
    Json,
    address_in,
    amount_in,
    checksummed,
    json_object,
    text_in,
    whole_in,
)

VERSION = 2
REQUIRED, SIGNATURE, RESPONSE = "PAYMENT-REQUIRED", "PAYMENT-SIGNATURE", "PAYMENT-RESPONSE"
OLD_SIGNATURE = "X-PAYMENT"
EXACT, BATCH = "exact", "batch-settlement"
MAX_HEADER = 16_384
"""Characters of the longest header that is read."""


def _no(constant: str) -> object:
    raise InputError(f"{constant} is no number of JSON")


_READER = json.JSONDecoder(parse_constant=_no)
_WRITER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to pay for a resource.

    Parameters
    ----------
    network :
        CAIP-2 name of the chain, such as ``eip155:31337``.
    amount :
        Price in base units of the asset.
    timeout :
        Seconds that a payment may take.
    extra :
        What the scheme adds, as it stood in the JSON.
    source :
        The JSON that the offer was read from; a payer must give it back unchanged.
    """

    scheme: str
    network: str
    asset: Address
    amount: int
    receiver: Address
    timeout: int = 60
    extra: Json = field(default_factory=dict)
    source: Json | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Give the offer as x402 writes it."""
        if self.source is not None:
            return dict(self.source)
        return {
            "scheme": self.scheme,
            "network": self.network,
            "asset": checksummed(self.asset),
            "amount": str(self.amount),
            "payTo": checksummed(self.receiver),
            "maxTimeoutSeconds": self.timeout,
            "extra": dict(self.extra),
        }

    @classmethod
    def from_json(cls, value: object, name: str = "offer") -> Offer:
        """Read an offer; `InputError` names what is wrong in it."""
        source = json_object(value, name)
        extra = source.get("extra")
        return cls(
            text_in(source, "scheme", name),
            text_in(source, "network", name),
            address_in(source, "asset", name),
            amount_in(source, "amount", name),
            address_in(source, "payTo", name),
            whole_in(source, "maxTimeoutSeconds", name),
            {} if extra is None else json_object(extra, f"{name}.extra"),
            source,
        )

    def is_same_deal(self, other: Offer) -> bool:
        """Whether scheme, network, asset, price and receiver agree; extras may differ."""
        return self._deal() == other._deal()

    def _deal(self) -> tuple[object, ...]:
        return self.scheme, self.network, self.asset, self.amount, self.receiver


@dataclass(frozen=True, slots=True)
class Required:
    """The answer 402: what is for sale, how to pay, and what was wrong with a payment."""

    offers: tuple[Offer, ...]
    resource: str = ""
    error: str | None = None
    extensions: Json = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give it as x402 writes it."""
        value: dict[str, Any] = {"x402Version": VERSION}
        if self.error is not None:
            value["error"] = self.error
        if self.resource:
            value["resource"] = {"url": self.resource}
        value["accepts"] = [offer.to_json() for offer in self.offers]
        if self.extensions:
            value["extensions"] = dict(self.extensions)
        return value

    @classmethod
    def from_json(cls, value: object) -> Required:
        """Read it; offers on networks that are no EVM chains are passed over."""
        source = _versioned(value, "payment required")
        rows = source.get("accepts")
        if not isinstance(rows, list):
            raise InputError("payment required: accepts is no list")
        offers = tuple(
            Offer.from_json(row, f"accepts[{number}]")
            for number, row in enumerate(rows)
            if not (isinstance(row, dict) and not str(row.get("network")).startswith("eip155:"))
        )
        error = source.get("error")
        if error is not None and not isinstance(error, str):
            raise InputError("payment required: error is no text")
        return cls(offers, _url(source), error, _extensions(source))


@dataclass(frozen=True, slots=True)
class Payment:
    """What a payer sends: the offer it takes and the scheme's payload."""

    offer: Offer
    payload: Json
    resource: str = ""
    extensions: Json = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give it as x402 writes it."""
        value: dict[str, Any] = {
            "x402Version": VERSION,
            "payload": dict(self.payload),
            "accepted": self.offer.to_json(),
        }
        if self.resource:
            value["resource"] = {"url": self.resource}
        if self.extensions:
            value["extensions"] = dict(self.extensions)
        return value

    @classmethod
    def from_json(cls, value: object) -> Payment:
        """Read it; the payload is read by the scheme."""
        source = _versioned(value, "payment")
        payload = json_object(source.get("payload"), "payment.payload")
        offer = Offer.from_json(source.get("accepted"), "payment.accepted")
        return cls(offer, payload, _url(source), _extensions(source))


@dataclass(frozen=True, slots=True)
class Response:
    """What became of a payment; `transaction` is empty where none was sent."""

    success: bool
    network: str
    transaction: str = ""
    payer: Address | None = None
    amount: int | None = None
    error: str | None = None
    extra: Json = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give it as x402 writes it."""
        value: dict[str, Any] = {"success": self.success, "transaction": self.transaction}
        value["network"] = self.network
        if self.payer is not None:
            value["payer"] = checksummed(self.payer)
        if self.amount is not None:
            value["amount"] = str(self.amount)
        if self.error is not None:
            value["errorReason"] = self.error
        if self.extra:
            value["extra"] = dict(self.extra)
        return value

    @classmethod
    def from_json(cls, value: object) -> Response:
        """Read it."""
        source = json_object(value, "response")
        success, error = source.get("success"), source.get("errorReason")
        if not isinstance(success, bool):
            raise InputError("response: success is neither true nor false")
        payer = address_in(source, "payer", "response") if source.get("payer") else None
        amount = amount_in(source, "amount", "response") if source.get("amount") else None
        extra = source.get("extra")
        return cls(
            success,
            text_in(source, "network", "response"),
            str(source.get("transaction") or ""),
            payer,
            amount,
            None if error is None else str(error),
            {} if extra is None else json_object(extra, "response.extra"),
        )


def pack(value: Required | Payment | Response) -> str:
    """Write a header's value: base64 of compact JSON."""
    return base64.b64encode(_WRITER.encode(value.to_json()).encode()).decode()


def unpack(text: str, name: str = "header") -> object:
    """Read a header's value: base64 of JSON, at most `MAX_HEADER` characters."""
    if len(text) > MAX_HEADER:
        raise InputError(f"{name}: {len(text)} characters, at most {MAX_HEADER}")
    try:
        plain = base64.b64decode(text.strip().encode(), validate=True)
        check_nesting(plain)
        return _READER.decode(plain.decode())
    except (binascii.Error, ValueError) as wrong:
        raise InputError(
            f"{name}: no JSON in base64 ({wrong})", hint="x402 writes base64 of JSON in UTF-8"
        ) from None


def read_payment(headers: Iterable[tuple[str, str]] | Mapping[str, str]) -> Payment | None:
    """Find the payment in a request's headers; None where there is none.

    Raises
    ------
    InputError :
        There is one, and it cannot be read.
    """
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found = {name.upper(): text for name, text in pairs}
    for name in (SIGNATURE, OLD_SIGNATURE):
        if name in found:
            return Payment.from_json(unpack(found[name], name))
    return None


def _versioned(value: object, name: str) -> dict[str, Any]:
    source = json_object(value, name)
    if source.get("x402Version") != VERSION:
        raise InputError(
            f"{name}: version {source.get('x402Version')!r} of x402, this is version {VERSION}"
        )
    return source


def _url(source: Json) -> str:
    resource = source.get("resource")
    return "" if resource is None else text_in(json_object(resource, "resource"), "url", "resource")


def _extensions(source: Json) -> Json:
    value = source.get("extensions")
    return {} if value is None else json_object(value, "extensions")
