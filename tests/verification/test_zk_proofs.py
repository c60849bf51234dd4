"""The contract takes a proof for one question, one input, one model and one key; nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from committee import LIFE, SALT, refused
from prover_of_nets import (
    NODE,
    OWNER,
    STRANGER,
    altered,
    build_bench,
    key_of,
    need_verifier,
    small_net,
)

from counterpoise.chain import deploy
from counterpoise.core.digest import keccak
from counterpoise.core.errors import Reverted, VerificationError
from counterpoise.core.units import TOKEN
from counterpoise.inference import Forest, Leaf, Tree, answer_bytes, parse_answer
from counterpoise.jobs import JobsClient
from counterpoise.jobs import Status as JobStatus
from counterpoise.verification import JobDeskClient, JobTerms, Status, Zk, check_runtime

need_verifier()

VALUES = b"\x0a\x02"
NET, SWAPPED, WIDE = small_net(), small_net(change=1), small_net(outputs=9)
EDGE = replace(NET, threshold=int(NET.run(np.array([[10, 2]], np.uint8)).logits[0, 0]))
R = 21888242871839275222246405745257275088548364400416034343698204186575808495617


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("zk")


@pytest.fixture(scope="session")
def one_bench(folder):
    made = build_bench(folder, [NET, SWAPPED, WIDE, EDGE])
    for net in (NET, SWAPPED, WIDE, EDGE):
        made.zk.pin(OWNER, made.keys[net.id])
    return made


@pytest.fixture
def bench(one_bench):
    place = one_bench.chain.snapshot()
    yield one_bench
    one_bench.chain.revert(place)


@pytest.fixture(scope="session")
def evidence(one_bench):
    request = one_bench.ask(NET, VALUES)
    return one_bench.prover(NET).prove(NET, request)


def test_a_proof_makes_the_answer_final_in_its_own_transaction(bench, evidence):
    request, prover = bench.ask(NET, VALUES), bench.prover(NET)
    prover.verify(NET, request, evidence)
    assert prover.advance(NODE, request, evidence) == Status.FINAL
    verdict = bench.zk.verdict(request.asker, request.id)
    assert verdict.answer == evidence.answer and verdict.evidence == keccak(evidence.proof)
    assert verdict.providers == (NODE.address,)
    assert verdict.time == bench.chain.block().time
    sent = bench.chain.nonce(NODE.address)
    assert prover.advance(NODE, request, evidence) == Status.FINAL
    assert bench.chain.nonce(NODE.address) == sent, "nothing is sent twice"
    with refused("zk: already decided"):
        bench.send(request, evidence, bench.keys[NET.id])
    again = bench.ask(NET, VALUES)
    with refused("zk: the proof was used before"):
        bench.send(again, evidence, bench.keys[NET.id])


def test_the_first_of_the_greatest_of_nine_logits_is_the_decision(bench):
    request, prover = bench.ask(WIDE, VALUES), bench.prover(WIDE)
    found = prover.prove(WIDE, request)
    assert prover.advance(NODE, request, found) == Status.FINAL
    verdict = bench.zk.verdict(request.asker, request.id)
    assert verdict.answer == found.answer and len(found.answer) == 38
    logits, decision = parse_answer(found.answer)
    assert logits[7] == logits[8] == max(logits) and decision == 7


def test_a_logit_at_its_negative_threshold_is_not_above_it(bench):
    assert EDGE.threshold < -2
    request, prover = bench.ask(EDGE, VALUES), bench.prover(EDGE)
    found = prover.prove(EDGE, request)
    assert prover.advance(NODE, request, found) == Status.FINAL
    assert bench.zk.verdict(request.asker, request.id).answer == found.answer
    assert parse_answer(found.answer) == ((EDGE.threshold,), 0)


@pytest.mark.slow
def test_another_answer_or_a_changed_proof_is_false(bench, evidence):
    request, key = bench.ask(NET, VALUES), bench.keys[NET.id]
    (logit,) = parse_answer(evidence.answer)[0]
    for wrong in (logit + 1, -logit, 0):
        with refused("zk: the proof is false"):
            bench.send(request, altered(evidence, answer=answer_bytes([wrong], 1)), key)
    changed = bytearray(evidence.proof)
    changed[100] ^= 1
    with refused("zk: the proof is false"):
        bench.send(request, altered(evidence, proof=bytes(changed)), key)
    for size in (0, 32, len(evidence.proof) - 32):
        with refused("zk: the proof is false"):
            bench.send(request, altered(evidence, proof=evidence.proof[:size]), key)


def test_a_proof_serves_no_other_request_consumer_input_or_salt(bench, evidence):
    key, request = bench.keys[NET.id], bench.ask(NET, VALUES)
    for other in (bench.ask(NET, b"\x0a\x03"), bench.ask(NET, VALUES, salt=SALT[::-1])):
        with refused("zk: not the input that was asked about"):
            bench.send(other, evidence, key, values=VALUES, salt=SALT)
    another = bench.ask(NET, b"\x0a\x03")
    with refused("zk: the proof is false"):
        bench.send(another, evidence, key)
    elsewhere = bench.ask(NET, VALUES, evaluator=bench.questions.address)
    with refused("zk: not asked of this contract"):
        bench.send(elsewhere, evidence, key)
    with refused("zk: not asked of this contract"):
        bench.send(request, evidence, key, id=request.id + 99)
    with pytest.raises(Reverted):
        bench.send(request, evidence, key, asker=bench.models.address)
    late = bench.ask(NET, VALUES, life=0)
    bench.chain.mine()
    with refused("zk: the deadline is over"):
        bench.send(late, evidence, key)


def test_a_proof_serves_no_other_contract_or_chain(folder, evidence):
    fresh = build_bench(folder, [NET])
    request = fresh.ask(NET, VALUES, salt=SALT[::-1])
    with refused("zk: no key is pinned for the model"):
        fresh.send(request, evidence, fresh.keys[NET.id])
    fresh.zk.pin(OWNER, fresh.keys[NET.id])
    with refused("zk: not the input that was asked about"):
        fresh.send(request, evidence, fresh.keys[NET.id], salt=SALT)


@pytest.mark.slow
def test_weights_swapped_under_the_same_key_prove_nothing(bench):
    """One weight differs by one: neither the other net's proof nor its key is taken."""
    request = bench.ask(NET, VALUES)
    forged = Zk(None, bench.keys[SWAPPED.id]).prove(SWAPPED, replace(request, model=SWAPPED.id))
    with refused("zk: the proof is false"):
        bench.send(request, forged, bench.keys[NET.id])
    with refused("zk: not the key of the model"):
        bench.send(request, forged, bench.keys[SWAPPED.id])


