"""Answers that are proven more strongly: the gateway poses the same question at the oracle.

The buyer of an answer at a level gets the answer at once, signed, and a request of the network's
oracle about the very same model and committed input, whose fee the seller has paid. The level's
evaluator then decides what the answer is, without asking the seller: the buyer reads the verdict
from the chain, and holds the seller's signature under an answer that it can compare.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.errors import ChainError, InputError
from counterpoise.core.units import to_checksum
from counterpoise.inference import ModelsClient
from counterpoise.market.gateway.service import UpstreamFailed
from counterpoise.network import Network
from counterpoise.oracle import Inbox, OracleClient, Order, Stage
from counterpoise.verification import Level

POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Offered:
    """One level as a seller offers it.

    Parameters
    ----------
    price :
        What it costs on top of the answer, in base units.
    fee :
        What the oracle's nodes get for the request, in base units.
    seconds :
        How long they have.
    """

    price: int
    fee: int
    seconds: int = 86_400


@dataclass(frozen=True, slots=True)
class Posed:
    """A request of the oracle that was placed for an answer.

    Parameters
    ----------
    reference :
        SHA-256 of the request's name, as decisions of the oracle name it.
    record :
        What the buyer is told.
    """

    reference: bytes
    record: Mapping[str, Any]


class Proofs(Protocol):
    """Who proves the answers of one model."""

    levels: Mapping[str, Offered]

    def pose(self, level: str, salt: bytes, values: bytes, answer: bytes, wait: float) -> Posed:
        """Ask about one input at a level; may wait for the chain, and for the verdict if told."""


class OracleProofs:
    """Proof by the oracle of a network.

    Parameters
    ----------
    account :
        Pays fees and gas.
    levels :
        By the names of `counterpoise.verification.Level`, in lower case.

    Raises
    ------
    InputError :
        The model is not registered, or the network does not offer a level.
    """

    def __init__(
        self,
        network: Network,
        account: Account,
        model: bytes,
        levels: Mapping[str, Offered],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.levels: Mapping[str, Offered] = dict(levels)
        self._network, self._account, self._model, self._clock = network, account, model, clock
        self._oracle = OracleClient(network.contract("Oracle"))
        self._inbox = Inbox(network.store, network.mailbox)
        if not ModelsClient(network.contract("Models")).is_registered(model):
            raise InputError(
                f"the network does not know model {model.hex()}",
                hint="publish it first: counterpoise oracle needs its file in the store",
            )
        for name in levels:
            if name.upper() not in Level.__members__:
                raise InputError(
                    f"no level {name!r}", hint=", ".join(n.lower() for n in Level.__members__)
                )
            if not any(self._oracle.evaluator_of(int(Level[name.upper()]))):
                raise InputError(f"this network offers no level {name}")

    def pose(self, level: str, salt: bytes, values: bytes, answer: bytes, wait: float) -> Posed:
        """Place the request; the input goes into the network's store for its nodes.

        Raises
        ------
        UpstreamFailed :
            The chain did not take the request, or the verdict that was waited for is another
            answer than the gateway's; the call is not charged.
        """
        offered, number = self.levels[level], int(Level[level.upper()])
        chain = self._network.chain
        try:
            commitment = self._inbox.put(salt, values)
            now = max(chain.block("latest").time, int(self._clock()))
            order = Order(self._model, number, offered.fee, now + offered.seconds)
            request = self._oracle.request(self._account, order, commitment)
        except (ChainError, InputError) as failed:
            raise UpstreamFailed(
                f"the oracle took no request: {failed.message}", status=503
            ) from None
        name = f"{chain.chain_id()}/{to_checksum(self._oracle.address)}/{request}"
        record: dict[str, Any] = {
            "level": level,
            "oracle_request": name,
            "deadline": order.deadline,
        }
        record |= self._verdict(request, answer, wait)
        return Posed(sha256(name.encode()), record)

    def _verdict(self, request: int, answer: bytes, wait: float) -> dict[str, Any]:
        """Say what the evaluator decided, if it did within so many seconds."""
        end = time.monotonic() + wait
        while True:
            try:
                found = self._oracle.answer_of(request)
            except ChainError:
                return {"state": "open"}
            if found.stage is Stage.ANSWERED and found.answer != answer:
                raise UpstreamFailed(
                    f"the evaluator of request {request} decided {found.answer.hex()}, the gateway "
                    f"{answer.hex()}; nothing is charged"
                )
            if found.stage is Stage.ANSWERED:
                return {"state": "final", "oracle_answer": found.answer.hex()}
            if time.monotonic() >= end:
                return {"state": "open"}
            time.sleep(POLL_SECONDS)
