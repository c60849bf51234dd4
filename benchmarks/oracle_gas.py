"""Gas of a request and of what follows it, level by level, from receipts of the embedded chain.

Each call is a whole transaction, so that every storage slot is cold; a node that has answered
before and a token account that is not empty, as in a running network. Beside it the anchors:
three signatures of a committee at most 120k, assert and settle at most 180k.
"""

import argparse
import json
import platform
import tempfile
from pathlib import Path

import numpy as np

from counterpoise.chain import artifact_of, deploy
from counterpoise.core.units import TOKEN
from counterpoise.inference import Layer, Net, input_commitment
from counterpoise.network import create_network
from counterpoise.oracle import AssertionsClient, OracleClient, Order, publish_model
from counterpoise.verification import (
    Direct,
    DirectClient,
    Optimistic,
    OptimisticClient,
    Quorum,
    QuorumClient,
    Request,
    Status,
)

ROOT = Path(__file__).parents[1]
CONSUMER = ROOT / "tests" / "oracle" / "contracts" / "Consumer.vy"
HOUR, EVER = 3_600, 2**256 - 1
MEMBERS = ("nina", "olaf", "pia")
TARGETS = {"assert and settle": 180_000}


def net(outputs, seed=0):
    """A net of 30 inputs and 16 hidden neurons."""
    rng = np.random.default_rng(seed)
    weights, bias = rng.integers(-64, 65, (16, 30)), rng.integers(-99, 99, 16)
    hidden = Layer.folded(weights, bias, shift=7, hi=255)
    last = Layer(rng.integers(-64, 65, (outputs, 16)), list(range(outputs)))
    return Net((hidden, last))


class Scene:
    """A network with two models, a client, a committee and a bonded provider."""

    def __init__(self, folder):
        self.network = network = create_network(folder, seed=bytes(32))
        self.operator, self.rng = network.account("operator"), np.random.default_rng(1)
        self.oracle = OracleClient(network.contract("Oracle"))
        self.assertions = AssertionsClient(network.contract("Assertions"))
        self.quorum = QuorumClient(network.contract("Quorum"))
        self.bonded = OptimisticClient(network.contract("Optimistic"))
        self.direct = DirectClient(network.contract("Direct"))
        self.models = {outputs: net(outputs) for outputs in (1, 10)}
        for outputs, model in self.models.items():
            publish_model(network, self.operator, model, name=f"net of {outputs}")
            self.direct.load(self.operator, model)
            self.bonded.admit(self.operator, model.id)
        token = network.contract("CreditToken")
        for name in ("client", *MEMBERS):
            account = network.account(name)
            network.fund(account.address, 10**21)
            token.transact(self.operator, "mint", account.address, 10**4 * TOKEN)
            for spender in (self.oracle, self.quorum, self.bonded, self.assertions):
                token.transact(account, "approve", spender.address, EVER)
        for name in MEMBERS:
            self.quorum.join(network.account(name), 100 * TOKEN)
        self.consumer = deploy(network.chain, self.operator, artifact_of(CONSUMER))
        self.gas = {}

    def pass_time(self, seconds):
        """Move the chain's clock."""
        self.network.warp(seconds)
        self.network.chain.mine()

    def used(self, work):
        """Give the gas of every transaction that some work sends."""
        chain = self.network.chain
        first = chain.block().number
        work()
        last = chain.block().number
        return [g for n in range(first + 1, last + 1) if (g := chain.block(n).gas_used)]

    def order(self, level, outputs=1, callback=False):
        """The client's usual order."""
        deadline = self.network.chain.block().time + 24 * HOUR
        taker = (self.consumer.address, 60_000) if callback else ()
        return Order(self.models[outputs].id, level, TOKEN, deadline, *taker)

    def ask(self, level, outputs=1, callback=False):
        """Ask; give the opened request and the gas of asking."""
        salt, values = self.rng.bytes(32), self.rng.bytes(30)
        order = self.order(level, outputs, callback)
        commitment = input_commitment(salt, values)
        client = self.network.account("client")
        gas = self.used(lambda: self.oracle.request(client, order, commitment))
        terms = (self.oracle.address, self.oracle.count(), order.model, salt, values)
        return Request(*terms, order.deadline), gas[-1]

    def fulfil(self, request):
        """Fulfil; give the gas."""
        anyone = self.network.account("nina")
        return self.used(lambda: self.oracle.fulfil(anyone, request.id))[0]


