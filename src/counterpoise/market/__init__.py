"""Anyone offers, finds, buys and judges models, data and services."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.market.offers import (
        OfferDesk,
        SignedOffer,
        check_offer,
        issue_offer,
        offer_extension,
        offer_in,
        read_offer,
    )
    from counterpoise.market.price import Price, Unit
    from counterpoise.market.receipts_issued import (
        CallReceipt,
        check_call_receipt,
        issue_receipt,
        read_receipt,
    )

_HOMES = {
    "offers": (
        "OfferDesk",
        "SignedOffer",
        "check_offer",
        "issue_offer",
        "offer_extension",
        "offer_in",
        "read_offer",
    ),
    "price": (
        "Price",
        "Unit",
    ),
    "receipts_issued": (
        "CallReceipt",
        "check_call_receipt",
        "issue_receipt",
        "read_receipt",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CallReceipt",
    "OfferDesk",
    "Price",
    "SignedOffer",
    "Unit",
    "check_call_receipt",
    "check_offer",
    "issue_offer",
    "issue_receipt",
    "offer_extension",
    "offer_in",
    "read_offer",
    "read_receipt",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
