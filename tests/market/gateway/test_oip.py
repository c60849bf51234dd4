"""The Open Inference Protocol: strict in what it takes, exact in what it gives."""

import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from gateway_world import CONFIG, NET, NETS, SUMS, bytes_body, infer_body, selling
from onnx import TensorProto, helper

from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.inference import Card, Even, ImportReport, Quantiser, input_commitment
from counterpoise.market.engines.onnx_session import OnnxSession
from counterpoise.market.gateway.oip_models import OnnxModel, Pace, WholeModel
from counterpoise.market.gateway.oip_tensors import NUMPY, TensorSpec, read_tensor, write_tensor
from counterpoise.market.gateway.service import NotServed, UpstreamFailed
from counterpoise.oracle import OracleClient, Policy, open_node, publish_model
from counterpoise.verification import DirectClient, Level

FREE = TensorSpec("x", "FP32", (None, 2))


def tensor(data, shape=None, datatype="FP32"):
    return {"name": "x", "shape": shape or [1, 2], "datatype": datatype, "data": data}


def mistake(value, spec=FREE):
    with pytest.raises(NotServed) as wrong:
        read_tensor(value, spec)
    assert wrong.value.status == 422
    return wrong.value.message


@pytest.mark.parametrize("data", [[1, 2.5], [[1, 2.5]]])
def test_data_is_read_flat_or_nested(data):
    found = read_tensor(tensor(data), FREE)
    assert found.dtype == np.float32 and found.tolist() == [[1.0, 2.5]]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (tensor([1, 2], datatype="FP64"), "datatype 'FP64', FP32 wanted"),
        (tensor([1, 2], datatype=None), "datatype None"),
        (tensor([1, 2, 3]), "has 3 numbers, its shape wants 2"),
        (tensor([1, 2], shape=[2, 1]), "shape"),
        (tensor([1, 2], shape=[2]), "shape"),
        (tensor([1, 2], shape=[True, 2]), "shape"),
        (tensor([], shape=[0, 2]), "shape"),
        (tensor([1, 2], shape=[-1, 2]), "shape"),
        (tensor([1, 2], shape=[1.0, 2]), "shape"),
        (tensor([1, 2], shape="12"), "shape"),
        (tensor(None), "no list"),
        (tensor({"0": 1}), "no list"),
        (tensor([[1], [2]]), "does not have its shape"),
        (tensor([[1, 2], [3]], shape=[2, 2]), "does not have its shape"),
        (tensor([[[1, 2]]]), "does not have its shape"),
        (tensor([[1, [2]]]), "must be numbers"),
        (tensor([1, "2"]), "must be numbers"),
        (tensor([1, True]), "must be numbers"),
        (tensor([1, None]), "must be numbers"),
        (tensor([1, 1e39]), "within FP32"),
        (tensor([1, -(10**400)]), "within FP32"),
        (tensor([1, math.inf]), "within FP32"),
    ],
)
def test_a_tensor_that_is_not_what_is_wanted_is_named(value, words):
    assert words in mistake(value)


@pytest.mark.parametrize("name", [name for name in NUMPY if "INT" in name])
def test_whole_numbers_keep_within_their_type(name):
    bounds, spec = np.iinfo(NUMPY[name]), TensorSpec("x", name, (2,))
    ends = [int(bounds.min), int(bounds.max)]
    assert read_tensor(tensor(ends, [2], name), spec).tolist() == ends
    for wrong in ([ends[0] - 1, 0], [0, ends[1] + 1], [0, 1.0], [0, True]):
        assert "whole numbers" in mistake(tensor(wrong, [2], name), spec)


def test_truths_and_texts_are_nothing_else():
    truth, text = TensorSpec("x", "BOOL", (None,)), TensorSpec("x", "BYTES", (None,))
    assert read_tensor(tensor([True, False], [2], "BOOL"), truth).tolist() == [True, False]
    assert "true and false" in mistake(tensor([1, 0], [2], "BOOL"), truth)
    assert read_tensor(tensor(["a", "ä"], [2], "BYTES"), text).tolist() == ["a", "ä"]
    assert "texts" in mistake(tensor(["a", 1], [2], "BYTES"), text)


@pytest.mark.parametrize("name", NUMPY)
def test_what_is_written_can_be_read_again(name):
    values = ["a", "b"] if name == "BYTES" else [0, 1]
    array = np.array(values, NUMPY[name]).reshape(2, 1)
    written = json.loads(json.dumps(write_tensor("x", name, array)))
    again = read_tensor(written, TensorSpec("x", name, (None, 1)))
    assert again.dtype == array.dtype and again.tolist() == array.tolist()


