"""A folder that is a whole network: chain, contracts, evidence log, blobs, mail and keys.

What a verb needs to enter one (`in_network`, `by_account`, `entered`, `signer` …) is here too.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.network.charter import Charter
    from counterpoise.network.entrance import (
        FILE,
        FOLDER,
        answer,
        as_json,
        by_account,
        entered,
        in_network,
        key_of,
        named,
        patient,
        progress,
        signer,
    )
    from counterpoise.network.faucet import draw_from_faucet, fill_faucet
    from counterpoise.network.folder import (
        Network,
        default_state,
        open_network,
        visit_network,
    )
    from counterpoise.network.founding import create_network
    from counterpoise.network.verbs import Verbs

_HOMES = {
    "charter": ("Charter",),
    "entrance": (
        "FILE",
        "FOLDER",
        "answer",
        "as_json",
        "by_account",
        "entered",
        "in_network",
        "key_of",
        "named",
        "patient",
        "progress",
        "signer",
    ),
    "faucet": ("draw_from_faucet", "fill_faucet"),
    "folder": ("Network", "default_state", "open_network", "visit_network"),
    "founding": ("create_network",),
    "verbs": ("Verbs",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "answer",
    "as_json",
    "by_account",
    "Charter",
    "create_network",
    "default_state",
    "draw_from_faucet",
    "entered",
    "FILE",
    "fill_faucet",
    "FOLDER",
    "in_network",
    "key_of",
    "named",
    "Network",
    "open_network",
    "patient",
    "progress",
    "signer",
    "Verbs",
    "visit_network",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
