"""A job from a dataset's offer to its pay, and every rule that may stop it before a row is seen."""

from dataclasses import replace

import pytest
from ward import NAMES, TOKEN, older, trained

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.jobs import Status
from counterpoise.market.acceptance_client import AcceptanceClient
from counterpoise.market.compute_to_data.admission import MARGIN
from counterpoise.market.compute_to_data.policy import DataPolicy
from counterpoise.market.compute_to_data.request import Condition, description_of


def test_an_evaluation_is_answered_paid_and_verified(ward):
    policy, buyer = ward.enforce(), ward.buyer()
    before = ward.balance(ward.owner)
    asked = ward.ask(policy, edges=(-200_000, 0, 200_000), by="sex")
    (answer,) = ward.answers(asked)
    counts = answer.outputs["counts"]
    assert len(counts) == 2 and all(
        len(group) == len(answer.outputs["edges"]) + 1 for group in counts
    )
    assert all(n == 0 or (n >= 10 and n % 5 == 0) for g in counts for band in g for n in band)
    assert 700_000 < answer.outputs["metrics"]["accuracy_ppm"] < 900_000
    assert 700_000 < answer.outputs["metrics"]["auc_ppm"] < 950_000
    buyer.accept(asked)
    assert ward.balance(ward.owner) - before == TOKEN
    assert ward.verdict().is_true


def test_an_evaluation_counts_the_chosen_rows_as_its_model_answers_them(ward):
    policy = ward.enforce(least_rows=5, round_to=1)
    (answer,) = ward.answers(ward.ask(policy, where=older(60)))
    imported, old = trained(), ward.part.features[:, 0] >= 60
    rows = imported.quantiser.bytes_of(ward.part.features[old].astype(float), clip=True)
    said, labels = imported.model.run(rows).decisions, ward.part.labels[old]
    exact = [[int(((said == band) & (labels == ill)).sum()) for ill in (0, 1)] for band in (0, 1)]
    assert answer.outputs["counts"] == [[[n if n >= 5 else 0 for n in band] for band in exact]]


def test_own_code_gets_the_chosen_rows_and_its_counts_leave_rounded(ward):
    policy = ward.enforce()
    asked = ward.ask_code(policy, where=older(60))
    (answer,) = ward.answers(asked)
    old = ward.part.features[:, 0] >= 60
    ill = int(ward.part.labels[old].sum())
    assert answer.outputs["ill"] == (ill + 2) // 5 * 5 != ill
    assert answer.outputs["mean"] == int((ward.part.features[old, 0] * 12).sum()) // int(old.sum())
    assert ward.verdict().is_true


def test_a_sealed_result_opens_for_its_buyer_alone(ward):
    policy = ward.enforce(is_public=False)
    asked = ward.ask(policy)
    (answer,) = ward.answers(asked)
    assert answer.outputs["metrics"]["rows"] > 0
    with pytest.raises(VerificationError, match="does not open"):
        ward.buyer("rival").answer(asked)
    logged = b"".join(ward.network.log.entries())
    assert b"evaluation/v1" not in logged
    assert ward.verdict().is_true


def test_results_are_the_same_bits_wherever_they_are_computed(ward, tmp_path, founded):
    import shutil

    from ward import open_ward

    results = []
    for name in ("one", "two"):
        shutil.copytree(founded, tmp_path / name)
        other = open_ward(tmp_path / name)
        asked = other.ask(other.enforce(), edges=(0, 100_000))
        results.append(other.answers(asked)[0].outputs)
        other.release_log()
        other.network.close()
    assert results[0] == results[1]


