"""The optimistic prover and the challenger against each other: lies are found, told and paid."""

from dataclasses import replace

import pytest
from court import (
    BOND,
    DEMAND_BOND,
    REVEAL,
    SALT,
    build_court,
    off_by_one,
    random_forest,
    random_input,
    random_net,
    with_payload,
)

from counterpoise.core.digest import dag_cbor
from counterpoise.core.errors import InputError, Reverted, VerificationError
from counterpoise.inference import Trace
from counterpoise.verification import Challenger, Level, Optimistic, OptimisticClient, Status
from counterpoise.verification.cells import asserted_of
from counterpoise.verification.optimistic import trace_in

NET, FOREST = random_net(2, 9, 5, 4, 3), random_forest(4)
BIG = random_net(3, 6, 300, 2)
MODELS = {"net": NET, "forest": FOREST, "logistic": random_net(1, 33, 1), "wide": BIG}
HALF = BOND // 2


@pytest.fixture(scope="session")
def one_court():
    made = build_court()
    for model in MODELS.values():
        made.publish(model)
    return made


@pytest.fixture
def court(one_court):
    place = one_court.chain.snapshot()
    yield one_court
    one_court.chain.revert(place)


@pytest.fixture
def client(court):
    return OptimisticClient(court.optimistic)


def still(court):
    """A clock that stands where the chain does."""
    return lambda: court.chain.block().time


def prover(court, client, **options):
    return Optimistic(client, clock=still(court), **options)


def challenger(court, client, **options):
    return Challenger(client, clock=still(court), **options)


def lie_in(evidence, request, place, change):
    """The evidence of a provider that says something else in one leaf."""
    trace = with_payload(trace_in(request, evidence), place, change)
    proof = dag_cbor(list(trace.payloads[1:-1]))
    return replace(evidence, answer=trace.answer, digest=trace.root, proof=proof)


@pytest.mark.parametrize("name", MODELS)
def test_an_honest_provider_takes_an_answer_to_its_end_and_no_challenger_moves(court, client, name):
    model = MODELS[name]
    values = random_input(5, model)
    request = court.ask(model, values)
    one = prover(court, client)
    evidence = one.prove(model, request)
    assert evidence.level is Level.OPTIMISTIC and evidence.answer == model.answer(values)
    one.verify(model, request, evidence)
    assert one.advance(court.provider, request, evidence) is Status.PROPOSED
    watch = challenger(court, client)
    assert not watch.challenge(court.challenger, model, request)
    assert watch.step(court.challenger, {model.id: model}, lambda _: (SALT, values)) == []
    assert one.advance(court.provider, request, evidence) is Status.PROPOSED
    court.warp_to(client.proposal(request.asker, request.id).ends)
    assert one.advance(court.provider, request, evidence) is Status.FINAL
    assert one.advance(court.provider, request, evidence) is Status.FINAL
    assert client.verdict(request.asker, request.id).answer == evidence.answer


def places(model):
    trace = model.trace(random_input(5, model), SALT)
    return [(p, at) for p in range(1, len(trace.payloads)) for at in range(len(trace.payloads[p]))]


LIES = [
    (name, place, at)
    for name, step in (("net", 3), ("forest", 7), ("logistic", 1))
    for place, at in places(MODELS[name])[::step]
]


@pytest.mark.parametrize(("name", "place", "at"), LIES)
def test_a_published_lie_falls_in_one_transaction(court, client, name, place, at):
    model = MODELS[name]
    values = random_input(5, model)
    request = court.ask(model, values)
    liar = prover(court, client)
    evidence = lie_in(liar.prove(model, request), request, place, off_by_one(at))
    with pytest.raises(VerificationError):
        liar.verify(model, request, evidence)
    liar.advance(court.provider, request, evidence)
    (done,) = challenger(court, client).step(
        court.challenger, {model.id: model}, lambda _: (SALT, values)
    )
    assert done.step == "convicted" and done.id == request.id
    assert client.balance(court.challenger.address) == HALF
    assert client.verdict(request.asker, request.id).status is Status.NONE


@pytest.mark.parametrize("name", ["net", "forest", "wide"])
@pytest.mark.parametrize("is_revealed", [True, False])
def test_a_withheld_lie_falls_whether_it_is_revealed_or_not(court, client, name, is_revealed):
    model = MODELS[name]
    values = random_input(5, model)
    request = court.ask(model, values)
    liar = prover(court, client, publish=False)
    evidence = lie_in(liar.prove(model, request), request, 1, off_by_one(0))
    liar.advance(court.provider, request, evidence)
    watch = challenger(court, client)
    assert watch.challenge(court.challenger, model, request)
    assert client.verdict(request.asker, request.id).status is Status.DISPUTED
    assert not watch.challenge(court.challenger, model, request), "it waits for the reveal"
    if is_revealed:
        assert liar.advance(court.provider, request, evidence) is Status.PROPOSED
        wanted = HALF
    else:
        court.warp_to(court.now + REVEAL)
        wanted = HALF + DEMAND_BOND
    assert watch.challenge(court.challenger, model, request)
    assert client.balance(court.challenger.address) == wanted
    assert client.verdict(request.asker, request.id).status is Status.NONE
    assert not watch.challenge(court.challenger, model, request)


