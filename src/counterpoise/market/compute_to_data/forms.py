"""What people write for data jobs: columns, policies and conditions as JSON and words."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from counterpoise.core.digest import canonical_json
from counterpoise.core.errors import InputError
from counterpoise.core.json_text import read_json
from counterpoise.core.units import format_tokens, parse_tokens
from counterpoise.market.compute_to_data.home import OwnerHome
from counterpoise.market.compute_to_data.policy import DataPolicy
from counterpoise.market.compute_to_data.request import Condition
from counterpoise.market.compute_to_data.rows import Columns
from counterpoise.provenance import Envelope

MAX_FORM = 1 << 20
DAY = 86_400
EVERY = "all"


def load_form(path: Path) -> Any:
    """Load a JSON file that people wrote."""
    try:
        if path.stat().st_size > MAX_FORM:
            raise InputError(f"{path} has more than {MAX_FORM} bytes")
        return read_json(path.read_bytes(), parse_float=str)
    except OSError as failed:
        raise InputError(f"{path} cannot be read: {failed.strerror}") from failed
    except ValueError as wrong:
        raise InputError(f"{path} is no JSON: {wrong}") from wrong


def policy_from_form(form: Any, home: OwnerHome, now: int) -> DataPolicy:
    """Make a policy of what its owner wrote; see docs/explain/compute-to-data.md for the form.

    Amounts are in tokens; ``days`` is how long it holds; ``columns`` may be ``"all"``; algorithms
    are names or digests of those that were admitted. What is left out is left to nobody: no
    training, no noise, no bits for own code.

    Raises
    ------
    InputError :
        Something is missing, or not of its form; the message names it.
    """
    if not isinstance(form, dict):
        raise InputError("a policy's form is a JSON object")
    names = home.rows.columns.names
    shown = form.get("disclosure")
    if not isinstance(shown, dict):
        raise InputError("a policy's form says what leaves: 'disclosure'")
    noise, training = shown.get("noise"), form.get("training")
    try:
        record = {
            "format": "counterpoise-data-policy/v1",
            "owner": home.dataset.statement.predicate["actor"],
            "dataset": home.dataset.statement.digest.hex(),
            "algorithms": [home.find_manifest(one).digest.hex() for one in form["algorithms"]],
            "columns": list(names) if form["columns"] == EVERY else form["columns"],
            "buyers": form["buyers"],
            "purposes": form["purposes"],
            "price": str(parse_tokens(str(form["price"]))),
            "evaluators": form.get("evaluators"),
            "jobs": {"buyer": form["jobs"]["buyer"], "all": form["jobs"]["all"]},
            "expires": now + DAY * form["days"],
            "disclosure": {
                "least_rows": shown["least_rows"],
                "round_to": shown.get("round_to", 1),
                "bits": shown.get("bits", {"job": 0, "all": 0}),
                "noise": noise and {**noise, "key": home.noise_key.hex()},
                "public": shown.get("public", True),
            },
            "limits": form.get("limits", {"seconds": 30, "memory": 1 << 30}),
            "officers": form.get("officers", []),
            "training": training and {**training, **_amounts(training)},
        }
        policy = DataPolicy.from_bytes(canonical_json(record))
    except KeyError as missing:
        raise InputError(f"the policy's form lacks {missing}") from missing
    except (TypeError, AttributeError) as wrong:
        raise InputError(f"the policy's form is malformed: {wrong}") from wrong
    unknown = sorted(set(policy.columns) - set(names))
    if unknown:
        raise InputError(f"the dataset has no column {unknown[0]!r}")
    return policy


def _amounts(training: dict[str, Any]) -> dict[str, Any]:
    plain = {name: str(parse_tokens(str(training[name]))) for name in ("stake", "pot")}
    return {**plain, "coordinators": training.get("coordinators")}


def draft_bytes(policy: DataPolicy, envelope: Envelope) -> bytes:
    """Give a policy with the signatures so far, as a file that officers pass on."""
    return canonical_json(
        {"policy": policy.to_bytes().decode(), "signed": envelope.to_bytes().decode()}
    )


def load_draft(path: Path) -> tuple[DataPolicy, Envelope]:
    """Load what `draft_bytes` wrote."""
    form = load_form(path)
    try:
        policy, signed = form["policy"].encode(), form["signed"].encode()
    except (KeyError, TypeError, AttributeError) as wrong:
        raise InputError(f"{path} is no draft of a policy: {wrong}") from wrong
    return DataPolicy.from_bytes(policy), Envelope.from_bytes(signed)


def policy_lines(policy: DataPolicy) -> list[str]:
    """Show a policy to those who sign it or buy under it."""
    shown = policy.disclosure
    buyers = policy.buyers if isinstance(policy.buyers, str) else f"{len(policy.buyers)} listed"
    noise = shown.noise
    leaves = f"counts of {shown.least_rows} rows or more, to the nearest {shown.round_to}"
    if noise:
        job, every = noise.most_a_job / 1e6, noise.in_all / 1e6
        leaves = f"counts under noise, {job:g} of {every:g} epsilon a job"
    return [
        f"policy {policy.digest.hex()}",
        f"for {buyers}: {', '.join(policy.purposes)}; {format_tokens(policy.price)} tokens a job",
        f"{policy.jobs_a_buyer} jobs a buyer, {policy.jobs_in_all} in all, until {policy.expires}",
        f"columns {', '.join(policy.columns)}",
        f"leaves: {leaves}; {shown.bits_a_job} of {shown.bits_in_all} bits a job of own code",
        f"results {'are public' if shown.is_public else 'are sealed to their buyer'}",
        f"training: {'joined within bounds' if policy.training else 'none'}",
    ]


def conditions_of(texts: tuple[str, ...], columns: Columns) -> tuple[Condition, ...]:
    """Read conditions such as ``age:60:120`` or ``sex:1``, in the units of the data.

    Raises
    ------
    InputError :
        One is of another form, or has more decimals than its column.
    """
    return tuple(_condition(text, columns) for text in texts)


def _condition(text: str, columns: Columns) -> Condition:
    found = re.fullmatch(r"([^:]+):(-?[0-9.]+)(?::(-?[0-9.]+))?", text)
    if found is None:
        raise InputError(f"{text!r} is no condition", hint="write age:60:120, or sex:1")
    decimals = {feature.name: feature.decimals for feature in columns.features}
    scale = Decimal(10) ** decimals.get(found[1], 0)
    try:
        least, most = (Decimal(one) * scale for one in (found[2], found[3] or found[2]))
    except InvalidOperation as wrong:
        raise InputError(f"{text!r} is no condition", hint="write age:60:120") from wrong
    if least != int(least) or most != int(most):
        raise InputError(f"{text!r} has more decimals than the column")
    return Condition(found[1], int(least), int(most))


def parameters_of(texts: tuple[str, ...]) -> dict[str, Any]:
    """Read parameters such as ``months=12`` or ``unit=years``."""
    found: dict[str, Any] = {}
    for text in texts:
        name, mark, value = text.partition("=")
        if not mark:
            raise InputError(f"{text!r} is no parameter", hint="write name=value")
        found[name] = int(value) if re.fullmatch(r"-?[0-9]{1,16}", value) else value
    return found