def test_a_key_that_nobody_registered_is_no_key(bench, evidence, folder):
    key = bench.keys[NET.id]
    words = list(key.words)
    words[40] = (int.from_bytes(words[40], "big") ^ 1).to_bytes(32, "big")
    with refused("zk: the proof is false"):
        bench.send(bench.ask(NET, VALUES), evidence, replace(key, words=tuple(words)))
    ragged = replace(key, words=(*key.words, b"\1"))
    with refused("zk: proof and key are whole words"):
        bench.send(bench.ask(NET, VALUES), evidence, ragged)


def test_no_public_value_has_a_second_form(bench, evidence):
    """Values are bytes and logits 32-bit integers, from which the contract makes the elements."""
    key, request = bench.keys[NET.id], bench.ask(NET, VALUES)
    (logit,) = parse_answer(evidence.answer)[0]
    place = (request.asker, request.id, SALT, VALUES)
    words = b"".join(key.words)
    for second in (logit + R, logit - R, 2**31, -(2**31) - 1):
        with refused("zk: a logit beyond 32 bits"):
            bench.zk.contract.transact(NODE, "prove", *place, [second], evidence.proof, words)
    with refused("zk: not as many logits as the model has"):
        bench.zk.contract.transact(NODE, "prove", *place, [logit, 0], evidence.proof, words)
    long = bench.ask(NET, VALUES + b"\0")
    with refused("zk: not as many inputs as the model has"):
        bench.send(long, evidence, key)
    public = [*VALUES, logit % R]
    bench.verifier.transact(NODE, "verifyProof", evidence.proof, public, list(key.words))
    with pytest.raises(Reverted):
        shifted = [public[0] + R, *public[1:]]
        bench.verifier.transact(NODE, "verifyProof", evidence.proof, shifted, list(key.words))


