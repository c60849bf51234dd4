"""Rug pulls: insiders mint, empty the market, change the code and take, or let nobody sell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from counterpoise.monitor.alert import Edge, Entity, Finding, Severity
from counterpoise.monitor.blocks import Block, Frame, Transaction, Transfer
from counterpoise.monitor.detector import Context
from counterpoise.monitor.detectors.moves import Moves, edge_of, moves_of, one_each
from counterpoise.monitor.detectors.reentrancy import selector
from counterpoise.monitor.detectors.rights import APPROVAL
from counterpoise.monitor.detectors.rug_book import DAY, Contract, Contracts, Holding

NOBODY = bytes(20)
TRANSFER = selector("transfer(address,uint256)")
TRANSFER_FROM = selector("transferFrom(address,address,uint256)")
KEPT = 16


@dataclass(frozen=True, slots=True)
class Rug:
    """Finds what insiders of young contracts do to those who brought the money.

    Only contracts whose creation was seen are judged: of others nobody knows who is inside.

    Parameters
    ----------
    minted :
        A mint of so many ppm of the supply, once others bought, is told.
    emptied :
        Insiders took so many ppm of what a contract held, within a day, and more than they
        had brought.
    blocked :
        So many accounts could not sell what was theirs and approved.
    """

    minted: int = 500_000
    emptied: int = 800_000
    blocked: int = 3
    name: str = "rug"
    version: int = 1

    def inspect(self, block: Block, context: Context) -> Iterable[Finding]:
        """Judge each transaction by the book, then write it down."""
        moves = moves_of(block)
        book = Contracts(context.memory)
        for transaction in block.transactions:
            found: list[Finding] = []
            book.note_creations(transaction, block.time)
            if transaction.succeeded:
                book.note_changes(transaction, block.time)
                found.extend(self._moved(transaction, moves, book))
                _note_allowances(transaction, book)
            elif transaction.trace is not None:
                found.extend(self._refused(transaction, transaction.trace, book))
            if found:
                yield from one_each(found)

    def _moved(self, transaction: Transaction, moves: Moves, book: Contracts) -> Iterator[Finding]:
        transfers = moves.transfers.get(transaction.index, ())
        for swap in moves.swaps.get(transaction.index, ()):
            token = book.find(swap.got_token)
            bought = token is not None and swap.pool != transaction.sender
            if token and bought and not token.traded and transaction.sender not in token.insiders:
                book.put(swap.got_token, replace(token, traded=1))
            sold = book.find(swap.paid_token)
            if sold is not None and swap.pool != transaction.sender:
                _note_sale(swap.paid_token, sold, transaction.sender, book)
        for transfer in transfers:
            finding = self._minted(transfer, transaction, moves, book)
            if finding is not None:
                yield finding
        tokens = {transfer.token for transfer in transfers}
        for transfer in transfers:
            _note_balances(transfer, book)
            for finding in self._held(transfer, tokens, transaction, moves, book):
                yield finding

    def _minted(
        self, transfer: Transfer, transaction: Transaction, moves: Moves, book: Contracts
    ) -> Finding | None:
        token = book.find(transfer.token)
        if token is None or NOBODY not in (transfer.src, transfer.dst):
            return None
        gain = transfer.amount if transfer.src == NOBODY else -transfer.amount
        book.put(transfer.token, replace(token, supply=max(0, token.supply + gain)))
        by_insider = transaction.sender in token.insiders
        if not (token.traded and by_insider and gain > 0 and token.supply):
            return None
        if 1_000_000 * gain < self.minted * token.supply:
            return None
        return self._finding(
            transaction,
            token,
            transfer.token,
            f"minted {gain} more when there were {token.supply}, and others had bought",
            (edge_of(transfer, moves),),
            moves.block.time,
        )

    def _held(
        self,
        transfer: Transfer,
        tokens: set[bytes],
        transaction: Transaction,
        moves: Moves,
        book: Contracts,
    ) -> Iterator[Finding]:
        """Follow what contracts hold; tell when insiders took nearly all of it."""
        if not transfer.amount or transfer.src == transfer.dst:
            return
        for account, sign in ((transfer.src, -1), (transfer.dst, 1)):
            contract = book.find(account)
            if contract is None or account == transfer.token:
                continue
            inside = book.is_insider(transaction.sender, account, *(tokens - {transfer.token}))
            held = _moved_on(
                book.holding(account, transfer.token),
                sign * transfer.amount,
                inside=inside,
                time=moves.block.time,
            )
            emptied = 1_000_000 * held.taken >= self.emptied * held.base > 0
            own = book.is_insider(transaction.sender, transfer.token)
            taken = sign < 0 and inside and emptied and held.brought < 0
            if taken and held.shared and not held.told and not own:
                held = replace(held, told=1)
                yield self._finding(
                    transaction,
                    contract,
                    account,
                    f"took {held.taken} of {held.base} of {transfer.token.hex()} out of it within "
                    f"a day, {-held.brought} more than insiders had brought",
                    (edge_of(transfer, moves),),
                    moves.block.time,
                )
            book.put_holding(account, transfer.token, held)

    def _refused(self, transaction: Transaction, tree: Frame, book: Contracts) -> Iterator[Finding]:
        """A sale that the token itself refused, though the seller had and had approved it."""
        for frame in tree.walk():
            token = book.find(frame.to) if frame.failed and frame.kind == "call" else None
            if token is None or any(child.failed for child in frame.frames):
                continue
            moved = _asked(frame)
            if moved is None:
                continue
            owner, dst, amount = moved
            market = book.find(dst)
            if market is None or owner in token.insiders or not token.traded:
                continue
            had = book.balances.get((frame.to, owner), 0) >= amount
            allowance = book.allowances.get((frame.to, owner, frame.sender), 0)
            if not amount or not had or (frame.sender != owner and allowance < amount):
                continue
            refused, sellers, insiders = book.blocked.get(frame.to, ((), (), 0))
            if owner in refused:
                continue
            refused = (*refused, owner)[-KEPT:]
            book.blocked.put(frame.to, (refused, sellers, insiders))
            if len(refused) == self.blocked and len(refused) > 2 * len(sellers):
                words = f"refused {len(refused)} holders to sell; {len(sellers)} others ever could"
                words += ", and insiders did" if insiders else ""
                finding = self._finding(transaction, token, frame.to, words, (), token.created)
                yield finding if insiders else replace(finding, severity=Severity.MEDIUM)

    def _finding(
        self,
        transaction: Transaction,
        contract: Contract,
        address: bytes,
        words: str,
        edges: tuple[Edge, ...],
        time: int,
    ) -> Finding:
        changes = [change for change in contract.changes if time - change[0] < DAY]
        insider = transaction.sender in contract.insiders
        who = transaction.sender if insider else contract.insiders[0]
        return Finding(
            self.name,
            self.version,
            Severity.HIGH,
            850_000 if changes else 700_000,
            (transaction.hash,),
            (Entity(who, "insider"), Entity(address, "contract")),
            (words, *(f"{told} {time - when} s before" for when, told, _ in changes)),
            edges,
            f"insiders of {contract.insiders[0].hex()}",
            edges[0].amount if edges else 0,
            edges[0].token if edges else b"",
        )


def _moved_on(held: Holding, change: int, *, inside: bool, time: int) -> Holding:
    if time - held.since >= DAY:
        held = replace(held, since=time, base=held.balance, taken=0, told=0)
    return replace(
        held,
        balance=max(0, held.balance + change),
        brought=held.brought + (change if inside else 0),
        base=held.base + max(0, change),
        taken=held.taken + (max(0, -change) if inside else 0),
        shared=held.shared | int((change > 0) == inside),
    )


def _note_balances(transfer: Transfer, book: Contracts) -> None:
    """Who holds how much of a token whose creation was seen."""
    if book.find(transfer.token) is None:
        return
    for account, sign in ((transfer.src, -1), (transfer.dst, 1)):
        if account != NOBODY:
            key = (transfer.token, account)
            book.balances.put(key, max(0, book.balances.get(key, 0) + sign * transfer.amount))


def _note_allowances(transaction: Transaction, book: Contracts) -> None:
    for entry in transaction.entries:
        if len(entry.topics) == 3 and entry.topics[0] == APPROVAL and book.find(entry.address):
            key = (entry.address, entry.topics[1][12:], entry.topics[2][12:])
            book.allowances.put(key, int.from_bytes(entry.data[:32], "big"))


def _note_sale(address: bytes, token: Contract, seller: bytes, book: Contracts) -> None:
    refused, sellers, insiders = book.blocked.get(address, ((), (), 0))
    if seller in token.insiders:
        book.blocked.put(address, (refused, sellers, 1))
    elif seller not in sellers and len(sellers) < KEPT:
        book.blocked.put(address, (refused, (*sellers, seller), insiders))


def _asked(frame: Frame) -> tuple[bytes, bytes, int] | None:
    """Whose tokens a call wanted to move, to whom, and how many."""
    given = frame.given
    if given[:4] == TRANSFER and len(given) >= 68:
        return frame.sender, given[16:36], int.from_bytes(given[36:68], "big")
    if given[:4] == TRANSFER_FROM and len(given) >= 100:
        return given[16:36], given[48:68], int.from_bytes(given[68:100], "big")
    return None
