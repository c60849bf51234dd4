"""Where everybody's tokens came from and went to, by the transfers on the chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from counterpoise.core.units import Address
from counterpoise.identity import Paid
from counterpoise.market import PaidReceipts
from counterpoise.network import Network

MINT, STAKE = "mint", "stake"
CALLS, EMISSIONS, ORACLE, BONDS = "calls", "emissions", "oracle", "bonds"
PURPOSES = {
    "BatchSettlement": CALLS,
    "Erc3009DepositCollector": CALLS,
    "Oracle": ORACLE,
    "Optimistic": BONDS,
}
"""What a transfer from or to one of the network's contracts is for."""


@dataclass(frozen=True, slots=True)
class Books:
    """What one account received less what it gave, in base units by purpose.

    Parameters
    ----------
    balance :
        What it has.
    """

    by_purpose: Mapping[str, int]
    balance: int

    def of(self, purpose: str) -> int:
        """Give the sum of one purpose; 0 where there was nothing."""
        return self.by_purpose.get(purpose, 0)

    @property
    def earned(self) -> int:
        """What came of calls, emissions, the oracle and bonds."""
        return sum(map(self.of, (CALLS, EMISSIONS, ORACLE, BONDS)))

    @property
    def adds_up(self) -> bool:
        """Whether all that came and went makes the balance."""
        return sum(self.by_purpose.values()) == self.balance


def read_books(
    network: Network, accounts: Mapping[str, Address], market: Address
) -> dict[str, Books]:
    """Read the books of some accounts from the token's transfers.

    Parameters
    ----------
    market :
        Address of the validators' market, which pays emissions.
    """
    token, contracts = network.contract("CreditToken"), network.charter.contracts
    purposes = {contracts[name]: purpose for name, purpose in PURPOSES.items()}
    purposes |= {market: STAKE, bytes(20): MINT}
    names = {address: name for name, address in accounts.items()}
    sums: dict[str, Counter[str]] = {name: Counter() for name in accounts}
    for event in token.events("Transfer"):
        sender, receiver, amount = (event.args[n] for n in ("sender", "receiver", "amount"))
        for own, other, signed in ((receiver, sender, amount), (sender, receiver, -amount)):
            if own in names:
                purpose = purposes.get(other) or names.get(other) or f"0x{other.hex()}"
                if purpose == STAKE and signed > 0:
                    purpose = EMISSIONS  # nobody takes stake out while the demonstration runs
                sums[names[own]][purpose] += signed
    return {
        name: Books(dict(sums[name]), int(token.call("balanceOf", address)))
        for name, address in accounts.items()
    }


def paid_for_calls(
    receipts: PaidReceipts, agents: Mapping[str, int], names: Mapping[Address, str]
) -> dict[str, dict[str, int]]:
    """Give what each buyer's vouchers came to that each seller brought to the chain."""
    found: dict[str, dict[str, int]] = {}
    for seller, agent in agents.items():
        sums: Counter[str] = Counter()
        for paid in _channels(receipts.paid(agent)):
            sums[names.get(paid.payer, paid.payer.hex())] += paid.amount
        found[seller] = dict(sorted(sums.items()))
    return found


def _channels(paid: Iterable[Paid]) -> Iterable[Paid]:
    return (one for one in paid if one.name.startswith("channel/"))
