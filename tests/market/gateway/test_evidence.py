"""Decisions: kept before the answer leaves, in the log soon after, and provable to anyone."""

import base64
import json
import shutil
import time
from dataclasses import replace

import pytest
from gateway_world import NET, NETS, SUMS, bytes_body, infer_body, selling

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.inference import answer_bytes, input_commitment
from counterpoise.market.gateway.checking import check_decision
from counterpoise.market.gateway.evidence import Evidence
from counterpoise.market.gateway.journal import Journal
from counterpoise.market.gateway.receipts import Receipts
from counterpoise.market.gateway.service import request_digest
from counterpoise.market.gateway.statements import (
    Facts,
    Statements,
    answer_commitment,
    request_commitment,
)
from counterpoise.market.receipts_issued import (
    CallReceipt,
    check_call_receipt,
    from_header,
    issue_receipt,
)
from counterpoise.provenance import (
    AddressVerifier,
    Envelope,
    Log,
    LogReader,
    Receipt,
    check_envelope,
    check_receipt,
)

SELLER = Account.local(b"seller of decisions")
FACTS = Facts("toy", bytes(32), b"c" * 32, b"a" * 32, "none", 1, 2)


def opened(folder):
    log = Log(folder / "log", origin="example.org/decisions", key=b"k" * 32)
    return Evidence(folder / "decisions", Statements(SELLER), log)


def fetched(sale, digest, status=200):
    end = time.monotonic() + 5
    while True:
        found = sale.client.get(f"/evidence/{digest}")
        if found.status_code == status or time.monotonic() > end:
            assert found.status_code == status
            return found.content
        time.sleep(0.05)


def test_every_answer_has_a_statement_that_anyone_can_check(sale):
    got = sale.buy(sale.buyer(), SUMS, infer_body(id="seven"))
    headers = got.answer.headers
    salt = bytes.fromhex(headers["decision-salt"])
    receipt = Receipt.from_bytes(fetched(sale, headers["decision"]))
    seller = AddressVerifier(sale.network.account("seller").address)
    log = sale.client.get("/evidence").json()
    said = check_receipt(receipt, [seller], log["vkey"]).predicate
    request = request_digest("POST", SUMS, infer_body(id="seven"))
    assert said["input_commitment"] == request_commitment(salt, request).hex()
    assert said["output_commitment"] == answer_commitment(salt, sha256(got.answer.body)).hex()
    assert said["model"] == sha256((sale.folder / "sums.onnx").read_bytes()).hex()
    assert said["policy"] == "gateway, level none" and said["service"] == "models"
    assert said["started"] <= said["ended"]


def test_an_integer_models_statement_commits_to_what_every_evaluator_would(sale):
    got = sale.buy(sale.buyer(), NETS, bytes_body((10, 200, 3, 4)))
    salt = bytes.fromhex(got.answer.headers["decision-salt"])
    receipt = Receipt.from_bytes(fetched(sale, got.answer.headers["decision"]))
    said = receipt.envelope.statement.predicate
    row = bytes((10, 200, 3, 4))
    answer = NET.trace(row, salt=salt).answer
    assert said["model"] == NET.id.hex()
    assert said["input_commitment"] == input_commitment(salt, row).hex()
    assert said["output_commitment"] == answer_commitment(salt, sha256(answer)).hex()
    assert answer == answer_bytes([3721, 1297], 0)


def test_a_buyer_can_have_the_signed_statement_at_once(sale):
    got = sale.buy(sale.buyer(), SUMS, headers={"decision": "envelope"})
    entry = base64.b64decode(got.answer.headers["decision-envelope"])
    seller = AddressVerifier(sale.network.account("seller").address)
    statement = check_envelope(Envelope.from_bytes(entry), [seller])
    assert statement.digest.hex() == got.answer.headers["decision"]


