"""Verifies what sellers stated: listings, offers, receipts, in the log and beside agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from counterpoise.core.errors import CounterpoiseError, InputError, VerificationError
from counterpoise.core.units import Address, to_checksum
from counterpoise.identity import IdentityClient
from counterpoise.market.listing import SignedListing, read_listing
from counterpoise.market.offers import read_offer
from counterpoise.market.receipts_issued import read_receipt
from counterpoise.market.signed import MAX_BYTES
from counterpoise.market.sources import named_on_chain
from counterpoise.network import Network
from counterpoise.provenance import Envelope, Progress, Verdict, kind_of, silent

READERS: Mapping[str, Callable[[bytes], object]] = {"offer": read_offer, "receipt": read_receipt}


def verify_listings(network: Network, verdict: Verdict, on_section: Progress = silent) -> int:
    """Verify the signature and the standing behind every listing, and that it is kept.

    A listing in the log must be signed by a key that stood for its agent at some time; what an
    agent names on the chain must be a listing of that agent's, where the store has it. Offers
    and receipts in the log must be signed by whom they name.

    Returns
    -------
    How many listings were found; 0 also for a network without any.
    """
    if "IdentityRegistry" not in network.charter.contracts:
        return 0
    on_section("listings")
    identity = IdentityClient(network.contract("IdentityRegistry"))
    check = _Check(network, verdict, identity)
    return check.log() + check.chain()


class _Check:
    """One verification of a network's listings."""

    def __init__(self, network: Network, verdict: Verdict, identity: IdentityClient) -> None:
        self.network, self.verdict, self.identity = network, verdict, identity
        self._keys = cache(self._keys_of)

    def log(self) -> int:
        """Check the statements of the log; none for a visitor."""
        if self.network.folder is None or not (self.network.folder / "log").exists():
            return 0
        count = 0
        for at, entry in enumerate(self.network.log_reader().entries()):
            kind = _kind(entry)
            name = f"{kind} in entry {at}"
            try:
                if kind == "listing":
                    count += 1
                    self._stands(name, read_listing(entry))
                elif kind in READERS:
                    READERS[kind](entry)
                    self.verdict.hold(name, True)
            except (InputError, VerificationError) as wrong:
                self.verdict.refuse(name, wrong)
        return count

    def chain(self) -> int:
        """Check the listings that agents name on the chain."""
        last, count = self.network.chain.block("latest").number, 0
        for digest, agent, _ in named_on_chain(self.identity, 0, last):
            name = f"listing {digest.hex()[:12]} of agent {agent}"
            if not self.network.store.has(digest):
                continue  # a seller may keep it elsewhere
            count += 1
            try:
                found = read_listing(self.network.store.fetch(digest, max_bytes=MAX_BYTES))
            except CounterpoiseError as wrong:
                self.verdict.refuse(name, wrong)
                continue
            place = (found.listing.agent, found.listing.registry.lower())
            self.verdict.check(f"{name} / agent", place, (agent, self.identity.name.lower()))
            self._stands(name, found)
        return count

    def _stands(self, name: str, found: SignedListing) -> None:
        if found.listing.registry.lower() != self.identity.name.lower():
            self.verdict.hold(name, True)
            return
        self.verdict.hold(
            f"{name} / signer",
            found.signer in self._keys(found.listing.agent),
            f"{to_checksum(found.signer)} never stood for agent {found.listing.agent}",
        )

    def _keys_of(self, agent: int) -> frozenset[Address]:
        held = self.identity.standings(agent)
        return frozenset(key for one in held for key in (one.owner, one.wallet)) - {bytes(20)}


def _kind(entry: bytes) -> str:
    try:
        return kind_of(Envelope.from_bytes(entry).statement) or ""
    except InputError:
        return ""