def by_level(scene, level, outputs=1, callback=False):
    """Gas of one request's whole life: asked, decided, fulfilled."""
    request, asked = scene.ask(level, outputs, callback)
    model = scene.models[outputs]
    prover = {
        0: Quorum(scene.quorum, clock=lambda: 0),
        1: Optimistic(scene.bonded, clock=lambda: 0),
        3: Direct(scene.direct),
    }[level]
    evidence, names = prover.prove(model, request), MEMBERS if level == 0 else MEMBERS[:1]
    accounts = [scene.network.account(name) for name in names]
    decided, status = [], Status.NONE
    while status is not Status.FINAL:
        for account in accounts:
            decided += scene.used(lambda one=account: prover.advance(one, request, evidence))
        status = prover.client.verdict(request.asker, request.id).status
        if status is not Status.FINAL:
            scene.pass_time(HOUR + 1 if level == 1 else 2)
    return {"request": asked, "decide": sum(decided), "fulfil": scene.fulfil(request)}


def batches(scene):
    """Gas for each of 32 requests that are asked and fulfilled together."""
    rows = [(scene.rng.bytes(32), scene.rng.bytes(30)) for _ in range(32)]
    commitments = [input_commitment(*row) for row in rows]
    client, order = scene.network.account("client"), scene.order(3)
    asked = scene.used(lambda: scene.oracle.request_batch(client, order, commitments))[-1]
    ids = list(range(scene.oracle.count() - 31, scene.oracle.count() + 1))
    prover, anyone = Direct(scene.direct), scene.network.account("nina")
    for id_, row in zip(ids, rows, strict=True):
        request = Request(scene.oracle.address, id_, order.model, *row, order.deadline)
        prover.advance(anyone, request, prover.prove(scene.models[1], request))
    done = scene.used(lambda: scene.oracle.fulfil_batch(anyone, ids))[0]
    return {"request": asked // 32, "fulfil": done // 32}


def assertion(scene):
    """Gas of a plain assertion and of its settlement."""
    client = scene.network.account("client")
    values = (b"The Rhine flows into the North Sea.", client.address)
    contract = scene.assertions.contract
    gas = scene.used(lambda: contract.transact(client, "assertTruthWithDefaults", *values))
    made = contract.events("AssertionMade")[-1].args["assertionId"]
    scene.pass_time(2 * HOUR)
    return gas + scene.used(lambda: scene.assertions.settle(client, made))


def measured():
    """Everything, the second time that it happens."""
    with tempfile.TemporaryDirectory() as folder:
        scene, found = Scene(Path(folder) / "state"), {}
        for name, level in (("quorum of 3", 0), ("optimistic", 1), ("direct", 3)):
            by_level(scene, level)
            found[name] = by_level(scene, level)
        found["direct, with callback"] = by_level(scene, 3, callback=True)
        found["direct, 10 outputs"] = by_level(scene, 3, outputs=10)
        found["each of 32, direct"] = batches(scene)
        assertion(scene)
        made, settled = assertion(scene)
        scene.network.close()
    return found, {"assert": made, "settle": settled, "assert and settle": made + settled}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the same: gas does not vary")
    parser.parse_args()
    levels, assertions = measured()
    print(f"{'':<24}{'request':>10}{'decide':>10}{'fulfil':>10}")
    for name, gas in levels.items():
        print(
            f"{name:<24}"
            + "".join(f"{gas.get(k, ''):>10}" for k in ("request", "decide", "fulfil"))
        )
    print("  ".join(f"{name} {gas}" for name, gas in assertions.items()))
    record = {"claim": "oracle_gas", "machine": platform.machine(), "levels": levels}
    record |= {"assertions": assertions, "targets": TARGETS}
    record["holds"] = all(assertions[name] <= most for name, most in TARGETS.items())
    print(json.dumps(record))


if __name__ == "__main__":
    main()
