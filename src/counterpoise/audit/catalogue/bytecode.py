"""Rules about what only shows in deployed code."""

from counterpoise.audit.catalogue.rule import rule

RULES = (
    rule(
        "proxy",
        "Its code is elsewhere, and may be exchanged",
        "info",
        "other",
        "",
        "Audit the implementation too, and find out who may exchange it.",
        cwe=829,
    ),
)