def test_a_buyer_can_check_every_part_of_a_statement(sale):
    seller, buyer = sale.network.account("seller").address, sale.buyer()
    got = sale.buy(buyer, headers={"decision": "envelope"})
    headers = got.answer.headers
    right = {
        "entry": base64.b64decode(headers["decision-envelope"]),
        "seller": seller,
        "salt": bytes.fromhex(headers["decision-salt"]),
        "answer": got.answer.body,
        "request": request_digest("POST", SUMS, infer_body()),
        "model": sha256((sale.folder / "sums.onnx").read_bytes()),
    }
    assert check_decision(**right).digest.hex() == headers["decision"]
    for wrong, words in (
        ({"seller": bytes(20)}, "0 of the pinned keys"),
        ({"salt": bytes(32)}, "another request"),
        ({"request": bytes(32)}, "another request"),
        ({"answer": got.answer.body + b" "}, "another answer"),
        ({"model": bytes(32)}, "another model"),
        ({"request": None}, "one of request"),
    ):
        with pytest.raises(VerificationError, match=words):
            check_decision(**right | wrong)


def test_a_buyer_of_an_integer_model_can_check_by_its_bytes(sale):
    got = sale.buy(sale.buyer(), NETS, bytes_body(), headers={"decision": "envelope"})
    outputs = {one["name"]: one["data"] for one in json.loads(got.answer.body)["outputs"]}
    check_decision(
        base64.b64decode(got.answer.headers["decision-envelope"]),
        sale.network.account("seller").address,
        salt=bytes.fromhex(got.answer.headers["decision-salt"]),
        values=bytes((10, 200, 3, 4)),
        answer=answer_bytes(outputs["logits"], outputs["decision"][0]),
        model=NET.id,
    )


def test_a_receipt_says_what_was_paid_for_which_answer(sale):
    buyer, seller = sale.buyer(), sale.network.account("seller").address
    for number in (1, 2):
        got = sale.buy(buyer)
        envelope = from_header(got.answer.headers["payment-receipt"])
        receipt = check_call_receipt(
            envelope,
            [seller],
            request=request_digest("POST", SUMS, infer_body()),
            answer=sha256(got.answer.body),
            payer=sale.network.account("buyer").address,
            charged=got.paid,
        )
        assert receipt.total == number * got.paid
        assert receipt.decision.hex() == got.answer.headers["decision"]


def test_the_log_can_be_mirrored_and_read_by_anyone(sale, tmp_path):
    got = sale.buy(sale.buyer())
    fetched(sale, got.answer.headers["decision"])
    about = sale.client.get("/evidence").json()
    mirror = tmp_path / "mirror"
    for name in ("checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"):
        found = sale.client.get(f"/log/{name}")
        assert found.status_code == 200
        (mirror / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror / name).write_bytes(found.content)
    reader = LogReader(mirror, origin=about["origin"], vkey=about["vkey"])
    (entry,) = reader.entries()
    assert Envelope.from_bytes(entry).statement.digest.hex() == got.answer.headers["decision"]


@pytest.mark.parametrize(
    "path", ["log/../log-key", "log/tile/%2e%2e/%2e%2e/log-key", "log/tile/0/../../../log-key"]
)
def test_nothing_but_the_logs_files_is_given_away(sale, path):
    found = sale.client.build_request("GET", f"{sale.url}/x")
    found.url = found.url.copy_with(raw_path=f"/{path}".encode())
    assert sale.client.send(found).status_code == 404


@pytest.mark.parametrize("digest", ["0" * 64, "zz", "0" * 63])
def test_an_unknown_decision_is_not_found(sale, digest):
    assert sale.client.get(f"/evidence/{digest}").status_code == 404


def test_the_log_is_anchored_when_the_gateway_ends(network, place):
    with selling(network, place) as sale:
        got = sale.buy(sale.buyer())
        digest = got.answer.headers["decision"]
    with selling(network, place) as sale:
        assert sale.running.evidence.log.size == 1
        sale.buy(sale.buyer("other"))
        sale.running.keeping.stop()
        sale.running.keeping.finish()
        receipt = Receipt.from_bytes(fetched(sale, digest))
        assert receipt.anchor is not None and receipt.anchor.head.size == 2


