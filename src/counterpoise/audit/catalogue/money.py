"""Rules about prices and about who comes first."""

from counterpoise.audit.catalogue.rule import rule

RULES = (
    rule(
        "oracle-spot",
        "A price that one block can move",
        "high",
        "other",
        "SC02 SC07",
        "Use an average over time, or a feed, never reserves or balances of the moment.",
        cwe=345,
    ),
    rule(
        "oracle-stale",
        "A feed's answer is used unchecked",
        "medium",
        "other",
        "SC02",
        "Assert that the answer is above zero and not older than the feed's heartbeat.",
        cwe=754,
    ),
    rule(
        "front-running",
        "Whoever sees the transaction can take its reward",
        "medium",
        "front_running",
        "SC03",
        "Bind the claim to its sender: commit to a salted hash first, or hash msg.sender in.",
        swc=114,
    ),
    rule(
        "no-slippage",
        "An exchange at any price, at any time",
        "medium",
        "front_running",
        "SC03",
        "Let the caller give the least amount out and a deadline, and assert both.",
        swc=114,
    ),
)
