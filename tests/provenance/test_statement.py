"""A statement has one encoding; a predicate has the fields its type requires."""

import json

import pytest

from counterpoise.core.errors import InputError
from counterpoise.provenance import Statement, Subject, build_statement, check_predicate, kind_of
from counterpoise.provenance.predicate_fields import REQUIRED
from counterpoise.provenance.predicates import predicate_type

DIGEST = "ab" * 32
ADDRESS = "0x" + "11" * 20
FIELDS = {
    "dataset": {
        "schema": [{"name": "age", "type": "int64"}],
        "encoding": "rows/v1",
        "rows": 3,
        "row_root": DIGEST,
        "source": "UCI",
        "licence": "CC-BY-4.0",
    },
    "consent": {
        "subject_commitment": DIGEST,
        "purpose": "training",
        "scope": "job 1",
        "expires": 9,
    },
    "task": {
        "model": "logistic",
        "rounds": 3,
        "clip": 65_536,
        "scale_bits": 16,
        "seed": 42,
        "scoring": "shapley/v1",
        "validation": DIGEST,
    },
    "join": {"job": 1, "dataset": DIGEST, "stake": "1000000000000000000"},
    "opening": {"job": 1, "round": 0, "base": DIGEST},
    "commitment": {"job": 1, "round": 0, "digest": DIGEST},
    "update": {"job": 1, "round": 0, "update": DIGEST},
    "closing": {
        "job": 1,
        "round": 0,
        "phase": "commitments",
        "leaves": DIGEST,
        "root": DIGEST,
        "refused": [],
    },
    "round": {
        "job": 1,
        "round": 0,
        "updates_root": DIGEST,
        "trace_root": DIGEST,
        "scores_digest": DIGEST,
        "pay_root": DIGEST,
        "pay_total": "0",
        "model": DIGEST,
        "refused": [{"participant": "0x01", "code": "late"}],
    },
    "audit": {
        "report": DIGEST,
        "rule_set": "2026.1",
        "engines": [{"name": "vyper", "version": "0.4.3"}],
        "compilers": [{"name": "vyper"}],
        "counts": {"high": 0, "medium": 1},
        "limits": ["seconds 120"],
    },
    "contribution": {
        "job": 1,
        "round": 0,
        "participant": "0x01",
        "update": DIGEST,
        "score_ppm": 250_000,
        "rule": "shapley/v1",
    },
    "model": {"files": [{"name": "model.bin", "sha256": DIGEST}], "kind": "logistic"},
    "evaluation": {"model": DIGEST, "dataset": DIGEST, "metrics": {"correct": 12}},
    "decision": {
        "request": "r1",
        "model": DIGEST,
        "input_commitment": DIGEST,
        "policy": "p1",
        "started": 1,
        "ended": 2,
        "output": "refer",
    },
    "alert": {
        "alert": DIGEST,
        "digest": DIGEST,
        "chain": 1,
        "block": 9,
        "block_hash": DIGEST,
        "detector": "sandwich",
        "version": 1,
        "severity": "high",
        "confidence_ppm": 900_000,
        "status": "open",
        "watch": DIGEST,
    },
    "erasure": {"dataset": DIGEST, "positions": [4], "reason": "request", "authority": "owner"},
    "listing": {
        "what": "model",
        "name": "credit-net",
        "version": 2,
        "description": "Whether a loan is paid back.",
        "tags": ["credit", "tabular"],
        "price": {"amount": "1000", "unit": "call", "token": ADDRESS},
        "agent": {"number": 7, "registry": f"eip155:31337:{ADDRESS}"},
        "endpoints": [{"url": "http://seller.example/v2", "tongue": "oip-v2"}],
        "levels": [{"level": "optimistic", "extra": "500"}],
        "licence": "Apache-2.0",
        "until": 9,
        "model": DIGEST,
    },
    "offer": {
        "resource": "POST /v2/models/credit-net/infer",
        "network": "eip155:31337",
        "token": ADDRESS,
        "amount": "1000",
        "pay_to": ADDRESS,
        "until": 9,
    },
    "receipt": {
        "request": DIGEST,
        "answer": DIGEST,
        "network": "eip155:31337",
        "token": ADDRESS,
        "payer": ADDRESS,
        "pay_to": ADDRESS,
        "charged": "10",
        "total": "30",
        "channel": DIGEST,
    },
    "scores": {"market": ADDRESS, "chain": 31337, "epoch": 2, "validator": 1, "sheet": DIGEST},
    "data-policy": {"dataset": DIGEST, "policy": DIGEST},
    "data-request": {
        "owner": ADDRESS,
        "policy": DIGEST,
        "algorithm": DIGEST,
        "purpose": "research",
        "until": 9,
    },
    "data-refusal": {"request": DIGEST, "rule": "overlap", "counted": True},
    "data-admission": {"request": DIGEST, "task": DIGEST, "job": 1},
    "computation": {"request": DIGEST, "dataset": DIGEST, "code": DIGEST, "result": DIGEST},
}
COMMON = {"actor": "0x01", "time": 1, "nonce": bytes(16)}
ABOUT = [Subject("thing", bytes(32))]


