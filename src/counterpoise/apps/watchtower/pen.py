"""Writes blocks: signed transactions in a stated order, as whoever makes a block could put them."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from counterpoise.chain import Account, Chain, Contract, Receipt, Transaction
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError

GAS = 3_000_000


@runtime_checkable
class _Rewritable(Protocol):
    """A local chain whose newest block can be written again with other content."""

    def mine(self, n: int = 1) -> None: ...

    def replace(self, depth: int, kept: Any) -> None: ...

    def reorg(self, depth: int, *, keep: bool = True) -> None: ...


class Pen:
    """Puts transactions of many people into one block, in the order in which they were signed.

    Raises
    ------
    InputError :
        The chain does not let anybody choose the order.
    """

    def __init__(self, chain: Chain) -> None:
        if not isinstance(chain, _Rewritable):
            raise InputError(
                "this demonstration needs the chain inside this process",
                hint="leave out --chain",
            )
        self.chain, self._maker = chain, chain
        self._nonces: dict[bytes, int] = {}
        self._waiting: list[bytes] = []

    def call(self, who: Account, contract: Contract, name: str, *args: Any, value: int = 0) -> None:
        """Sign a call for the next block."""
        self._sign(who, contract.address, contract.encode(name, *args), value)

    def pay(self, who: Account, to: bytes, value: int) -> None:
        """Sign a payment of coins, wei, for the next block."""
        self._sign(who, to, b"", value)

    def mine(self) -> list[Receipt]:
        """Make the block; give what became of each transaction, failed ones too."""
        raws, self._waiting, self._nonces = self._waiting, [], {}
        self._maker.mine()
        self._maker.replace(1, [(raw, 0) for raw in raws])
        number = self.chain.block("latest").number
        receipts = [self.chain.receipt(keccak(raw)) for raw in raws]
        missing = sum(one is None or one.block_number != number for one in receipts)
        if missing:
            raise InputError(
                f"{missing} of {len(raws)} transactions did not fit into block {number}"
            )
        return [one for one in receipts if one is not None]

    def undo(self) -> None:
        """Let another branch win, on which the newest block's transactions never were."""
        self._maker.reorg(1, keep=False)

    def _sign(self, who: Account, to: bytes, data: bytes, value: int) -> None:
        nonce = self._nonces.get(who.address, self.chain.nonce(who.address))
        self._nonces[who.address] = nonce + 1
        base, tip = self.chain.fees()
        fields = Transaction(
            self.chain.chain_id(), nonce, tip, 2 * base + tip, GAS, to, value, data
        )
        self._waiting.append(who.sign_transaction(fields))
