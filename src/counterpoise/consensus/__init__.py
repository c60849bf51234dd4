"""Validators weigh, the market pays: Yuma consensus in integers."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.consensus.yuma import Epoch, Liquid, Outcome, Terms, run_epoch

__all__ = ["Epoch", "Liquid", "Outcome", "Terms", "run_epoch"]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name in __all__:
        return getattr(import_module("counterpoise.consensus.yuma"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
