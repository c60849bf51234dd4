"""Signed offers: a seller binds himself to a price, and keeps it until the offer expires.

An offer is a statement of kind ``offer``, in an envelope that the seller signs. It travels in the
``extensions`` of x402's answer 402, where a client hands it back with its payment: so a price
that changed in between holds for whoever has the offer.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from counterpoise.core.digest import sha256
from counterpoise.core.errors import CounterpoiseError, InputError, VerificationError
from counterpoise.core.units import Address
from counterpoise.market.signed import (
    address_in,
    digest_in,
    read_signed,
    signed,
    text_digest,
    written,
)
from counterpoise.provenance import Signer, Subject

EXTENSION = "counterpoise-offer"
_REMEMBERED = 8_192


@dataclass(frozen=True, slots=True)
class SignedOffer:
    """What a seller binds himself to.

    Parameters
    ----------
    resource :
        Method and path that it is for, such as ``"POST /v1/embeddings"``.
    network :
        CAIP-2 name of the chain, such as ``eip155:31337``.
    amount :
        Most that a call costs, in base units of the token.
    until :
        Unix time from which it no longer holds.
    request :
        32 bytes that name one request; None where it holds for any at the resource.
    payer :
        Whom it is for; None for anyone.
    """

    resource: str
    network: str
    token: Address
    amount: int
    pay_to: Address
    until: int
    request: bytes | None = None
    listing: bytes | None = None
    payer: Address | None = None

    def check(
        self, *, resource: str, now: int, request: bytes | None = None, payer: Address | None = None
    ) -> None:
        """Raise `VerificationError` unless the offer holds for this call at this time."""
        if now >= self.until:
            raise VerificationError(f"the offer held until {self.until}, it is {now}")
        if resource != self.resource:
            raise VerificationError(f"the offer is for {self.resource!r}, not for {resource!r}")
        if self.request is not None and request != self.request:
            raise VerificationError("the offer is for another request")
        if self.payer is not None and payer != self.payer:
            raise VerificationError("the offer is for another payer")


def issue_offer(signer: Signer, offer: SignedOffer, now: int, nonce: bytes | None = None) -> bytes:
    """Sign an offer; gives the envelope, about 1,000 bytes, in about 0.15 ms.

    Parameters
    ----------
    nonce :
        16 fresh bytes; drawn where None.
    """
    subject = Subject(offer.resource, offer.request or text_digest(offer.resource))
    return signed(
        "offer",
        [subject],
        signer,
        now,
        nonce or secrets.token_bytes(16),
        resource=offer.resource,
        network=offer.network,
        token=written(offer.token),
        amount=str(offer.amount),
        pay_to=written(offer.pay_to),
        until=offer.until,
        request=offer.request,
        listing=offer.listing,
        payer=None if offer.payer is None else written(offer.payer),
    )


def read_offer(envelope: bytes) -> tuple[SignedOffer, Address]:
    """Read an offer, and give it with who signed it.

    Raises
    ------
    InputError, VerificationError :
        It is no offer, or its signature is false.
    """
    statement, signer = read_signed(envelope, "offer")
    said = statement.predicate
    token, pay_to = address_in(statement, "token"), address_in(statement, "pay_to")
    assert token is not None and pay_to is not None
    offer = SignedOffer(
        said["resource"],
        said["network"],
        token,
        int(said["amount"]),
        pay_to,
        said["until"],
        digest_in(statement, "request"),
        digest_in(statement, "listing"),
        address_in(statement, "payer"),
    )
    return offer, signer


def check_offer(
    envelope: bytes,
    signers: Collection[Address],
    *,
    resource: str,
    now: int,
    request: bytes | None = None,
    payer: Address | None = None,
) -> SignedOffer:
    """Give an offer that holds for this call, signed by one of the seller's keys.

    Raises
    ------
    InputError, VerificationError :
        It is no offer, expired, of another, or for another call.
    """
    offer, signer = read_offer(envelope)
    if signer not in signers:
        raise VerificationError(f"the offer is signed by {written(signer)}, not by the seller")
    offer.check(resource=resource, now=now, request=request, payer=payer)
    return offer


class OfferDesk:
    """The seller's side: issues offers and keeps them, through restarts too.

    Parameters
    ----------
    signer :
        The seller's key; every offer that it signed is honoured.
    network, token, pay_to :
        What every offer says.
    seconds :
        How long an offer holds.
    """

    def __init__(
        self,
        signer: Signer,
        network: str,
        token: Address,
        pay_to: Address,
        *,
        seconds: int = 120,
        listing: bytes | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        if seconds < 1:
            raise InputError(f"an offer that holds for {seconds} s", hint="at least 1")
        self.signer, self.seconds, self._random = signer, seconds, random
        self._terms = network, token, pay_to
        self._listing = listing
        self._lock = threading.Lock()
        self._known: dict[bytes, SignedOffer] = {}

    def issue(
        self,
        resource: str,
        amount: int,
        now: int,
        *,
        request: bytes | None = None,
        payer: Address | None = None,
    ) -> bytes:
        """Sign an offer that holds from now on; gives the envelope."""
        network, token, pay_to = self._terms
        offer = SignedOffer(
            resource,
            network,
            token,
            amount,
            pay_to,
            now + self.seconds,
            request,
            self._listing,
            payer,
        )
        envelope = issue_offer(self.signer, offer, now, self._random(16))
        self._remember(envelope, offer)
        return envelope

    def check(
        self,
        envelope: bytes,
        *,
        resource: str,
        now: int,
        request: bytes | None = None,
        payer: Address | None = None,
    ) -> SignedOffer:
        """Give an own offer that holds for this call: a look-up where it was issued lately.

        Raises
        ------
        InputError, VerificationError :
            It is no offer of this seller's, expired, or for another call.
        """
        with self._lock:
            offer = self._known.get(sha256(envelope))
        if offer is None:
            offer, signer = read_offer(envelope)
            if written(signer) != self.signer.keyid:
                raise VerificationError("the offer is another seller's")
            if (offer.network, offer.token, offer.pay_to) != self._terms:
                raise VerificationError("the offer is for another network, token or receiver")
            self._remember(envelope, offer)
        offer.check(resource=resource, now=now, request=request, payer=payer)
        return offer

    def price(
        self,
        extensions: Mapping[str, Any],
        wanted: int,
        current: int,
        *,
        resource: str,
        now: int,
        request: bytes | None = None,
        payer: Address | None = None,
    ) -> int:
        """Give the price of a call whose payer pays `wanted`: an offer's that holds, or `current`.

        Parameters
        ----------
        extensions :
            Those of the payment.
        wanted, current :
            What the payer takes the price to be, and what it is now, in base units.
        """
        if wanted == current:
            return current
        try:
            envelope = offer_in(extensions)
            if envelope is None:
                return current
            offer = self.check(envelope, resource=resource, now=now, request=request, payer=payer)
        except CounterpoiseError:
            return current
        return offer.amount if offer.amount == wanted else current

    def _remember(self, envelope: bytes, offer: SignedOffer) -> None:
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[sha256(envelope)] = offer


def offer_extension(envelope: bytes) -> dict[str, Any]:
    """Give an offer as a member of x402's ``extensions``."""
    return {EXTENSION: {"info": {"envelope": base64.b64encode(envelope).decode()}}}


def offer_in(extensions: Mapping[str, Any]) -> bytes | None:
    """Find the envelope of an offer in x402's ``extensions``; None where there is none.

    Raises
    ------
    InputError :
        There is one that cannot be read.
    """
    match extensions.get(EXTENSION):
        case None:
            return None
        case {"info": {"envelope": str(text)}}:
            try:
                return base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError) as wrong:
                raise InputError("the offer's envelope is no base64") from wrong
    raise InputError(f"{EXTENSION} holds no info.envelope")
