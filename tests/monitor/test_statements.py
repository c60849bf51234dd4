"""What a watch states is signed, once for each standing, and says on which terms it was found."""

import json

import pytest

from counterpoise.chain import Account
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.monitor.alert import Alert, Edge, Entity, Finding, Severity, Standing
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.detectors import make_detectors
from counterpoise.monitor.labels import shipped_labels
from counterpoise.monitor.rerun import detectors_of
from counterpoise.monitor.statements import (
    AlertLog,
    WatchTerms,
    alert_envelope,
    fetch_alert,
    stated_alerts,
)
from counterpoise.provenance import Envelope, Log
from counterpoise.store import Store

WATCHER = Account.local(b"watcher")
TERMS = WatchTerms(31337, 4, (("sandwich", 1),), {NATIVE: 10**15}, {}, (b"\x07" * 20,))


def alert(number=1, **changes):
    entities = (Entity(b"\x01" * 20, "attacker", "Mixer", "2023-01-31"),)
    edges = (Edge(b"\x01" * 20, b"\x02" * 20, NATIVE, 2**200, b"\x03" * 32),)
    settings = {"loss": 2**200, "loss_token": NATIVE, "model": b"\x09" * 32} | changes
    finding = Finding(
        "sandwich",
        1,
        Severity.HIGH,
        9,
        (bytes([number]) * 32,),
        entities,
        ("why",),
        edges,
        **settings,
    )
    return Alert(31337, number, bytes([number]) * 32, 1_700_000_000, finding)


@pytest.fixture
def kept(tmp_path):
    log = Log(tmp_path / "log", origin="example.org/log", key=bytes(32))
    yield log, Store(tmp_path / "blobs")
    log.close()


def standings(log):
    return [(one.alert, one.standing) for one in stated_alerts(log.entries())]


def test_an_alert_is_stated_once_and_read_back_whole(kept):
    log, store = kept
    book = AlertLog(log, store, WATCHER, TERMS)
    assert book.state([alert(1), alert(2), alert(1)]) == 2
    assert AlertLog(log, store, WATCHER, TERMS).state([alert(2)]) == 0
    first, second = stated_alerts(log.entries())
    assert (fetch_alert(store, first), fetch_alert(store, second)) == (alert(1), alert(2))
    assert store.fetch(TERMS.digest) == TERMS.to_bytes()
    assert first.statement.predicate["model"] == "09" * 32


def test_whatever_a_reorganisation_does_the_last_statement_is_where_it_stands(kept):
    log, store = kept
    book, gone = AlertLog(log, store, WATCHER, TERMS), alert().standing_as(Standing.RETRACTED)
    for there in (alert(), gone, gone, alert(), gone):
        book.state([there])
    wanted = [Standing.OPEN, Standing.RETRACTED, Standing.OPEN, Standing.RETRACTED]
    assert standings(log) == [(alert().id, standing) for standing in wanted]
    assert len(set(log.entries())) == 4
    assert AlertLog(log, store, WATCHER, TERMS).state([gone]) == 0


def test_what_another_signed_or_nobody_is_no_statement(kept):
    log, _ = kept
    envelope = alert_envelope(alert(), TERMS, WATCHER)
    stranger = alert_envelope(alert(), TERMS, Account.local(b"stranger"))
    forged = Envelope(envelope.payload, stranger.signatures)
    log.append([forged.to_bytes(), b"no envelope", envelope.to_bytes()])
    assert [one.entry for one in stated_alerts(log.entries())] == [2]


def test_a_content_that_was_swapped_is_not_read(kept):
    log, store = kept
    AlertLog(log, store, WATCHER, TERMS).state([alert()])
    (stated,) = stated_alerts(log.entries())
    store.delete(stated.content)
    with pytest.raises(InputError):
        fetch_alert(store, stated)
    other = alert(loss=5).content()
    assert other["id"] == alert().content()["id"]
    digest = store.put(json.dumps(other, sort_keys=True, separators=(",", ":")).encode())
    assert digest != stated.content


def test_terms_are_read_back_and_nothing_else_is(kept):
    assert WatchTerms.from_bytes(TERMS.to_bytes()) == TERMS
    spoilt = json.loads(TERMS.to_bytes())
    for data in (b"{}", b"[1]", b"\xff", json.dumps(spoilt).encode()):
        with pytest.raises(InputError):
            WatchTerms.from_bytes(data)


def test_terms_name_the_lists_and_models_that_detectors_rest_on():
    made = make_detectors(["screening", "sandwich"], coins=[b"\x07" * 20])
    terms = WatchTerms.of(1, 0, made, {NATIVE: 1}, coins=[b"\x07" * 20])
    assert terms.lists == {"labels": shipped_labels().digest}
    assert [(one.name, one.version) for one in detectors_of(terms)] == list(terms.detectors)
    assert detectors_of(terms) == made
    assert detectors_of(TERMS) != made


def test_a_damaged_store_is_told_by_its_digest(kept, tmp_path):
    log, store = kept
    AlertLog(log, store, WATCHER, TERMS).state([alert()])
    (stated,) = stated_alerts(log.entries())
    name = stated.content.hex()
    (path,) = [one for one in (tmp_path / "blobs").rglob("*") if name.endswith(one.name[-8:])]
    path.write_bytes(path.read_bytes().replace(b"Mixer", b"Fixer"))
    with pytest.raises(VerificationError):
        fetch_alert(store, stated)
