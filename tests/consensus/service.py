"""A market in service: providers of several characters, validators, a keeper, on one chain."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

import numpy as np
from markets import NAMES, PAY, build_market

from counterpoise.consensus import Case, Keeper, Policy, Reply, Rule, Sources, Validator, seal
from counterpoise.consensus.asking import InProcess
from counterpoise.consensus.evidence import NetworkEvidence
from counterpoise.consensus.verify import verify_market
from counterpoise.core.units import TOKEN
from counterpoise.inference import Layer, Net, parse_answer
from counterpoise.network import Charter, Network
from counterpoise.provenance import Verdict
from counterpoise.store import Mailbox, Store

MODEL = Net((Layer([[3, -2, 1, 0], [-3, 2, -1, 1]], [-10, 30]),))
RULE = Rule(checks=6, others=3, patience=20, compared=2)
PROVIDERS = {"cleo": "good", "dan": "lazy", "eve": "lying"}
STAKES = {"ann": 40 * TOKEN, "bob": 30 * TOKEN}


def questions(count, seed):
    return [
        bytes(row) for row in np.random.default_rng(seed).integers(0, 256, (count, 4), np.uint8)
    ]


def bank_of(count, seed):
    """Cases whose labels are the model's decisions."""
    return [Case(one, MODEL.answer(one)[-2:]) for one in questions(count, seed)]


def good(question):
    return Reply(MODEL.answer(question), 2)


def lazy(question):
    """Always the same answer, at once."""
    return Reply(bytes(8) + b"\0\1", 1)


def lying(question):
    _, decision = parse_answer(MODEL.answer(question))
    return Reply(MODEL.answer(question)[:-2] + (1 - decision).to_bytes(2, "big"), 2)


CHARACTERS = {"good": good, "lazy": lazy, "lying": lying}


@dataclass
class Service:
    """Who works in a market, and what they said."""

    market: object
    network: object
    evidence: object
    heard: list = field(default_factory=list)
    validators: dict = field(default_factory=dict)
    home: object = None

    def provider(self, name, answer):
        account = self.market.people[name]

        def sealed(question):
            reply = answer(question)
            self.heard.append((name, question))
            return reply and Reply(reply.answer, reply.steps, seal(account, question, reply.answer))

        return sealed

    def ask(self, characters=CHARACTERS, providers=PROVIDERS):
        return InProcess(
            {NAMES.index(n): self.provider(n, characters[kind]) for n, kind in providers.items()}
        )

    def validator(self, name, **changes):
        place = NAMES.index(name)
        asks = {
            "ask": self.ask(),
            "bank": bank_of(400, place),
            "pool": questions(200, 77 + place),
        }
        asks |= {
            key: changes.pop(key) for key in list(changes) if key in (*asks, "models", "traffic")
        }
        settled = {"policy": Policy(RULE, margin_seconds=600), "clock": lambda: 0}
        settled |= {"random": Random(place).randbytes} | changes
        who = (self.market.client, self.market.people[name], Sources(**asks), self.evidence)
        made = Validator(*who, self.home / name, **settled)
        self.validators[name] = made
        return made

    def keeper(self, name="keeper", **changes):
        return Keeper(self.market.client, self.market.people[name], clock=lambda: 0, **changes)

    def settle(self, *workers):
        """Step until nobody has anything to do."""
        busy = True
        while busy:
            busy = False
            for worker in workers:
                busy |= worker.step()

    def epoch(self, keeper, *validators):
        """Play one epoch from its opening to its end."""
        market = self.market
        self.settle(keeper, *validators)
        standing = market.client.epoch()
        for when in (standing.commits_end, standing.reveals_end):
            market.warp_to(when + 1)
            self.settle(keeper, *validators)
        market.warp_to(market.client.proposal().ends + 1)
        over = len(market.client.ledger().closed)
        while len(market.client.ledger().closed) == over:
            keeper.step()
        for one in validators:
            one.step()
        return market.client.ledger()

    def verdict(self):
        found = Verdict()
        verify_market(self.network, self.market.client.address, found)
        return found

    def close(self):
        for one in self.validators.values():
            one.close()


@contextmanager
def reverted(service, home):
    """Use a service with this folder, and put its chain back afterwards."""
    place = service.market.chain.snapshot()
    service.home, service.heard = home, []
    try:
        yield service
    finally:
        service.close()
        service.market.chain.revert(place)


def build_service(**terms):
    market = build_market(**terms)
    market.settle_in(STAKES)
    market.client.fund(market.keeper, 8 * PAY)
    charter = Charter("embedded:", 31337, {}, "test/log", "", bytes(20))
    places = Store(f"memory://blobs-{id(market)}"), Mailbox(f"memory://mail-{id(market)}")
    network = Network(charter, market.chain, *places)
    return Service(market, network, NetworkEvidence(network, market.client.address))
