"""Wall time from a contract's request to its callback, through a node that serves.

The optimistic level on the embedded chain, on disk as a network keeps it: a contract asks, the
node sees the event, fetches the input, runs the model and proposes with its bond; the window
passes (the clock is moved, and counted on neither side); the node settles, fulfils, and the
contract is called. The direct level has no window. Beside it, in the same run, the same
transactions sent by hand with nothing in between: the least that the chain allows.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from counterpoise.chain import deploy
from counterpoise.core.units import TOKEN
from counterpoise.inference import Layer, Net
from counterpoise.network import create_network
from counterpoise.oracle import Inbox, OracleClient, Policy, Stage, open_node, publish_model
from counterpoise.verification import (
    Direct,
    DirectClient,
    Level,
    Optimistic,
    OptimisticClient,
    Request,
)

TARGET_SECONDS = 1.0
HOUR = 3_600
EVER = 2**256 - 1


def net(seed=0):
    """A 30-16-1 net."""
    rng = np.random.default_rng(seed)
    weights, bias = rng.integers(-64, 65, (16, 30)), rng.integers(-99, 99, 16)
    hidden = Layer.folded(weights, bias, shift=7, hi=255)
    return Net((hidden, Layer(rng.integers(-64, 65, (1, 16)), [3])))


class Scene:
    """A network with a published model, a contract that asks, and a node."""

    def __init__(self, folder):
        self.network = network = create_network(folder / "state", seed=bytes(32))
        self.model, self.rng = net(), np.random.default_rng(1)
        self.client, self.provider = (network.account(name) for name in ("client", "nina"))
        token, operator = network.contract("CreditToken"), network.account("operator")
        publish_model(network, operator, self.model, name="net")
        self.oracle = OracleClient(network.contract("Oracle"))
        self.bonded = OptimisticClient(network.contract("Optimistic"))
        self.direct = DirectClient(network.contract("Direct"))
        opinion = (self.oracle.address, self.model.id)
        self.taker = deploy(network.chain, operator, "SecondOpinion", *opinion)
        for owner, spender in ((self.client, self.taker), (self.provider, self.bonded)):
            network.fund(owner.address, 10**21)
            token.transact(operator, "mint", owner.address, 10**4 * TOKEN)
            token.transact(owner, "approve", spender.address, EVER)
        self.direct.load(operator, self.model)
        self.bonded.admit(operator, self.model.id)
        self.inbox = Inbox(network.store, network.mailbox)
        self.node = open_node(
            network,
            self.provider,
            folder / "home",
            levels=[Level.OPTIMISTIC, Level.DIRECT],
            policy=Policy(courtesy_seconds=0, draw_at=10**6 * TOKEN),
        )
        self.provers = {1: Optimistic(self.bonded), 3: Direct(self.direct)}

    def input(self):
        """Put a fresh input where nodes find it."""
        salt, values = self.rng.bytes(32), self.rng.bytes(30)
        return self.inbox.put(salt, values), salt, values

    def ask(self, commitment, level):
        """Let the contract ask; give the request's id and deadline."""
        deadline = int(time.time()) + 10_000 * HOUR
        values = (commitment, level, TOKEN, deadline, bytes(32))
        self.taker.transact(self.client, "ask", *values)
        return self.oracle.count(), deadline

    def pass_window(self):
        """Move the chain's clock beyond the liveness window."""
        self.network.warp(HOUR + 1)
        self.network.chain.mine()

    def is_told(self, id_):
        """Whether the answer was delivered."""
        return self.oracle.request_of(id_).stage is Stage.ANSWERED

    def proposed(self, id_):
        """Whether an answer stands, bonded."""
        return self.bonded.proposal(self.oracle.address, id_).stands


def clocked(work):
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return np.array([time.perf_counter() - wall, time.process_time() - cpu]), found


def through_node(scene, level):
    """Seconds, wall and CPU, from before the request until the contract has its answer."""
    commitment, *_ = scene.input()

    def first():
        id_, _ = scene.ask(commitment, level)
        done = scene.proposed if level == 1 else scene.is_told
        scene.node.run(until=lambda: done(id_))
        return id_

    spent, id_ = clocked(first)
    if level == 1:
        scene.pass_window()
        spent += clocked(lambda: scene.node.run(until=lambda: scene.is_told(id_)))[0]
    assert scene.taker.call("opinion", id_)[2], "the contract was not told"
    return spent


def by_hand(scene, level):
    """The same transactions with nothing in between."""
    commitment, salt, values = scene.input()
    prover, account = scene.provers[level], scene.provider

    def first():
        id_, deadline = scene.ask(commitment, level)
        terms = (scene.oracle.address, id_, scene.model.id, salt, values, deadline)
        request = Request(*terms)
        evidence = prover.prove(scene.model, request)
        prover.advance(account, request, evidence)
        if level == 3:
            scene.oracle.fulfil(account, id_)
        return request, evidence

    spent, (request, evidence) = clocked(first)
    if level == 1:
        scene.pass_window()

        def second():
            prover.advance(account, request, evidence)
            scene.oracle.fulfil(account, request.id)

        spent += clocked(second)[0]
    assert scene.is_told(request.id)
    return spent


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    times = 3 if parser.parse_args().quick else 15
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        figures = {}
        for name, level in (("optimistic", 1), ("direct", 3)):
            through_node(scene, level), by_hand(scene, level)
            node = [through_node(scene, level) for _ in range(times)]
            hand = [by_hand(scene, level) for _ in range(times)]
            figures[name] = {
                "wall_s": statistics.median(float(one[0]) for one in node),
                "worst_wall_s": max(float(one[0]) for one in node),
                "cpu_s": statistics.median(float(one[1]) for one in node),
                "by_hand_wall_s": statistics.median(float(one[0]) for one in hand),
                "by_hand_cpu_s": statistics.median(float(one[1]) for one in hand),
            }
        scene.node.close()
        scene.network.close()
    print(f"{platform.machine()}, Python {platform.python_version()}, {times} requests a level")
    print(f"{'level':<12}{'wall':>9}{'worst':>9}{'CPU':>9}{'by hand':>9}{'CPU':>9}")
    for name, found in figures.items():
        print(f"{name:<12}" + "".join(f"{value:>8.3f}s" for value in found.values()))
    wall = figures["optimistic"]["wall_s"]
    record = {"claim": "oracle_latency", "machine": platform.machine(), "figures": figures}
    record |= {"target_s": TARGET_SECONDS, "holds": wall <= TARGET_SECONDS}
    print(json.dumps(record))


if __name__ == "__main__":
    main()
