"""A contract asks, a node answers, a callback delivers."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.oracle.assertion_rules import (
        ASSERT_TRUTH,
        MODEL_ANSWER,
        Draft,
        Payout,
        assertion_id,
        claim_of_answer,
        payout,
    )
    from counterpoise.oracle.assertions_client import Assertion, AssertionsClient
    from counterpoise.oracle.client import Fulfilment, OracleClient, Order
    from counterpoise.oracle.decisions import Archive, Decision, read_decision, signed_decision
    from counterpoise.oracle.models import find_model, model_named, publish_model
    from counterpoise.oracle.node import OracleNode
    from counterpoise.oracle.pointers import Inbox, ModelShelf
    from counterpoise.oracle.policy import Policy
    from counterpoise.oracle.rules import NO_ANSWER, Answer, Ask, Stage, newest, share
    from counterpoise.oracle.serving import open_node
    from counterpoise.oracle.verify import verify_answers

_HOMES = {
    "assertion_rules": (
        "ASSERT_TRUTH",
        "Draft",
        "MODEL_ANSWER",
        "Payout",
        "assertion_id",
        "claim_of_answer",
        "payout",
    ),
    "assertions_client": ("Assertion", "AssertionsClient"),
    "client": ("Fulfilment", "OracleClient", "Order"),
    "decisions": ("Archive", "Decision", "read_decision", "signed_decision"),
    "models": ("find_model", "model_named", "publish_model"),
    "node": ("OracleNode",),
    "pointers": ("Inbox", "ModelShelf"),
    "policy": ("Policy",),
    "serving": ("open_node",),
    "rules": ("Answer", "Ask", "NO_ANSWER", "Stage", "newest", "share"),
    "verify": ("verify_answers",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ASSERT_TRUTH",
    "Answer",
    "Archive",
    "Ask",
    "Assertion",
    "AssertionsClient",
    "Decision",
    "Draft",
    "Fulfilment",
    "Inbox",
    "MODEL_ANSWER",
    "ModelShelf",
    "NO_ANSWER",
    "OracleClient",
    "OracleNode",
    "Order",
    "Payout",
    "Policy",
    "Stage",
    "assertion_id",
    "claim_of_answer",
    "find_model",
    "model_named",
    "newest",
    "open_node",
    "payout",
    "publish_model",
    "read_decision",
    "share",
    "signed_decision",
    "verify_answers",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
