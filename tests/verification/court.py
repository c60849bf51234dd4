"""A chain with models, questions, bonded answers and the judge, and people by their role."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from counterpoise.chain import Account, Contract, Workbench, artifact_of, deploy, open_chain
from counterpoise.core.units import TOKEN
from counterpoise.inference import (
    Forest,
    Layer,
    Leaf,
    ModelsClient,
    Net,
    Split,
    Trace,
    Tree,
    input_commitment,
)
from counterpoise.verification import Request
from counterpoise.verification.judge_rules import claim_of

CONTRACTS = Path(__file__).parent / "contracts"
START = 1_700_000_000
BOND, DEMAND_BOND = 10 * TOKEN + 1, TOKEN
LIVENESS, REVEAL, LIFE = 600, 300, 3600
ROLES = ("provider", "challenger", "stranger", "minter")
SALT = bytes(range(32))


def random_net(seed, *widths, threshold=0, shift=7, worst=False):
    """A net of these widths; `worst` has weights of +-64 and biases near the edge."""
    rng = np.random.default_rng(seed)
    layers = []
    points = [int(rng.integers(0, 4)) for _ in widths]
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        weights = rng.integers(-64, 65, (outputs, inputs))
        if worst:
            weights = rng.choice([-64, 64], (outputs, inputs))
        bias = rng.integers(-(2**15), 2**15, outputs)
        last = number == len(widths) - 2
        clips = {} if last else {"shift": shift, "lo": 0, "hi": 255 - points[number + 1]}
        layers.append(Layer(weights, bias, points[number], **clips))
    return Net(tuple(layers), threshold if widths[-1] == 1 else 0)


def random_tree(rng, inputs, depth):
    nodes = []

    def grow(left):
        place = len(nodes)
        nodes.append(None)
        if left == 0 or rng.random() < 0.2:
            nodes[place] = Leaf(int(rng.integers(-1000, 1000)))
        else:
            feature, threshold = int(rng.integers(inputs)), int(rng.integers(256))
            nodes[place] = Split(feature, threshold, grow(left - 1), grow(left - 1))
        return place

    grow(depth)
    return Tree(tuple(nodes))


def random_forest(seed, inputs=5, trees=6, outputs=3, depth=4):
    rng = np.random.default_rng(seed)
    grown = tuple(random_tree(rng, inputs, depth) for _ in range(trees))
    return Forest(grown, tuple(int(b) for b in rng.integers(-500, 500, outputs)), inputs)


def random_input(seed, model):
    return (
        np.random.default_rng(seed).integers(0, 256, model.shape.inputs).astype(np.uint8).tobytes()
    )


def with_payload(trace, place, change):
    """The same trace with one payload changed: a lie of whoever asserts it."""
    payloads = list(trace.payloads)
    payloads[place] = change(payloads[place])
    return Trace(trace.salt, tuple(payloads))


def off_by_one(at):
    """Raise byte `at` by one, around the corner."""
    return lambda data: data[:at] + bytes([(data[at] + 1) % 256]) + data[at + 1 :]


@dataclass
class Court:
    """One chain with all that a dispute needs."""

    chain: Workbench
    token: Contract
    models: ModelsClient
    questions: Contract
    judge: Contract
    optimistic: Contract
    people: dict[str, Account]

    def __getattr__(self, name):
        if name in self.__dict__.get("people", {}):
            return self.people[name]
        raise AttributeError(name)

    @property
    def now(self):
        return self.chain.block().time + 1

    def warp_to(self, when):
        """Make the next block that of this time."""
        if when - 1 > self.chain.block().time:
            self.chain.warp(when - 1 - self.chain.block().time)
        assert self.now == when

    def publish(self, model):
        """Register and admit a model."""
        if not self.models.is_registered(model.id):
            self.models.register(self.minter, model)
        if not self.optimistic.call("shape", model.id):
            self.optimistic.transact(self.minter, "admit", model.id)
        return model

    def ask(self, model, values, *, evaluator=None, life=LIFE, salt=SALT):
        deadline = self.now + life
        place = evaluator or self.optimistic.address
        commitment = input_commitment(salt, values)
        self.questions.transact(self.minter, "ask", model.id, commitment, place, deadline)
        number = self.questions.call("count")
        return Request(self.questions.address, number, model.id, salt, values, deadline)

    def propose(self, request, trace, *, who=None, published=False):
        place = (request.asker, request.id, claim_of(request.model, trace.root), trace.answer)
        name, hidden = "propose", list(trace.leaves[1:-1])
        if published:
            name, hidden = "propose_with_trace", list(trace.payloads[1:-1])
        return self.optimistic.transact(who or self.provider, name, *place, hidden)

    def call(self, who, name, request, *rest):
        return self.optimistic.transact(who, name, request.asker, request.id, *rest)

    def status(self, request):
        return self.optimistic.call("verdict", request.asker, request.id)[0]

    def proposal(self, request):
        return self.optimistic.call("proposal", request.asker, request.id)

    def balance(self, who):
        return self.token.call("balanceOf", getattr(who, "address", who))

    def due(self, who):
        return self.optimistic.call("balanceOf", who.address)


def build_court(**changes):
    chain = open_chain("embedded:", clock=lambda: START)
    people = {name: Account.local(name.encode()) for name in ROLES}
    for account in people.values():
        chain.fund(account.address, 10**21)
    minter = people["minter"]
    token = deploy(chain, minter, "CreditToken", minter.address)
    models = ModelsClient.deploy(chain, minter)
    questions = deploy(chain, minter, artifact_of(CONTRACTS / "Questions.vy"))
    judge = deploy(chain, minter, "Judge")
    terms = {"bond": BOND, "demand_bond": DEMAND_BOND, "liveness": LIVENESS, "reveal": REVEAL}
    places = (token.address, models.address, judge.address)
    optimistic = deploy(chain, minter, "Optimistic", *places, *(terms | changes).values())
    for name in ROLES[:-1]:
        token.transact(minter, "mint", people[name].address, 1000 * TOKEN)
        token.transact(people[name], "approve", optimistic.address, 2**256 - 1)
    return Court(chain, token, models, questions, judge, optimistic, people)
