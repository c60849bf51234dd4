"""What is remembered of contracts whose creation was seen: whose they are, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from counterpoise.core.digest import keccak
from counterpoise.monitor.blocks import Entry, Transaction
from counterpoise.monitor.detectors.tables import Recent
from counterpoise.monitor.memory import Memory

CONTRACTS = 1 << 15
HOLDINGS = 1 << 16
HOLDERS = 1 << 17
INSIDERS = 8
DAY = 86_400

OWNED = keccak(b"OwnershipTransferred(address,address)")
CHANGES = {
    keccak(b"Upgraded(address)"): "its code was changed",
    keccak(b"BeaconUpgraded(address)"): "its code was changed",
    keccak(b"AdminChanged(address,address)"): "who may change its code was changed",
    OWNED: "its owner was changed",
}


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract whose creation was seen.

    Parameters
    ----------
    insiders :
        Who created it, who owned it, who changed its code.
    supply :
        Of it as a token: what was minted less what was burnt.
    traded :
        Whether somebody else ever bought it.
    changes :
        What was changed within the last day: ``(time, words, transaction)``.
    """

    created: int
    insiders: tuple[bytes, ...]
    supply: int = 0
    traded: int = 0
    changes: tuple[tuple[int, str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """What a contract holds of a token.

    Parameters
    ----------
    brought :
        By insiders, less what they took.
    since, base, taken :
        The day that is counted: when it began, what was there then or came since, and what
        insiders took since.
    told :
        Whether that was told already.
    shared :
        Whether it is a common purse: insiders had brought some, or others took some. A shop's
        takings are neither.
    """

    balance: int = 0
    brought: int = 0
    since: int = 0
    base: int = 0
    taken: int = 0
    told: int = 0
    shared: int = 0


class Contracts:
    """The book of contracts and holdings, in tables of the memory."""

    def __init__(self, memory: Memory) -> None:
        self._contracts = Recent(memory, "rug, contracts", CONTRACTS)
        self._holdings = Recent(memory, "rug, holdings", HOLDINGS)
        self.balances = Recent(memory, "rug, holders", HOLDERS)
        self.allowances = Recent(memory, "rug, allowances", HOLDERS)
        self.blocked = Recent(memory, "rug, blocked", CONTRACTS)

    def find(self, address: bytes) -> Contract | None:
        """A contract by its address, None if its creation was not seen."""
        found = self._contracts.get(address)
        return None if found is None else Contract(*found)

    def put(self, address: bytes, contract: Contract) -> None:
        """Write a contract down."""
        record = (contract.created, contract.insiders, contract.supply, contract.traded)
        self._contracts.put(address, (*record, contract.changes))

    def holding(self, account: bytes, token: bytes) -> Holding:
        """What a contract holds of a token."""
        return Holding(*self._holdings.get((account, token), ()))

    def put_holding(self, account: bytes, token: bytes, held: Holding) -> None:
        """Write it down."""
        day = (held.since, held.base, held.taken, held.told, held.shared)
        self._holdings.put((account, token), (held.balance, held.brought, *day))

    def note_creations(self, transaction: Transaction, time: int) -> None:
        """Note the contracts that a transaction created; its sender is their first insider."""
        created = {transaction.created} if transaction.created else set()
        if transaction.trace is not None and transaction.succeeded:
            created |= {
                frame.to
                for frame in transaction.trace.walk()
                if frame.kind == "create" and not frame.failed
            }
        for address in sorted(created):
            if self.find(address) is None:
                self.put(address, Contract(time, (transaction.sender,)))

    def note_changes(self, transaction: Transaction, time: int) -> None:
        """Note changes of owners and code; who made them, and who owns now, are insiders."""
        for entry in transaction.entries:
            words = CHANGES.get(entry.topics[0]) if entry.topics else None
            contract = self.find(entry.address) if words else None
            if words is None or contract is None:
                continue
            named = [account for account in _named(entry) if any(account)]
            insiders = tuple(dict.fromkeys([*contract.insiders, transaction.sender, *named]))
            recent = tuple(one for one in contract.changes if time - one[0] < DAY)
            changes = contract.changes
            if contract.created != time:
                changes = (*recent, (time, words, transaction.hash))[-INSIDERS:]
            changed = replace(contract, insiders=insiders[-INSIDERS:], changes=changes)
            self.put(entry.address, changed)

    def is_insider(self, account: bytes, *addresses: bytes) -> bool:
        """Whether an account is an insider of any of the contracts."""
        known = (self.find(address) for address in addresses)
        return any(account in contract.insiders for contract in known if contract is not None)


def _named(entry: Entry) -> Iterator[bytes]:
    if entry.topics[0] == OWNED and len(entry.topics) == 3:
        yield entry.topics[2][12:]