def test_a_trace_with_the_same_answer_but_a_false_number_falls_too(court, client):
    values = random_input(5, NET)
    request = court.ask(NET, values)
    liar = prover(court, client, publish=False)
    evidence = lie_in(liar.prove(NET, request), request, 1, off_by_one(2))
    assert evidence.answer == NET.answer(values)
    with pytest.raises(VerificationError, match="neuron 2 of the trace is false"):
        liar.verify(NET, request, evidence)
    liar.advance(court.provider, request, evidence)
    watch = challenger(court, client)
    watch.challenge(court.challenger, NET, request)
    liar.advance(court.provider, request, evidence)
    assert watch.challenge(court.challenger, NET, request)


def test_an_honest_provider_answers_demands_and_is_paid_for_it(court, client):
    values = random_input(5, NET)
    request = court.ask(NET, values)
    one = prover(court, client, publish=False)
    evidence = one.prove(NET, request)
    one.advance(court.provider, request, evidence)
    claim = client.proposal(request.asker, request.id).claim
    for leaf in (0, 1, 2):
        client.demand(court.stranger, request.asker, request.id, claim, leaf)
    again = prover(court, client, publish=False)
    made_anew = again.prove(NET, request)
    assert made_anew == evidence, "a restarted node makes the same evidence"
    for _ in range(3):
        again.advance(court.provider, request, made_anew)
    assert client.balance(court.provider.address) == 3 * DEMAND_BOND
    assert client.verdict(request.asker, request.id).status is Status.PROPOSED


def test_an_input_that_nobody_has_is_demanded_and_then_judged(court, client):
    """Provider and applicant conspire: nobody else holds the input, or it is no input at all."""
    values = random_input(5, NET)
    request = court.ask(NET, values)
    liar = prover(court, client)
    evidence = lie_in(liar.prove(NET, request), request, 3, off_by_one(3))
    liar.advance(court.provider, request, evidence)
    models, none = {NET.id: NET}, lambda _: None
    assert challenger(court, client).step(court.challenger, models, none) == []
    watch = challenger(court, client, demand_inputs=True)
    assert watch.step(court.challenger, models, none)[0].what == "leaf 0"
    liar.advance(court.provider, request, evidence)
    (done,) = watch.step(court.challenger, models, none)
    assert (done.step, done.what) == ("convicted", "neuron 9")


@pytest.mark.parametrize("values", [b"", b"\1" * 8, b"\1" * 10])
def test_an_answer_to_an_input_of_no_length_falls(court, client, values):
    request = court.ask(NET, values)
    with pytest.raises(InputError):
        prover(court, client).prove(NET, request)
    truth = NET.trace(random_input(5, NET), SALT)
    trace = Trace(SALT, (values, *truth.payloads[1:]))
    client.propose(court.provider, request.asker, request.id, request.model, trace, publish=True)
    (done,) = challenger(court, client).step(
        court.challenger, {NET.id: NET}, lambda _: (SALT, values)
    )
    assert (done.step, done.what) == ("convicted", "length 0")


def test_a_leaf_of_another_length_falls(court, client):
    values = random_input(5, NET)
    request = court.ask(NET, values)
    trace = with_payload(NET.trace(values, SALT), 1, lambda payload: payload + b"\0")
    client.propose(court.provider, request.asker, request.id, request.model, trace, publish=True)
    (done,) = challenger(court, client).step(
        court.challenger, {NET.id: NET}, lambda _: (SALT, values)
    )
    assert (done.step, done.what) == ("convicted", "length 1")


def test_an_input_that_is_not_the_one_asked_about_convicts_nobody(court, client):
    values = random_input(5, NET)
    request = court.ask(NET, values)
    one = prover(court, client)
    one.advance(court.provider, request, one.prove(NET, request))
    other = replace(request, values=random_input(6, NET))
    assert not challenger(court, client).challenge(court.challenger, NET, other)


def test_a_provider_that_is_late_to_reveal_forfeits_to_any_node(court, client):
    values = random_input(5, NET)
    request = court.ask(NET, values)
    liar = prover(court, client, publish=False)
    evidence = lie_in(liar.prove(NET, request), request, 1, off_by_one(0))
    liar.advance(court.provider, request, evidence)
    challenger(court, client).challenge(court.challenger, NET, request)
    court.warp_to(court.now + REVEAL)
    assert liar.advance(court.provider, request, evidence) is Status.DISPUTED
    honest = prover(court, client)
    mine = honest.prove(NET, request)
    assert honest.advance(court.stranger, request, mine) is Status.NONE
    assert honest.advance(court.stranger, request, mine) is Status.PROPOSED
    proposal = client.proposal(request.asker, request.id)
    assert proposal.provider == court.stranger.address


