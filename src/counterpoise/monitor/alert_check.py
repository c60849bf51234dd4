"""Verifies alert statements: the watch runs again on the chain, and must say the same.

An alert that was stated and does not follow is false, and so is one that follows and was withheld;
a retraction must be of a block that the chain has left; and no pause may have been ruled right
without its alert, or wrong with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.jobs import TokenClient
from counterpoise.monitor.alert import Alert, Standing
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.detectors import DETECTORS
from counterpoise.monitor.guardian_client import GuardianClient, Ruling
from counterpoise.monitor.rerun import derive_alerts
from counterpoise.monitor.statements import Stated, WatchTerms, fetch_alert, stated_alerts
from counterpoise.network import Network
from counterpoise.provenance import Progress, Verdict, silent

MAX_TERMS = 1 << 20


def verify_alerts(network: Network, verdict: Verdict, on_section: Progress = silent) -> int:
    """Verify every alert statement of a network's log.

    Parameters
    ----------
    verdict :
        Collects what is found; its `false` is empty if everything holds.
    on_section :
        Called with the name of each section before it begins.

    Returns
    -------
    How many alert statements there are.
    """
    stated = list(stated_alerts(network.log_reader().entries()))
    watches: dict[tuple[str, bytes], list[Stated]] = {}
    for one in stated:
        said = one.statement.predicate
        watches.setdefault((said["actor"], bytes.fromhex(said["watch"])), []).append(one)
    derived: dict[bytes, dict[bytes, Alert]] = {}
    for (actor, terms), group in watches.items():
        name = f"watch {terms.hex()[:8]} of {actor[:8]}"
        try:
            if terms not in derived:
                derived[terms] = _derived(network, terms, name, on_section)
            _WatchCheck(network, verdict, name, derived[terms]).run(group)
        except CounterpoiseError as error:
            verdict.refuse(name, error)
    if stated:
        on_section("rulings of the guardian's cases")
        every = {alert.digest for found in derived.values() for alert in found.values()}
        _check_rulings(network, verdict, every)
    return len(stated)


def _derived(
    network: Network, terms_digest: bytes, name: str, on_section: Progress
) -> dict[bytes, Alert]:
    """The alerts, by id, that follow from the chain as it is on the terms of this digest."""
    terms = WatchTerms.from_bytes(network.store.fetch(terms_digest, max_bytes=MAX_TERMS))
    last = network.chain.block("latest").number

    def say(block: Block) -> None:
        on_section(f"{name}: block {block.number} of {last}")

    return {alert.id: alert for alert in derive_alerts(network.chain, terms, last, say)}


def _check_rulings(network: Network, verdict: Verdict, derived: set[bytes]) -> None:
    """No case may be ruled right without its alert, or wrong with it."""
    if "Guardian" not in network.charter.contracts:
        return
    token = TokenClient(network.contract("CreditToken"))
    for case in GuardianClient(network.contract("Guardian"), token).cases():
        name = f"ruling on pause {case.number}"
        if case.outcome is Ruling.RIGHT:
            verdict.hold(name, case.digest in derived, "right, and no such alert follows")
        elif case.outcome is Ruling.WRONG:
            verdict.hold(name, case.digest not in derived, "wrong, and the alert follows")


class _WatchCheck:
    """One actor's statements of one watch, against the alerts that follow."""

    def __init__(
        self, network: Network, verdict: Verdict, name: str, found: dict[bytes, Alert]
    ) -> None:
        self.network, self.verdict, self.name, self.found = network, verdict, name, found

    def run(self, stated: Sequence[Stated]) -> None:
        """Check each statement, and that nothing was withheld up to the newest block stated.

        What observers of the chain's behaviour stated follows from no chain, and is passed over.
        """
        own = set(DETECTORS)
        ruled = [one for one in stated if one.statement.predicate["detector"] in own]
        last = {one.alert: one.entry for one in ruled}
        for one in ruled:
            self.statement(one, is_last=last[one.alert] == one.entry)
        newest = max((int(one.statement.predicate["block"]) for one in ruled), default=-1)
        for alert in self.found.values():
            if alert.block_number <= newest:
                what = f"{self.name} / {_named(alert)} in block {alert.block_number}"
                self.verdict.hold(what, alert.id in last, "it follows, and was withheld")

    def statement(self, stated: Stated, *, is_last: bool) -> None:
        """One statement: its content, what the chain says of it, and where it stands at last."""
        said, verdict = stated.statement.predicate, self.verdict
        name = f"{self.name} / alert {stated.alert.hex()[:12]}"
        try:
            alert = fetch_alert(self.network.store, stated)
        except CounterpoiseError as error:
            verdict.refuse(name, error)
            return
        verdict.check(f"{name} / id", stated.alert, alert.id)
        for field, wanted in _fields(alert).items():
            verdict.check(f"{name} / {field}", said.get(field), wanted)
        if not is_last:
            return
        if stated.standing is Standing.RETRACTED:
            gone = self._hash(alert.block_number) != alert.block_hash
            verdict.hold(f"{name} / retraction", gone, "its block is on the chain")
            return
        derived = self.found.get(stated.alert)
        if derived is None:
            verdict.hold(name, False, "it does not follow from the chain")
            return
        verdict.check(f"{name} / digest", said["digest"], derived.digest.hex())
        content = sha256(canonical_json(derived.content()))
        verdict.check(f"{name} / content", stated.content, content)

    def _hash(self, number: int) -> bytes:
        try:
            return self.network.chain.block(number).hash
        except InputError:
            return b""


def _fields(alert: Alert) -> dict[str, object]:
    finding = alert.finding
    return {
        "chain": alert.chain_id,
        "block": alert.block_number,
        "block_hash": alert.block_hash.hex(),
        "detector": finding.detector,
        "version": finding.version,
        "severity": finding.severity.name.lower(),
        "confidence_ppm": finding.confidence,
        "digest": alert.digest.hex(),
        "time": alert.time,
    }


def _named(alert: Alert) -> str:
    return f"{alert.finding.detector} alert {alert.id.hex()[:12]}"
