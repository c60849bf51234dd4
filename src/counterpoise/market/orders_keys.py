"""Keys of sealed deliveries: they follow from accounts and content, so that nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.chain import Account
from counterpoise.core.digest import keccak, sha256
from counterpoise.core.units import Address


@dataclass(frozen=True, slots=True)
class Place:
    """The order that a delivery is for; a blob that was sealed for another does not open."""

    chain_id: int
    escrow: Address
    order: int

    def to_bytes(self) -> bytes:
        """Give 84 bytes that name it."""
        return self.chain_id.to_bytes(32, "big") + self.escrow + self.order.to_bytes(32, "big")


def opening_secret(buyer: Account, chain_id: int, escrow: Address) -> bytes:
    """Derive a buyer's secret for one escrow from its account: 32 bytes that nobody else has."""
    place = Place(chain_id, escrow, 0).to_bytes()
    return sha256(buyer.sign_digest(keccak(b"counterpoise opening secret\0" + place)))


def delivery_secret(seller: Account, place: Place, content: bytes) -> bytes:
    """Derive the secret of one delivery; showing it opens that delivery and no other."""
    seed = b"counterpoise delivery secret\0" + place.to_bytes() + sha256(content)
    return sha256(seller.sign_digest(keccak(seed)))
