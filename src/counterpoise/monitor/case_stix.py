"""A case as a STIX 2.1 bundle, for platforms that exchange threat intelligence.

The standard has no object for an account of a chain. Accounts are ``user-account`` objects with an
extension of our own, defined in the bundle by its extension-definition, so that a platform that
does not know it still reads addresses and relationships. Ids follow from the content: the same case
gives the same bundle.

References
----------
STIX 2.1, OASIS Standard, 10 June 2021: sections 2.9 (ids), 3.2 (common properties), 4.4 grouping,
4.14 observed data, 5.1 relationship, 6.17 user account, 7.3 extension definition.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from counterpoise.core.digest import canonical_json
from counterpoise.core.units import PPM, to_checksum
from counterpoise.monitor.alert import Alert
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.cases import BYSTANDERS, Case
from counterpoise.monitor.layout import printable

Object = dict[str, Any]

OBSERVABLES = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The namespace that the standard gives for ids of observables."""

OURS = uuid.uuid5(uuid.NAMESPACE_URL, "https://counterpoise.network/stix")
EXTENSION = f"extension-definition--{uuid.uuid5(OURS, 'account of a chain, 1.0.0')}"
MAKER = f"identity--{uuid.uuid5(OURS, 'counterpoise monitor')}"
SCHEMA = "https://counterpoise.network/stix/chain-account/1.0.0"
MADE = "2026-01-01T00:00:00.000Z"


def stix_bundle(case: Case) -> Object:
    """Give a case as a bundle.

    One grouping holds all: an observation for each alert, an attack pattern for each detector, an
    account for each address, a relationship for each movement, an indicator for each suspect.
    """
    stamp = _time(case.last)
    chain = case.alerts[0].chain_id
    accounts = _accounts(case, chain)
    patterns = {alert.finding.detector: _pattern(alert, stamp) for alert in case.alerts}
    found: list[Object] = [_maker(), _definition(), *accounts.values(), *patterns.values()]
    for alert in case.alerts:
        found.append(_observed(alert, accounts))
        found += _indicators(alert, patterns[alert.finding.detector])
        found += _movements(alert, accounts)
    unique = {one["id"]: one for one in found}
    refs = [id_ for id_ in unique if id_ not in (MAKER, EXTENSION)]
    grouping = _object(
        "grouping",
        case.id.hex(),
        _time(case.first),
        stamp,
        name=f"Case {case.id.hex()[:12]}",
        description=f"{len(case.alerts)} alerts, {case.severity.name.lower()}, {case.standing}",
        context="suspicious-activity",
        object_refs=refs,
    )
    objects = [*unique.values(), grouping]
    bundle_id = uuid.uuid5(OURS, canonical_json([case.id.hex(), refs]).decode())
    return {"type": "bundle", "id": f"bundle--{bundle_id}", "objects": objects}


def _maker() -> Object:
    """Who says so: a program, whoever runs it."""
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": MAKER,
        "created": MADE,
        "modified": MADE,
        "name": "Counterpoise monitor",
        "identity_class": "system",
    }


def _definition() -> Object:
    return {
        "type": "extension-definition",
        "spec_version": "2.1",
        "id": EXTENSION,
        "created_by_ref": MAKER,
        "created": MADE,
        "modified": MADE,
        "name": "Accounts and alerts of an EVM chain",
        "description": (
            "On user-account: chain_id, address, roles, labels. On observed-data: the alert's id, "
            "digest, block, detector, transactions and reasons. On relationship: token, amount in "
            "base units, transaction."
        ),
        "schema": SCHEMA,
        "version": "1.0.0",
        "extension_types": ["property-extension"],
    }


def _object(kind: str, name: str, created: str, modified: str, /, **properties: Any) -> Object:
    """A domain or relationship object of ours; its id follows from kind and name."""
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--{uuid.uuid5(OURS, f'{kind} {name}')}",
        "created_by_ref": MAKER,
        "created": created,
        "modified": modified,
        **properties,
    }


def _extended(**properties: Any) -> Mapping[str, Any]:
    return {EXTENSION: {"extension_type": "property-extension", **properties}}


