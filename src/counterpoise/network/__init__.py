"""A folder that is a whole network: chain, contracts, evidence log, blobs, mail and keys."""

from counterpoise.network.charter import Charter
from counterpoise.network.folder import (
    Network,
    default_state,
    open_network,
    visit_network,
)
from counterpoise.network.founding import create_network

__all__ = [
    "Charter",
    "Network",
    "create_network",
    "default_state",
    "open_network",
    "visit_network",
]
