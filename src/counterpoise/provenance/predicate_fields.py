"""The fields of each kind of statement, and what a value of each must look like."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Rule = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_whole(value) and value >= 0


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def _is_amount(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,77}", value) is not None


def _is_nonce(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{32}", value) is not None


def _is_metrics(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(_is_whole, value.values()))


def _is_positions(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_count, value))


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"0x[0-9a-fA-F]{40}", value) is not None


def _is_network(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"eip155:[1-9][0-9]{0,19}", value) is not None


def _is_registry(value: Any) -> bool:
    network, _, address = str(value).rpartition(":")
    return isinstance(value, str) and _is_network(network) and _is_address(address)


def _is_slug(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", value) is not None


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _among(*words: str) -> Rule:
    return lambda value: isinstance(value, str) and value in words


def _of(**fields: Rule) -> Rule:
    def rule(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and set(value) == set(fields)
            and all(fields[k](value[k]) for k in fields)
        )

    return rule


def _list_of(rule: Rule) -> Rule:
    return lambda value: isinstance(value, list) and all(map(rule, value))


def _each(**fields: Rule) -> Rule:
    def rule(value: Any) -> bool:
        return isinstance(value, list) and all(
            isinstance(item, dict) and all(k in item and fields[k](item[k]) for k in fields)
            for item in value
        )

    return rule


def _is_inputs(value: Any) -> bool:
    return _each(sha256=_is_digest, role=_is_text)(value) and all(
        set(item) <= {"sha256", "role", "entry"} and _is_count(item.get("entry", 0))
        for item in value
    )


COMMON: Mapping[str, Rule] = {
    "actor": _is_text,
    "time": _is_count,
    "nonce": _is_nonce,
    "inputs": _is_inputs,
}

REQUIRED: Mapping[str, Mapping[str, Rule]] = {
    "dataset": {
        "schema": _each(name=_is_text, type=_is_text),
        "encoding": _is_text,
        "rows": _is_count,
        "row_root": _is_digest,
        "source": _is_text,
        "licence": _is_text,
    },
    "consent": {
        "subject_commitment": _is_digest,
        "purpose": _is_text,
        "scope": _is_text,
        "expires": _is_count,
    },
    "task": {
        "model": _is_text,
        "rounds": _is_count,
        "clip": _is_count,
        "scale_bits": _is_count,
        "seed": _is_count,
        "scoring": _is_text,
        "validation": _is_digest,
    },
    "join": {"job": _is_count, "dataset": _is_digest, "stake": _is_amount},
    "opening": {"job": _is_count, "round": _is_count, "base": _is_digest},
    "commitment": {"job": _is_count, "round": _is_count, "digest": _is_digest},
    "update": {"job": _is_count, "round": _is_count, "update": _is_digest},
    "closing": {
        "job": _is_count,
        "round": _is_count,
        "phase": _is_text,
        "leaves": _is_digest,
        "root": _is_digest,
        "refused": _each(participant=_is_text, code=_is_text),
    },
    "round": {
        "job": _is_count,
        "round": _is_count,
        "updates_root": _is_digest,
        "trace_root": _is_digest,
        "scores_digest": _is_digest,
        "pay_root": _is_digest,
        "pay_total": _is_amount,
        "model": _is_digest,
        "refused": _each(participant=_is_text, code=_is_text),
    },
    "contribution": {
        "job": _is_count,
        "round": _is_count,
        "participant": _is_text,
        "update": _is_digest,
        "score_ppm": _is_count,
        "rule": _is_text,
    },
    "model": {"files": _each(name=_is_text, sha256=_is_digest), "kind": _is_text},
    "evaluation": {"model": _is_digest, "dataset": _is_digest, "metrics": _is_metrics},
    "scores": {
        "market": _is_text,
        "chain": _is_count,
        "epoch": _is_count,
        "validator": _is_count,
        "sheet": _is_digest,
    },
    "decision": {
        "request": _is_text,
        "model": _is_digest,
        "input_commitment": _is_digest,
        "policy": _is_text,
        "started": _is_count,
        "ended": _is_count,
    },
    "audit": {
        "report": _is_digest,
        "rule_set": _is_text,
        "engines": _each(name=_is_text, version=_is_text),
        "compilers": _each(name=_is_text),
        "counts": _is_metrics,
        "limits": _list_of(_is_text),
    },
    "alert": {
        "alert": _is_digest,
        "digest": _is_digest,
        "chain": _is_count,
        "block": _is_count,
        "block_hash": _is_digest,
        "detector": _is_text,
        "version": _is_count,
        "severity": _is_text,
        "confidence_ppm": _is_count,
        "status": _is_text,
        "watch": _is_digest,
    },
    "erasure": {
        "dataset": _is_digest,
        "positions": _is_positions,
        "reason": _is_text,
        "authority": _is_text,
    },
    "listing": {
        "what": _among("model", "dataset", "service"),
        "name": _is_slug,
        "version": _is_count,
        "description": _is_text,
        "tags": _list_of(_is_slug),
        "price": _of(amount=_is_amount, unit=_among("call", "token", "job"), token=_is_address),
        "agent": _of(number=_is_count, registry=_is_registry),
        "endpoints": _list_of(_of(url=_is_text, tongue=_is_slug)),
        "levels": _list_of(_of(level=_is_slug, extra=_is_amount)),
        "licence": _is_text,
        "until": _is_count,
    },
    "offer": {
        "resource": _is_text,
        "network": _is_network,
        "token": _is_address,
        "amount": _is_amount,
        "pay_to": _is_address,
        "until": _is_count,
    },
    "receipt": {
        "request": _is_digest,
        "answer": _is_digest,
        "network": _is_network,
        "token": _is_address,
        "payer": _is_address,
        "pay_to": _is_address,
        "charged": _is_amount,
        "total": _is_amount,
    },
    "data-policy": {"dataset": _is_digest, "policy": _is_digest},
    "data-request": {
        "owner": _is_address,
        "policy": _is_digest,
        "algorithm": _is_digest,
        "purpose": _is_text,
        "until": _is_count,
    },
    "data-refusal": {"request": _is_digest, "rule": _is_text, "counted": _is_flag},
    "data-admission": {"request": _is_digest, "task": _is_digest, "job": _is_count},
    "computation": {
        "request": _is_digest,
        "dataset": _is_digest,
        "code": _is_digest,
        "result": _is_digest,
    },
}

OPTIONAL: Mapping[str, Mapping[str, Rule]] = {
    "consent": {"revokes": _is_digest},
    "model": {"job": _is_count},
    "update": {"rows": _is_count},
    "alert": {"model": _is_digest},
    "decision": {
        "output": _is_text,
        "output_commitment": _is_digest,
        "confidence_ppm": _is_count,
        "explanation": _is_digest,
        "reviewer": _is_text,
        "overridden": _is_flag,
        "reference": _is_digest,
        "corrects": _is_digest,
    },
    "listing": {
        "model": _is_digest,
        "row_root": _is_digest,
        "policy": _is_digest,
        "signer": _is_address,
        "withdrawn": _is_flag,
    },
    "offer": {"request": _is_digest, "listing": _is_digest, "payer": _is_address},
    "receipt": {
        "channel": _is_digest,
        "transaction": _is_digest,
        "decision": _is_digest,
        "listing": _is_digest,
        "offer": _is_digest,
    },
}

EITHER: Mapping[str, tuple[str, str]] = {
    "decision": ("output", "output_commitment"),
    "receipt": ("channel", "transaction"),
}
"""Fields of which a kind must carry at least one."""