def test_the_owner_of_a_model_pins_its_key_once(folder):
    fresh = build_bench(folder, [NET, SWAPPED])
    key = fresh.keys[NET.id]
    with refused("zk: not the owner of the model"):
        fresh.zk.pin(STRANGER, key)
    with refused("zk: no verifying key is this short"):
        fresh.zk.pin(OWNER, replace(key, words=key.words[:20]))
    receipt = fresh.zk.pin(OWNER, key)
    (event,) = fresh.zk.contract.events_in(receipt)
    assert event.args["digest"] == key.digest and event.args["development"]
    pin = fresh.zk.pin_of(NET.id)
    wanted = (key.digest, key.settings, key.srs.digest, key.srs.points, True)
    assert (pin.digest, pin.settings, pin.srs, pin.ceremony, pin.development) == wanted
    with refused("zk: already pinned"):
        fresh.zk.pin(OWNER, fresh.keys[NET.id])
    forest = Forest((Tree((Leaf(1),)),), (0,), 2)
    fresh.models.register(OWNER, forest)
    with refused("zk: only nets have circuits here"):
        fresh.zk.pin(OWNER, replace(key, model=forest.id))
    fresh.zk.pin(OWNER, replace(fresh.keys[NET.id], model=SWAPPED.id))
    settings = (key.folder / "settings.json").read_bytes()
    fresh.zk.check_pin(NET, settings, key.srs.path.parent)
    with pytest.raises(VerificationError, match="do not rely"):
        fresh.zk.check_pin(SWAPPED, settings, key.srs.path.parent)


def test_in_production_only_the_ceremony_s_srs_is_taken(folder):
    key = key_of(NET, folder)
    strict = build_bench(folder, [NET], production=True, ceremony=b"\x11" * 32)
    with refused("zk: development SRS in production"):
        strict.zk.pin(OWNER, key)
    known = build_bench(folder, [NET], production=True, ceremony=key.srs.points)
    known.zk.pin(OWNER, key)
    assert not known.zk.pin_of(NET.id).development
    with refused("zk: production needs a ceremony"):
        build_bench(folder, [NET], production=True)


def test_a_contract_of_proofs_wants_a_registry_and_a_verifier(bench):
    good = (bench.models.address, bench.verifier.address, False, bytes(32))
    for place, reason in ((0, "the registry is no contract"), (1, "the verifier is no contract")):
        terms = [NODE.address if at == place else one for at, one in enumerate(good)]
        with refused(f"zk: {reason}"):
            deploy(bench.chain, OWNER, "ZkProofs", *terms)
    check_runtime(bench.chain.code(bench.verifier.address))
    with pytest.raises(VerificationError, match="was tested"):
        check_runtime(bench.chain.code(bench.models.address))


def test_a_proof_decides_an_escrowed_job(bench, evidence):
    token = deploy(bench.chain, OWNER, "CreditToken", OWNER.address)
    token.transact(OWNER, "mint", OWNER.address, TOKEN)
    jobs = JobsClient(deploy(bench.chain, OWNER, "Jobs", token.address))
    desk = JobDeskClient.deploy(bench.chain, OWNER, jobs.address)
    asked = bench.ask(NET, VALUES)
    hidden = bench.questions.call("question", asked.id)[1]
    now = bench.chain.block().time
    place = (bench.zk.address, now + LIFE, now + 2 * LIFE)
    job = desk.ask(OWNER, JobTerms(NODE.address, TOKEN, NET.id, hidden, *place))
    desk.deliver(NODE, job, evidence.answer)
    request = replace(asked, asker=desk.address, id=job)
    assert bench.prover(NET).advance(NODE, request, evidence) == Status.FINAL
    desk.conclude(STRANGER, job)
    assert desk.jobs.job(job).status == JobStatus.COMPLETED
    assert token.call("balanceOf", NODE.address) == TOKEN
