"""Anyone offers, finds, buys and judges models, data and services."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.market.acceptance_client import AcceptanceClient
    from counterpoise.market.acceptance_rules import AcceptanceTerms, Outcome, Stage
    from counterpoise.market.buying import Customer, Purchase, Wish
    from counterpoise.market.catalogue import Catalogue
    from counterpoise.market.compute_to_data import (
        Columns,
        Condition,
        DataBuyer,
        DataNode,
        DataOwner,
        DataPolicy,
        Disclosure,
        OwnerHome,
        Question,
        audit_data_jobs,
        co_sign,
        evaluation_algorithm,
        own_code,
        training_algorithm,
        verify_data_jobs,
    )
    from counterpoise.market.engines.minilm import MiniLm
    from counterpoise.market.finding import Order, Result, Wanted, resolve, search
    from counterpoise.market.gateway.checking import check_decision
    from counterpoise.market.gateway.mcp_client import Called, McpClient, McpTransport
    from counterpoise.market.gateway.oip import OipService, Sold
    from counterpoise.market.gateway.oip_models import Found, WholeModel
    from counterpoise.market.gateway.openai_chat import UpstreamChat
    from counterpoise.market.gateway.openai_embeddings import (
        Embedder,
        LocalEmbeddings,
        UpstreamEmbeddings,
    )
    from counterpoise.market.gateway.openai_service import OpenAiService
    from counterpoise.market.gateway.running import Running
    from counterpoise.market.gateway.service import request_digest
    from counterpoise.market.gateway.settings import Table, load_settings
    from counterpoise.market.gateway.statements import answer_commitment
    from counterpoise.market.gateway.tariff import Tariff
    from counterpoise.market.gateway.upstream import Upstream
    from counterpoise.market.listing import (
        Endpoint,
        Level,
        Listing,
        SignedListing,
        What,
        read_listing,
    )
    from counterpoise.market.listing_check import verify_listings
    from counterpoise.market.offers import (
        OfferDesk,
        SignedOffer,
        check_offer,
        issue_offer,
        offer_extension,
        offer_in,
        read_offer,
    )
    from counterpoise.market.orders import Orders
    from counterpoise.market.orders_said import OrderTerms, Placed
    from counterpoise.market.paid_receipts import ChannelReceipts, ExactReceipts, PaidReceipts
    from counterpoise.market.price import Price, Unit
    from counterpoise.market.publishing import Published, publish, register_seller
    from counterpoise.market.receipts_issued import (
        CallReceipt,
        check_call_receipt,
        issue_receipt,
        read_receipt,
    )
    from counterpoise.market.reputations import Reputations
    from counterpoise.market.sources import note_reputations, read_chain, read_log, read_standings

_HOMES = {
    "acceptance_client": ("AcceptanceClient",),
    "acceptance_rules": ("AcceptanceTerms", "Outcome", "Stage"),
    "buying": ("Customer", "Purchase", "Wish"),
    "catalogue": ("Catalogue",),
    "compute_to_data": (
        "Columns",
        "Condition",
        "DataBuyer",
        "DataNode",
        "DataOwner",
        "DataPolicy",
        "Disclosure",
        "OwnerHome",
        "Question",
        "audit_data_jobs",
        "co_sign",
        "evaluation_algorithm",
        "own_code",
        "training_algorithm",
        "verify_data_jobs",
    ),
    "engines.minilm": ("MiniLm",),
    "finding": ("Order", "Result", "Wanted", "resolve", "search"),
    "gateway.checking": ("check_decision",),
    "gateway.mcp_client": ("Called", "McpClient", "McpTransport"),
    "gateway.oip": ("OipService", "Sold"),
    "gateway.oip_models": ("Found", "WholeModel"),
    "gateway.openai_chat": ("UpstreamChat",),
    "gateway.openai_embeddings": ("Embedder", "LocalEmbeddings", "UpstreamEmbeddings"),
    "gateway.openai_service": ("OpenAiService",),
    "gateway.running": ("Running",),
    "gateway.service": ("request_digest",),
    "gateway.settings": ("Table", "load_settings"),
    "gateway.statements": ("answer_commitment",),
    "gateway.tariff": ("Tariff",),
    "gateway.upstream": ("Upstream",),
    "listing": ("Endpoint", "Level", "Listing", "SignedListing", "What", "read_listing"),
    "listing_check": ("verify_listings",),
    "offers": (
        "OfferDesk",
        "SignedOffer",
        "check_offer",
        "issue_offer",
        "offer_extension",
        "offer_in",
        "read_offer",
    ),
    "orders": ("Orders",),
    "orders_said": ("OrderTerms", "Placed"),
    "paid_receipts": ("ChannelReceipts", "ExactReceipts", "PaidReceipts"),
    "price": ("Price", "Unit"),
    "publishing": ("Published", "publish", "register_seller"),
    "receipts_issued": ("CallReceipt", "check_call_receipt", "issue_receipt", "read_receipt"),
    "reputations": ("Reputations",),
    "sources": ("note_reputations", "read_chain", "read_log", "read_standings"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AcceptanceClient",
    "AcceptanceTerms",
    "CallReceipt",
    "Called",
    "Catalogue",
    "ChannelReceipts",
    "Columns",
    "Condition",
    "Customer",
    "DataBuyer",
    "DataNode",
    "DataOwner",
    "DataPolicy",
    "Disclosure",
    "Embedder",
    "Endpoint",
    "ExactReceipts",
    "Found",
    "Level",
    "Listing",
    "LocalEmbeddings",
    "McpClient",
    "McpTransport",
    "MiniLm",
    "OfferDesk",
    "OipService",
    "OpenAiService",
    "Order",
    "OrderTerms",
    "Orders",
    "Outcome",
    "OwnerHome",
    "PaidReceipts",
    "Placed",
    "Price",
    "Published",
    "Purchase",
    "Question",
    "Reputations",
    "Result",
    "Running",
    "SignedListing",
    "SignedOffer",
    "Sold",
    "Stage",
    "Table",
    "Tariff",
    "Unit",
    "Upstream",
    "UpstreamChat",
    "UpstreamEmbeddings",
    "Wanted",
    "What",
    "WholeModel",
    "Wish",
    "answer_commitment",
    "audit_data_jobs",
    "check_call_receipt",
    "check_decision",
    "check_offer",
    "co_sign",
    "evaluation_algorithm",
    "issue_offer",
    "issue_receipt",
    "load_settings",
    "note_reputations",
    "offer_extension",
    "offer_in",
    "own_code",
    "publish",
    "read_chain",
    "read_listing",
    "read_log",
    "read_offer",
    "read_receipt",
    "read_standings",
    "register_seller",
    "request_digest",
    "resolve",
    "search",
    "training_algorithm",
    "verify_data_jobs",
    "verify_listings",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
