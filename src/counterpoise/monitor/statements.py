"""Alerts as statements: signed, in the log, bound to what the watch was told to look for.

The statement is small; the alert's whole content is a blob under the subject's digest, and so are
the terms of the watch. Whoever has the chain can run the same watch and must get the same alerts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from counterpoise.chain import Account
from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import parse_address, to_checksum
from counterpoise.monitor.alert import Alert, Standing
from counterpoise.monitor.alert_values import alert_from_value
from counterpoise.monitor.detector import Detector
from counterpoise.provenance import (
    AccountSigner,
    AddressVerifier,
    Envelope,
    Log,
    Statement,
    Subject,
    build_statement,
    check_envelope,
    kind_of,
    sign,
)
from counterpoise.store import Store

PREFIX = "alert/"
MAX_CONTENT = 1 << 22


@dataclass(frozen=True, slots=True)
class WatchTerms:
    """What a watch was told: enough for anyone to set up the same.

    Parameters
    ----------
    first :
        Number of the first block that it saw.
    detectors :
        Name and version of each, in order.
    scales :
        See `FlowGraph`.
    lists :
        Digest of what the detectors rest on besides, by name: ``labels``, ``laundering``.
    coins, quotes :
        See `detectors.make_detectors`.
    budgets :
        Alerts an hour of those detectors that `budget.Ranked` holds to so many.
    """

    chain_id: int
    first: int
    detectors: tuple[tuple[str, int], ...]
    scales: Mapping[bytes, int]
    lists: Mapping[str, bytes]
    coins: tuple[bytes, ...] = ()
    quotes: tuple[bytes, ...] = ()
    budgets: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        chain_id: int,
        first: int,
        detectors: Sequence[Detector],
        scales: Mapping[bytes, int],
        *,
        coins: Collection[bytes] = (),
        quotes: Collection[bytes] = (),
        budgets: Mapping[str, int] | None = None,
    ) -> WatchTerms:
        """The terms of a watch with these detectors, as `make_detectors` gave them, unwrapped."""
        named = tuple((detector.name, detector.version) for detector in detectors)
        chosen = (tuple(sorted(coins)), tuple(sorted(quotes)))
        lists, limits = foundations(detectors), dict(budgets or {})
        return cls(chain_id, first, named, dict(scales), lists, *chosen, limits)

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical_json(
            {
                "format": "counterpoise-watch-terms/1",
                "chain": self.chain_id,
                "first": self.first,
                "detectors": [list(pair) for pair in self.detectors],
                "scales": {to_checksum(token): str(s) for token, s in self.scales.items()},
                "lists": {name: digest.hex() for name, digest in self.lists.items()},
                "coins": [to_checksum(token) for token in self.coins],
                "quotes": [to_checksum(token) for token in self.quotes],
                "budgets": dict(self.budgets),
            }
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the bytes; under it they are in the store."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> WatchTerms:
        """The terms that `to_bytes` wrote; anything else is refused."""
        try:
            record = json.loads(data)
            terms = cls(
                int(record["chain"]),
                int(record["first"]),
                tuple((str(name), int(version)) for name, version in record["detectors"]),
                {parse_address(token): int(scale) for token, scale in record["scales"].items()},
                {name: bytes.fromhex(digest) for name, digest in record["lists"].items()},
                tuple(map(parse_address, record["coins"])),
                tuple(map(parse_address, record["quotes"])),
                {name: int(count) for name, count in record["budgets"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"these bytes are no terms of a watch: {error!r}") from error
        if terms.to_bytes() != data:
            raise InputError("the terms of the watch are not in their canonical form")
        return terms


def foundations(detectors: Sequence[Detector]) -> dict[str, bytes]:
    """Digests of the lists and models that detectors rest on, by name."""
    found: dict[str, bytes] = {}
    for detector in detectors:
        labels = getattr(detector, "labels", None)
        if labels is not None:
            found["labels"] = labels.digest
        if detector.name == "laundering":
            from counterpoise.monitor.laundering_model import LaunderingModel

            model = getattr(detector, "model", None) or LaunderingModel.shipped()
            found["laundering"] = model.digest
    return found


@dataclass(frozen=True, slots=True)
class Stated:
    """An alert statement of the log.

    Parameters
    ----------
    entry :
        Its index in the log.
    content :
        SHA-256 of the alert's content.
    """

    entry: int
    alert: bytes
    content: bytes
    standing: Standing
    statement: Statement


def alert_envelope(alert: Alert, terms: WatchTerms, account: Account, place: int = 0) -> Envelope:
    """Sign what an alert says and where it stands; `place` counts the statements before it.

    The nonce follows from these, which are public, so the same statement made again is the same.
    """
    signer, finding, name = AccountSigner(account), alert.finding, PREFIX + alert.id.hex()
    fields: dict[str, Any] = {
        "alert": alert.id,
        "digest": alert.digest,
        "chain": alert.chain_id,
        "block": alert.block_number,
        "block_hash": alert.block_hash,
        "detector": finding.detector,
        "version": finding.version,
        "severity": finding.severity.name.lower(),
        "confidence_ppm": finding.confidence,
        "status": alert.standing.value,
        "watch": terms.digest,
    }
    if finding.model:
        fields["model"] = finding.model
    statement = build_statement(
        "alert",
        [Subject(name, sha256(canonical_json(alert.content())))],
        actor=signer.keyid,
        time=alert.time,
        nonce=sha256(f"nonce {name} {place}".encode())[:16],
        **fields,
    )
    return sign(statement, signer)


class AlertLog:
    """States alerts in a log: each when it is raised, and again whenever it stands otherwise.

    Contents and terms go into the store first, so that no entry names what nobody holds.

    Parameters
    ----------
    log, store :
        Where entries and contents go.
    account :
        Who states; the log is read once for what it stated before.
    terms :
        Of the watch that raises the alerts.
    """

    def __init__(self, log: Log, store: Store, account: Account, terms: WatchTerms) -> None:
        self.log, self.store, self.account, self.terms = log, store, account, terms
        self._stated: dict[bytes, list[Standing]] = {}
        keyid = AccountSigner(account).keyid
        for one in stated_alerts(log.entries()):
            if one.statement.predicate["actor"] == keyid:
                self._stated.setdefault(one.alert, []).append(one.standing)

    def state(self, alerts: Iterable[Alert]) -> int:
        """Append what is new, in order; give how many statements that were."""
        envelopes: list[Envelope] = []
        for alert in alerts:
            before = self._stated.setdefault(alert.id, [])
            if before and before[-1] is alert.standing:
                continue
            envelopes.append(alert_envelope(alert, self.terms, self.account, len(before)))
            self.store.put(canonical_json(alert.content()))
            before.append(alert.standing)
        if envelopes:
            self.store.put(self.terms.to_bytes())
            self.store.flush()
            self.log.append([envelope.to_bytes() for envelope in envelopes])
        return len(envelopes)


def stated_alerts(entries: Iterable[bytes]) -> Iterator[Stated]:
    """Give the alert statements among a log's entries that their actors signed."""
    for index, entry in enumerate(entries):
        try:
            envelope = Envelope.from_bytes(entry)
            if kind_of(envelope.statement) != "alert":
                continue
            actor = parse_address(envelope.statement.predicate["actor"])
            statement = check_envelope(envelope, [AddressVerifier(actor)])
            said = statement.predicate
            alert, content = bytes.fromhex(said["alert"]), statement.subject[0].digest
            yield Stated(index, alert, content, Standing(said["status"]), statement)
        except (InputError, VerificationError, ValueError):
            continue


def fetch_alert(store: Store, stated: Stated) -> Alert:
    """The alert that a statement is about, from the store.

    Raises
    ------
    InputError :
        The content is not there, or no alert.
    """
    data = store.fetch(stated.content, max_bytes=MAX_CONTENT)
    value = json.loads(data)
    return alert_from_value(value, f"alert {stated.alert.hex()[:16]}").standing_as(stated.standing)
