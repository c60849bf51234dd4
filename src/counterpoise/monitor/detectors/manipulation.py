"""Flash loans and manipulated prices: who trades far below the market and gains all the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from counterpoise.monitor.alert import Edge, Entity, Finding, Severity
from counterpoise.monitor.blocks import Block, Transaction, Transfer
from counterpoise.monitor.detector import Context
from counterpoise.monitor.detectors.moves import Moves, Swap, edge_of, moves_of, nets_of
from counterpoise.monitor.detectors.tables import Recent

PPM = 1_000_000
MARKETS = 1 << 14
SHOWN = 24
NOBODY = bytes(20)
"""What goes there is burnt."""


@dataclass(frozen=True, slots=True)
class Manipulation:
    """Finds a transaction that took a terrible price, moved a market by it, and gained.

    Who pays a fifth more than the market's mean loses; whoever gains all the same was paid for
    the moved price by somebody else.

    Parameters
    ----------
    worse :
        How much worse than the market's usual and than its last price the price was; ppm.
    blocks :
        The usual price is the median of the last so many blocks in which the market traded.
    """

    worse: int = 200_000
    blocks: int = 8
    name: str = "manipulation"
    version: int = 1

    def inspect(self, block: Block, context: Context) -> Iterable[Finding]:
        """Judge each transaction with exchanges by the prices before it; then learn its own."""
        moves = moves_of(block)
        prices = Recent(context.memory, "manipulation, prices", MARKETS)
        for index in sorted(moves.swaps):
            swaps = moves.swaps[index]
            finding = self._judged(moves.transactions[index], swaps, moves, prices)
            if finding is not None:
                yield finding
            for swap in swaps:
                self._learn(swap, block.number, prices)

    def _learn(self, swap: Swap, number: int, prices: Recent) -> None:
        """Add an exchange to its market's sums: per block ``(number, low amount, high amount)``."""
        key, low, high = _market(swap)
        known = prices.get(key, ((), ()))
        blocks = known[0]
        if blocks and blocks[-1][0] == number:
            low_sum, high_sum = blocks[-1][1] + low, blocks[-1][2] + high
            blocks = (*blocks[:-1], (number, low_sum, high_sum))
        else:
            blocks = (*blocks, (number, low, high))[-self.blocks :]
        prices.put(key, (blocks, (low, high)))

    def _judged(
        self, transaction: Transaction, swaps: Sequence[Swap], moves: Moves, prices: Recent
    ) -> Finding | None:
        bad = [swap for swap in swaps if self._is_worse(swap, prices)]
        if not bad:
            return None
        transfers = moves.transfers[transaction.index]
        loan = next(proper_loans(transfers, swaps), None)
        turned = any(_came_back(swap, swaps) for swap in bad)
        if not turned and (loan is None or any(self._is_explained(b, swaps, prices) for b in bad)):
            return None
        side = _side(transaction, swaps, transfers, loan)
        nets = {token: net for token, net in nets_of(side, transfers).items() if net}
        markets = {swap.pool for swap in bad} - side
        if not nets or min(nets.values()) < 0 or not markets:
            return None
        token = max(nets, key=lambda token: (nets[token], token))
        return Finding(
            self.name,
            self.version,
            Severity.CRITICAL if loan else Severity.HIGH,
            900_000 if loan else 800_000,
            (transaction.hash,),
            tuple(_entities(transaction, side, markets, loan)),
            tuple(_reasons(bad, loan, nets, token, self.worse)),
            tuple(_edges(transfers, moves)),
            loss=nets[token],
            loss_token=token,
        )

    def _is_worse(self, swap: Swap, prices: Recent) -> bool:
        """Whether it paid more than is usual and than the last price, both by `worse`."""
        blocks, last = prices.get(_market(swap)[0], ((), ()))
        return bool(blocks) and self._exceeds(swap, _usual(blocks)) and self._exceeds(swap, last)

    def _is_explained(self, bad: Swap, swaps: Sequence[Swap], prices: Recent) -> bool:
        """Whether the other half of it was an exchange at a market that had been out of line."""
        return any(explains(swap, bad) and self._was_ajar(swap, prices) for swap in swaps)

    def _was_ajar(self, swap: Swap, prices: Recent) -> bool:
        """Whether its market had been out of line before, in favour of who traded: arbitrage."""
        blocks, last = prices.get(_market(swap)[0], ((), ()))
        if not blocks:
            return False
        paid, got = _in_order(swap, _usual(blocks))
        paid_last, got_last = _in_order(swap, last)
        return PPM * paid_last * got < (PPM - self.worse // 2) * paid * got_last

    def _exceeds(self, swap: Swap, amounts: tuple[int, int]) -> bool:
        paid, got = _in_order(swap, amounts)
        return PPM * swap.paid * got > (PPM + self.worse) * paid * swap.got


def explains(swap: Swap, bad: Swap) -> bool:
    """Whether an exchange gave at least half of what another paid, or took half of what it got."""
    gave = swap.got_token == bad.paid_token and 2 * swap.got >= bad.paid
    took = swap.paid_token == bad.got_token and 2 * swap.paid >= bad.got
    return swap.pool != bad.pool and (gave or took)


def _usual(blocks: Sequence[tuple[int, int, int]]) -> tuple[int, int]:
    """Both amounts of the block with the median price: one block's tumult does not move it."""
    ordered = sorted(blocks, key=lambda block: ((block[1] << 96) // block[2], block[0]))
    _, low, high = ordered[(len(ordered) - 1) // 2]
    return low, high


def _in_order(swap: Swap, amounts: tuple[int, int]) -> tuple[int, int]:
    """A market's amounts of the lower and the higher token, as what is paid and what is got."""
    return amounts if swap.paid_token < swap.got_token else (amounts[1], amounts[0])


def _market(swap: Swap) -> tuple[tuple[bytes, bytes, bytes], int, int]:
    """A market's key, and an exchange's amounts: of the lower token, of the higher one."""
    if swap.paid_token < swap.got_token:
        return (swap.pool, swap.paid_token, swap.got_token), swap.paid, swap.got
    return (swap.pool, swap.got_token, swap.paid_token), swap.got, swap.paid


def _came_back(swap: Swap, swaps: Sequence[Swap]) -> bool:
    """Whether the same market was traded both ways."""
    return any(
        other.pool == swap.pool
        and (other.paid_token, other.got_token) == (swap.got_token, swap.paid_token)
        for other in swaps
    )


def proper_loans(transfers: Sequence[Transfer], swaps: Sequence[Swap]) -> Iterator[Loan]:
    """Loans proper: a market that gave a token and took it back again lent nothing."""
    traded = {(swap.pool, token) for swap in swaps for token in (swap.paid_token, swap.got_token)}
    for loan in loans_of(transfers):
        if (loan.lender, loan.token) not in traded:
            yield loan


@dataclass(frozen=True, slots=True)
class Loan:
    """A token lent and paid back within one transaction."""

    lender: bytes
    borrower: bytes
    token: bytes
    amount: int


def loans_of(transfers: Sequence[Transfer]) -> Iterator[Loan]:
    """Find loans: what left an account first came back later, in one piece, with at most 2 % more.

    The lender had received nothing of the token before; whoever trades gives first.
    """
    touched: set[tuple[bytes, bytes]] = set()
    for at, lent in enumerate(transfers):
        key = (lent.src, lent.token)
        if key not in touched and lent.amount:
            for back in transfers[at + 1 :]:
                if back.token != lent.token or back.dst != lent.src:
                    continue
                if lent.amount <= back.amount <= lent.amount + lent.amount // 50:
                    yield Loan(lent.src, lent.dst, lent.token, lent.amount)
                    break
        touched |= {key, (lent.dst, lent.token)}


def _side(
    transaction: Transaction,
    swaps: Sequence[Swap],
    transfers: Sequence[Transfer],
    loan: Loan | None,
) -> frozenset[bytes]:
    """The origin's accounts: itself, what it called and created, and who was only paid."""
    own = {transaction.sender, transaction.to or transaction.created or transaction.sender}
    if transaction.trace is not None:
        own |= {frame.to for frame in transaction.trace.walk() if frame.kind == "create"}
    if loan is not None:
        own.add(loan.borrower)
        own.discard(loan.lender)
    paying = {transfer.src for transfer in transfers if transfer.amount}
    own |= {transfer.dst for transfer in transfers if transfer.amount} - paying
    return frozenset(own - {NOBODY})


def _entities(
    transaction: Transaction, side: frozenset[bytes], markets: set[bytes], loan: Loan | None
) -> Iterator[Entity]:
    yield Entity(transaction.sender, "attacker")
    for account in sorted(side - {transaction.sender})[:SHOWN]:
        yield Entity(account, "accomplice")
    for account in sorted(markets):
        yield Entity(account, "market")
    if loan is not None:
        yield Entity(loan.lender, "lender")


def _reasons(
    bad: Sequence[Swap], loan: Loan | None, nets: dict[bytes, int], token: bytes, worse: int
) -> Iterator[str]:
    if loan is not None:
        yield f"borrowed {loan.amount} of {loan.token.hex()} and paid it back at once"
    yield (
        f"paid {bad[0].paid} for {bad[0].got} at the market {bad[0].pool.hex()}: more than "
        f"{worse * 100 // PPM} % worse than its usual and its last price"
    )
    yield f"gained {nets[token]} of {token.hex()} all the same, and lost no other token"


def _edges(transfers: Sequence[Transfer], moves: Moves) -> Iterator[Edge]:
    for transfer in [transfer for transfer in transfers if transfer.amount][:SHOWN]:
        yield edge_of(transfer, moves)