def build(kind, /, **changed):
    return build_statement(kind, ABOUT, **(COMMON | FIELDS[kind] | changed))


@pytest.mark.parametrize("kind", REQUIRED)
def test_every_kind_is_written_and_read_back(kind):
    statement = build(kind, inputs=[{"sha256": b"\xab" * 32, "role": "task", "entry": 4}])
    again = Statement.from_bytes(statement.to_bytes())
    assert again == statement and again.digest == statement.digest
    assert kind_of(statement) == kind
    assert statement.predicate_type == f"https://counterpoise.network/{kind}/v1"


@pytest.mark.parametrize(("kind", "field"), [(k, f) for k, fs in REQUIRED.items() for f in fs])
def test_a_missing_or_wrong_field_is_named(kind, field):
    with pytest.raises(InputError, match=f"{kind} statement's '{field}'"):
        build_statement(kind, ABOUT, **(COMMON | FIELDS[kind] | {field: None}))
    predicate = dict(build(kind).predicate)
    del predicate[field]
    with pytest.raises(InputError, match=f"lacks '{field}'"):
        check_predicate(Statement(predicate_type(kind), tuple(ABOUT), predicate))


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": bytes(15)},
        {"time": -1},
        {"time": True},
        {"actor": ""},
        {"inputs": [{"sha256": "ab", "role": "task"}]},
        {"inputs": [{"sha256": DIGEST}]},
        {"inputs": [{"sha256": DIGEST, "role": "task", "value": "secret"}]},
        {"stake": "-1"},
        {"stake": 1000},
        {"stake": "01"},
    ],
)
def test_common_fields_are_checked(wrong):
    with pytest.raises(InputError):
        build("join", **wrong)


def test_a_float_is_refused_anywhere():
    for wrong in ({"metrics": {"accuracy": 0.5}}, {"extra": {"deep": [1.0]}}):
        with pytest.raises(InputError):
            build("evaluation", **wrong)
    text = build("evaluation").to_bytes().replace(b'"correct":12', b'"correct":12.0')
    with pytest.raises(InputError, match=r"12\.0"):
        Statement.from_bytes(text)


def test_an_integer_beyond_two_to_the_53_must_be_a_string():
    with pytest.raises(InputError):
        build("evaluation", metrics={"n": 2**53})


def test_a_decision_needs_an_output_or_its_commitment():
    fields = {k: v for k, v in FIELDS["decision"].items() if k != "output"}
    with pytest.raises(InputError, match="output_commitment"):
        build_statement("decision", ABOUT, **COMMON, **fields)
    build_statement("decision", ABOUT, **COMMON, **fields, output_commitment=DIGEST)


