"""An audit is evidence: a statement that follows from its report, and a deliverable of a job."""

from dataclasses import replace

import pytest
from vyper_code import HEAD, project

from counterpoise.audit import (
    NotAnalysed,
    audit_answer,
    audit_project,
    audit_question,
    audit_statement,
    check_report,
    code_digest,
    report_bytes,
)
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, Reverted, VerificationError
from counterpoise.core.units import TOKEN
from counterpoise.jobs import Status as JobStatus
from counterpoise.jobs import TokenClient
from counterpoise.network import create_network
from counterpoise.provenance import (
    AccountSigner,
    AddressVerifier,
    Subject,
    build_statement,
    check_receipt,
    make_receipt,
    sign,
)
from counterpoise.verification import JobDeskClient, JobTerms, QuorumClient, SignedAnswer

MEMBERS = ("ann", "bob", "cleo")
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


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A network with a committee of three, each of which does the work again by itself."""
    with create_network(tmp_path_factory.mktemp("network")) as made:
        quorum = QuorumClient(made.contract("Quorum"))
        token = TokenClient(made.contract("CreditToken"))
        for name in ("client", "auditor", *MEMBERS):
            account = made.account(name)
            made.fund(account.address, 10**18)
            token.mint(made.account("operator"), account.address, 100 * TOKEN)
        for name in MEMBERS:
            quorum.join(made.account(name), 50 * TOKEN)
        yield made


def asked(network, outcome):
    """A funded job for an audit, whose question the committee decides."""
    desk = JobDeskClient(network.contract("JobDesk"))
    method, code = audit_question(outcome)
    now = network.chain.block().time
    terms = JobTerms(
        provider=network.account("auditor").address,
        budget=5 * TOKEN,
        model=method,
        input=code,
        evaluator=network.contract("Quorum").address,
        deadline=now + 3_600,
        expires=now + 86_400,
        description="audit",
    )
    TokenClient(network.contract("CreditToken")).approve(
        network.account("client"), desk.jobs.address, terms.budget
    )
    return desk, desk.ask(network.account("client"), terms)


def decided(network, desk, job, outcome):
    """The committee makes the answer final: each member signs what its own audit comes to."""
    quorum = QuorumClient(network.contract("Quorum"))
    method, code = audit_question(outcome)
    votes = []
    for name in MEMBERS:
        again = audit_project(outcome.project, engines=("vyper",), jobs=0)
        signed = SignedAnswer(desk.address, job, method, code, audit_answer(again))
        votes.append(quorum.sign(network.account(name), signed))
    quorum.attest(network.account(MEMBERS[0]), signed, votes)


def test_a_job_is_paid_on_the_strength_of_a_report_that_a_committee_made_again(network, outcome):
    desk, job = asked(network, outcome)
    auditor = network.account("auditor")
    digest = network.store.put(report_bytes(outcome))
    signer = AccountSigner(auditor)
    made = audit_statement(outcome, actor=signer.keyid, time=1, nonce=bytes(16))
    entry = network.log.append([sign(made, signer).to_bytes()]).start
    desk.deliver(auditor, job, audit_answer(outcome))
    with pytest.raises(Reverted, match="not decided yet"):
        desk.conclude(auditor, job)
    decided(network, desk, job, outcome)
    token = TokenClient(network.contract("CreditToken"))
    before = token.balance(auditor.address)
    desk.conclude(auditor, job)
    assert desk.jobs.job(job).status == JobStatus.COMPLETED
    assert token.balance(auditor.address) == before + 5 * TOKEN
    verdict = QuorumClient(network.contract("Quorum")).verdict(desk.address, job)
    assert verdict.answer == digest + bytes([0, 4]), "the worst is high"
    anchored = network.anchor_log()
    assert anchored.head.size > entry
    paper = make_receipt(network.log, entry, anchored)
    pinned = [AddressVerifier(auditor.address)]
    logged = check_receipt(paper, pinned, network.log.vkey, anchored=anchored)
    assert check_report(logged, network.store.fetch(verdict.answer[:32]))["counts"]["high"] == 1


def test_a_kinder_report_is_not_paid(network, outcome):
    desk, job = asked(network, outcome)
    kinder = audit_answer(replace(outcome, findings=()))
    assert kinder[32:] == bytes(2) and kinder != audit_answer(outcome)
    desk.deliver(network.account("auditor"), job, kinder)
    decided(network, desk, job, outcome)
    desk.conclude(network.account("client"), job)
    assert desk.jobs.job(job).status == JobStatus.REJECTED


def test_the_question_names_the_code_and_the_method(outcome, tmp_path):
    method, code = audit_question(outcome)
    other = audit_project(project(tmp_path, TEXT + "\n# more\n"), engines=("vyper",), jobs=0)
    assert audit_question(other) == (method, code_digest(other.project.sources))
    assert audit_question(other)[1] != code
    newer = replace(outcome, engines=(("vyper", "0.4.99"),))
    assert audit_question(newer) == (audit_question(newer)[0], code)
    assert audit_question(newer)[0] != method


def test_an_answer_says_how_bad_it_is_or_that_something_was_not_read(outcome):
    assert audit_answer(outcome) == sha256(report_bytes(outcome)) + bytes([0, 4])
    assert audit_answer(replace(outcome, findings=()))[32:] == bytes([0, 0])
    failed = NotAnalysed("Other.vy", "vyper", "does not compile")
    assert audit_answer(replace(outcome, not_analysed=(failed,)))[32:] == b"\xff\xff"
