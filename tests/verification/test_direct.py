"""The contract runs nets to the bit, from weights that nobody can swap."""

import re
from pathlib import Path

import numpy as np
import pytest
from court import SALT, build_court, random_forest, random_input, random_net
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from counterpoise.chain import deploy, send
from counterpoise.chain.compiled import contract_path
from counterpoise.core.errors import InputError, Reverted, VerificationError
from counterpoise.inference import Layer, Net
from counterpoise.verification import Direct, DirectClient, Level, Status
from counterpoise.verification.direct import rows_of

QUICK = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
NET = random_net(2, 9, 5, 4, 3)
ONE = random_net(1, 30, 16, 1)


@pytest.fixture(scope="session")
def one_court():
    made = build_court()
    made.direct = DirectClient.deploy(made.chain, made.minter)
    made.direct.load(made.stranger, NET)
    made.direct.load(made.stranger, ONE)
    return made


@pytest.fixture
def court(one_court):
    place = one_court.chain.snapshot()
    yield one_court
    one_court.chain.revert(place)


def refused(reason):
    return pytest.raises(Reverted, match=f"direct: {reason}$")


def loaded(court, net):
    if not court.direct.is_loaded(net.id):
        court.direct.load(court.stranger, net)
    return net


def asked(court, model=NET, seed=1, **changes):
    return court.ask(model, random_input(seed, model), evaluator=court.direct.address, **changes)


SHAPES = [(1, 1), (31, 1), (32, 2), (33, 3), (512, 8), (5, 70, 2), (9, 5, 4, 3), (64, 9, 16)]
SHAPES += [(2, 2, 2, 2, 2, 2, 2, 2, 2), (40, 33, 9, 16)]


@pytest.mark.parametrize("widths", SHAPES, ids=str)
def test_the_contract_answers_as_the_reference_does(court, widths):
    worst = loaded(court, random_net(5, *widths, worst=True, shift=12))
    plain = loaded(court, random_net(6, *widths, threshold=-50))
    for values in (bytes(widths[0]), b"\xff" * widths[0], random_input(1, plain)):
        for net in (worst, plain):
            assert court.direct.run(net.id, values) == net.answer(values)


@settings(QUICK)
@given(st.data())
def test_the_contract_answers_any_net_as_the_reference_does(one_court, data):
    widths = data.draw(st.lists(st.integers(1, 40), min_size=2, max_size=4))
    widths[-1] = min(widths[-1], 16)
    shift = data.draw(st.integers(0, 20))
    net = loaded(one_court, random_net(data.draw(st.integers(0, 2**32)), *widths, shift=shift))
    values = data.draw(st.binary(min_size=widths[0], max_size=widths[0]))
    assert one_court.direct.run(net.id, values) == net.answer(values)


def test_ties_signs_and_edges_are_those_of_the_specification(court):
    for logits, threshold in (
        ([5, 5], 0),
        ([-3, 4, 4], 0),
        ([-(2**31) + 16_321, -(2**31) + 16_321], 0),
        ([2**31 - 16_321, -1], 0),
        ([7], 7),
        ([8], 7),
        ([-8], -8),
        ([-7], -8),
    ):
        net = Net((Layer(np.zeros((len(logits), 1), np.int64), np.array(logits)),), threshold)
        loaded(court, net)
        assert court.direct.run(net.id, b"\x09") == net.answer(b"\x09")
    for bias in (-65, -64, -63, 63, 64, -(2**30), 2**30):
        first = Layer(np.zeros((1, 1), np.int64), np.array([bias]), 0, 7, -128, 127)
        net = loaded(court, Net((first, Layer(np.ones((1, 1), np.int64), np.array([0]), 128))))
        assert court.direct.run(net.id, b"\x00") == net.answer(b"\x00")


@pytest.mark.parametrize("model", [NET, ONE], ids=["three logits", "one logit"])
def test_an_answer_is_final_in_its_own_transaction(court, model):
    request = asked(court, model)
    assert court.direct.verdict(request.asker, request.id).status is Status.NONE
    receipt = court.direct.answer(
        court.provider, request.asker, request.id, request.salt, request.values
    )
    told = {e.name: e.args for e in court.direct.contract.events_in(receipt)}
    place = {"asker": request.asker, "id": request.id}
    wanted = model.answer(request.values)
    assert told["Proposed"] == place | {
        "provider": court.provider.address, "answer": wanted, "evidence": bytes(32)
    }  # fmt: skip
    assert told["Settled"] == place | {"status": 3, "answer": wanted}
    found = court.direct.verdict(request.asker, request.id)
    assert (found.status, found.answer) == (Status.FINAL, wanted)
    assert found.providers == (court.provider.address,) and found.evidence == bytes(32)
    assert found.time == court.chain.block().time
    assert court.direct.contract.call("level") == Level.DIRECT


@pytest.mark.parametrize("outputs", [1, 2, 7, 8, 15, 16])
def test_answers_of_every_length_are_kept_to_the_bit(court, outputs):
    net = loaded(court, random_net(outputs, 3, outputs))
    request = asked(court, net)
    court.direct.answer(court.provider, request.asker, request.id, SALT, request.values)
    found = court.direct.verdict(request.asker, request.id)
    assert found.answer == net.answer(request.values)


