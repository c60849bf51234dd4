"""Screening: who deals with labelled accounts, and how much of what somebody got came from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from counterpoise.monitor.alert import Entity, Finding, Severity
from counterpoise.monitor.blocks import Block, Transaction, Transfer
from counterpoise.monitor.detector import Context
from counterpoise.monitor.detectors.moves import Moves, edge_of, moves_of, one_each
from counterpoise.monitor.detectors.tables import Recent
from counterpoise.monitor.labels import NO_LABELS, Label, Labels
from counterpoise.monitor.memory import Memory

PPM = 1_000_000
ACCOUNTS = 1 << 18
HUB = 1_024
"""Who received more often than this passes no taint on: it mixes everybody's money."""

SHOWN = 16
SEVERITIES = {
    "sanction": Severity.CRITICAL,
    "exploit": Severity.HIGH,
    "heist": Severity.HIGH,
    "phishing": Severity.HIGH,
    "mixer": Severity.MEDIUM,
    "other": Severity.LOW,
}
TABLE = "screening, received"

Received = tuple[int, int, int, int]
"""All, from labelled accounts, from those who had it from them; base units. And how often."""

NOTHING: Received = (0, 0, 0, 0)


def exposure(memory: Memory, account: bytes, token: bytes) -> tuple[int, int]:
    """Which share of a token that an account received came from labelled accounts, in ppm.

    The first directly, the second over one account between. Zero for hubs, and for accounts that
    received nothing or were forgotten.
    """
    return _shares(Recent(memory, TABLE, ACCOUNTS).get((account, token), NOTHING))


def _shares(received: Received) -> tuple[int, int]:
    total, direct, second, count = received
    if not total or count > HUB:
        return 0, 0
    return PPM * direct // total, PPM * second // total


@dataclass(frozen=True, slots=True)
class Screening:
    """Finds dealings with labelled accounts, and accounts with much from them.

    Parameters
    ----------
    direct, second :
        Told when this share of what an account received came from labelled accounts directly, or
        over one account between; ppm.
    """

    labels: Labels = NO_LABELS
    direct: int = 100_000
    second: int = 250_000
    name: str = "screening"
    version: int = 1

    def inspect(self, block: Block, context: Context) -> Iterable[Finding]:
        """Look every party up; then carry shares on, transfer by transfer."""
        if not len(self.labels):
            return
        moves = moves_of(block)
        received = Recent(context.memory, TABLE, ACCOUNTS)
        for transaction in block.transactions:
            transfers = moves.transfers.get(transaction.index, ())
            found = list(self._listed(transaction, transfers, moves))
            for transfer in transfers:
                finding = self._carried(transfer, received, transaction, moves)
                if finding is not None:
                    found.append(finding)
            if found:
                yield from one_each(found)

    def _listed(
        self, transaction: Transaction, transfers: Iterable[Transfer], moves: Moves
    ) -> Iterator[Finding]:
        names = self.labels.by_address
        if (
            transaction.sender not in names
            and transaction.to not in names
            and not any(t.src in names or t.dst in names for t in transfers)
        ):
            return
        parties = {transaction.sender: None, transaction.to: None}
        parties |= {end: None for t in transfers for end in (t.src, t.dst)}
        known = [(account, self.labels.find(account)) for account in parties if account]
        listed = [(account, label) for account, label in known if label is not None]
        if not listed:
            return
        worst = max(listed, key=lambda pair: SEVERITIES[pair[1].category])[1]
        marked = {account for account, _ in listed}
        touching = [t for t in transfers if t.src in marked or t.dst in marked]
        others = {end for t in touching for end in (t.src, t.dst)} - marked
        entities = [_entity(account, label) for account, label in listed]
        entities += [Entity(account, "counterparty") for account in sorted(others)]
        moved = max(touching, key=lambda transfer: transfer.amount, default=None)
        yield Finding(
            self.name,
            self.version,
            SEVERITIES[worst.category],
            990_000,
            (transaction.hash,),
            tuple(entities[:SHOWN]),
            tuple(
                f"{account.hex()} is {label.name} ({label.category}) by {label.source} "
                f"of {label.listed}"
                for account, label in listed[:SHOWN]
            ),
            tuple(edge_of(transfer, moves) for transfer in touching[:SHOWN]),
            f"dealings with {listed[0][0].hex()}",
            moved.amount if moved else 0,
            moved.token if moved else b"",
            model=self.labels.digest,
        )

    def _carried(
        self, transfer: Transfer, received: Recent, transaction: Transaction, moves: Moves
    ) -> Finding | None:
        amount, key = transfer.amount, (transfer.dst, transfer.token)
        names = self.labels.by_address
        if not amount or transfer.src == transfer.dst or transfer.dst in names:
            return None
        before: Received = received.get(key, NOTHING)
        direct = second = 0
        label = names.get(transfer.src)
        if label is not None:
            direct = amount
        else:
            source: Received = received.get((transfer.src, transfer.token), NOTHING)
            if source[1]:
                second = amount * _shares(source)[0] // PPM
        after = (before[0] + amount, before[1] + direct, before[2] + second, before[3] + 1)
        received.put(key, after)
        if not direct and not second:
            return None
        return self._crossed(transfer, before, after, label, transaction, moves)

    def _crossed(
        self,
        transfer: Transfer,
        before: Received,
        after: Received,
        label: Label | None,
        transaction: Transaction,
        moves: Moves,
    ) -> Finding | None:
        """A share grew past its bar with this transfer."""
        was, now = _shares(before), _shares(after)
        hops = [
            (hop, share)
            for hop, (old, share, bar) in enumerate(
                zip(was, now, (self.direct, self.second), strict=True), 1
            )
            if old < bar <= share
        ]
        if not hops:
            return None
        hop, share = hops[0]
        source = _entity(transfer.src, label) if label else Entity(transfer.src, "source")
        return Finding(
            self.name,
            self.version,
            Severity.HIGH if hop == 1 else Severity.MEDIUM,
            900_000 if hop == 1 else 700_000,
            (transaction.hash,),
            (Entity(transfer.dst, "receiver"), source),
            (
                f"{share // 10_000} % of the {transfer.token.hex()} that {transfer.dst.hex()} "
                f"received came from listed accounts, {hop} hop{'s' * (hop > 1)} away",
            ),
            (edge_of(transfer, moves),),
            f"taint in {transfer.dst.hex()}",
            transfer.amount,
            transfer.token,
            model=self.labels.digest,
        )


def _entity(account: bytes, label: Label) -> Entity:
    return Entity(account, "listed", label.name, label.listed)
