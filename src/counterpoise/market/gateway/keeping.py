"""What must be done beside the calls: decisions to the log, claims, withdrawals, anchors.

One thread, so that nothing here is done twice at once. A chain that is away is asked again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from counterpoise.chain import Account
from counterpoise.core.errors import ChainError, CounterpoiseError, StorageError, VerificationError
from counterpoise.market.gateway.debts import Debts
from counterpoise.market.gateway.evidence import Evidence
from counterpoise.market.gateway.metrics import Metrics
from counterpoise.payments import Claimed, Settlement
from counterpoise.provenance import AnchorClient

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often, in seconds; and what is worth a transaction.

    Parameters
    ----------
    store, watch :
        Decisions into the log; a look at the chain for withdrawals and reorganisations.
    claim, anchor :
        Claims of all channels, and the log's head to the chain; 0 for only at the end.
    least_claim :
        Base units that a channel must owe to be worth a row of a claim.
    """

    store: float = 0.5
    watch: float = 3.0
    claim: float = 3600.0
    anchor: float = 3600.0
    least_claim: int = 1


class Keeping:
    """The thread beside the calls.

    Parameters
    ----------
    clock :
        Gives the Unix time.
    """

    def __init__(
        self,
        evidence: Evidence,
        settlement: Settlement,
        debts: Debts,
        metrics: Metrics,
        anchor: tuple[AnchorClient, Account] | None,
        *,
        rhythm: Rhythm,
        clock: Callable[[], float],
        say: Say,
    ) -> None:
        self._evidence, self._settlement, self._debts = evidence, settlement, debts
        self._metrics, self._anchor, self._rhythm = metrics, anchor, rhythm
        self._clock, self._listener = clock, say
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeping", daemon=True)
        self._next = {"watch": 0.0, "claim": 0.0, "anchor": 0.0}
        self._silent = ""
        self.trouble = ""

    def start(self) -> None:
        """Begin."""
        now = time.monotonic()
        self._next = {name: now + getattr(self._rhythm, name) for name in self._next}
        self._thread.start()

    def wake(self) -> None:
        """Claim what is due without waiting; any thread may call it."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread after what it is at."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def finish(self) -> None:
        """Claim and settle what is worth it, store and anchor what was stated: the last things."""
        self._try(self._claim_all)
        self._evidence.flush()
        self._store()
        self._try(self._publish)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._wake.wait(self._rhythm.store)
                self._wake.clear()
                if not self.trouble:
                    self._store()
                self._try(self._turn)
                told = "Charged and not claimed yet, in base units."
                self._metrics.gauge("unsettled_base_units", self._debts.total, told)
        finally:
            if not self._stop.is_set():
                self.trouble = "nobody watches the chain any more: start the gateway again"

    def _store(self) -> None:
        """Bring decisions to the log; a log that fails stops the sale, not the claims."""
        try:
            self._evidence.store()
        except (StorageError, VerificationError) as failed:
            self.trouble = f"the log of decisions failed: {failed.message}"
            self._say(self.trouble)

    def _turn(self) -> None:
        due = self._debts.due()
        if due:
            claimed = self._settlement.claim(only=due, now=int(self._clock()))
            self._took(claimed)
            self._debts.claimed(due - {channel for channel, _ in claimed.dropped})
        if self._is_time("watch"):
            self._took(self._settlement.watch(int(self._clock())))
        if self._is_time("claim"):
            self._claim_all()
        if self._is_time("anchor"):
            self._publish()

    def _claim_all(self) -> None:
        owing = self._settlement.seller.store.channels()
        claimed = self._settlement.claim(self._rhythm.least_claim, now=int(self._clock()))
        self._took(claimed)
        if self._settlement.waiting():
            self._settlement.settle()
        if claimed.rows:
            self._debts.claimed(set(owing) - {channel for channel, _ in claimed.dropped})

    def _publish(self) -> None:
        if self._anchor is not None and self._evidence.log.size:
            client, account = self._anchor
            self._evidence.anchor = client.publish(account, self._evidence.log)

    def _took(self, claimed: Claimed) -> None:
        for channel, reason in claimed.dropped:
            self._say(f"channel 0x{channel.hex()} could not be claimed: {reason}")
        if claimed.rows:
            self._metrics.claimed += claimed.amount
            self._say(f"claimed {claimed.amount} base units of {claimed.rows} channels")

    def _is_time(self, name: str) -> bool:
        every = getattr(self._rhythm, name)
        if not every or time.monotonic() < self._next[name]:
            return False
        self._next[name] = time.monotonic() + every
        return True

    def _say(self, line: str) -> None:
        """Say a sentence, if anyone still listens: a closed terminal stops no claim."""
        with suppress(OSError):
            self._listener(line)

    def _try(self, work: Callable[[], None]) -> None:
        """Do what the chain may refuse; say so once, and again when it is back."""
        try:
            work()
        except ChainError as away:
            if not self._silent:
                self._say(f"the chain does not answer: {away.message}")
            self._silent = away.message
        except CounterpoiseError as failed:
            self._say(failed.message)
        else:
            if self._silent:
                self._say("the chain answers again")
            self._silent = ""
