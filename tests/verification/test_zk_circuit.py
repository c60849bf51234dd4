"""The circuit computes what the net computes, to the bit; its keys are the same for everybody."""

import json
import sys
from itertools import pairwise

import numpy as np
import pytest
from prover_of_nets import altered, key_of, need_engine, small_net

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, MissingExtra, VerificationError
from counterpoise.inference import Forest, Layer, Leaf, Net, Tree, answer_bytes, parse_answer
from counterpoise.verification import (
    Request,
    Zk,
    check_key,
    load_key,
    make_development_srs,
    make_key,
)

need_engine()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("zk")


@pytest.fixture(scope="session")
def srs(folder):
    for size in (8, 9, 10, 11, 12):
        make_development_srs(folder / "large", size)
    return folder / "large"


def random_net(seed, *widths, shift=6, signed=False, zeros=False):
    """Layers of any clip; `signed` ones reach below zero and so need a zero point after them."""
    rng = np.random.default_rng(seed)
    points = [int(rng.integers(0, 9)) if zeros or signed else 0 for _ in widths]
    points = [128 if signed and at else point for at, point in enumerate(points)]
    layers = []
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        weights = rng.integers(-64, 65, (outputs, inputs))
        bias = rng.integers(-3000, 3000, outputs)
        clips = {}
        if number < len(widths) - 2:
            following = points[number + 1]
            clips = {"shift": shift, "lo": -following if signed else 0, "hi": 255 - following}
        layers.append(Layer.folded(weights, bias, points[number], **clips))
    return Net(tuple(layers))


NETS = {
    "one layer": random_net(1, 9, 2),
    "relu": random_net(2, 6, 5, 1),
    "relu with zero points": random_net(3, 6, 5, 3, zeros=True),
    "signed, three layers": random_net(4, 5, 4, 4, 2, signed=True),
    "no shift": random_net(5, 4, 3, 1, shift=0),
    "a shift of 1": random_net(6, 4, 3, 1, shift=1),
    "a shift of 10": random_net(7, 4, 3, 1, shift=10),
    "a shift of 24": random_net(8, 4, 3, 1, shift=24),
}


@pytest.mark.parametrize("name", NETS)
def test_the_circuit_and_the_net_agree_to_the_bit(name, srs, tmp_path):
    net = NETS[name]
    circuit = make_key(net, tmp_path, srs).circuit()
    rng = np.random.default_rng(7)
    rows = rng.integers(0, 256, (10, net.inputs)).astype(np.uint8)
    rows = np.vstack([rows, np.zeros_like(rows[:1]), np.full_like(rows[:1], 255)])
    answers = net.run(rows)
    for row, wanted in zip(rows, answers.logits.tolist(), strict=True):
        assert circuit.witness(row.tobytes()) == wanted


def test_rounding_agrees_on_every_edge_of_a_floor_and_a_clip(srs, tmp_path):
    first = Layer(np.array([[1], [-1]]), np.array([-128, 128]), 0, 4, -6, 5)
    last = Layer(np.array([[1, 0], [0, 1]]), np.array([0, 0]), 6)
    net = Net((first, last))
    circuit = make_key(net, tmp_path, srs).circuit()
    for value in [*range(20, 60, 9), *range(119, 137), 200, 0, 255]:
        wanted = net.run(np.array([[value]], np.uint8)).logits[0].tolist()
        assert circuit.witness(bytes([value])) == wanted, value


def test_the_settings_are_those_that_are_sound_and_cheap(srs, tmp_path):
    make_key(NETS["relu"], tmp_path, srs)
    settings = json.loads((tmp_path / "settings.json").read_text())
    chosen = settings["run_args"]
    assert chosen["param_visibility"] == "Fixed"
    assert (chosen["decomp_base"], chosen["decomp_legs"]) == (128, 4)
    assert chosen["input_visibility"] == chosen["output_visibility"] == "Public"
    assert (chosen["input_scale"], chosen["param_scale"]) == (0, 0)
    assert settings["num_rows"] < 2 ** chosen["logrows"]
    assert settings["num_rows"] + 16 > 2 ** (chosen["logrows"] - 1) or chosen["logrows"] == 8


def test_anyone_makes_the_same_key_of_the_published_settings(srs, folder, tmp_path):
    net = NETS["relu"]
    key = make_key(net, tmp_path / "mine", srs)
    settings = (tmp_path / "mine" / "settings.json").read_bytes()
    again = make_key(net, tmp_path / "yours", srs, settings)
    assert (again.digest, again.settings) == (key.digest, key.settings)
    check_key(net, settings, srs, key.digest, key.srs.digest)
    assert load_key(tmp_path / "mine") == key