def test_a_node_does_not_settle_what_it_holds_false(court, client):
    values = random_input(5, NET)
    request = court.ask(NET, values)
    one = prover(court, client)
    honest = one.prove(NET, request)
    one.advance(court.provider, request, lie_in(honest, request, 3, off_by_one(0)))
    court.warp_to(client.proposal(request.asker, request.id).ends)
    assert one.advance(court.stranger, request, honest) is Status.PROPOSED


def test_no_answer_is_proposed_after_the_deadline(court, client):
    request = court.ask(NET, random_input(5, NET), life=5)
    one = prover(court, client)
    court.warp_to(request.deadline + 1)
    assert one.advance(court.provider, request, one.prove(NET, request)) is Status.NONE


def test_a_model_that_is_not_admitted_is_admitted_on_the_way(court, client):
    fresh = random_net(50, 3, 2)
    court.models.register(court.minter, fresh)
    request = court.ask(fresh, b"\1\2\3")
    one = prover(court, client)
    assert one.advance(court.provider, request, one.prove(fresh, request)) is Status.PROPOSED


def test_a_clock_ahead_of_the_chain_does_no_harm(court, client):
    request = court.ask(NET, random_input(5, NET))
    one = Optimistic(client)
    evidence = one.prove(NET, request)
    court.propose(request, NET.trace(request.values, SALT))
    assert one.advance(court.provider, request, evidence) is Status.PROPOSED


def test_a_refusal_that_is_ours_is_told(court, client):
    unknown = random_net(51, 3, 2)
    request = court.ask(unknown, b"\1\2\3")
    one = prover(court, client)
    with pytest.raises(Reverted, match="no such model"):
        one.advance(court.provider, request, one.prove(unknown, request))


def test_a_reorg_that_drops_a_proposal_is_made_good(court, client):
    request = court.ask(NET, random_input(5, NET))
    one = prover(court, client)
    evidence = one.prove(NET, request)
    one.advance(court.provider, request, evidence)
    court.chain.reorg(1, keep=False)
    assert client.verdict(request.asker, request.id).status is Status.NONE
    assert one.advance(court.provider, request, evidence) is Status.PROPOSED


def test_a_reorg_that_drops_a_conviction_is_made_good(court, client):
    request = court.ask(NET, random_input(5, NET))
    liar = prover(court, client)
    evidence = lie_in(liar.prove(NET, request), request, 3, off_by_one(0))
    liar.advance(court.provider, request, evidence)
    watch = challenger(court, client)
    assert watch.challenge(court.challenger, NET, request)
    court.chain.reorg(1, keep=False)
    assert client.verdict(request.asker, request.id).status is Status.PROPOSED
    assert watch.challenge(court.challenger, NET, request)
    assert client.balance(court.challenger.address) == HALF


def test_the_trace_of_an_earlier_proposal_is_not_taken_for_the_one_that_stands(court, client):
    request = court.ask(NET, random_input(5, NET))
    liar = prover(court, client)
    honest = liar.prove(NET, request)
    liar.advance(court.provider, request, lie_in(honest, request, 1, off_by_one(0)))
    challenger(court, client).challenge(court.challenger, NET, request)
    prover(court, client, publish=False).advance(court.stranger, request, honest)
    asserted = client.asserted(request.asker, request.id)
    assert asserted.leaves == NET.trace(request.values, SALT).leaves
    assert set(asserted.payloads) == {3}, "what the first proposal published is not its"
    assert not challenger(court, client).challenge(court.challenger, NET, request)


def test_a_question_without_a_proposal_has_no_trace(court, client):
    request = court.ask(NET, random_input(5, NET))
    with pytest.raises(InputError, match="no proposal"):
        client.asserted(request.asker, request.id)
    assert not challenger(court, client).challenge(court.challenger, NET, request)


@pytest.mark.parametrize("proof", [b"\x01", b"\x81\x01"])
def test_a_proof_that_is_no_list_of_payloads_is_refused(court, client, proof):
    request = court.ask(NET, random_input(5, NET))
    one = prover(court, client)
    evidence = replace(one.prove(NET, request), proof=proof)
    with pytest.raises(InputError, match="list of the trace's payloads"):
        one.verify(NET, request, evidence)


def test_evidence_with_another_root_is_refused(court, client):
    request = court.ask(NET, random_input(5, NET))
    one = prover(court, client)
    evidence = one.prove(NET, request)
    with pytest.raises(VerificationError, match="root"):
        one.verify(NET, request, replace(evidence, digest=bytes(32)))
    with pytest.raises(VerificationError, match="level"):
        one.verify(NET, request, replace(evidence, level=Level.QUORUM))
    short = replace(evidence, proof=b"\x80")
    with pytest.raises(VerificationError, match="leaves"):
        one.verify(NET, request, short)
    assert asserted_of(trace_in(request, evidence)).tree.root == evidence.digest
