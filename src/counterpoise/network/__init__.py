"""A folder that is a whole network: chain, contracts, evidence log, blobs, mail and keys."""

from counterpoise.network.charter import Charter
from counterpoise.network.faucet import draw_from_faucet, fill_faucet
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
    "draw_from_faucet",
    "fill_faucet",
    "open_network",
    "visit_network",
]
