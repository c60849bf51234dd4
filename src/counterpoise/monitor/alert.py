"""Alerts: what was seen, where, how sure, and why; the same bytes whoever writes them down."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Any

from counterpoise.core.digest import canonical_json, keccak
from counterpoise.core.units import to_checksum


class Severity(enum.IntEnum):
    """How bad it is if it is true."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Standing(enum.StrEnum):
    """What became of an alert."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class Entity:
    """An account's part in it; `label` from a screening list of the date `listed`, if any."""

    address: bytes
    role: str
    label: str = ""
    listed: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A movement of value that belongs to the picture; `amount` in base units of `token`."""

    src: bytes
    dst: bytes
    token: bytes
    amount: int
    transaction: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector says of a block.

    Parameters
    ----------
    detector, version :
        Which rule or model.
    transactions :
        Hashes of the transactions concerned, at least one; the newest stands in this block.
    confidence :
        In ppm: a share of such findings that are true, measured or stated by the detector.
    scheme :
        Findings of one scheme carry one name, so that they become one case.
    loss :
        Estimate in base units of `loss_token`; 0 if unknown.
    reasons :
        The rule in words, or the features that weighed most, first the heaviest.
    limits :
        Limits that cut the search, by name.
    model :
        Digest of the model; empty for a rule.
    """

    detector: str
    version: int
    severity: Severity
    confidence: int
    transactions: tuple[bytes, ...]
    entities: tuple[Entity, ...]
    reasons: tuple[str, ...]
    edges: tuple[Edge, ...] = ()
    scheme: str = ""
    loss: int = 0
    loss_token: bytes = b""
    limits: tuple[str, ...] = ()
    model: bytes = b""


@dataclass(frozen=True, slots=True)
class Alert:
    """A finding bound to a block of a chain. Its time is the block's, never the machine's."""

    chain_id: int
    block_number: int
    block_hash: bytes
    time: int
    finding: Finding
    standing: Standing = Standing.OPEN

    @property
    def id(self) -> bytes:
        """Keccak-256 over chain, detector, version, transactions and block.

        Whoever sees the same thing in the same block makes the same id, so an alert that is
        delivered twice counts once, and a block that comes back brings its alert back.
        """
        finding = self.finding
        parts = [self.chain_id.to_bytes(32, "big"), keccak(finding.detector.encode())]
        parts += [finding.version.to_bytes(32, "big"), self.block_hash]
        return keccak(b"".join([*parts, *sorted(finding.transactions)]))

    def standing_as(self, standing: Standing) -> Alert:
        """The same alert with another standing."""
        return replace(self, standing=standing)

    def content(self) -> dict[str, Any]:
        """Everything but the standing, as plain values: amounts as text, bytes as hex."""
        finding = self.finding
        return {
            "id": self.id.hex(),
            "chain": self.chain_id,
            "block": self.block_number,
            "block_hash": self.block_hash.hex(),
            "time": self.time,
            "detector": finding.detector,
            "version": finding.version,
            "severity": finding.severity.name.lower(),
            "confidence_ppm": finding.confidence,
            "transactions": [digest.hex() for digest in sorted(finding.transactions)],
            "entities": [_entity_value(entity) for entity in finding.entities],
            "reasons": list(finding.reasons),
            "edges": [_edge_value(edge) for edge in finding.edges],
            "scheme": finding.scheme,
            "loss": str(finding.loss),
            "loss_token": finding.loss_token.hex(),
            "limits": list(finding.limits),
            "model": finding.model.hex(),
        }

    @property
    def digest(self) -> bytes:
        """Keccak-256 of the content's canonical JSON: what a guardian is shown."""
        return keccak(canonical_json(self.content()))

    def to_value(self) -> dict[str, Any]:
        """The content and the standing, for people and machines."""
        return self.content() | {"status": self.standing.value}


def _entity_value(entity: Entity) -> dict[str, str]:
    value = {"address": to_checksum(entity.address), "role": entity.role}
    if entity.label:
        value |= {"label": entity.label, "listed": entity.listed}
    return value


def _edge_value(edge: Edge) -> dict[str, str]:
    return {
        "src": to_checksum(edge.src),
        "dst": to_checksum(edge.dst),
        "token": edge.token.hex(),
        "amount": str(edge.amount),
        "transaction": edge.transaction.hex(),
    }