def test_a_number_that_json_has_not_is_the_models_fault():
    with pytest.raises(UpstreamFailed, match="not finite"):
        write_tensor("y", "FP64", np.array([math.nan]))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"inputs": None}, "no list of inputs"),
        ({"inputs": []}, "no list of inputs"),
        ({"inputs": [1]}, "no object with a name"),
        ({"inputs": [{"name": "z"}]}, "no input 'z'"),
        ({"inputs": [{"name": "x"}, {"name": "x"}]}, "named twice"),
        ({"id": 7}, "the id"),
        ({"parameters": []}, "parameters"),
        ({"parameters": {"verification": "zk"}}, "no level 'zk'"),
        ({"parameters": {"wait": "long"}}, "'wait'"),
        ({"outputs": [{"name": "z"}]}, "no output 'z'"),
        ({"outputs": [7]}, "no object with a name"),
    ],
)
def test_a_wrong_request_is_named_and_costs_nothing(sale, body, words):
    whole = json.loads(infer_body()) | body if "inputs" not in body else body
    got = sale.buy(sale.buyer(), body=json.dumps(whole).encode())
    assert got.answer.status == 422 and got.offer is None
    assert words in json.loads(got.answer.body)["error"]


def test_outputs_can_be_chosen_and_an_id_comes_back(sale):
    body = infer_body(((1, 2, 3), (0, 0, 0)), id="seven", outputs=[{"name": "above"}])
    found = json.loads(sale.buy(sale.buyer(), body=body).answer.body)
    assert found["id"] == "seven" and found["model_name"] == "sums"
    assert found["outputs"] == [
        {"name": "above", "datatype": "BOOL", "shape": [2, 1], "data": [True, False]}
    ]


def test_an_integer_models_logits_are_whole_numbers(sale):
    found = json.loads(sale.buy(sale.buyer(), NETS, bytes_body()).answer.body)
    by_name = {one["name"]: one for one in found["outputs"]}
    answers = NET.run(np.array([[10, 200, 3, 4]], np.uint8))
    assert by_name["logits"]["data"] == answers.logits[0].tolist()
    assert by_name["logits"]["datatype"] == "INT64"
    assert by_name["logits"]["parameters"]["decimal_scale"] == 0
    assert by_name["decision"]["data"] == answers.decisions.tolist()
    assert found["parameters"]["model_digest"] == NET.id.hex()


def carded():
    features = tuple(Even(f"f{i}", 0.0, 255.0, 1.0) for i in range(4))
    report = ImportReport(1, False, 0)
    return WholeModel(NET, Card(NET.id, "test", ("no", "yes"), Quantiser(features), 0.5, report))


def reals(values, **parameters):
    inputs = {"features": {"shape": [1, 4], "datatype": "FP64", "data": values}}
    return carded().read(inputs, parameters)["bytes"].tolist()


def test_a_card_makes_bytes_of_reals_strictly():
    assert reals([10.2, 200, 3, 4]) == [[10, 200, 3, 4]]
    with pytest.raises(NotServed, match="outside calibration"):
        reals([10, 256, 3, 4])
    assert reals([10, 999, 3, 4], clip=True) == [[10, 255, 3, 4]]
    with pytest.raises(NotServed, match="'clip'"):
        reals([10, 256, 3, 4], clip=1)
    with pytest.raises(NotServed, match="one is wanted"):
        carded().read({"features": {}, "bytes": {}}, {})


def test_a_card_names_the_classes():
    model = carded()
    found = model.run({"bytes": np.array([[10, 200, 3, 4]], np.uint8)}, ("class", "logits"))
    assert found.outputs["class"][1].tolist() == ["no"]
    assert found.outputs["logits"][2] == {"decimal_scale": 0, "unit": "0.5"}
    with pytest.raises(InputError, match="the card is of model"):
        card = model.card
        other = Card(bytes(32), card.kind, card.classes, card.quantiser, card.unit, card.report)
        WholeModel(NET, other)


def test_what_is_no_graph_is_refused():
    with pytest.raises(InputError, match="refuses the graph"):
        OnnxModel(b"no graph")


def test_texts_go_through_a_graph():
    node = helper.make_node("Identity", ["s"], ["t"])
    port = [helper.make_tensor_value_info(name, TensorProto.STRING, [None]) for name in "st"]
    made = helper.make_model(
        helper.make_graph([node], "texts", port[:1], port[1:]),
        opset_imports=[helper.make_opsetid("", 18)],
    )
    made.ir_version = 8
    model = OnnxModel(made.SerializeToString())
    feed = model.read({"s": {"shape": [2], "datatype": "BYTES", "data": ["a", "ä"]}}, {})
    datatype, array, _ = model.run(feed, ("t",)).outputs["t"]
    assert write_tensor("t", datatype, array)["data"] == ["a", "ä"]


