"""One interface to any chain; accounts, contracts and events on it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.chain.account import Account, Transaction, recover
    from counterpoise.chain.backend import (
        FINAL_DEPTH,
        LOCAL_CHAIN_ID,
        Block,
        Chain,
        Features,
        Log,
        Receipt,
        Workbench,
    )
    from counterpoise.chain.call_tree import Call, Emitted
    from counterpoise.chain.compiled import Artifact, artifact, artifact_of
    from counterpoise.chain.contract import Contract, Event, deploy
    from counterpoise.chain.dev_accounts import dev_account
    from counterpoise.chain.follower import Follower
    from counterpoise.chain.keyring import Keyring
    from counterpoise.chain.opening import open_chain
    from counterpoise.chain.sender import send, wait
    from counterpoise.chain.typed_data import Domain, eip712_digest, struct_hash

_HOMES = {
    "account": ("Account", "Transaction", "recover"),
    "call_tree": ("Call", "Emitted"),
    "compiled": ("Artifact", "artifact", "artifact_of"),
    "backend": (
        "FINAL_DEPTH",
        "LOCAL_CHAIN_ID",
        "Block",
        "Chain",
        "Features",
        "Log",
        "Receipt",
        "Workbench",
    ),
    "contract": ("Contract", "Event", "deploy"),
    "dev_accounts": ("dev_account",),
    "follower": ("Follower",),
    "keyring": ("Keyring",),
    "opening": ("open_chain",),
    "sender": ("send", "wait"),
    "typed_data": ("Domain", "eip712_digest", "struct_hash"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Account",
    "Artifact",
    "Block",
    "Call",
    "Chain",
    "Contract",
    "Domain",
    "Emitted",
    "Event",
    "FINAL_DEPTH",
    "Features",
    "Follower",
    "Keyring",
    "LOCAL_CHAIN_ID",
    "Log",
    "Receipt",
    "Transaction",
    "Workbench",
    "artifact",
    "artifact_of",
    "deploy",
    "dev_account",
    "eip712_digest",
    "open_chain",
    "recover",
    "send",
    "struct_hash",
    "wait",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