REFUSED = {
    "another policy": ("policy", lambda p, r: replace(r, policy=bytes(32))),
    "a purpose that is not admitted": ("purpose", lambda p, r: replace(r, purpose="marketing")),
    "too late": ("request", lambda p, r: replace(r, until=1)),
    "another owner's chain": ("request", lambda p, r: replace(r, chain_id=1)),
    "a key to seal to, though results are public": (
        "request",
        lambda p, r: replace(r, seal=bytes(31) + b"\1"),
    ),
    "no such algorithm": ("algorithm", lambda p, r: replace(r, algorithm=bytes(32))),
    "a column that the policy keeps": (
        "columns",
        lambda p, r: replace(r, columns=(*r.columns, "chol")),
    ),
    "a condition on a column that the policy keeps": (
        "columns",
        lambda p, r: replace(r, where=(Condition("chol", 0, 200),)),
    ),
    "a column that is not there": ("columns", lambda p, r: replace(r, columns=("name",))),
    "a condition on the outcome": (
        "columns",
        lambda p, r: replace(r, where=(Condition("ill", 1, 1),)),
    ),
    "a condition beyond the column": (
        "parameters",
        lambda p, r: replace(r, where=(Condition("age", -5, 300),)),
    ),
    "parameters of another name": ("parameters", lambda p, r: replace(r, parameters={"x": 1})),
    "a parameter out of range": ("parameters", lambda p, r: replace(r, parameters={"months": 13})),
    "a parameter that is a text": (
        "parameters",
        lambda p, r: replace(r, parameters={"months": "../../etc/passwd"}),
    ),
    "noise where there is none": ("noise", lambda p, r: replace(r, noise=5)),
    "too little money": ("money", lambda p, r: replace(r, price=TOKEN - 1)),
}


def test_what_the_policy_does_not_admit_is_refused_by_its_rule_before_rows_are_seen(ward):
    policy = ward.enforce(columns=tuple(name for name in (*NAMES, "ill") if name != "chol"))
    buyer, sent = ward.buyer(), {}
    for case, (_, changed) in REFUSED.items():
        request = buyer.draft(policy, ward.code, ("age", "ill"), {"months": 1})
        sent[case] = buyer.send(changed(policy, request), buyer.account.address)
    answers = dict(zip(sent, ward.answers(*sent.values()), strict=True))
    assert {case: answer.rule for case, answer in answers.items()} == {
        case: rule for case, (rule, _) in REFUSED.items()
    }
    assert not any(answer.outputs for answer in answers.values())
    assert ward.node().home.ledger.spent().jobs == 0
    asked = sent["too late"]
    buyer.take_back(asked)
    assert buyer.jobs.job(asked.job).status is Status.REJECTED
    assert ward.verdict().is_true


def test_an_escrow_of_other_parties_deciders_or_times_is_refused(ward):
    arbiter = ward.network.account("arbiter").address
    policy, buyer, rival = ward.enforce(evaluators=(arbiter,)), ward.buyer(), ward.buyer("rival")
    request = buyer.draft(policy, ward.code, ("age", "ill"), {"months": 1})
    own_judge = buyer.send(request, buyer.account.address)
    short = buyer.send(request, arbiter, lifetime=MARGIN - 60)
    good = buyer.send(request, arbiter)
    stolen = rival.jobs.create_and_fund(
        rival.account,
        provider=ward.owner.address,
        evaluator=arbiter,
        expires=ward.clock() + 86_400,
        budget=TOKEN,
        description=description_of(good.request),
    )
    answers = ward.answers(own_judge, short)
    assert [answer.rule for answer in answers] == ["money", "money"]
    assert buyer.answer(good).outputs and stolen > good.job
    refused = buyer.answer(replace(good, job=stolen))
    assert refused.rule == "replay"
    assert ward.verdict().is_true


def test_a_request_is_answered_once_whatever_was_paid(ward):
    policy, buyer = ward.enforce(), ward.buyer()
    asked = ward.ask_code(policy)
    again = buyer.jobs.create_and_fund(
        buyer.account,
        provider=ward.owner.address,
        evaluator=buyer.account.address,
        expires=ward.clock() + 86_400,
        budget=TOKEN,
        description=description_of(asked.request),
    )
    node = ward.node()
    assert node.serve_once() == 2 and node.serve_once() == 0 and ward.node().serve_once() == 0
    assert node.home.ledger.spent().jobs == 1
    assert buyer.jobs.job(again).status is Status.FUNDED
    assert buyer.answer(replace(asked, job=again)).rule == "replay"


def test_consent_is_asked_for_and_can_be_taken_back(ward):
    policy, buyer = ward.enforce(buyers="consent"), ward.buyer()
    without = ward.ask_code(policy)
    consent = ward.offering.consent(buyer.account.address, "research", 2**40)
    with_it = ward.ask_code(policy, consent=consent)
    others = ward.ask_code(policy, ward.buyer("rival"), consent=consent)
    answers = ward.answers(without, with_it, others)
    assert [answer.rule for answer in answers] == ["buyer", "", "buyer"]
    assert ward.verdict().is_true
    ward.offering.revoke(consent)
    late = ward.ask_code(policy, consent=consent)
    assert ward.answers(late)[0].rule == "buyer"


