"""An outsider, without the rows, is told exactly what is false."""

import shutil
from dataclasses import replace

import pytest
from ward import TOKEN, open_ward

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.market.compute_to_data import ledger as events
from counterpoise.market.compute_to_data.answers import fetch_result
from counterpoise.market.compute_to_data.evidence import read_evidence
from counterpoise.market.compute_to_data.records import read_object
from counterpoise.provenance import (
    AccountSigner,
    Envelope,
    Subject,
    Verdict,
    build_statement,
    kind_of,
    sign,
)

ANSWERS = ("evaluation", "computation", "data-refusal")


@pytest.fixture(scope="module")
def answered(founded, tmp_path_factory):
    """A ward that has answered, for tests that change nothing in it."""
    folder = tmp_path_factory.mktemp("answered") / "ward"
    shutil.copytree(founded, folder)
    ward = with_answers(open_ward(folder))
    yield ward
    ward.release_log()
    ward.network.close()


def with_answers(ward):
    """One evaluation, one job of own code, one refusal; all true."""
    policy = ward.enforce(jobs_a_buyer=3, jobs_in_all=3)
    asked = [ward.ask(policy), ward.ask_code(policy), ward.ask_code(policy, purpose="war")]
    assert [bool(answer.outputs) for answer in ward.answers(*asked)] == [True, True, False]
    assert ward.verdict().is_true
    return ward


def stated(ward, kind):
    """The first answer of a kind in the log."""
    statements = (Envelope.from_bytes(e).statement for e in ward.network.log.entries())
    return next(s for s in statements if kind_of(s) == kind and "request" in s.predicate)


def restated(ward, kind, **changed):
    """What the owner would have signed had it lied: the same answer once more, changed."""
    found = stated(ward, kind)
    fields = {k: v for k, v in found.predicate.items() if k not in ("time", "nonce", "inputs")}
    return build_statement(
        kind,
        [Subject("result", bytes(32))],
        **({"time": found.predicate["time"], "nonce": bytes(16)} | fields | changed),
    )


def log_with(ward, *lies, signer=None):
    """A log in which lies stand in the place of the true answers of their kind."""
    signer = AccountSigner(signer or ward.owner)
    entries = [sign(lie, signer).to_bytes() for lie in lies]
    kinds = {kind_of(lie) for lie in lies}

    def is_kept(entry):
        statement = Envelope.from_bytes(entry).statement
        return kind_of(statement) not in kinds or "request" not in statement.predicate

    return [*filter(is_kept, ward.network.log.entries()), *entries]


def judged(ward, entries):
    """The verdict on such a log."""
    from counterpoise.market.compute_to_data import checks

    class Told:
        def __init__(self, network):
            self.__dict__.update(vars(network))
            self.contract, self.store = network.contract, network.store

        def log_reader(self):
            return self

        def entries(self):
            return iter(entries)

    verdict = Verdict()
    checks.verify_data_jobs(Told(ward.network), verdict)
    return verdict


def with_result(ward, kind, change):
    """A lie whose result lies in the store, as the statement says."""
    found = stated(ward, kind)
    record = read_object(fetch_result(found, ward.network.store), "result", 1 << 16)
    change(record)
    blob = canonical_json(record)
    ward.network.store.put(blob)
    return {"result": sha256(blob), "blob": sha256(blob)}


def test_the_untouched_log_is_true(answered):
    entries = list(answered.network.log.entries())
    assert judged(answered, entries).is_true


