"""Verifies alert statements: the watch runs again on the chain, and must say the same.

An alert that was stated and does not follow is false, and so is one that follows and was withheld;
a retraction must be of a block that the chain has left; and no pause may have been ruled right
without its alert, or wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.jobs import TokenClient
from counterpoise.monitor.alert import Alert, Standing
from counterpoise.monitor.guardian_client import GuardianClient, Ruling
from counterpoise.monitor.rerun import derive_alerts
from counterpoise.monitor.statements import Stated, WatchTerms, fetch_alert, stated_alerts
from counterpoise.network import Network
from counterpoise.provenance import Verdict

Progress = Callable[[str], None]
MAX_TERMS = 1 << 20


def verify_alerts(
    network: Network, verdict: Verdict, on_section: Progress = lambda section: None
) -> int:
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
    derived: set[bytes] = set()
    for (actor, terms), group in watches.items():
        name = f"watch {terms.hex()[:8]} of {actor[:8]}"
        try:
            derived |= _WatchCheck(network, verdict, on_section, name).run(terms, group)
        except CounterpoiseError as error:
            verdict.refuse(name, error)
    if stated:
        on_section("rulings of the guardian's cases")
        _check_rulings(network, verdict, derived)
    return len(stated)


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
    """One watch's statements, against the same watch run again."""

    def __init__(self, network: Network, verdict: Verdict, on_section: Progress, name: str) -> None:
        self.network, self.verdict, self.on_section, self.name = network, verdict, on_section, name

    def run(self, terms_digest: bytes, stated: Sequence[Stated]) -> set[bytes]:
        """Check each statement and what was withheld; give the digests of what follows."""
        terms = WatchTerms.from_bytes(self.network.store.fetch(terms_digest, max_bytes=MAX_TERMS))
        newest = max(int(one.statement.predicate["block"]) for one in stated)
        self.on_section(f"{self.name}: running it again")
        found = {
            alert.id: alert
            for alert in derive_alerts(
                self.network.chain,
                terms,
                newest,
                lambda block: self.on_section(f"{self.name}: block {block.number} of {newest}"),
            )
        }
        own = {name for name, _ in terms.detectors}
        ruled = [one for one in stated if one.statement.predicate["detector"] in own]
        retracted = {one.alert for one in ruled if one.standing is Standing.RETRACTED}
        for one in ruled:
            self.statement(one, found, retracted)
        opened = {one.alert for one in ruled if one.standing is not Standing.RETRACTED}
        for alert in found.values():
            what = f"{self.name} / {_named(alert)} in block {alert.block_number}"
            self.verdict.hold(what, alert.id in opened, "it follows, and was withheld")
        return {alert.digest for alert in found.values()}

    def statement(self, stated: Stated, found: dict[bytes, Alert], retracted: set[bytes]) -> None:
        """One statement: its content, what the chain says of it, and where it stands."""
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
        if stated.alert in retracted:
            there = self._hash(alert.block_number)
            gone = there != alert.block_hash
            verdict.hold(f"{name} / retraction", gone, "its block is on the chain")
            return
        derived = found.get(stated.alert)
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
