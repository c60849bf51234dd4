"""Channels: deposit once, sign a growing total for each call, claim many totals at once."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.payments.async_buyer import AsyncBuyer, Streamed
    from counterpoise.payments.budget import Allowance, Budget
    from counterpoise.payments.buyer import Buyer
    from counterpoise.payments.channels import MAX_ROWS, ChannelsClient, SignedDeposit
    from counterpoise.payments.facilitator import Facilitator
    from counterpoise.payments.placing import place_contracts
    from counterpoise.payments.rules import Channel, Earned, Fault
    from counterpoise.payments.seller import Seller
    from counterpoise.payments.settlement import Claimed, Settlement
    from counterpoise.payments.shopping import Answer, Bought
    from counterpoise.payments.signing import (
        BATCH_SETTLEMENT,
        DEPOSIT_COLLECTOR,
        MULTICALL,
        ChannelConfig,
        Claim,
        Voucher,
        batch_digest,
        channel_domain,
        refund_digest,
        voucher_digest,
    )
    from counterpoise.payments.terms import Look, Refusal, Terms, Ticket
    from counterpoise.payments.till import Till
    from counterpoise.payments.transport import Connections, send_by_http
    from counterpoise.payments.voucher_book import Kept
    from counterpoise.payments.voucher_store import VoucherStore, read_vouchers
    from counterpoise.payments.vouchers import Vouchers
    from counterpoise.payments.wire import (
        Offer,
        Payment,
        Required,
        Response,
        pack,
        read_payment,
        unpack,
    )
    from counterpoise.payments.wire_schemes import ChannelPayment, ExactPayment
    from counterpoise.payments.withdrawals import Standing, Withdrawals

_HOMES = {
    "budget": (
        "Allowance",
        "Budget",
    ),
    "async_buyer": ("AsyncBuyer", "Streamed"),
    "buyer": ("Buyer",),
    "shopping": ("Answer", "Bought"),
    "transport": ("Connections", "send_by_http"),
    "facilitator": ("Facilitator",),
    "seller": ("Seller",),
    "settlement": (
        "Claimed",
        "Settlement",
    ),
    "terms": (
        "Look",
        "Refusal",
        "Terms",
        "Ticket",
    ),
    "till": ("Till",),
    "voucher_book": ("Kept",),
    "voucher_store": (
        "VoucherStore",
        "read_vouchers",
    ),
    "withdrawals": ("Standing", "Withdrawals"),
    "wire": (
        "Offer",
        "Payment",
        "Required",
        "Response",
        "pack",
        "read_payment",
        "unpack",
    ),
    "wire_schemes": (
        "ChannelPayment",
        "ExactPayment",
    ),
    "channels": ("MAX_ROWS", "ChannelsClient", "SignedDeposit"),
    "placing": ("place_contracts",),
    "rules": ("Channel", "Earned", "Fault"),
    "signing": (
        "BATCH_SETTLEMENT",
        "DEPOSIT_COLLECTOR",
        "MULTICALL",
        "ChannelConfig",
        "Claim",
        "Voucher",
        "batch_digest",
        "channel_domain",
        "refund_digest",
        "voucher_digest",
    ),
    "vouchers": ("Vouchers",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Allowance",
    "Answer",
    "AsyncBuyer",
    "batch_digest",
    "BATCH_SETTLEMENT",
    "Bought",
    "Budget",
    "Buyer",
    "Channel",
    "channel_domain",
    "ChannelConfig",
    "ChannelPayment",
    "ChannelsClient",
    "Claim",
    "Claimed",
    "Connections",
    "DEPOSIT_COLLECTOR",
    "Earned",
    "ExactPayment",
    "Facilitator",
    "Fault",
    "Kept",
    "Look",
    "MAX_ROWS",
    "MULTICALL",
    "Offer",
    "pack",
    "Payment",
    "place_contracts",
    "read_payment",
    "read_vouchers",
    "refund_digest",
    "Refusal",
    "Required",
    "Response",
    "Seller",
    "send_by_http",
    "Settlement",
    "SignedDeposit",
    "Standing",
    "Streamed",
    "Terms",
    "Ticket",
    "Till",
    "unpack",
    "Voucher",
    "voucher_digest",
    "Vouchers",
    "VoucherStore",
    "Withdrawals",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