def test_a_copy_of_the_home_that_is_behind_the_anchor_is_refused(network, place):
    with selling(network, place) as sale:
        sale.buy(sale.buyer())
        fetched(sale, sale.buy(sale.buyer()).answer.headers["decision"])
        sale.running.keeping.finish()
    shutil.rmtree(place / "home" / "log")
    with pytest.raises((VerificationError, InputError)), selling(network, place):
        pass


def test_a_kill_loses_no_statement_of_an_answer_that_left(tmp_path):
    alive = tmp_path / "alive"
    evidence = opened(alive)
    notes = [evidence.note(FACTS) for _ in range(3)]
    evidence.flush()
    evidence.store()
    notes += [evidence.note(FACTS) for _ in range(2)]
    evidence.flush()
    unsaid = evidence.note(FACTS)
    dead = shutil.copytree(alive, tmp_path / "dead")
    evidence.close()
    again = opened(dead)
    assert again.log.size == 5
    for noted in notes:
        in_log, record = again.find(noted.digest)
        receipt = Receipt.from_bytes(record)
        assert in_log and receipt.envelope.statement.digest == noted.digest
    with pytest.raises(InputError, match="no decision"):
        again.find(unsaid.digest)
    again.close()
    assert not list((dead / "decisions").glob("journal-*"))


def test_a_statement_that_the_log_has_already_is_not_taken_twice(tmp_path):
    alive = tmp_path / "alive"
    evidence = opened(alive)
    evidence.note(FACTS)
    evidence.flush()
    journal = (alive / "decisions").glob("journal-*")
    kept = {path: path.read_bytes() for path in journal}
    evidence.close()
    for path, data in kept.items():
        path.write_bytes(data)
    again = opened(alive)
    assert again.log.size == 1
    again.close()


def test_a_torn_frame_is_passed_over(tmp_path):
    journal = Journal(tmp_path)
    journal.append([b"one", b"two"])
    journal.close()
    (path,) = tmp_path.glob("journal-*")
    path.write_bytes(path.read_bytes()[:-1])
    again = Journal(tmp_path)
    assert again.left() == [b"one"]
    again.close()


def test_a_lost_index_is_made_again_from_the_log(tmp_path):
    evidence = opened(tmp_path)
    notes = [evidence.note(FACTS) for _ in range(3)]
    evidence.close()
    for path in (tmp_path / "decisions").glob("index*"):
        path.unlink()
    again = opened(tmp_path)
    assert again.find(notes[1].digest)[0]
    again.close()


def test_a_statement_waits_in_the_journal_until_it_is_in_the_log(tmp_path):
    evidence = opened(tmp_path)
    noted = evidence.note(FACTS)
    evidence.flush()
    in_log, entry = evidence.find(noted.digest)
    assert not in_log and check_envelope(
        Envelope.from_bytes(entry), [AddressVerifier(SELLER.address)]
    )
    assert evidence.waiting == 1
    evidence.store()
    assert evidence.find(noted.digest)[0] and evidence.waiting == 0
    evidence.close()


def test_a_receipt_from_the_template_is_the_slow_ones(monkeypatch):
    receipt = CallReceipt(
        b"1" * 32, b"2" * 32, "eip155:31337", b"3" * 20, b"4" * 20, b"5" * 20, 0, 2**100
    )
    statements = Statements(SELLER)
    fast = Receipts(statements)
    for more in ({"channel": b"6" * 32}, {"transaction": b"7" * 32, "listing": b"8" * 32}):
        one = replace(receipt, **more)
        assert fast.issue(one, 9, bytes(16)) == issue_receipt(statements.signer, one, 9, bytes(16))
    monkeypatch.setattr(statements, "sign", lambda payload: b"something else")
    with pytest.raises(VerificationError, match="not canonical"):
        Receipts(statements)


def test_the_template_says_what_the_slow_way_says():
    statements = Statements(SELLER)
    odd = Facts('n"ämé\\', b"m" * 32, b"c" * 32, b"a" * 32, "zk", 3, 4, b"r" * 32)
    for facts in (FACTS, odd):
        written = statements.write(facts, bytes(16))
        slow = statements._slow(facts, bytes(16))
        assert written == slow.to_bytes()