def test_a_pinned_key_of_other_weights_or_another_srs_is_told(srs, tmp_path):
    net, swapped = small_net(), small_net(change=1)
    key = make_key(swapped, tmp_path / "swapped", srs)
    settings = (tmp_path / "swapped" / "settings.json").read_bytes()
    with pytest.raises(VerificationError, match="do not rely on proofs under it"):
        check_key(net, settings, srs, key.digest, key.srs.digest)
    with pytest.raises(VerificationError, match="the SRS at hand"):
        check_key(swapped, settings, srs, key.digest, bytes(32))


def test_a_proof_is_true_for_its_own_answer_input_model_and_bytes_alone(folder):
    net, swapped = small_net(), small_net(change=1)
    key, other = key_of(net, folder), key_of(swapped, folder)
    values = b"\x0a\x02"
    request = Request(bytes(20), 1, net.id, bytes(32), values, 0)
    prover = Zk(None, key)
    evidence = prover.prove(net, request)
    prover.verify(net, request, evidence)
    assert evidence.digest == keccak(evidence.proof)
    circuit, (logit,) = key.circuit(), parse_answer(evidence.answer)[0]
    assert circuit.verify(values, [logit], evidence.proof)
    assert not circuit.verify(values, [logit + 1], evidence.proof)
    assert not circuit.verify(b"\x0a\x03", [logit], evidence.proof)
    for at in (0, 40, len(evidence.proof) - 1):
        broken = bytearray(evidence.proof)
        broken[at] ^= 1
        assert not circuit.verify(values, [logit], bytes(broken))
    assert not circuit.verify(values, [logit], b"")
    assert not other.circuit().verify(values, [logit], evidence.proof), "one weight differs"


def test_a_public_value_plus_the_order_of_the_field_is_no_value(folder):
    from counterpoise.verification.engines.ezkl import R

    net = small_net()
    key = key_of(net, folder)
    logits, proof = key.circuit().prove(b"\x0a\x02")
    assert key.circuit().verify([10, 2], logits, proof)
    assert not key.circuit().verify([10 + R, 2], logits, proof)
    assert not key.circuit().verify([10, 2], [logits[0] + R], proof)


def test_false_evidence_is_told_before_it_is_sent(folder):
    net = small_net()
    prover = Zk(None, key_of(net, folder))
    request = Request(bytes(20), 1, net.id, bytes(32), b"\x0a\x02", 0)
    evidence = prover.prove(net, request)
    with pytest.raises(VerificationError, match="the model answers"):
        prover.verify(net, request, altered(evidence, answer=answer_bytes([5], 1)))
    with pytest.raises(VerificationError, match="another proof"):
        prover.verify(net, request, altered(evidence, digest=bytes(32)))
    broken = evidence.proof[:-1] + bytes([evidence.proof[-1] ^ 1])
    with pytest.raises(VerificationError, match="the proof is false"):
        prover.verify(net, request, altered(evidence, proof=broken, digest=keccak(broken)))
    with pytest.raises(InputError, match="knows no contract"):
        prover.advance(None, request, evidence)
    other = small_net(change=1)
    with pytest.raises(InputError, match="the key in"):
        prover.prove(other, Request(bytes(20), 1, other.id, bytes(32), b"\x0a\x02", 0))


def test_what_no_circuit_holds_is_refused_with_another_way(srs, tmp_path):
    forest = Forest((Tree((Leaf(1),)),), (0,), 2)
    with pytest.raises(InputError, match="this is a forest"):
        make_key(forest, tmp_path, srs)
    wide = Net((Layer(np.array([[1]]), np.array([2**24])),))
    with pytest.raises(InputError, match="biases below"):
        make_key(wide, tmp_path, srs)
    with pytest.raises(InputError, match="no SRS in"):
        make_key(small_net(), tmp_path, tmp_path)


def test_a_folder_of_keys_is_kept_from_another_model_and_from_change(folder, srs, tmp_path):
    with pytest.raises(InputError, match="holds no proving key"):
        load_key(tmp_path)
    make_key(small_net(), tmp_path, srs)
    with pytest.raises(InputError, match="the key of another model"):
        make_key(small_net(change=1), tmp_path, srs)
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(VerificationError, match=r"not those that key\.json names"):
        load_key(tmp_path)


def test_without_the_engine_it_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ezkl", None)
    monkeypatch.delitem(sys.modules, "counterpoise.verification.engines.ezkl", raising=False)
    with pytest.raises(MissingExtra) as caught:
        make_key(small_net(), tmp_path, tmp_path)
    assert caught.value.hint == "pip install 'counterpoise[zk]'"
