"""How an owner's node tells what it may: blobs, letters, the log; and gives refused pay back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from counterpoise.chain import Account
from counterpoise.core.errors import Busy, ChainError, InputError, VerificationError
from counterpoise.core.units import parse_address
from counterpoise.jobs import NOBODY, Job
from counterpoise.market.compute_to_data import ledger as events
from counterpoise.market.compute_to_data.escrow import acceptance_at
from counterpoise.market.compute_to_data.home import OwnerHome
from counterpoise.market.compute_to_data.letters import LOG, gather, letters, post, topic
from counterpoise.network import Network
from counterpoise.provenance import Envelope

Say = Callable[[str], None]


def silent(line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Paid:
    """An escrow, by its number, that names a request for this owner."""

    job: int
    request: bytes


@dataclass(frozen=True)
class Teller:
    """What leaves the node; each step may be done again and changes nothing then."""

    network: Network
    account: Account
    home: OwnerHome
    on_step: Callable[[str, bytes], None]
    gathered: set[str] = field(default_factory=set, repr=False)

    def tell(self, paid: Paid, job: Job, *, refused: bool) -> None:
        """Let a kept answer leave: the blob into the store, the statement by letter."""
        name = paid.request.hex()
        if refused:
            self._concede(paid, job)
        else:
            self.network.store.put(self.home.load(f"results/{name}.blob"))
            self.network.store.flush()
        self.post(paid.request, Envelope.from_bytes(self.home.load(f"results/{name}.envelope")))
        self.on_step("posted", paid.request)
        self.home.ledger.add(events.TOLD, paid.request)
        self.on_step("told", paid.request)

    def refuse_again(self, paid: Paid, job: Job, stated: Envelope) -> None:
        """Tell that a request is answered once, whatever further escrows name it."""
        self._concede(paid, job)
        self.post(paid.request, stated)
        self.home.ledger.add(events.REPLAYED, job=paid.job)

    def state(self, stated: Envelope) -> None:
        """Let a statement that answers nobody leave: of a dataset, a policy, a consent."""
        me = self.account.address
        post(self.network.mailbox, topic(me, LOG), me, stated)

    def log(self) -> int:
        """Append what was told to the log, where this process may write it; give how much."""
        if self.network.folder is None:
            return 0
        with contextlib.suppress(Busy):
            return gather(self.network, self.account.address, self.gathered)
        return 0

    def check_not_behind(self) -> None:
        """Refuse a folder that is behind what this owner has told: its budgets would begin anew.

        Raises
        ------
        VerificationError :
            The folder is an old copy.
        """
        me, dataset = self.account.address, self.home.dataset.statement.digest.hex()
        for one in letters(self.network.mailbox, topic(me, LOG), me):
            told = one.statement.predicate
            if told.get("dataset") != dataset or "request" not in told:
                continue
            if not self.home.ledger.state(bytes.fromhex(told["request"])):
                raise VerificationError(
                    f"{self.home.folder} does not know an answer that was told",
                    hint="it is an old copy: restore the newest; budgets are counted from it",
                )

    def post(self, request: bytes, stated: Envelope, asked_at: str = "") -> None:
        """Post an answer to its request's topic, and both of them to the log's.

        Parameters
        ----------
        asked_at :
            The topic of the request, where it is not its own.
        """
        me, mailbox = self.account.address, self.network.mailbox
        place = topic(me, request.hex())
        for asked in letters(mailbox, topic(me, asked_at) if asked_at else place):
            if asked.statement.digest == request:
                post(mailbox, topic(me, LOG), parse_address(asked.signatures[0].keyid), asked)
        post(mailbox, place, me, stated)
        self.state(stated)

    def _concede(self, paid: Paid, job: Job) -> None:
        """Give the pay of a refused job back at once, where its evaluator takes a provider's word.

        Where it does not, the client or time brings it back.
        """
        if job.hook == job.evaluator != NOBODY:
            with contextlib.suppress(ChainError, InputError):
                acceptance_at(self.network, job).concede(self.account, paid.job)
