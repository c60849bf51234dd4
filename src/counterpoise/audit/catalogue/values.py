"""Rules about numbers, time and chance."""

from counterpoise.audit.catalogue.rule import rule

RULES = (
    rule(
        "unsafe-math",
        "Arithmetic that may wrap around",
        "high",
        "arithmetic",
        "SC08",
        "Use checked arithmetic, or assert bounds on the operands first.",
        swc=101,
    ),
    rule(
        "divide-first",
        "Divides before it multiplies",
        "medium",
        "arithmetic",
        "SC08",
        "Multiply first; name the rounding and let it fall against the caller.",
        cwe=682,
    ),
    rule(
        "rounding",
        "A remainder falls to the caller",
        "medium",
        "arithmetic",
        "SC03 SC08",
        "Round up what the caller gives, down what it gets; or assert that neither is zero.",
        cwe=682,
    ),
    rule(
        "bad-randomness",
        "Chance that a block's maker chooses or anyone can compute",
        "high",
        "bad_randomness",
        "SC09",
        "Use a commitment and a reveal, or a verifiable source.",
        swc=120,
    ),
    rule(
        "timestamp",
        "A few seconds decide",
        "low",
        "time_manipulation",
        "SC03",
        "Compare times with a margin that a block's maker cannot reach.",
        swc=116,
    ),
    rule(
        "strict-balance",
        "Trusts that nobody sends it anything",
        "medium",
        "other",
        "SC03",
        "Count deposits in storage; anyone can push value to an address.",
        swc=132,
    ),
    rule(
        "share-inflation",
        "A donation moves the price of a share",
        "high",
        "other",
        "SC03 SC04",
        "Count assets in storage, or add virtual shares, and let the caller bound the result.",
        cwe=682,
    ),
)