@pytest.mark.parametrize(
    ("kind", "changed", "what"),
    [
        ("evaluation", {"metrics": {"rows": 1}}, "stated metrics"),
        ("evaluation", {"row_root": bytes(32)}, "dataset, rows, code"),
        ("evaluation", {"code": bytes(32)}, "dataset, rows, code"),
        ("evaluation", {"model": bytes(32)}, "model"),
        ("evaluation", {"sealed": True}, "sealed"),
        ("evaluation", {"number": 0}, "job 0"),
        ("evaluation", {"number": 2}, "numbers"),
        ("evaluation", {"begun": 2**51, "time": 2**51 + 1}, "data job"),
        ("evaluation", {"begun": 2**50}, "begun"),
        ("computation", {"job": 1}, "escrow"),
        ("computation", {"result": bytes(32)}, "deliverable"),
        ("computation", {"request": bytes(32)}, "request"),
        ("data-refusal", {"rule": "mood"}, "rule"),
        ("data-refusal", {"job": 1}, "refusal"),
    ],
)
def test_an_answer_that_was_restated_falsely_is_named(answered, kind, changed, what):
    verdict = judged(answered, log_with(answered, restated(answered, kind, **changed)))
    assert any(what in one.name for one in verdict.false), [str(one) for one in verdict.false]


def test_an_answer_of_another_signer_is_named(answered):
    lie = restated(answered, "evaluation", actor=answered.buyer().account.address.hex())
    rival = answered.network.account("rival")
    fields = {k: v for k, v in lie.predicate.items() if k not in ("time", "nonce", "inputs")}
    fields["actor"] = AccountSigner(rival).keyid
    stranger = build_statement(
        "evaluation", list(lie.subject), time=lie.predicate["time"], nonce=bytes(16), **fields
    )
    verdict = judged(answered, log_with(answered, stranger, signer=rival))
    assert any("signer" in one.name for one in verdict.false)


def finer(record):
    record["outputs"]["counts"][0][0][0] += 1


def better(record):
    record["outputs"]["metrics"]["right"] += 1


@pytest.mark.parametrize(("change", "what"), [(finer, "counts"), (better, "metrics")])
def test_counts_finer_than_the_policy_and_metrics_beside_them_are_named(answered, change, what):
    lie = restated(answered, "evaluation", **with_result(answered, "evaluation", change))
    verdict = judged(answered, log_with(answered, lie))
    assert any(one.name.endswith(f"/ {what}") for one in verdict.false)


def test_own_codes_counts_that_left_unrounded_are_named(answered):
    def finer(record):
        record["outputs"]["ill"] += 1

    lie = restated(answered, "computation", **with_result(answered, "computation", finer))
    verdict = judged(answered, log_with(answered, lie))
    assert any("outputs" in one.name for one in verdict.false)


def test_jobs_beyond_the_policys_number_are_named(ward):
    """A node that answers a fourth job where three are allowed."""
    with_answers(ward)
    policy = ward.home.policy_of(bytes.fromhex(_policies(ward)[-1]))
    asked = [ward.ask_code(policy), ward.ask_code(policy)]
    node = ward.node()
    from counterpoise.market.compute_to_data import node as module

    original, module.check_spent = module.check_spent, lambda *_: None
    try:
        node.serve_once()
    finally:
        module.check_spent = original
    assert all(ward.buyer().answer(one).outputs for one in asked)
    verdict = ward.verdict()
    assert any("job 4" in one.name and "used up" in str(one.found) for one in verdict.false)


def _policies(ward):
    lines = ward.node().home.ledger.lines
    return [line["policy"] for line in lines if line["event"] == events.POLICY]


def test_a_policy_that_its_officer_has_not_signed_is_named(answered):
    policy = replace(answered.policy(), price=2 * TOKEN)
    answered.network.store.put(policy.to_bytes())
    unsigned = answered.offering.notary.state(
        "data-policy",
        [Subject("policy", policy.digest)],
        dataset=policy.dataset,
        policy=policy.digest,
    )
    verdict = judged(answered, [*answered.network.log.entries(), unsigned.to_bytes()])
    assert any("of the pinned keys signed" in str(one.found) for one in verdict.false)


def test_answers_without_their_policy_or_twice_are_named(answered):
    entries = list(answered.network.log.entries())
    without = [e for e in entries if kind_of(Envelope.from_bytes(e).statement) != "data-policy"]
    assert any("policy" in str(one.found) for one in judged(answered, without).false)
    again = restated(answered, "computation")
    entries.append(sign(again, AccountSigner(answered.owner)).to_bytes())
    assert any("once" in one.name for one in judged(answered, entries).false)
    assert read_evidence(answered.network, Verdict()).answers
