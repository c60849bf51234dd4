"""Two validators who check the sellers with rows whose truth they know, and a keeper of epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from counterpoise.apps.bazaar.asking import PaidAsk
from counterpoise.consensus import (
    Case,
    Closed,
    Keeper,
    MarketTerms,
    NetworkEvidence,
    Policy,
    Rule,
    Sheet,
    Sources,
    Validator,
    Worker,
    found_market,
)
from counterpoise.core.digest import sha256
from counterpoise.core.units import TOKEN
from counterpoise.inference import IntegerModel
from counterpoise.network import Network

PAY, BOND, LEAST_STAKE = 60 * TOKEN, 60 * TOKEN, 10 * TOKEN
WINDOW_SECONDS = 600
STAKES = {"vera": 40 * TOKEN, "viktor": 30 * TOKEN}
RULE = Rule(checks=12, others=4, patience=100, haste=0, compared=2)
"""Haste is left out: how fast a seller on a busy machine answers would not be the same twice."""
EPOCHS = 3
KEEPER = "keeper"


@dataclass(frozen=True, slots=True)
class Asked:
    """What validators ask with: labelled rows, and rows as buyers have them."""

    checks: NDArray[np.uint8]
    labels: NDArray[np.int64]
    others: NDArray[np.uint8]
    model: IntegerModel

    def bank(self) -> list[Case]:
        """The checks: a row, and the two bytes of the right decision."""
        rows = zip(self.checks, self.labels, strict=True)
        return [Case(row.tobytes(), int(label).to_bytes(2, "big")) for row, label in rows]

    def pool(self) -> list[bytes]:
        """What buyers ask."""
        return [row.tobytes() for row in self.others]


class Jury:
    """A market of validators on one chain, whose epochs are played at once.

    Parameters
    ----------
    asks :
        How each validator asks, by name.
    sellers :
        In the order of their numbers, from 0.
    """

    def __init__(
        self,
        network: Network,
        folder: Path,
        asked: Asked,
        asks: Mapping[str, PaidAsk],
        sellers: tuple[str, ...],
        seed: bytes,
    ) -> None:
        self.network, self._seed = network, seed
        keeper = network.account(KEEPER)
        terms = MarketTerms(
            network.contract("CreditToken").address,
            PAY,
            BOND,
            LEAST_STAKE,
            commit_seconds=WINDOW_SECONDS,
            reveal_seconds=WINDOW_SECONDS,
            propose_seconds=WINDOW_SECONDS,
            challenge_seconds=WINDOW_SECONDS,
        )
        self.client = found_market(network, keeper, terms)
        self.numbers = {
            name: self.client.register(network.account(name)) for name in (*sellers, *STAKES)
        }
        for seat, (name, stake) in enumerate(STAKES.items()):
            self.client.stake(network.account(name), stake, seat)
        self.client.fund(keeper, EPOCHS * PAY)
        evidence = self._evidence = NetworkEvidence(network, self.client.address)
        models = {self.numbers[name]: asked.model for name in sellers}
        self.validators = [
            Validator(
                self.client,
                network.account(name),
                Sources(asks[name], asked.bank(), asked.pool(), models),
                evidence,
                folder / name,
                Policy(RULE),
                clock=lambda: 0.0,
                random=_drawn(seed + name.encode()),
            )
            for name in STAKES
        ]
        self.keeper = Keeper(
            self.client,
            keeper,
            clock=lambda: 0.0,
            collect=lambda ledger: evidence.collect(ledger.closed),
        )

    def epoch(self) -> Closed:
        """Play one epoch from its opening to its end; the chain's clock is moved on meanwhile."""
        self._work()
        standing = self.client.epoch()
        for when in (standing.commits_end, standing.reveals_end):
            self._until(when)
            self._work()
        proposal = self.client.proposal()
        assert proposal is not None, "nobody has posted the epoch's result"
        self._until(proposal.ends)
        over = len(self.client.ledger().closed)
        while len(self.client.ledger().closed) == over:
            self.keeper.step()
        for one in self.validators:
            one.step()
        return self.client.ledger().closed[-1]

    def pay(self) -> None:
        """Let everybody draw what is due."""
        ledger = self.client.ledger()
        self._evidence.collect(ledger.closed)
        for name, number in self.numbers.items():
            if ledger.final[number].due > ledger.drawn.get(number, 0):
                self.client.claim(self.network.account(name), number)

    def sheets(self) -> list[Sheet]:
        """Give what every validator wrote down of every epoch."""
        epochs = [over.epoch for over in self.client.ledger().closed]
        found = [one.examiner.sheet(epoch) for one in self.validators for epoch in epochs]
        return [sheet for sheet in found if sheet is not None]

    def close(self) -> None:
        """Let go of the validators' folders."""
        for one in self.validators:
            one.close()

    def _work(self) -> None:
        workers: tuple[Worker, ...] = (self.keeper, *self.validators)
        while any(one.step() for one in workers):
            pass

    def _until(self, when: int) -> None:
        left = when + 1 - self.network.chain.block("latest").time
        if left > 0:
            self.network.warp(left)


def _drawn(seed: bytes) -> Callable[[int], bytes]:
    """Bytes that look random and are the same in every run of one seed."""
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        made = b"".join(
            sha256(seed + count.to_bytes(8, "big") + place.to_bytes(4, "big"))
            for place in range(-(-size // 32))
        )
        return made[:size]

    return draw