def test_only_the_input_of_an_open_question_of_this_contract_is_run(court):
    request = asked(court)
    client, who = court.direct, court.provider
    place = (request.asker, request.id)
    with refused("not the input of the question"):
        client.answer(who, *place, SALT, random_input(2, NET))
    with refused("not the input of the question"):
        client.answer(who, *place, SALT[::-1], request.values)
    elsewhere = court.ask(NET, request.values)
    with refused("not asked here"):
        client.answer(who, elsewhere.asker, elsewhere.id, SALT, request.values)
    over = asked(court, life=5)
    court.warp_to(over.deadline + 1)
    with refused("the question is over"):
        client.answer(who, over.asker, over.id, SALT, over.values)
    client.answer(who, *place, SALT, request.values)
    with refused("already answered"):
        client.answer(court.stranger, *place, SALT, request.values)
    short = court.ask(NET, b"\1\2", evaluator=client.address)
    with refused("input of another length"):
        client.answer(who, short.asker, short.id, SALT, b"\1\2")
    unknown = random_net(99, 9, 3)
    strange = asked(court, unknown)
    with refused("the model is not loaded"):
        client.answer(who, strange.asker, strange.id, SALT, strange.values)


def test_weights_that_are_swapped_make_another_model(court):
    net = random_net(40, 5, 4, 2)
    header, rows = net.header, rows_of(net)
    for at in range(0, len(rows), 7):
        swapped = rows[:at] + bytes([rows[at] ^ 1]) + rows[at + 1 :]
        place = court.chain.snapshot()
        receipt = court.direct.contract.transact(court.stranger, "load", header, swapped)
        (event,) = court.direct.contract.events_in(receipt)
        assert event.args["model"] != net.id and not court.direct.is_loaded(net.id)
        court.chain.revert(place)
    receipt = court.direct.load(court.stranger, net)
    (event,) = court.direct.contract.events_in(receipt)
    code = court.chain.code(event.args["code"])
    assert event.args["model"] == net.id and event.args["size"] == len(code)
    assert code[0] == 0, "whoever calls the weights runs nothing"
    assert court.direct.contract.call("code_of", net.id) == event.args["code"]


def test_what_is_loaded_must_fit_its_header(court):
    def load(header, rows):
        court.direct.contract.transact(court.stranger, "load", header, rows)

    rows = rows_of(NET)
    with refused("already loaded"):
        load(NET.header, rows)
    with refused("more rows than the header says"):
        load(NET.header, rows + b"\0")
    with pytest.raises(Reverted):
        load(NET.header, rows[:-1])
    with refused("not a net"):
        load(random_forest(1).header, b"")
    with refused("header of another length"):
        load(NET.header[:-1], rows)
    for layers in (0, 9):
        with refused("number of layers out of range"):
            load(NET.header[:3] + bytes([layers]) + NET.header[4:], rows)
    with refused("too wide to run"):
        load(random_net(1, 513, 1).header, b"")
    with refused("the layers do not fit together"):
        load(NET.header[:8] + b"\0\5" + NET.header[10:], rows)
    with refused("too many outputs"):
        load(NET.header[:10] + b"\0\4" + NET.header[12:], rows)


def test_what_does_not_fit_is_told_before_it_costs_gas():
    with pytest.raises(InputError, match="a forest does not run"):
        rows_of(random_forest(1))
    for widths in ((513, 1), (3, 400, 1), (200, 100, 2)):
        with pytest.raises(InputError, match="does not run in the contract"):
            rows_of(random_net(1, *widths))


def test_the_largest_net_that_fits_is_loaded_and_run(court):
    net = random_net(1, 32, 350, 3)
    with pytest.raises(InputError, match="738 words"):
        rows_of(random_net(1, 32, 351, 3))
    court.direct.load(court.stranger, net)
    values = random_input(1, net)
    assert court.direct.run(net.id, values) == net.answer(values)


def test_small_nets_cost_what_was_promised(court):
    for widths, most in (((30, 16, 1), 50_000), ((64, 32, 10), 90_000)):
        net = loaded(court, random_net(1, *widths))
        data = court.direct.contract.encode("run", net.id, b"\xff" * widths[0])
        receipt = send(court.chain, court.stranger, court.direct.address, data)
        assert receipt.gas_used <= most


def test_the_prover_sends_the_input_once_and_is_safe_to_ask_again(court):
    request = asked(court)
    one = Direct(court.direct)
    evidence = one.prove(NET, request)
    one.verify(NET, request, evidence)
    assert evidence.answer == NET.answer(request.values)
    assert one.advance(court.provider, request, evidence) is Status.FINAL
    assert Direct(court.direct).advance(court.stranger, request, evidence) is Status.FINAL
    assert court.direct.verdict(request.asker, request.id).providers == (court.provider.address,)
    court.chain.reorg(1, keep=False)
    assert one.advance(court.provider, request, evidence) is Status.FINAL
    over = asked(court, life=5)
    court.warp_to(over.deadline + 1)
    assert one.advance(court.provider, over, evidence) is Status.NONE


def test_the_prover_tells_what_is_refused_and_what_is_false(court):
    unknown = random_net(99, 9, 3)
    request = asked(court, unknown)
    one = Direct(court.direct)
    evidence = one.prove(unknown, request)
    with refused("the model is not loaded"):
        one.advance(court.provider, request, evidence)
    with pytest.raises(VerificationError, match="the model answers"):
        other = one.prove(NET, asked(court, seed=3))
        one.verify(NET, asked(court, seed=4), other)


def test_every_reason_of_the_contract_is_its_own_and_tested():
    reasons = re.findall(r'"direct: ([^"]+)"', contract_path("Direct").read_text())
    assert len(reasons) == len(set(reasons))
    tested = Path(__file__).read_text()
    assert [reason for reason in reasons if f'"{reason}"' not in tested] == []


def test_the_contract_starts_empty(court):
    fresh = deploy(court.chain, court.minter, "Direct")
    assert not DirectClient(fresh).is_loaded(NET.id)
