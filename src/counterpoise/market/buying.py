"""A customer of a listing: asks the price, pays within limits, and checks offer and receipt.

The seller is whom the listing says, or nobody is paid: what is asked must be for the agent's owner
or wallet and in the listing's token, and a signed offer must be the seller's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address, to_checksum
from counterpoise.market.finding import Result
from counterpoise.market.gateway.service import request_digest
from counterpoise.market.offers import SignedOffer, check_offer, offer_in
from counterpoise.market.price import Unit
from counterpoise.market.receipts_issued import (
    HEADER,
    CallReceipt,
    check_call_receipt,
    from_header,
)
from counterpoise.payments import (
    Allowance,
    Answer,
    Bought,
    Budget,
    Buyer,
    Channel,
    ChannelConfig,
    Connections,
    Offer,
    Required,
    unpack,
)

_REQUIRED = "payment-required"
Send = Callable[[str, str, Mapping[str, str], bytes], Answer]


@dataclass(frozen=True, slots=True)
class Wish:
    """One call that a customer wants to make, to an address with path and query."""

    method: str
    address: str
    body: bytes = b""

    @property
    def request(self) -> bytes:
        """The 32 bytes that name the request."""
        parts = urlsplit(self.address)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return request_digest(self.method, target, self.body)

    @property
    def resource(self) -> str:
        """What offers name: method and path."""
        return f"{self.method} {urlsplit(self.address).path or '/'}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a seller wants for a call, and the offer that binds him to it, if he signed one."""

    amount: int
    offers: tuple[Offer, ...]
    signed: SignedOffer | None = None
    envelope: bytes = b""


@dataclass(frozen=True, slots=True)
class Purchase:
    """A call that was made: the answer with what it cost, the price asked, and the receipt."""

    bought: Bought
    asked: Asked | None
    receipt: CallReceipt | None
    envelope: bytes = b""