def test_an_input_that_a_graph_does_not_take_costs_nothing(sale):
    session = OnnxSession((sale.folder / "sums.onnx").read_bytes())
    with pytest.raises(InputError, match="does not take"):
        session.run(["y"], {"x": np.zeros((1, 4), np.float32)})


def test_a_slow_model_goes_to_a_thread_at_once_and_comes_back_slowly():
    pace = Pace()
    assert pace.is_quick(1)
    pace.saw(1, 0.5)
    assert not pace.is_quick(1)
    for _ in range(100):
        pace.saw(1, 0.00001)
    assert pace.is_quick(1) and not pace.is_quick(1000)


LEVELS = """
[service.levels.direct]
price = "2 per call"
fee = "1.5"

[service.levels.optimistic]
price = "3"
"""


@pytest.fixture
def proving(network, place):
    """A gateway whose integer model the network's oracle proves at two levels, and a node."""
    owner, node = network.account("seller"), network.account("nina")
    network.fund(node.address, 10**21)
    publish_model(network, owner, NET, name="net")
    DirectClient(network.contract("Direct")).load(owner, NET)
    with selling(network, place, config=CONFIG + LEVELS) as sale:
        yield sale


def test_a_level_is_an_oracles_request_that_the_seller_has_paid(proving):
    sale, oracle = proving, OracleClient(proving.network.contract("Oracle"))
    got = sale.buy(sale.buyer(), NETS, bytes_body(parameters={"verification": "optimistic"}))
    assert got.paid == TOKEN // 500 + 3 * TOKEN
    told = json.loads(got.answer.body)["parameters"]
    assert told["level"] == "optimistic" and told["state"] == "open"
    asked = oracle.request_of(int(told["oracle_request"].rpartition("/")[2]))
    salt = bytes.fromhex(got.answer.headers["decision-salt"])
    assert (asked.model, asked.level) == (NET.id, int(Level.OPTIMISTIC))
    assert asked.input == input_commitment(salt, bytes((10, 200, 3, 4)))
    assert asked.fee == 3 * TOKEN and asked.client == sale.network.account("seller").address


def while_a_node_answers(sale, home, work):
    """Do work in a thread, and answer at the level direct until it is done; give its result."""
    node = open_node(
        sale.network,
        sale.network.account("nina"),
        home,
        levels=(Level.DIRECT,),
        policy=Policy(courtesy_seconds=0, draw_at=0),
        say=[].append,
        clock=lambda: 0,
    )
    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(work)
        node.run(until=doing.done)
    node.close()
    return doing.result()


def test_a_verdict_can_be_waited_for(proving, tmp_path):
    body = bytes_body(parameters={"verification": "direct", "wait": 10})
    buyer = proving.buyer()
    got = while_a_node_answers(proving, tmp_path, lambda: proving.buy(buyer, NETS, body))
    told = json.loads(got.answer.body)["parameters"]
    assert told["state"] == "final"
    assert told["oracle_answer"] == NET.trace(bytes((10, 200, 3, 4)), salt=bytes(32)).answer.hex()
    assert got.paid == TOKEN // 500 + 2 * TOKEN


def test_an_answer_that_the_evaluator_does_not_share_is_not_sold(proving, tmp_path):
    (models,) = (one for one in proving.running.services if one.name == "models")
    proofs = models.models["net"]["1"].model.proofs

    def lie():
        proofs.pose("direct", bytes(32), bytes((10, 200, 3, 4)), b"a lie", 10.0)

    with pytest.raises(UpstreamFailed, match="nothing is charged"):
        while_a_node_answers(proving, tmp_path, lie)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (NETS, bytes_body(parameters={"verification": "zk"}), "no level 'zk'"),
        (SUMS, infer_body(parameters={"verification": "direct"}), "no level 'direct'"),
        (NETS, bytes_body(parameters={"verification": ["direct"]}), "no level"),
    ],
)
def test_a_level_that_is_not_offered_is_not_sold(proving, path, body, words):
    got = proving.buy(proving.buyer(), path, body)
    assert got.answer.status == 422 and words in json.loads(got.answer.body)["error"]


def test_a_level_of_a_model_that_nobody_registered_is_not_offered(network, place):
    with (
        pytest.raises(InputError, match="does not know model"),
        selling(network, place, config=CONFIG + LEVELS),
    ):
        pass