def test_listed_buyers_are_served_and_no_others(ward):
    policy = ward.enforce(buyers=(ward.buyer("rival").account.address,))
    answers = ward.answers(ward.ask_code(policy), ward.ask_code(policy, ward.buyer("rival")))
    assert [answer.rule for answer in answers] == ["buyer", ""]


def test_a_policy_is_in_force_only_when_its_officers_have_signed_it(ward):
    policy = ward.policy()
    with pytest.raises(VerificationError, match="1 of the pinned keys signed"):
        ward.offering.take_policy(policy, ward.offering.draft_policy(policy))
    with pytest.raises(InputError, match="no policy is in force"):
        _ = ward.home.policy
    other = ward.policy(price=5)
    from counterpoise.market.compute_to_data.offering import co_sign

    signed = co_sign(ward.offering.draft_policy(other), ward.officer)
    with pytest.raises(InputError, match="another policy"):
        ward.offering.take_policy(policy, signed)


def test_a_policy_is_one_byte_string(ward):
    policy = ward.policy(buyers=(bytes(20),), evaluators=(bytes(19) + b"1",))
    assert DataPolicy.from_bytes(policy.to_bytes()) == policy
    with pytest.raises(InputError, match="canonical"):
        DataPolicy.from_bytes(policy.to_bytes().replace(b'"price":', b'"price": '))
    with pytest.raises(InputError):
        DataPolicy.from_bytes(policy.to_bytes().replace(b'"round_to":5', b'"round_to":-5'))


def test_a_model_that_is_not_the_one_named_is_refused_unseen(ward):
    policy, buyer = ward.enforce(), ward.buyer()
    good = ward.question()
    other = ward.question(trained(seed=1))
    answers = []
    for question in (replace(good, file=other.file), replace(good, card=bytes(32))):
        request = buyer.evaluate(policy, ward.evaluation, question, NAMES)
        answers.append(buyer.send(request, buyer.account.address))
    assert [answer.rule for answer in ward.answers(*answers)] == ["model", "model"]
    assert ward.node().home.ledger.spent().jobs == 0


def test_a_result_whose_escrow_ended_first_is_never_told_and_gives_its_charge_back(ward):
    policy, buyer = ward.enforce(), ward.buyer()
    asked = ward.ask_code(policy)
    home = ward.node().home

    def expire(step, request):
        if step == "result":
            ward.network.chain.warp(2 * 86_400)
            ward.network.chain.mine()

    assert ward.node(on_step=expire).serve_once() == 0
    assert ward.node().serve_once() == 0 and buyer.answer(asked) is None
    assert ward.node().home.ledger.spent().jobs == 0
    assert home.folder.is_dir()


def test_a_buyer_that_is_silent_has_paid_and_a_refusal_refunds_at_once(ward):
    """Under acceptance the owner need not trust a buyer who has read the result."""
    acceptance = ward.network.charter.contracts["Acceptance"]
    policy, buyer = ward.enforce(evaluators=(acceptance,)), ward.buyer()
    client = AcceptanceClient(ward.network.contract("Acceptance"))
    needed = client.usual_terms(TOKEN).seconds

    def ask(lifetime, **more):
        request = buyer.draft(policy, ward.code, ("age", "ill"), {"months": 1}, **more)
        return buyer.send(request, acceptance, lifetime=lifetime, hook=True)

    good, late = ask(needed + 86_400), ask(needed + MARGIN // 2)
    narrow = ask(needed + 86_400, where=older(75))
    before = ward.balance(buyer.account)
    answers = ward.answers(good, late, narrow)
    assert [answer.rule for answer in answers] == ["", "money", "rows"]
    assert ward.balance(buyer.account) - before == 2 * TOKEN, "both refused jobs came back"
    ward.network.chain.warp(client.case(good.job).terms.window + 1)
    earned = ward.balance(ward.owner)
    client.conclude(ward.network.account("rival"), good.job)
    assert ward.balance(ward.owner) - earned == TOKEN
    assert ward.verdict().is_true