def _accounts(case: Case, chain: int) -> dict[bytes, Object]:
    """An observable for each address: those that have a part, and all that money went through."""
    parts: dict[bytes, tuple[list[str], list[str]]] = {}
    for alert in case.alerts:
        for edge in alert.finding.edges:
            for end in (edge.src, edge.dst):
                parts.setdefault(end, ([], []))
        for entity in alert.finding.entities:
            roles, labels = parts.setdefault(entity.address, ([], []))
            _add(roles, entity.role)
            if entity.label:
                _add(labels, printable(f"{entity.label} ({entity.listed})", 200))
    return {one: _account(one, chain, *said) for one, said in parts.items()}


def _add(held: list[str], one: str) -> None:
    if one not in held:
        held.append(one)


def _account(address: bytes, chain: int, roles: list[str], labels: list[str]) -> Object:
    shown = to_checksum(address)
    named = {"account_type": "blockchain", "user_id": shown, "account_login": f"eip155:{chain}"}
    id_ = uuid.uuid5(OBSERVABLES, canonical_json(named).decode())
    said: Object = {"chain_id": chain, "address": shown}
    if roles:
        said["roles"] = roles
    if labels:
        said["labels"] = labels
    return {
        "type": "user-account",
        "spec_version": "2.1",
        "id": f"user-account--{id_}",
        **named,
        "extensions": _extended(**said),
    }


def _pattern(alert: Alert, stamp: str) -> Object:
    name = f"{alert.finding.detector} {alert.finding.version}"
    words = f"As the detector {alert.finding.detector!r}, version {alert.finding.version}, finds it"
    given = {"name": alert.finding.detector, "description": words}
    return _object("attack-pattern", name, MADE, stamp if stamp > MADE else MADE, **given)


def _observed(alert: Alert, accounts: Mapping[bytes, Object]) -> Object:
    finding, at = alert.finding, _time(alert.time)
    parties = [entity.address for entity in finding.entities]
    parties += [end for edge in finding.edges for end in (edge.src, edge.dst)]
    refs = [accounts[one]["id"] for one in dict.fromkeys(parties)]
    said: Object = {
        "alert": alert.id.hex(),
        "digest": alert.digest.hex(),
        "chain_id": alert.chain_id,
        "block": alert.block_number,
        "block_hash": alert.block_hash.hex(),
        "detector": finding.detector,
        "detector_version": finding.version,
        "severity": finding.severity.name.lower(),
        "status": alert.standing.value,
        "transactions": [one.hex() for one in finding.transactions],
        "reasons": [printable(reason, 500) for reason in finding.reasons],
        "loss": str(finding.loss),
    }
    if finding.model:
        said["model"] = finding.model.hex()
    return _object(
        "observed-data",
        alert.id.hex(),
        at,
        at,
        confidence=_percent(alert),
        first_observed=at,
        last_observed=at,
        number_observed=1,
        object_refs=refs or [MAKER],
        extensions=_extended(**said),
    )


def _indicators(alert: Alert, pattern: Object) -> Iterable[Object]:
    """An indicator for each suspect, with what it indicates."""
    at = _time(alert.time)
    for entity in dict.fromkeys(alert.finding.entities):
        if entity.role in BYSTANDERS or not any(entity.address):
            continue
        shown, name = to_checksum(entity.address), f"{alert.id.hex()} {entity.address.hex()}"
        indicator = _object(
            "indicator",
            name,
            at,
            at,
            name=f"{printable(entity.role)} {shown}",
            indicator_types=["malicious-activity"],
            pattern=f"[user-account:user_id = '{shown}']",
            pattern_type="stix",
            valid_from=at,
            confidence=_percent(alert),
        )
        yield indicator
        ends = {"source_ref": indicator["id"], "target_ref": pattern["id"]}
        yield _object("relationship", name, at, at, relationship_type="indicates", **ends)


def _movements(alert: Alert, accounts: Mapping[bytes, Object]) -> Iterable[Object]:
    at = _time(alert.time)
    for place, edge in enumerate(alert.finding.edges):
        yield _object(
            "relationship",
            f"{alert.id.hex()} movement {place}",
            at,
            at,
            relationship_type="transferred-to",
            source_ref=accounts[edge.src]["id"],
            target_ref=accounts[edge.dst]["id"],
            extensions=_extended(
                token="native" if edge.token == NATIVE else f"0x{edge.token.hex()}",
                amount=str(edge.amount),
                transaction=edge.transaction.hex(),
            ),
        )


def _percent(alert: Alert) -> int:
    return min(100, max(0, alert.finding.confidence * 100 // PPM))


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
