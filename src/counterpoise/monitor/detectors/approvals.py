"""Approval phishing: an owner lets a stranger take its tokens, and the stranger takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from counterpoise.monitor.alert import Edge, Entity, Finding, Severity
from counterpoise.monitor.blocks import TRANSFER, Block, Transaction
from counterpoise.monitor.detector import Context
from counterpoise.monitor.detectors.moves import Moves, moves_of, one_each
from counterpoise.monitor.detectors.rights import Approval, approvals_of
from counterpoise.monitor.detectors.tables import Acquaintance, Recent
from counterpoise.monitor.labels import NO_LABELS, Labels

OWNERS = 1 << 17
SPENDERS = 1 << 16
GRANTS = 8
SHOWN = 16

Grant = tuple[bytes, int, bytes, int]
"""Spender, time, transaction, and 1 if somebody else than the owner sent that transaction."""


@dataclass(frozen=True, slots=True)
class Taking:
    """Something that left an owner without the owner having sent the transaction."""

    owner: bytes
    token: bytes
    dst: bytes
    amount: int


@dataclass(frozen=True, slots=True)
class Approvals:
    """Finds rights given to labelled or fresh spenders, and what these then take for nothing.

    Parameters
    ----------
    labels :
        A right given to one of these is told at once.
    grace :
        A right used so many seconds after it was given, or later, was not given for one occasion.
    """

    labels: Labels = NO_LABELS
    grace: int = 30 * 86_400
    name: str = "approvals"
    version: int = 1

    def inspect(self, block: Block, context: Context) -> Iterable[Finding]:
        """Note the rights given, then look at what was taken by others than its owner."""
        moves = moves_of(block)
        book = _Book(context, block)
        for transaction in block.transactions:
            if not transaction.succeeded:
                continue
            given = list(approvals_of(transaction.entries))
            found = [*self._takings(transaction, moves, book)]
            if given:
                found.append(self._labelled(transaction, given))
                for approval in given:
                    book.note(approval, transaction)
                found += self._takings(transaction, moves, book)
            if found:
                yield from one_each(finding for finding in found if finding is not None)
            book.meet(transaction)

    def _labelled(self, transaction: Transaction, given: list[Approval]) -> Finding | None:
        known = [(a, self.labels.find(a.spender)) for a in given if a.amount]
        marked = [(approval, label) for approval, label in known if label is not None]
        if not marked:
            return None
        entities = [Entity(approval.owner, "victim") for approval, _ in marked]
        entities += [Entity(a.spender, "spender", lb.name, lb.listed) for a, lb in marked]
        return Finding(
            self.name,
            self.version,
            Severity.HIGH,
            900_000,
            (transaction.hash,),
            tuple(dict.fromkeys(entities))[:SHOWN],
            tuple(
                f"may now take {a.token.hex()} of {a.owner.hex()}: {lb.name} ({lb.category})"
                for a, lb in marked[:SHOWN]
            ),
            scheme=f"approvals to {marked[0][0].spender.hex()}",
        )

    def _takings(
        self, transaction: Transaction, moves: Moves, book: _Book
    ) -> Iterator[Finding | None]:
        for taking in _takings(transaction, moves, book):
            grant = book.grant_used(taking, transaction)
            if grant is None:
                yield self._delegated(taking, transaction, book)
            elif moves.block.time - grant[1] < self.grace:
                yield self._judged(taking, grant, transaction, book)

    def _delegated(self, taking: Taking, transaction: Transaction, book: _Book) -> Finding | None:
        """A person's own account acts in a stranger's transaction: its code is another's now."""
        label = self.labels.find(transaction.sender) or self.labels.find(taking.dst)
        if transaction.trace is None or taking.owner not in book.persons:
            return None
        if label is None and not book.is_fresh(transaction.sender):
            return None
        walk = transaction.trace.walk()
        if not any(frame.sender == taking.owner and not frame.failed for frame in walk):
            return None
        name, listed = (label.name, label.listed) if label else ("", "")
        return Finding(
            self.name,
            self.version,
            Severity.CRITICAL if label else Severity.HIGH,
            950_000 if label else 800_000,
            (transaction.hash,),
            (
                Entity(taking.owner, "victim"),
                Entity(transaction.sender, "spender", name, listed),
                Entity(taking.dst, "receiver"),
            ),
            (
                f"{taking.owner.hex()}, a person's account, sent {taking.amount} of "
                f"{taking.token.hex()} in a transaction of {transaction.sender.hex()} and got "
                "nothing back: it must have let foreign code act for it (EIP-7702)",
            ),
            (Edge(taking.owner, taking.dst, taking.token, taking.amount, transaction.hash),),
            f"accounts emptied by {transaction.sender.hex()}",
            taking.amount,
            taking.token,
        )

    def _judged(
        self, taking: Taking, grant: Grant, transaction: Transaction, book: _Book
    ) -> Finding | None:
        spender, _, granted, by_other = grant
        label = self.labels.find(spender) or self.labels.find(taking.dst)
        person = spender == transaction.sender
        if label is None and not book.is_fresh(spender):
            return None
        victims = book.robbed(spender, taking.owner)
        sure = label is not None or person or by_other or victims > 1
        reasons = [
            f"{spender.hex()} took {taking.amount} of {taking.token.hex()} from "
            f"{taking.owner.hex()}, who had let it and got nothing back"
        ]
        reasons += [f"the spender is on a list: {label.name} ({label.category})"] if label else []
        reasons += ["the spender was first seen less than a week ago"] if not label else []
        reasons += ["the spender is a person, not a contract"] if person else []
        reasons += ["the right was handed in by somebody else, as a signature"] if by_other else []
        reasons += [f"it did the same to {victims} owners"] if victims > 1 else []
        name, listed = (label.name, label.listed) if label else ("", "")
        return Finding(
            self.name,
            self.version,
            (Severity.CRITICAL if label else Severity.HIGH) if sure else Severity.MEDIUM,
            (950_000 if label else 850_000) if sure else 600_000,
            tuple(dict.fromkeys((transaction.hash, granted))),
            (
                Entity(taking.owner, "victim"),
                Entity(spender, "spender", name, listed),
                Entity(taking.dst, "receiver"),
            ),
            tuple(reasons),
            (Edge(taking.owner, taking.dst, taking.token, taking.amount, transaction.hash),),
            f"approvals to {spender.hex()}",
            taking.amount,
            taking.token,
        )


