"""Sybils: accounts that one funder made, and that then do the same thing at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from counterpoise.core.digest import keccak
from counterpoise.monitor.alert import Edge, Entity, Finding, Severity
from counterpoise.monitor.blocks import NATIVE, Block, Transaction
from counterpoise.monitor.detector import Context
from counterpoise.monitor.detectors.moves import moves_of, one_each
from counterpoise.monitor.detectors.tables import Acquaintance, Recent

FUNDED = 1 << 17
ACTS = 1 << 16
HUB = 256
"""Who funded more fresh accounts than this is an exchange or a faucet."""

DEEPEST = 3
KEPT = 64
WEEK = 7 * 86_400

Funding = tuple[bytes, bytes, int, int, int]
"""Funder, the first of its chain of funders, amount, time, how many passed it on."""


@dataclass(frozen=True, slots=True)
class Sybil:
    """Finds fresh accounts of one funder that make equal calls within a short time.

    Parameters
    ----------
    least :
        So many accounts where their funding was equal, within a tenth.
    many :
        So many where it was not.
    span :
        Within so many seconds.
    """

    least: int = 5
    many: int = 12
    span: int = 3_600
    name: str = "sybil"
    version: int = 1

    def inspect(self, block: Block, context: Context) -> Iterable[Finding]:
        """Note who was funded by whom, then whose calls are equal."""
        moves = moves_of(block)
        known = Acquaintance(context.memory)
        known.begin(block.number, block.time)
        funded = Recent(context.memory, "sybil, funded", FUNDED)
        counts = Recent(context.memory, "sybil, funders", FUNDED)
        acts = Recent(context.memory, "sybil, acts", ACTS)
        for transaction in block.transactions:
            if transaction.given and transaction.sender in funded:
                yield from one_each(self._acted(transaction, block, funded, counts, acts))
            for transfer in moves.transfers.get(transaction.index, ()):
                if transfer.token != NATIVE or not transfer.amount or transfer.dst in funded:
                    continue
                if known.is_fresh(transfer.dst, block.time):
                    # Through a contract that pays out to many, it is its caller who funds.
                    source = transaction.sender
                    self._note(transfer.dst, source, transfer.amount, block.time, funded, counts)
            known.meet(transaction.sender, block.time)

    def _note(
        self, account: bytes, source: bytes, amount: int, time: int, funded: Recent, counts: Recent
    ) -> None:
        above: Funding | None = funded.get(source)
        root, depth = source, 1
        if above is not None and above[4] < DEEPEST and time - above[3] <= WEEK:
            root, depth = above[1], above[4] + 1
        funded.put(account, (source, root, amount, time, depth))
        for funder in {source, root}:
            counts.put(funder, min(HUB + 1, counts.get(funder, 0) + 1))

    def _acted(
        self, transaction: Transaction, block: Block, funded: Recent, counts: Recent, acts: Recent
    ) -> Iterator[Finding]:
        funding: Funding | None = funded.get(transaction.sender)
        if funding is None or block.time - funding[3] > WEEK:
            return
        what = transaction.given[:4] if transaction.to else keccak(transaction.given)[:4]
        for funder in sorted({funding[0], funding[1]}):
            if counts.get(funder, 0) > HUB:
                continue
            key = (funder, transaction.to or b"", what, transaction.value)
            entry = (transaction.sender, block.time, funding[2], transaction.hash)
            known = tuple(
                other
                for other in acts.get(key, ())
                if block.time - other[1] <= self.span and other[0] != transaction.sender
            )
            together = (*known, entry)[-KEPT:]
            acts.put(key, together)
            finding = self._judged(funder, transaction, together)
            if finding is not None:
                yield finding

    def _judged(
        self,
        funder: bytes,
        transaction: Transaction,
        together: tuple[tuple[bytes, int, int, bytes], ...],
    ) -> Finding | None:
        amounts = [amount for _, _, amount, _ in together]
        equal = 10 * max(amounts) <= 11 * min(amounts)
        steps = {(self.least if equal else self.many) << step for step in range(5)}
        if len(together) not in steps:
            return None
        seconds = together[-1][1] - together[0][1]
        return Finding(
            self.name,
            self.version,
            Severity.MEDIUM if equal else Severity.LOW,
            700_000 if equal else 500_000,
            tuple(digest for _, _, _, digest in together),
            (
                Entity(funder, "funder"),
                *(Entity(account, "sybil") for account, _, _, _ in together),
                Entity(transaction.to or transaction.sender, "contract"),
            ),
            (
                f"{len(together)} accounts that {funder.hex()} funded first, with "
                f"{'equal' if equal else 'various'} amounts, made equal calls to "
                f"{(transaction.to or b'').hex() or 'a new contract'} within {seconds} s",
            ),
            tuple(
                Edge(funder, account, NATIVE, amount, digest)
                for account, _, amount, digest in together
            ),
            f"accounts of {funder.hex()}",
        )
