"""From a block's transfers to rows of features: accounts numbered, amounts brought to one scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.monitor.blocks import Block, Transfer, transfers_of
from counterpoise.monitor.graph import Graph, Mark
from counterpoise.monitor.memory import Memory

ACCOUNTS = "flow accounts"
LIMIT = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """A block's transfers that went into the graph.

    Parameters
    ----------
    transfers :
        Those of known tokens between two accounts, in order.
    features :
        ``(transfers, columns)`` int32.
    unknown :
        How many transfers were of tokens without a scale.
    idle :
        How many moved nothing or went from an account to itself.
    """

    transfers: tuple[Transfer, ...]
    features: NDArray[np.int32]
    unknown: int
    idle: int


class FlowGraph:
    """The graph of transfers of some tokens.

    Parameters
    ----------
    scales :
        Tokens by address (`blocks.NATIVE` for the coin), each with the number of its base units
        that make one unit of the graph. Choose them so that units of all tokens are worth about
        the same, and a small payment is a few thousand units.
    """

    def __init__(self, graph: Graph, memory: Memory, scales: Mapping[bytes, int]) -> None:
        odd = {token.hex(): scale for token, scale in scales.items() if scale < 1}
        if odd:
            raise InputError(f"scales below 1: {odd}", hint="give base units for one graph unit")
        self.graph = graph
        self._accounts = memory.table(ACCOUNTS)
        self._scales = dict(scales)

    def observe(self, block: Block) -> Flow:
        """Take a block's transfers in; give them with their features."""
        chosen, unknown, idle = [], 0, 0
        for transfer in transfers_of(block):
            if transfer.token not in self._scales:
                unknown += 1
            elif transfer.src == transfer.dst or not transfer.amount:
                idle += 1
            else:
                chosen.append(transfer)
        columns = [self._row(transfer, block.time) for transfer in chosen]
        table = np.array(columns, np.int64).reshape(len(chosen), 4)
        return Flow(tuple(chosen), self.graph.observe(*table.T), unknown, idle)

    def mark(self) -> Mark:
        """Where the graph stands; the numbers of accounts are the memory's to take back."""
        return self.graph.mark()

    def restore(self, graph: Graph, memory: Memory) -> None:
        """Go on with another graph and memory, as a snapshot holds them."""
        self.graph, self._accounts = graph, memory.table(ACCOUNTS)

    def number_of(self, account: bytes) -> int:
        """The number of an account, a new one if it is new."""
        number = self._accounts.get(account)
        if number is None:
            number = len(self._accounts)
            self._accounts.put(account, number)
        return int(number)

    def _row(self, transfer: Transfer, time: int) -> tuple[int, int, int, int]:
        amount = min(transfer.amount // self._scales[transfer.token], LIMIT)
        return self.number_of(transfer.src), self.number_of(transfer.dst), time, amount
