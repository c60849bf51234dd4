"""Models as integers: one specification, commitments, traces, importers, a fast path."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.inference.client import ModelsClient, Record
    from counterpoise.inference.commitments import (
        OrderedTree,
        check_opening,
        input_commitment,
        model_id,
        trace_leaf,
        tree_depth,
    )
    from counterpoise.inference.features import Cuts, Even
    from counterpoise.inference.forest import Forest
    from counterpoise.inference.header import Header, LayerShape
    from counterpoise.inference.importing import import_model
    from counterpoise.inference.model_file import (
        IntegerModel,
        load_model,
        model_bytes,
        model_from_bytes,
        model_from_rows,
        save_model,
    )
    from counterpoise.inference.net import Layer, Net
    from counterpoise.inference.quantiser import Quantiser
    from counterpoise.inference.report import Card, Imported, ImportReport
    from counterpoise.inference.runner import Runner
    from counterpoise.inference.trace import Answers, Trace, answer_bytes, parse_answer
    from counterpoise.inference.tree import Leaf, Split, Tree

_HOMES = {
    "client": ("ModelsClient", "Record"),
    "commitments": (
        "OrderedTree",
        "check_opening",
        "input_commitment",
        "model_id",
        "trace_leaf",
        "tree_depth",
    ),
    "features": ("Cuts", "Even"),
    "forest": ("Forest",),
    "header": ("Header", "LayerShape"),
    "importing": ("import_model",),
    "model_file": (
        "IntegerModel",
        "load_model",
        "model_bytes",
        "model_from_bytes",
        "model_from_rows",
        "save_model",
    ),
    "net": ("Layer", "Net"),
    "quantiser": ("Quantiser",),
    "report": ("Card", "ImportReport", "Imported"),
    "runner": ("Runner",),
    "trace": ("Answers", "Trace", "answer_bytes", "parse_answer"),
    "tree": ("Leaf", "Split", "Tree"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Answers",
    "Card",
    "Cuts",
    "Even",
    "Forest",
    "Header",
    "ImportReport",
    "Imported",
    "IntegerModel",
    "Layer",
    "LayerShape",
    "Leaf",
    "ModelsClient",
    "Net",
    "OrderedTree",
    "Quantiser",
    "Record",
    "Runner",
    "Split",
    "Trace",
    "Tree",
    "answer_bytes",
    "check_opening",
    "import_model",
    "input_commitment",
    "load_model",
    "model_bytes",
    "model_from_bytes",
    "model_from_rows",
    "model_id",
    "parse_answer",
    "save_model",
    "trace_leaf",
    "tree_depth",
]


def __getattr__(name: str) -> Any:
    """Import a name of the face when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
