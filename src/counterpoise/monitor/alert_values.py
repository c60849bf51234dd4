"""Alerts read back from their plain values, as files and stores hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.core.units import parse_address
from counterpoise.monitor.alert import Alert, Edge, Entity, Finding, Severity, Standing


def alert_from_value(value: Mapping[str, Any], source: str = "the alert") -> Alert:
    """The alert that `Alert.to_value` or `Alert.content` wrote down.

    Parameters
    ----------
    source :
        Where it was read, for the error's words.

    Raises
    ------
    InputError :
        A field is missing or of a wrong form, or id or digest are not those of the content. A
        value without a digest is not protected against changes of what the id does not cover.

    Examples
    --------
    >>> finding = Finding("rule", 1, Severity.LOW, 500_000, (bytes(32),), (), ("why",))
    >>> alert = Alert(1, 7, bytes(32), 1_700_000_000, finding)
    >>> alert_from_value(alert.to_value()) == alert
    True
    """
    try:
        alert = Alert(
            int(value["chain"]),
            int(value["block"]),
            bytes.fromhex(value["block_hash"]),
            int(value["time"]),
            _finding(value),
            Standing(value.get("status", "open")),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{source} is none: {error!r} is missing or malformed",
            hint="give alerts as the monitor writes them",
        ) from error
    own = {"id": alert.id.hex(), "digest": alert.digest.hex()}
    for name, wanted in own.items():
        found = value.get(name, wanted if name == "digest" else "")
        if found != wanted:
            raise InputError(
                f"{source} has the {name} {str(found)[:16]}, its content that of {wanted[:16]}",
                hint="it was changed after it was written; take it from the log or the alert book",
            )
    return alert


def _finding(value: Mapping[str, Any]) -> Finding:
    return Finding(
        detector=str(value["detector"]),
        version=int(value["version"]),
        severity=Severity[str(value["severity"]).upper()],
        confidence=int(value["confidence_ppm"]),
        transactions=tuple(bytes.fromhex(digest) for digest in value["transactions"]),
        entities=tuple(map(_entity, value["entities"])),
        reasons=tuple(map(str, value["reasons"])),
        edges=tuple(map(_edge, value["edges"])),
        scheme=str(value["scheme"]),
        loss=int(value["loss"]),
        loss_token=bytes.fromhex(value["loss_token"]),
        limits=tuple(map(str, value["limits"])),
        model=bytes.fromhex(value["model"]),
    )


def _entity(value: Mapping[str, Any]) -> Entity:
    address = parse_address(value["address"])
    return Entity(address, str(value["role"]), str(value.get("label", "")), value.get("listed", ""))


def _edge(value: Mapping[str, Any]) -> Edge:
    return Edge(
        parse_address(value["src"]),
        parse_address(value["dst"]),
        bytes.fromhex(value["token"]),
        int(value["amount"]),
        bytes.fromhex(value["transaction"]),
    )
