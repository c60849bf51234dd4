"""Address poisoning: a stranger puts a look-alike of a known address into somebody's history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from counterpoise.monitor.alert import Edge, Entity, Finding, Severity
from counterpoise.monitor.blocks import Block, Transaction, Transfer
from counterpoise.monitor.detector import Context
from counterpoise.monitor.detectors.moves import Moves, edge_of, moves_of
from counterpoise.monitor.detectors.tables import Recent

PAYERS = 1 << 17
CONTACTS = 16
PLANTED = 1 << 16
DUST = 1_000
SHOWN = 16

Contact = tuple[bytes, bytes, int]
"""Whom somebody paid, in which token, and the largest amount."""


def likeness(one: bytes, other: bytes) -> tuple[int, int]:
    """How many hex digits two addresses share at the front and at the end, as people compare them.

    Examples
    --------
    >>> likeness(bytes.fromhex("ab12" + "00" * 16 + "cd34"), bytes.fromhex("ab1f" + "11" * 18))
    (3, 0)
    """
    first, second = one.hex(), other.hex()
    front = next((i for i, (a, b) in enumerate(zip(first, second, strict=True)) if a != b), 40)
    backward = zip(reversed(first), reversed(second), strict=True)
    return front, next((i for i, (a, b) in enumerate(backward) if a != b), 40)


@dataclass(frozen=True, slots=True)
class Poisoning:
    """Finds zero-value, dust and false-token transfers with a look-alike of somebody's payee.

    Parameters
    ----------
    least, total :
        Digits shared at the front and at the end: at least `least` at either, `total` at both.
        Two random addresses share 3 and 4, or 4 and 3, once in 2**27; of 16 payees, 2**23.
    """

    least: int = 3
    total: int = 7
    name: str = "poisoning"
    version: int = 1

    def inspect(self, block: Block, context: Context) -> Iterable[Finding]:
        """Compare whoever comes up beside a payer with those that the payer paid before."""
        moves = moves_of(block)
        paid = Recent(context.memory, "poisoning, payees", PAYERS)
        planted = Recent(context.memory, "poisoning, planted", PLANTED)
        for index, transfers in moves.transfers.items():
            transaction = moves.transactions[index]
            bad = [bait for t in transfers for bait in self._baits(t, transaction, paid)]
            if bad:
                yield self._found(transaction, bad, planted, moves)
            if planted:
                yield from self._fell_for(transaction, transfers, planted, moves)
            for transfer in transfers:
                if transfer.src == transaction.sender and transfer.amount:
                    _remember(transfer, paid)

    def _baits(
        self, transfer: Transfer, transaction: Transaction, paid: Recent
    ) -> Iterator[tuple[Transfer, bytes, bytes, bytes]]:
        """A transfer with each victim in whose history it puts a look-alike, that, and of whom."""
        ends = ((transfer.src, transfer.dst), (transfer.dst, transfer.src))
        for victim, other in ends:
            if victim in (transaction.sender, other):
                continue
            contacts: tuple[Contact, ...] = paid.get(victim, ())
            for contact in contacts:
                if not self._are_alike(other, contact[0]):
                    continue
                if any(one[0] == other for one in contacts):
                    break
                if _is_worthless(transfer, contact):
                    yield transfer, victim, other, contact[0]
                    break

    def _are_alike(self, one: bytes, other: bytes) -> bool:
        if one == other or one[0] != other[0] or one[-1] != other[-1]:
            return False
        front, end = likeness(one, other)
        return front >= self.least and end >= self.least and front + end >= self.total

    def _found(
        self,
        transaction: Transaction,
        bad: list[tuple[Transfer, bytes, bytes, bytes]],
        planted: Recent,
        moves: Moves,
    ) -> Finding:
        entities, reasons = [Entity(transaction.sender, "attacker")], []
        closest = 0
        for transfer, victim, other, real in bad:
            front, end = likeness(other, real)
            closest = max(closest, front + end)
            planted.put((victim, other), (real, transaction.hash))
            entities += [Entity(victim, "victim"), Entity(other, "look-alike")]
            entities.append(Entity(real, "contract"))
            how = (
                "nothing" if not transfer.amount else f"{transfer.amount} of {transfer.token.hex()}"
            )
            reasons.append(
                f"a transfer of {how} puts {other.hex()} beside {victim.hex()}, who had paid "
                f"{real.hex()}: {front} digits at the front and {end} at the end are the same"
            )
        return Finding(
            self.name,
            self.version,
            Severity.HIGH if closest > self.total else Severity.MEDIUM,
            900_000 if closest > self.total else 700_000,
            (transaction.hash,),
            tuple(dict.fromkeys(entities))[: 3 * SHOWN],
            tuple(reasons[:SHOWN]),
            tuple(edge_of(bait[0], moves) for bait in bad[:SHOWN]),
            f"look-alikes planted by {transaction.sender.hex()}",
        )

    def _fell_for(
        self,
        transaction: Transaction,
        transfers: Iterable[Transfer],
        planted: Recent,
        moves: Moves,
    ) -> Iterator[Finding]:
        """Somebody pays a look-alike that was planted: the loss is the payment."""
        for transfer in transfers:
            key = (transfer.src, transfer.dst)
            if transfer.src != transaction.sender or not transfer.amount or key not in planted:
                continue
            real, bait = planted.get(key)
            edges: tuple[Edge, ...] = (edge_of(transfer, moves),)
            yield Finding(
                self.name,
                self.version,
                Severity.CRITICAL,
                950_000,
                (transaction.hash, bait),
                (
                    Entity(transfer.src, "victim"),
                    Entity(transfer.dst, "look-alike"),
                    Entity(real, "contract"),
                ),
                (f"paid a planted look-alike of {real.hex()}, whom it had paid before",),
                edges,
                f"look-alike {transfer.dst.hex()}",
                transfer.amount,
                transfer.token,
            )
            return


def _is_worthless(transfer: Transfer, contact: Contact) -> bool:
    """Nothing, a thousandth of what was paid, or another token than was paid with."""
    _, token, amount = contact
    return transfer.token != token or DUST * transfer.amount <= amount


def _remember(transfer: Transfer, paid: Recent) -> None:
    known: tuple[Contact, ...] = paid.get(transfer.src, ())
    largest = transfer.amount
    rest = []
    for contact in known:
        if contact[0] == transfer.dst and contact[1] == transfer.token:
            largest = max(largest, contact[2])
        else:
            rest.append(contact)
    entry = (transfer.dst, transfer.token, largest)
    if (entry in known and len(known) < CONTACTS) or (known and known[-1] == entry):
        return
    paid.put(transfer.src, (*rest, entry)[-CONTACTS:])
