"""Listings: what is for sale, by which agent, at which price, where and on what terms."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.market.price import Price, Unit
from counterpoise.market.signed import (
    address_in,
    digest_in,
    read_signed,
    signed,
    text_digest,
    written,
)
from counterpoise.provenance import Signer, Statement, Subject

TONGUES = ("oip-v2", "openai", "mcp", "a2a", "compute-to-data")
"""How a seller may be spoken to; others may come."""

LEVELS = ("quorum", "optimistic", "zk", "direct")
"""How strongly an answer may be proven, beside not at all."""

MAX_DESCRIPTION, MAX_TEXT, MAX_ROWS = 4_000, 512, 16


class What(StrEnum):
    """What is for sale."""

    MODEL = "model"
    DATASET = "dataset"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address at which the seller is reached, and the tongue that is spoken there."""

    tongue: str
    url: str


@dataclass(frozen=True, slots=True)
class Level:
    """A level of verification that is offered, and what it costs beside the price."""

    name: str
    extra: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What a seller states.

    Parameters
    ----------
    name :
        Of the listing: lower-case letters, digits, dots, dashes; one of its agent's has it.
    price :
        In base units of `token`.
    agent, registry :
        The seller's number in an ERC-8004 registry, ``eip155:<chain>:<address>``.
    version :
        From 1; of one agent's listings under one name the highest counts.
    until :
        Unix time from which it is no longer good.
    model, row_root, policy :
        Digests of the model, of a dataset's rows, and of the policy for computing on them.
    signer :
        Who may sign offers and receipts for it beside the agent's owner and wallet.
    withdrawn :
        Whether this version takes the listing back.

    Raises
    ------
    InputError :
        A text is too long, holds control characters, or is no address.
    """

    what: What
    name: str
    description: str
    price: Price
    token: Address
    agent: int
    registry: str
    until: int
    version: int = 1
    tags: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    levels: tuple[Level, ...] = ()
    licence: str = "none stated"
    model: bytes | None = None
    row_root: bytes | None = None
    policy: bytes | None = None
    signer: Address | None = None
    withdrawn: bool = False

    def __post_init__(self) -> None:
        _check_text("description", self.description, MAX_DESCRIPTION)
        _check_text("licence", self.licence, MAX_TEXT)
        rows: tuple[tuple[str, Sequence[object]], ...] = (
            ("tags", self.tags),
            ("endpoints", self.endpoints),
            ("levels", self.levels),
        )
        for what, listed in rows:
            if len(listed) > MAX_ROWS:
                raise InputError(f"a listing with {len(listed)} {what}, at most {MAX_ROWS}")
        for endpoint in self.endpoints:
            _check_url(endpoint.url)
        if self.version < 1:
            raise InputError(f"a listing of version {self.version}", hint="count from 1")

    def sign(self, signer: Signer, now: int, nonce: bytes | None = None) -> bytes:
        """Give the envelope of the listing's statement, signed by the agent's owner or wallet.

        Raises
        ------
        InputError :
            A field is not as statements have it; the message names it.
        """
        return signed(
            "listing",
            self._subjects(),
            signer,
            now,
            nonce or secrets.token_bytes(16),
            what=self.what.value,
            name=self.name,
            version=self.version,
            description=self.description,
            tags=list(self.tags),
            price={
                "amount": str(self.price.amount),
                "unit": self.price.unit.value,
                "token": written(self.token),
            },
            agent={"number": self.agent, "registry": self.registry},
            endpoints=[{"url": one.url, "tongue": one.tongue} for one in self.endpoints],
            levels=[{"level": one.name, "extra": str(one.extra)} for one in self.levels],
            licence=self.licence,
            until=self.until,
            model=self.model,
            row_root=self.row_root,
            policy=self.policy,
            signer=None if self.signer is None else written(self.signer),
            withdrawn=self.withdrawn or None,
        )

    def taken_back(self) -> Listing:
        """Give the next version, which withdraws it."""
        return replace(self, version=self.version + 1, withdrawn=True)

    def _subjects(self) -> list[Subject]:
        """Name the agent, so that all its listings are found, and what is for sale."""
        subjects = [Subject("agent", agent_digest(self.registry, self.agent))]
        if self.model is not None:
            subjects.append(Subject("model", self.model))
        if self.row_root is not None:
            subjects.append(Subject("dataset", self.row_root))
        return subjects


@dataclass(frozen=True, slots=True)
class SignedListing:
    """A listing with who signed it; `digest` is that of its statement, by which others name it."""

    listing: Listing
    signer: Address
    digest: bytes
    time: int
    envelope: bytes


def read_listing(envelope: bytes) -> SignedListing:
    """Read a listing and check its signature; who may list for the agent is not asked.

    Raises
    ------
    InputError, VerificationError :
        It is no listing, or its signature is false.
    """
    statement, signer = read_signed(envelope, "listing")
    listing = _listing(statement)
    if statement.subject != tuple(listing._subjects()):
        raise InputError("the listing's subjects are not what it names")
    return SignedListing(listing, signer, statement.digest, statement.predicate["time"], envelope)


def agent_digest(registry: str, agent: int) -> bytes:
    """Give the digest under which a log knows an agent."""
    return text_digest(f"{registry.lower()}/{agent}")


def _listing(statement: Statement) -> Listing:
    said = statement.predicate
    price = said["price"]
    return Listing(
        What(said["what"]),
        said["name"],
        said["description"],
        Price(int(price["amount"]), Unit(price["unit"])),
        bytes.fromhex(price["token"][2:]),
        said["agent"]["number"],
        said["agent"]["registry"],
        said["until"],
        said["version"],
        tuple(said["tags"]),
        tuple(Endpoint(one["tongue"], one["url"]) for one in said["endpoints"]),
        tuple(Level(one["level"], int(one["extra"])) for one in said["levels"]),
        said["licence"],
        digest_in(statement, "model"),
        digest_in(statement, "row_root"),
        digest_in(statement, "policy"),
        address_in(statement, "signer"),
        said.get("withdrawn", False),
    )


def _check_text(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise InputError(f"a {what} of {len(text)} characters, at most {most} wanted")
    if not all(line.isprintable() for line in text.split("\n")):
        raise InputError(
            f"the {what} holds control characters", hint="they would reach readers' terminals"
        )


def _check_url(url: str) -> None:
    try:
        found = urlsplit(url)
        found.port  # noqa: B018  (raises on a port that is none)
    except ValueError as wrong:
        raise InputError(f"{url!r:.80} is no address: {wrong}") from wrong
    plain = len(url) <= MAX_TEXT and re.fullmatch(r"[!-~]+", url) and "@" not in found.netloc
    if not (plain and found.scheme) or (found.scheme in ("http", "https") and not found.hostname):
        raise InputError(
            f"{url!r:.80} is no address of a seller", hint="write such as https://seller.example/v2"
        )
