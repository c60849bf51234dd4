"""Watches chains and files: patterns in transactions, alerts that say why, a guardian to act."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.monitor.alert import Alert, Edge, Entity, Finding, Severity, Standing
    from counterpoise.monitor.alert_book import AlertBook
    from counterpoise.monitor.alert_check import verify_alerts
    from counterpoise.monitor.alert_values import alert_from_value
    from counterpoise.monitor.blocks import NATIVE
    from counterpoise.monitor.book_reads import Event, Feedback
    from counterpoise.monitor.budget import Ranked
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
    from counterpoise.monitor.metrics import Metrics
    from counterpoise.monitor.opening import rows_of
    from counterpoise.monitor.picture import draw, draw_edges
    from counterpoise.monitor.rerun import derive_alerts
    from counterpoise.monitor.responder import Action, Policy, Responder
    from counterpoise.monitor.screen import Screen
    from counterpoise.monitor.screening import Expectation, Screening
    from counterpoise.monitor.service import Rhythm, Service, Sink
    from counterpoise.monitor.signs import Decision, Sign
    from counterpoise.monitor.simulation import Intent
    from counterpoise.monitor.sinks.jsonl import JsonLines
    from counterpoise.monitor.sinks.terminal import Terminal
    from counterpoise.monitor.sinks.web import WebSink
    from counterpoise.monitor.sinks.webhook import Patience, Webhook, signature
    from counterpoise.monitor.source import Exhausted, Place, Source
    from counterpoise.monitor.sources.chain import ChainSource
    from counterpoise.monitor.sources.rows import RowSource, RowTerms
    from counterpoise.monitor.state_folder import StateFolder
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
    "book_reads": (
        "Event",
        "Feedback",
    ),
    "budget": ("Ranked",),
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
    "metrics": ("Metrics",),
    "opening": ("rows_of",),
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
    "service": (
        "Rhythm",
        "Service",
        "Sink",
    ),
    "signs": (
        "Decision",
        "Sign",
    ),
    "simulation": ("Intent",),
    "sinks.jsonl": ("JsonLines",),
    "sinks.terminal": ("Terminal",),
    "sinks.web": ("WebSink",),
    "sinks.webhook": (
        "Patience",
        "Webhook",
        "signature",
    ),
    "source": (
        "Exhausted",
        "Place",
        "Source",
    ),
    "sources.chain": ("ChainSource",),
    "sources.rows": (
        "RowSource",
        "RowTerms",
    ),
    "state_folder": ("StateFolder",),
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
    "Event",
    "Exhausted",
    "Expectation",
    "Feedback",
    "Finding",
    "Generator",
    "Graph",
    "GuardianClient",
    "GuardianTerms",
    "Intent",
    "JsonLines",
    "Label",
    "Labels",
    "Laundering",
    "LaunderingModel",
    "Lesson",
    "Limits",
    "Mark",
    "Metrics",
    "NATIVE",
    "OBSERVERS",
    "Paths",
    "Patience",
    "PauseCase",
    "Place",
    "Policy",
    "Ranked",
    "Responder",
    "Rhythm",
    "RowSource",
    "RowTerms",
    "Ruling",
    "Screen",
    "Screening",
    "Service",
    "Severity",
    "Sign",
    "Sink",
    "Source",
    "Standing",
    "StateFolder",
    "Stream",
    "TYPOLOGIES",
    "Terminal",
    "Trades",
    "Traffic",
    "Wash",
    "Watch",
    "WatchTerms",
    "WebSink",
    "Webhook",
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
    "rows_of",
    "shipped_labels",
    "signature",
    "stated_alerts",
    "verify_alerts",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