class _Book:
    """What is remembered of rights, spenders and accounts."""

    def __init__(self, context: Context, block: Block) -> None:
        self.time = block.time
        self.known = Acquaintance(context.memory)
        self.known.begin(block.number, block.time)
        self.grants = Recent(context.memory, "approvals, grants", OWNERS)
        self.takings = Recent(context.memory, "approvals, robbed", SPENDERS)
        self.persons = Recent(context.memory, "approvals, persons", OWNERS)

    def note(self, approval: Approval, transaction: Transaction) -> None:
        """Write a right down, or strike it out."""
        key = (approval.token, approval.owner)
        known: tuple[Grant, ...] = self.grants.get(key, ())
        rest = tuple(grant for grant in known if grant[0] != approval.spender)
        if approval.amount:
            by_other = int(transaction.sender != approval.owner)
            entry = (approval.spender, self.time, transaction.hash, by_other)
            # What is left of an allowance after a part was taken is told by an event as well.
            if any(g[0] == approval.spender for g in known) and by_other:
                return
            self.known.meet(approval.spender, self.time)
            self.grants.put(key, (*rest, entry)[-GRANTS:])
        elif rest:
            self.grants.put(key, rest)
        else:
            self.grants.drop(key)

    def grant_used(self, taking: Taking, transaction: Transaction) -> Grant | None:
        """The right by which something was taken."""
        acting = {transaction.sender, transaction.to}
        if transaction.trace is not None:
            acting |= {frame.sender for frame in transaction.trace.walk() if not frame.failed}
        for grant in reversed(self.grants.get((taking.token, taking.owner), ())):
            if grant[0] in acting:
                return (grant[0], grant[1], grant[2], grant[3])
        return None

    def robbed(self, spender: bytes, owner: bytes) -> int:
        """From how many owners a spender took for nothing, this one included; at most `SHOWN`."""
        owners: tuple[bytes, ...] = self.takings.get(spender, ())
        if owner not in owners and len(owners) < SHOWN:
            owners = (*owners, owner)
            self.takings.put(spender, owners)
        return len(owners)

    def is_fresh(self, account: bytes) -> bool:
        """Whether an account was first seen less than a week ago."""
        return self.known.is_fresh(account, self.time)

    def meet(self, transaction: Transaction) -> None:
        """Note who took part."""
        if transaction.created is not None:
            self.known.meet(transaction.created, self.time, created=True)
        self.known.meet(transaction.sender, self.time)
        self.persons.keep(transaction.sender, 1)
        if transaction.to is not None:
            self.known.meet(transaction.to, self.time)


def _takings(transaction: Transaction, moves: Moves, book: _Book) -> Iterator[Taking]:
    """What left accounts that did not send the transaction and got nothing back in it."""
    moved = moves.transfers.get(transaction.index, ())
    ends = {transaction.sender, transaction.to}
    if transaction.to != transaction.sender and transaction.to in book.persons:
        ends.discard(transaction.to)
    pieces = any(len(entry.topics) == 4 for entry in transaction.entries)
    if not pieces and all(transfer.src in ends for transfer in moved):
        return
    gaining = {transfer.dst for transfer in moved if transfer.amount}
    sums: dict[tuple[bytes, bytes, bytes], int] = {}
    for transfer in moved:
        if transfer.amount:
            key = (transfer.src, transfer.token, transfer.dst)
            sums[key] = sums.get(key, 0) + transfer.amount
    for entry in transaction.entries:
        if len(entry.topics) == 4 and entry.topics[0] == TRANSFER:
            src, dst = entry.topics[1][12:], entry.topics[2][12:]
            gaining.add(dst)
            sums[(src, entry.address, dst)] = sums.get((src, entry.address, dst), 0) + 1
    for (src, token, dst), amount in sums.items():
        if src not in ends and src != dst and src not in gaining:
            yield Taking(src, token, dst, amount)
