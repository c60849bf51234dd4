"""Patterns in transactions: features of the graph around each transfer, and a stream to test on."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.monitor.generator import Generator, Stream, Traffic
    from counterpoise.monitor.graph import Cuts, Graph, Mark
    from counterpoise.monitor.graph_state import Limits
    from counterpoise.monitor.trees import BoostedTrees
    from counterpoise.monitor.typologies import TYPOLOGIES
    from counterpoise.monitor.wash import Trades, Wash, find_wash_trades

_HOMES = {
    "generator": ("Generator", "Stream", "Traffic"),
    "graph": ("Cuts", "Graph", "Mark"),
    "graph_state": ("Limits",),
    "trees": ("BoostedTrees",),
    "typologies": ("TYPOLOGIES",),
    "wash": ("Trades", "Wash", "find_wash_trades"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BoostedTrees",
    "Cuts",
    "Generator",
    "Graph",
    "Limits",
    "Mark",
    "Stream",
    "TYPOLOGIES",
    "Trades",
    "Traffic",
    "Wash",
    "find_wash_trades",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
