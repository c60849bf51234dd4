"""What the consensus contract must agree with: rows, results, and the judge of a column and a due.

An epoch counts the rows that were revealed, and nothing else: who did not reveal has no stake in
it, no weight, no dividend, and its bonds begin anew. `settle` derives a whole result; `column`
and `due` give one member's part as the judge computes it, from integers of Python alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from counterpoise.consensus.fixed import ONE, share
from counterpoise.consensus.trees import CELL_DEPTH, ROW_DEPTH, WordTree
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address

if TYPE_CHECKING:
    from counterpoise.consensus.yuma import Shorts

MEMBERS, SEATS = 512, 64
_LANES = 16
_SHARE = (1 << 40) - 1


@dataclass(frozen=True, slots=True)
class Cell:
    """What a result says of one member.

    Parameters
    ----------
    consensus, rank, dividend :
        Q32.32, from 0 to 1.
    due :
        What the number was due over all epochs, base units.
    """

    consensus: int = 0
    rank: int = 0
    dividend: int = 0
    due: int = 0

    @property
    def word(self) -> int:
        """The cell as it stands in the tree: 40, 40, 40 and 96 bits from the right."""
        return self.consensus | self.rank << 40 | self.dividend << 80 | self.due << 120


def cell_of(word: int) -> Cell:
    """Read a cell from its word."""
    return Cell(word & _SHARE, word >> 40 & _SHARE, word >> 80 & _SHARE, word >> 120)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of weights that was revealed.

    Parameters
    ----------
    number :
        The validator's.
    stake :
        Base units.
    words :
        16 weights of 16 bits each, the first on the left.
    """

    number: int
    stake: int
    words: tuple[int, ...]

    def weight(self, column: int) -> int:
        """Give the weight of a column as revealed; one's own counts as none."""
        if column == self.number or column // _LANES >= len(self.words):
            return 0
        return self.words[column // _LANES] >> 240 - 16 * (column % _LANES) & 65535

    def total(self, present: frozenset[int]) -> int:
        """Give the sum of the weights that count."""
        return sum(self.weight(column) for column in present)

    @property
    def tree(self) -> WordTree:
        """The tree over the words."""
        return WordTree(self.words, ROW_DEPTH)


@dataclass(frozen=True, slots=True)
class Facts:
    """What an epoch's result follows from.

    Parameters
    ----------
    number :
        Of the epoch, from 1.
    pay :
        Base units to divide.
    since :
        Of each number that counts: from which epoch on. A number that is vacant, or was taken
        in this epoch, is not in it.
    width :
        How many numbers were ever given: 0 to width - 1.
    rows :
        In the order of their reveals.
    bonds :
        As stored after the epoch before, 16 bits, by number of the validator; shape (width,) or
        shorter.
    dues :
        Of each number under the last final result, base units.
    kappa :
        Share of stake behind a weight, Q32.32.
    """

    number: int
    pay: int
    since: Mapping[int, int]
    width: int
    rows: tuple[Row, ...]
    bonds: Mapping[int, "Shorts"]
    dues: tuple[int, ...]
    kappa: int = ONE // 2

    @property
    def present(self) -> frozenset[int]:
        """The numbers that count."""
        return frozenset(self.since)


@dataclass(frozen=True, slots=True)
class Settlement:
    """A result: a cell for each number, and the bonds that the next epoch begins with."""

    cells: tuple[Cell, ...]
    bonds: Mapping[int, "Shorts"]

    @property
    def words(self) -> list[int]:
        """What is posted."""
        return [cell.word for cell in self.cells]

    @property
    def tree(self) -> WordTree:
        """The tree over the cells."""
        return WordTree(self.words, CELL_DEPTH)


def pack(weights: Sequence[int]) -> tuple[int, ...]:
    """Write weights as words.

    >>> [hex(word)[:10] for word in pack([1, 65535])]
    ['0x1ffff000']
    """
    if len(weights) > MEMBERS or not all(0 <= weight <= 65535 for weight in weights):
        raise InputError(f"{len(weights)} weights; at most {MEMBERS}, each from 0 to 65535")
    raw = b"".join(int(weight).to_bytes(2, "big") for weight in weights)
    return tuple(
        int.from_bytes(raw[k : k + 32].ljust(32, b"\0"), "big") for k in range(0, len(raw), 32)
    )


def commitment(
    chain_id: int,
    contract: Address,
    epoch: int,
    account: Address,
    salt: bytes,
    words: Sequence[int],
) -> bytes:
    """Give what is committed to before a row is revealed; `salt` has 32 random bytes."""
    parts = [chain_id, int.from_bytes(contract, "big"), epoch, int.from_bytes(account, "big")]
    parts += [int.from_bytes(salt, "big"), 6 * 32, len(words), *words]
    return keccak(b"".join(part.to_bytes(32, "big") for part in parts))


def settle(facts: Facts) -> Settlement:
    """Derive what an epoch comes to, by Yuma consensus with classic bonds."""
    from counterpoise.consensus.yuma import NEVER, Epoch, Terms, run_epoch

    rows = sorted(facts.rows, key=lambda row: row.number)
    numbers = np.array([row.number for row in rows], np.int64)
    weights = np.zeros((len(rows), facts.width), np.uint16)
    bonds = np.zeros((len(rows), facts.width), np.uint16)
    stakes = [0] * facts.width
    for i, row in enumerate(rows):
        stakes[row.number] = row.stake
        weights[i] = [row.weight(column) for column in range(facts.width)]
        if (old := facts.bonds.get(row.number)) is not None:
            bonds[i, : len(old)] = old
    came = [facts.since.get(column, facts.number + 1) - 1 for column in range(facts.width)]
    times = np.full(len(rows), facts.number)
    state = Epoch(
        facts.number,
        facts.number - 1,
        tuple(stakes),
        numbers,
        weights,
        bonds,
        np.array(came, np.int64),
        times,
        np.full(len(rows), NEVER),
    )
    found = run_epoch(state, Terms(kappa=facts.kappa))
    dividends = dict(zip(numbers.tolist(), found.dividends.tolist(), strict=True))
    plain = [
        Cell(consensus, rank, dividends.get(column, 0))
        for column, (consensus, rank) in enumerate(
            zip(found.consensus.tolist(), found.rank.tolist(), strict=True)
        )
    ]
    kept = {row.number: found.stored[i] for i, row in enumerate(rows)}
    return Settlement(with_dues(facts, plain), kept)


def with_dues(facts: Facts, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Give the cells with the dues that follow from their ranks and dividends."""
    ranks, shares = totals(cells)
    return tuple(
        Cell(cell.consensus, cell.rank, cell.dividend, due(facts, number, cell, ranks, shares))
        for number, cell in enumerate(cells)
    )


def totals(cells: Sequence[Cell]) -> tuple[int, int]:
    """Give the sum of the ranks, and of the shares of pay before they are normalised."""
    ranks = sum(cell.rank for cell in cells)
    return ranks, sum(share(cell.rank, ranks) + cell.dividend for cell in cells)


def due(facts: Facts, number: int, cell: Cell, ranks: int, shares: int) -> int:
    """Give what a number is due after the epoch; `ranks` and `shares` as `totals` gives them."""
    before = facts.dues[number] if number < len(facts.dues) else 0
    part = share(cell.rank, ranks) + cell.dividend
    return before + (facts.pay * share(part, shares) >> 32)


def active(facts: Facts) -> list[int]:
    """Give the active stake of each row, Q32.32."""
    total = sum(row.stake for row in facts.rows)
    shares = [share(row.stake, total) for row in facts.rows]
    return [share(one, sum(shares)) for one in shares]


def column_weights(facts: Facts, column: int) -> list[int]:
    """Give each row's weight of a column, its row normalised, Q32.32."""
    present = facts.present
    return [share(row.weight(column), row.total(present)) for row in facts.rows]


def order(facts: Facts, column: int) -> bytes:
    """Give the places of the rows, ascending by their weight of a column."""
    weights = column_weights(facts, column)
    return bytes(sorted(range(len(weights)), key=weights.__getitem__))


def column(facts: Facts, number: int) -> tuple[int, int]:
    """Give a member's consensus and rank, as the judge computes them."""
    if number not in facts.since:
        return 0, 0
    weights, stake = column_weights(facts, number), active(facts)
    parts = [share(one, sum(stake)) for one in stake]
    bar, reached, consensus = max(sum(parts) - facts.kappa, 0), 0, 0
    for place in order(facts, number):
        reached += parts[place]
        if reached > bar:
            consensus = weights[place]
            break
    pairs = zip(weights, stake, strict=True)
    return consensus, sum(min(weight, consensus) * part >> 32 for weight, part in pairs)
