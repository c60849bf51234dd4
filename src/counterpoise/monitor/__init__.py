"""Patterns in transactions: features of the graph around each transfer, and a stream to test on."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.monitor.alert import Alert, Edge, Entity, Finding, Severity, Standing
    from counterpoise.monitor.alert_book import AlertBook
    from counterpoise.monitor.alert_check import verify_alerts
    from counterpoise.monitor.alert_values import alert_from_value
    from counterpoise.monitor.blocks import NATIVE
    from counterpoise.monitor.case_export import export_case
    from counterpoise.monitor.cases import Case
    from counterpoise.monitor.contacts import Contacts
    from counterpoise.monitor.contributions import Paths
    from counterpoise.monitor.detectors import (
        DETECTORS,
        OBSERVERS,
        make_detectors,
        make_observers,
    )
    from counterpoise.monitor.detectors.laundering import Laundering
    from counterpoise.monitor.drift import Baseline, Drift, drift_of_window
    from counterpoise.monitor.feedback import labels_of, lesson_of_blocks
    from counterpoise.monitor.generator import Generator, Stream, Traffic
    from counterpoise.monitor.graph import Cuts, Graph, Mark
    from counterpoise.monitor.graph_state import Limits
    from counterpoise.monitor.guardian_client import (
        GuardianClient,
        GuardianTerms,
        PauseCase,
        Ruling,
    )
    from counterpoise.monitor.labels import Label, Labels, load_labels, load_lists, shipped_labels
    from counterpoise.monitor.laundering_model import LaunderingModel
    from counterpoise.monitor.lessons import Lesson, make_model
    from counterpoise.monitor.picture import draw, draw_edges
    from counterpoise.monitor.rerun import derive_alerts
    from counterpoise.monitor.responder import Action, Policy, Responder
    from counterpoise.monitor.screen import Screen
    from counterpoise.monitor.screening import Expectation, Screening
    from counterpoise.monitor.signs import Decision, Sign
    from counterpoise.monitor.simulation import Intent
    from counterpoise.monitor.sources.chain import ChainSource
    from counterpoise.monitor.statements import AlertLog, WatchTerms, fetch_alert, stated_alerts
    from counterpoise.monitor.trees import BoostedTrees
    from counterpoise.monitor.typologies import TYPOLOGIES
    from counterpoise.monitor.wash import Trades, Wash, find_wash_trades
    from counterpoise.monitor.watch import Watch

_HOMES = {
    "alert": (
        "Alert",
        "Edge",
        "Entity",
        "Finding",
        "Severity",
        "Standing",
    ),
    "alert_book": ("AlertBook",),
    "alert_check": ("verify_alerts",),
    "alert_values": ("alert_from_value",),
    "blocks": ("NATIVE",),
    "case_export": ("export_case",),
    "cases": ("Case",),
    "contacts": ("Contacts",),
    "contributions": ("Paths",),
    "detectors": (
        "DETECTORS",
        "OBSERVERS",
        "make_detectors",
        "make_observers",
    ),
    "detectors.laundering": ("Laundering",),
    "drift": (
        "Baseline",
        "Drift",
        "drift_of_window",
    ),
    "feedback": (
        "labels_of",
        "lesson_of_blocks",
    ),
    "generator": (
        "Generator",
        "Stream",
        "Traffic",
    ),
    "graph": (
        "Cuts",
        "Graph",
        "Mark",
    ),
    "graph_state": ("Limits",),
    "guardian_client": (
        "GuardianClient",
        "GuardianTerms",
        "PauseCase",
        "Ruling",
    ),
    "labels": (
        "Label",
        "Labels",
        "load_labels",
        "load_lists",
        "shipped_labels",
    ),
    "laundering_model": ("LaunderingModel",),
    "lessons": (
        "Lesson",
        "make_model",
    ),
    "picture": (
        "draw",
        "draw_edges",
    ),
    "rerun": ("derive_alerts",),
    "responder": (
        "Action",
        "Policy",
        "Responder",
    ),
    "screen": ("Screen",),
    "screening": (
        "Expectation",
        "Screening",
    ),
    "signs": (
        "Decision",
        "Sign",
    ),
    "simulation": ("Intent",),
    "sources.chain": ("ChainSource",),
    "statements": (
        "AlertLog",
        "WatchTerms",
        "fetch_alert",
        "stated_alerts",
    ),
    "trees": ("BoostedTrees",),
    "typologies": ("TYPOLOGIES",),
    "wash": (
        "Trades",
        "Wash",
        "find_wash_trades",
    ),
    "watch": ("Watch",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Action",
    "Alert",
    "AlertBook",
    "AlertLog",
    "Baseline",
    "BoostedTrees",
    "Case",
    "ChainSource",
    "Contacts",
    "Cuts",
    "DETECTORS",
    "Decision",
    "Drift",
    "Edge",
    "Entity",
    "Expectation",
    "Finding",
    "Generator",
    "Graph",
    "GuardianClient",
    "GuardianTerms",
    "Intent",
    "Label",
    "Labels",
    "Laundering",
    "LaunderingModel",
    "Lesson",
    "Limits",
    "Mark",
    "NATIVE",
    "OBSERVERS",
    "Paths",
    "PauseCase",
    "Policy",
    "Responder",
    "Ruling",
    "Screen",
    "Screening",
    "Severity",
    "Sign",
    "Standing",
    "Stream",
    "TYPOLOGIES",
    "Trades",
    "Traffic",
    "Wash",
    "Watch",
    "WatchTerms",
    "alert_from_value",
    "derive_alerts",
    "draw",
    "draw_edges",
    "drift_of_window",
    "export_case",
    "fetch_alert",
    "find_wash_trades",
    "labels_of",
    "lesson_of_blocks",
    "load_labels",
    "load_lists",
    "make_detectors",
    "make_model",
    "make_observers",
    "shipped_labels",
    "stated_alerts",
    "verify_alerts",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
