"""Channels: deposit once, sign a growing total for each call, claim many totals at once."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.payments.channels import MAX_ROWS, ChannelsClient, SignedDeposit
    from counterpoise.payments.placing import place_contracts
    from counterpoise.payments.rules import Channel, Earned, Fault
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
    from counterpoise.payments.vouchers import Vouchers

_HOMES = {
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
    "BATCH_SETTLEMENT",
    "Channel",
    "ChannelConfig",
    "ChannelsClient",
    "Claim",
    "DEPOSIT_COLLECTOR",
    "Earned",
    "Fault",
    "MAX_ROWS",
    "MULTICALL",
    "SignedDeposit",
    "Voucher",
    "Vouchers",
    "batch_digest",
    "channel_domain",
    "place_contracts",
    "refund_digest",
    "voucher_digest",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
