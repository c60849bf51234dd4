"""From a block's transfers to rows of features: accounts numbered, amounts brought to one scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.monitor.alert import Edge
from counterpoise.monitor.blocks import Block, Transfer, transfers_of
from counterpoise.monitor.graph import TAG, Graph, Mark
from counterpoise.monitor.memory import Memory

ACCOUNTS = "flow accounts"
LIMIT = 1 << 62
HASH = 32


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
    first, graph :
        The first one's number in the graph, and the graph: for `around`.
    """

    transfers: tuple[Transfer, ...]
    features: NDArray[np.int32]
    unknown: int
    idle: int
    first: int = 0
    graph: FlowGraph | None = field(default=None, repr=False)

    def around(self, row: int) -> Picture:
        """The fresh transfers of about the same amount around one of these, as of this block."""
        if self.graph is None:
            return Picture((), ())
        return self.graph.picture(self.first + row)


@dataclass(frozen=True, slots=True)
class Picture:
    """Transfers around one, oldest first, and the limits that cut the search for more.

    Amounts are whole multiples of their token's scale, rounded down.
    """

    edges: tuple[Edge, ...]
    cut: tuple[str, ...]


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
        self._tokens = sorted(scales)

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
        first = self.graph.mark().head
        features = self.graph.observe(*table.T, tags=self._tags(block, chosen))
        return Flow(tuple(chosen), features, unknown, idle, first, self)

    def picture(self, number: int) -> Picture:
        """What surrounds a transfer of the window, with the accounts' addresses."""
        found = self.graph.around(number)
        numbers = sorted({end for one in found.movements for end in (one.src, one.dst)})
        names = dict(zip(numbers, self._addresses(numbers), strict=True))
        edges = []
        for one in found.movements:
            token = self._tokens[int.from_bytes(one.tag[HASH:], "big")]
            amount = one.amount * self._scales[token]
            edges.append(Edge(names[one.src], names[one.dst], token, amount, one.tag[:HASH]))
        return Picture(tuple(edges), found.cut)

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

    def _addresses(self, numbers: Sequence[int]) -> Iterator[bytes]:
        """The accounts of ascending numbers: they stand in the table in the order they came."""
        accounts, at = iter(self._accounts), 0
        for number in numbers:
            yield from cast(Iterator[bytes], islice(accounts, number - at, number - at + 1))
            at = number + 1

    def _tags(self, block: Block, chosen: Sequence[Transfer]) -> NDArray[np.uint8]:
        """Each transfer's transaction and token, so that a picture can name them."""
        hashes = {one.index: one.hash for one in block.transactions}
        tags = [
            hashes[one.transaction].rjust(HASH, b"\0")[-HASH:]
            + self._tokens.index(one.token).to_bytes(TAG - HASH, "big")
            for one in chosen
        ]
        return np.frombuffer(b"".join(tags), np.uint8).reshape(len(chosen), TAG)

    def _row(self, transfer: Transfer, time: int) -> tuple[int, int, int, int]:
        amount = min(transfer.amount // self._scales[transfer.token], LIMIT)
        return self.number_of(transfer.src), self.number_of(transfer.dst), time, amount
