"""Our client of paid routes: pays ``batch-settlement`` and ``exact``, within a budget.

It remembers what a route costs and sends the payment first, so that a call is one round trip.
What a seller says was charged counts only up to a ceiling that this key signed.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable, Mapping

from counterpoise.chain import Account
from counterpoise.core.errors import Unreachable
from counterpoise.payments.budget import Budget
from counterpoise.payments.purse import Pocket, Purse
from counterpoise.payments.rules import Channel
from counterpoise.payments.shopping import Answer, Bought, Request, Shopper, Step, Steps, T, Told
from counterpoise.payments.signing import ChannelConfig
from counterpoise.payments.transport import Connections
from counterpoise.payments.wire import BATCH, EXACT, Response

Send = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""Sends a request (method, address, headers, body); raises `Unreachable` if no answer comes."""
ReadChannel = Callable[[ChannelConfig], Channel]


class Buyer:
    """Fetches what must be paid for. Any number of threads may share it.

    Parameters
    ----------
    send :
        The transport; by default `Connections`, which keeps its connections open.
    read_channel :
        Reads a channel from a chain, such as `ChannelsClient.channel`; without it a buyer that
        forgot its channels fills them again, and believes sellers what they gave back.
    lanes :
        Channels to each seller: so many calls may run at the same time, the others wait.
    schemes :
        Which schemes are taken, the best one first.
    resends :
        How often a payment is sent again where no answer came; it is charged at most once.
    """

    def __init__(
        self,
        account: Account,
        budget: Budget,
        *,
        send: Send | None = None,
        read_channel: ReadChannel | None = None,
        lanes: int = 1,
        schemes: tuple[str, ...] = (BATCH, EXACT),
        resends: int = 2,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.budget, self._purse = budget, Purse(account, budget, random)
        self._send, self._read_channel = send or Connections(), read_channel
        reads = read_channel is not None
        self._shopper = Shopper(self._purse, budget, schemes, resends, clock, reads)
        self._count, self._all = lanes, threading.Lock()
        self._lanes: queue.SimpleQueue[int] = queue.SimpleQueue()
        for lane in range(lanes):
            self._lanes.put(lane)

    def fetch(
        self, address: str, method: str = "GET", body: bytes = b"", headers: Mapping[str, str] = {}
    ) -> Bought:
        """Fetch an address, and pay for it where that is asked.

        Raises
        ------
        InputError :
            No offer is within the budget, or the seller's offers cannot be read.
        VerificationError :
            The seller refused the payment, or charged more than it offered.
        Unreachable :
            No answer came; whether it was charged is not known.
        """
        lane = self._lanes.get()
        try:
            return self._run(self._shopper.fetch(lane, Request(method, address, headers, body)))
        finally:
            self._lanes.put(lane)

    def refund(
        self, address: str, method: str = "GET", amount: int | None = None
    ) -> list[Response]:
        """Ask the seller of an address for what is left in the channels to it.

        Calls under way are waited for. The seller claims what it charged in the same transaction.

        Parameters
        ----------
        amount :
            Base units of each channel; all that is left by default.

        Raises
        ------
        VerificationError :
            The seller refuses; `Withdrawals` takes the rest out without it, after the delay.
        """
        with self._all:
            lanes = sorted(self._lanes.get() for _ in range(self._count))
            try:
                request = Request(method, address)
                asked = [self._run(self._shopper.refund(n, request, amount)) for n in lanes]
            finally:
                for lane in lanes:
                    self._lanes.put(lane)
        return [response for response in asked if response is not None]

    def pockets(self) -> list[Pocket]:
        """Give what is known of every channel: its terms, balance and what was charged."""
        return self._purse.pockets()

    def _run(self, steps: Steps[T]) -> T:
        """Do what a call asks for, one thing after the other."""
        try:
            step = next(steps)
            while True:
                try:
                    told = self._do(step)
                except Unreachable as failed:
                    step = steps.throw(failed)
                else:
                    step = steps.send(told)
        except StopIteration as done:
            value: T = done.value
            return value

    def _do(self, step: Step) -> Told:
        if isinstance(step, Request):
            return self._send(step.method, step.address, step.headers, step.body)
        assert self._read_channel is not None
        return self._read_channel(step)
