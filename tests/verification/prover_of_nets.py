"""Nets with their circuits and keys, made once a session; and a chain that checks their proofs."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from committee import CONTRACTS, LIFE, SALT, START

from counterpoise.chain import Account, Contract, Workbench, artifact_of, deploy, open_chain
from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.inference import Layer, ModelsClient, Net, input_commitment
from counterpoise.verification import (
    Evidence,
    Request,
    Zk,
    ZkClient,
    ZkKey,
    deploy_verifier,
    load_verifier,
    make_development_srs,
    make_key,
)

OWNER, NODE, STRANGER = (Account.local(name) for name in (b"owner", b"node", b"stranger"))


def need_engine():
    pytest.importorskip("ezkl", reason="needs the extra zk")


def need_verifier():
    need_engine()
    try:
        load_verifier()
    except (InputError, MissingExtra) as missing:
        pytest.skip(f"{missing.message} ({missing.hint})")


def small_net(change=0, outputs=1):
    """Two inputs, three hidden neurons; `change` alters one weight."""
    first = Layer(
        np.array([[3, -2], [-64, 64], [5 + change, 7]]), np.array([-10, 99, 0]), 0, 2, 0, 90
    )
    weights, bias = np.arange(3 * outputs).reshape(outputs, 3) - 4, np.arange(outputs) - 5
    if outputs > 1:  # the two greatest logits tie
        weights[-1], bias[-1] = weights[-2], bias[-2]
    return Net((first, Layer(weights, bias)), -2 if outputs == 1 else 0)


@dataclass
class Bench:
    """A chain with models, questions and the contract of proofs; keys by model."""

    chain: Workbench
    models: ModelsClient
    questions: Contract
    verifier: Contract
    zk: ZkClient
    keys: dict[bytes, ZkKey]

    def ask(self, net, values, *, evaluator=None, life=LIFE, salt=SALT):
        deadline = self.chain.block().time + 1 + life
        place = evaluator or self.zk.address
        hidden = input_commitment(salt, values)
        self.questions.transact(OWNER, "ask", net.id, hidden, place, deadline)
        number = self.questions.call("count")
        return Request(self.questions.address, number, net.id, salt, values, deadline)

    def prover(self, net):
        return Zk(self.zk, self.keys[net.id])

    def send(self, request, evidence, key, **changes):
        """Bring a proof, with changes to the request that go unnoticed off chain."""
        request = replace(request, **changes)
        return self.zk.prove(NODE, request, evidence.answer, evidence.proof, key)


def build_bench(folder, nets, **terms):
    chain = open_chain("embedded:", clock=lambda: START)
    for account in (OWNER, NODE, STRANGER):
        chain.fund(account.address, 10**21)
    models = ModelsClient.deploy(chain, OWNER)
    questions = deploy(chain, OWNER, artifact_of(CONTRACTS / "Questions.vy"))
    verifier = deploy_verifier(chain, OWNER)
    zk = ZkClient.deploy(chain, OWNER, models.address, verifier.address, **terms)
    made = Bench(chain, models, questions, verifier, zk, {})
    for net in nets:
        models.register(OWNER, net)
        made.keys[net.id] = key_of(net, folder)
    return made


def key_of(net, folder):
    srs = folder / "srs"
    for size in (8, 9, 10):
        if not (srs / f"{size}.srs").is_file():
            make_development_srs(srs, size)
    return make_key(net, folder / net.id.hex()[:8], srs)


def altered(evidence, **changes):
    return Evidence(**{name: getattr(evidence, name) for name in evidence.__slots__} | changes)