def test_a_receipt_needs_a_channel_or_a_transaction():
    fields = {k: v for k, v in FIELDS["receipt"].items() if k != "channel"}
    with pytest.raises(InputError, match="transaction"):
        build_statement("receipt", ABOUT, **COMMON, **fields)
    build_statement("receipt", ABOUT, **COMMON, **fields, transaction=DIGEST)


@pytest.mark.parametrize(
    "wrong",
    [
        {"what": "person"},
        {"name": "Credit Net"},
        {"name": "a" * 65},
        {"tags": ["two words"]},
        {"price": {"amount": "1", "unit": "hour", "token": ADDRESS}},
        {"price": {"amount": "1", "unit": "call", "token": ADDRESS, "more": 1}},
        {"price": {"amount": -1, "unit": "call", "token": ADDRESS}},
        {"agent": {"number": -1, "registry": f"eip155:1:{ADDRESS}"}},
        {"agent": {"number": 1, "registry": ADDRESS}},
        {"agent": {"number": 1, "registry": f"eip155:0:{ADDRESS}"}},
        {"endpoints": [{"url": "http://a.example"}]},
        {"levels": [{"level": "zk", "extra": "0.5"}]},
        {"model": "ab"},
        {"withdrawn": "yes"},
        {"signer": "0x11"},
    ],
)
def test_a_listing_is_read_strictly(wrong):
    with pytest.raises(InputError, match=f"listing statement's '{next(iter(wrong))}'"):
        build("listing", **wrong)


def test_an_unknown_type_of_ours_is_refused_and_a_foreign_one_passes():
    with pytest.raises(InputError, match="dataset/v2"):
        check_predicate(Statement("https://counterpoise.network/dataset/v2", tuple(ABOUT), {}))
    check_predicate(Statement("https://slsa.dev/provenance/v1", tuple(ABOUT), {"a": 1}))
    with pytest.raises(InputError, match="no statement of kind"):
        build_statement("nothing", ABOUT, **COMMON)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: {**d, "_type": "https://in-toto.io/Statement/v0.1"},
        lambda d: {**d, "more": 1},
        lambda d: {**d, "subject": []},
        lambda d: {**d, "subject": [{"name": "x", "digest": {"sha256": "zz"}}]},
        lambda d: {**d, "subject": [{"name": "x", "digest": {"sha256": "ab"}}]},
        lambda d: {**d, "subject": [{"name": "x", "digest": {"sha512": DIGEST}}]},
        lambda d: {**d, "subject": [{"name": "", "digest": {"sha256": DIGEST}}]},
        lambda d: {**d, "subject": {"name": "x"}},
        lambda d: {**d, "predicate": []},
        lambda d: {**d, "predicateType": 3},
        lambda d: {k: v for k, v in d.items() if k != "predicate"},
    ],
)
def test_a_malformed_statement_is_refused(change):
    document = change(json.loads(build("join").to_bytes()))
    data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(InputError):
        Statement.from_bytes(data)


def test_equal_json_in_other_bytes_is_refused():
    data = build("join").to_bytes()
    for other in (data + b"\n", json.dumps(json.loads(data)).encode(), data[:1] + b" " + data[1:]):
        with pytest.raises(InputError, match="canonical"):
            Statement.from_bytes(other)
    with pytest.raises(InputError, match="twice"):
        Statement.from_bytes(data[:-1] + b',"subject":[]}')
    for junk in (b"", b"[]", b"nul", b"[" * 100_000, b"\xff"):
        with pytest.raises(InputError):
            Statement.from_bytes(junk)


def test_deep_nesting_is_refused_before_it_is_parsed():
    import sys

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        for junk in (b"[" * 1_000_000, b'{"a":' * 1_000_000, b'"\\\\",' + b"[" * 1_000_000):
            with pytest.raises(InputError, match="nested deeper"):
                Statement.from_bytes(junk)
    finally:
        sys.setrecursionlimit(limit)
    brackets = build("join", note="[{" * 100)
    assert Statement.from_bytes(brackets.to_bytes()) == brackets