class Customer:
    """Buys from one listing.

    Parameters
    ----------
    result :
        The listing and who stands behind it; see `counterpoise.market.resolve`.
    most :
        The most for one call, in base units; by default the listing's price, where that is for a
        call, with the extra of `level`.
    deposit :
        The most that one deposit may be; a hundred calls by default.
    level :
        A level of verification that the listing offers.
    send :
        The transport.
    read_channel :
        Reads a channel from its chain, so that channels of earlier runs are found again.

    Raises
    ------
    InputError :
        The listing's price is not for a call and no most is given, or the level is not offered.
    """

    def __init__(
        self,
        result: Result,
        account: Account,
        *,
        most: int | None = None,
        deposit: int | None = None,
        level: str | None = None,
        send: Send | None = None,
        read_channel: Callable[[ChannelConfig], Channel] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.result, self.account, self._clock = result, account, clock
        self.level, self.most = level, _most(result, most, level)
        self.asked: Asked | None = None
        self._send = send or Connections()
        listing = result.found.listing
        network = listing.registry.rpartition(":")[0]
        self.deposit = 100 * self.most if deposit is None else deposit
        limit = Allowance(self.most, self.deposit, 100 * self.most)
        self._buyer = Buyer(
            account,
            Budget({(network, listing.token): limit}),
            send=self._guarded,
            read_channel=read_channel,
            clock=clock,
        )

    def ask(self, wish: Wish) -> Asked | None:
        """Ask what a call costs, without paying; None where it is free or refused otherwise.

        Raises
        ------
        VerificationError :
            The money would go to another than the seller, or the signed offer is false.
        """
        self.asked = None
        self._guarded(wish.method, wish.address, _headers(wish), wish.body)
        return self.asked

    def buy(self, wish: Wish) -> Purchase:
        """Make a call, pay for it where that is asked, and check the receipt.

        Raises
        ------
        InputError :
            It costs more than the limits allow.
        VerificationError :
            The seller is another, refuses the payment, or its offer or receipt is false.
        Unreachable :
            No answer came.
        """
        self.asked = None
        bought = self._buyer.fetch(wish.address, wish.method, wish.body, _headers(wish))
        text = bought.answer.headers.get(HEADER.lower())
        if text is None or bought.offer is None:
            return Purchase(bought, self.asked, None)
        envelope = from_header(text)
        receipt = check_call_receipt(
            envelope,
            self._signers(bought.offer),
            request=wish.request,
            answer=sha256(bought.answer.body),
            payer=self.account.address,
            charged=bought.paid,
        )
        return Purchase(bought, self.asked, receipt, envelope)

    def refund(self, wish: Wish) -> int:
        """Ask the seller for what is left in the channel to it; gives the base units returned.

        Parameters
        ----------
        wish :
            Any paid address of the seller's; it is asked by GET, as x402's clients do.

        Raises
        ------
        InputError, VerificationError :
            The address asks for no payment, or the seller refuses.
        """
        given = self._buyer.refund(wish.address)
        return sum(response.amount or 0 for response in given)

    def _guarded(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Send a request; an answer 402 that is not the seller's never reaches the purse."""
        answer = self._send(method, address, headers, body)
        text = answer.headers.get(_REQUIRED)
        if answer.status == 402 and text is not None:
            required = Required.from_json(unpack(text, _REQUIRED))
            self.asked = self._checked(required, Wish(method, address, body))
        return answer

    def _checked(self, required: Required, wish: Wish) -> Asked:
        sellers = self.result.standing.keys
        for offer in required.offers:
            if offer.receiver not in sellers:
                raise VerificationError(
                    f"the money would go to {to_checksum(offer.receiver)}, which is neither owner "
                    f"nor wallet of agent {self.result.found.listing.agent}",
                    hint="do not pay; tell the seller",
                )
        if not required.offers:
            raise InputError("the seller asks to be paid and takes nothing that is known here")
        amount = min(offer.amount for offer in required.offers)
        envelope = offer_in(required.extensions)
        if envelope is None:
            return Asked(amount, required.offers)
        signed = check_offer(
            envelope,
            self._signers(required.offers[0]),
            resource=wish.resource,
            now=int(self._clock()),
            request=wish.request,
            payer=self.account.address,
        )
        for offer in required.offers:
            if (offer.network, offer.asset) == (signed.network, signed.token) and (
                offer.amount > signed.amount or offer.receiver != signed.pay_to
            ):
                raise VerificationError(
                    f"{offer.amount} is asked, the signed offer says {signed.amount}"
                )
        return Asked(amount, required.offers, signed, envelope)

    def _signers(self, offer: Offer) -> set[Address]:
        """Whose word binds the seller: his own, the listing's clerk's, the channel's authorizer's.

        A payer signs the authorizer into its channel's terms, and it can charge the channel anyway.
        """
        clerk = self.result.found.listing.signer
        authorizer = offer.extra.get("receiverAuthorizer")
        found = set(self.result.standing.keys) | ({clerk} if clerk is not None else set())
        if isinstance(authorizer, str) and len(authorizer) == 42:
            found.add(bytes.fromhex(authorizer[2:]))
        return found


def _most(result: Result, most: int | None, level: str | None) -> int:
    listing = result.found.listing
    extras = {one.name: one.extra for one in listing.levels}
    if level is not None and level not in extras:
        offered = ", ".join(extras) or "none"
        raise InputError(f"the listing offers no level {level!r}", hint=f"it offers {offered}")
    if most is not None:
        return most
    if listing.price.unit is not Unit.CALL:
        raise InputError(
            f"the price is {listing.price}: what a call costs depends on it",
            hint="say the most that you pay for a call: --most TOKENS",
        )
    return listing.price.amount + extras.get(level or "", 0)


def _headers(wish: Wish) -> dict[str, str]:
    return {"content-type": "application/json"} if wish.body else {}
