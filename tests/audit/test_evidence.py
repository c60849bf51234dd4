"""An audit is evidence: a statement that follows from its report, and a deliverable of a job."""

import json
from dataclasses import replace

import pytest
from vyper_code import HEAD, project

from counterpoise.audit import (
    audit_project,
    audit_statement,
    check_report,
    code_digest,
    report_bytes,
)
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.network import create_network
from counterpoise.provenance import AccountSigner, Subject, build_statement, sign

TEXT = HEAD + "\n@external\ndef sweep(to: address):\n    send(to, self.balance)\n"


@pytest.fixture
def outcome(tmp_path):
    return audit_project(project(tmp_path, TEXT), engines=("vyper",), jobs=0)


@pytest.fixture
def statement(outcome):
    return audit_statement(outcome, actor="0x01", time=5, nonce=bytes(16))


def test_a_statement_is_about_the_code_and_names_report_rules_and_compiler(outcome, statement):
    assert statement.subject[0].digest == code_digest(outcome.project.sources)
    assert statement.predicate["report"] == sha256(report_bytes(outcome)).hex()
    assert statement.predicate["compilers"] == [{"name": "vyper 0.4.3"}]
    assert statement.predicate["counts"]["high"] == 1
    assert check_report(statement, report_bytes(outcome))["rule_set"]


def test_other_bytes_are_not_the_report(outcome, statement):
    with pytest.raises(VerificationError, match="not the report"):
        check_report(statement, report_bytes(outcome) + b" ")


def test_a_statement_that_says_something_else_than_its_report_is_false(outcome, statement):
    kinder = dict(statement.predicate["counts"]) | {"high": 0}
    false = replace(statement, predicate={**statement.predicate, "counts": kinder})
    with pytest.raises(VerificationError, match="'counts' does not follow"):
        check_report(false, report_bytes(outcome))
    other = replace(statement, subject=(Subject("code", bytes(32)),))
    with pytest.raises(VerificationError, match="other code"):
        check_report(other, report_bytes(outcome))


def test_a_statement_of_another_kind_is_refused(outcome):
    other = build_statement(
        "join",
        [Subject("task", bytes(32))],
        actor="0x01",
        time=1,
        nonce=bytes(16),
        job=1,
        dataset=bytes(32),
        stake="1",
    )
    with pytest.raises(InputError, match="wanted one of an audit"):
        check_report(other, report_bytes(outcome))


@pytest.mark.parametrize(
    "field", ["report", "rule_set", "engines", "compilers", "counts", "limits"]
)
def test_an_audit_statement_lacks_nothing(statement, field):
    fields = {k: v for k, v in statement.predicate.items() if k != field}
    common = {name: fields.pop(name) for name in ("actor", "time", "inputs")}
    fields.pop("nonce")
    with pytest.raises(InputError, match=field):
        build_statement("audit", list(statement.subject), nonce=bytes(16), **common, **fields)


def test_an_audit_is_the_work_of_a_job_and_the_evidence_of_its_evaluator(outcome, tmp_path):
    report = report_bytes(outcome)
    with create_network(tmp_path / "state") as network:
        client, auditor, judge = (network.account(n) for n in ("client", "auditor", "judge"))
        for account in (client, auditor, judge):
            network.fund(account.address, 10**18)
        jobs = network.contract("Jobs")
        end = network.chain.block().time + 9_000
        zero = bytes(20)
        jobs.transact(client, "createJob", auditor.address, judge.address, end, "audit", zero)
        jobs.transact(client, "setBudget", 1, 1, b"")
        token = network.contract("CreditToken")
        token.transact(network.account("operator"), "mint", client.address, 1)
        token.transact(client, "approve", jobs.address, 1)
        jobs.transact(client, "fund", 1, 1, b"")
        digest = network.store.put(report)
        jobs.transact(auditor, "submit", 1, digest, b"")
        signer = AccountSigner(auditor)
        made = audit_statement(outcome, actor=signer.keyid, time=1, nonce=bytes(16))
        envelope = sign(made, signer)
        entry = network.log.append([envelope.to_bytes()]).start
        again = audit_project(outcome.project, engines=("vyper",), jobs=0)
        assert report_bytes(again) == network.store.fetch(digest)
        assert network.log_reader().entry(entry) == envelope.to_bytes()
        jobs.transact(judge, "complete", 1, made.digest, b"")
        assert token.call("balanceOf", auditor.address) == 1
    assert json.loads(report)["counts"]["high"] == 1
