"""A market's ledger kept up to date: only new events are read, and a reorg reads all anew."""

from counterpoise.consensus.client import ConsensusClient
from counterpoise.consensus.ledger import Ledger
from counterpoise.core.errors import ChainError, InputError

TRIES = 5


class Reader:
    """Reads one market.

    Parameters
    ----------
    client :
        Of the market.
    start :
        A block at or below that of its deployment.
    """

    def __init__(self, client: ConsensusClient, start: int = 0) -> None:
        self.client = client
        self._start = start
        self._seen: tuple[int, bytes] | None = None
        self._ledger = Ledger(client.terms.kappa)

    def ledger(self) -> Ledger:
        """Give the market as of the head; the same object as before, brought forward, if it can.

        Raises
        ------
        ChainError :
            The chain was reorganised each time it was read.
        """
        chain = self.client.contract.chain
        for _ in range(TRIES):
            head = chain.block("latest")
            first = self._start
            if self._is_still_there():
                first = self._seen[0] + 1 if self._seen else first
            else:
                self._seen, self._ledger = None, Ledger(self.client.terms.kappa)
            events = []
            if first <= head.number:
                events = self.client.contract.events(None, first, head.number)
            if chain.block(head.number).hash == head.hash:
                self._seen = head.number, head.hash
                return self._ledger.follow(events)
        raise ChainError("the chain changes faster than it can be read", hint="try again")

    def _is_still_there(self) -> bool:
        """Tell whether the last block read is on the chain."""
        if self._seen is None:
            return False
        try:
            return self.client.contract.chain.block(self._seen[0]).hash == self._seen[1]
        except InputError:
            return False
