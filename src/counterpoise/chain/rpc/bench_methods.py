"""The methods with which tests and developers move a local chain, by the names they know."""

from collections.abc import Callable
from typing import Any

from counterpoise.chain.embedded import EmbeddedChain
from counterpoise.chain.rpc.faults import PARAMS, RpcError
from counterpoise.chain.rpc.values import hexed, quantity, read_address, read_bytes, read_quantity

MAX_MINED = 10_000

Method = Callable[..., Any]


class BenchMethods:
    """`evm_` methods as ganache named them, and the few `anvil_` ones beside them."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self.chain = chain

    def table(self) -> dict[str, Method]:
        """Give the methods by name."""
        return {
            "evm_snapshot": self.chain.snapshot,
            "evm_revert": self.revert,
            "evm_mine": self.mine,
            "evm_increaseTime": self.increase_time,
            "evm_setAutomine": self.set_automine,
            "anvil_mine": self.mine_many,
            "anvil_setBalance": self.set_balance,
            "anvil_setCode": self.set_code,
            "anvil_reorg": self.reorg,
        }

    def revert(self, name: Any) -> bool:
        """Go back to a snapshot."""
        self.chain.revert(str(name))
        return True

    def mine(self, *_time: Any) -> str:
        """Mine one block; a wished time is not kept."""
        self.chain.mine()
        return "0x0"

    def mine_many(self, count: Any = "0x1", *_interval: Any) -> None:
        """Mine several blocks."""
        wanted = _number(count, "count")
        if wanted > MAX_MINED:
            raise RpcError(PARAMS, f"count: {wanted} blocks are more than {MAX_MINED}")
        self.chain.mine(wanted)

    def increase_time(self, seconds: Any) -> str:
        """Move the clock; the next block shows it."""
        self.chain.advance(_number(seconds, "seconds"))
        return quantity(_number(seconds, "seconds"))

    def set_automine(self, wanted: Any) -> bool:
        """Say whether each transaction is mined at once."""
        self.chain.automine = bool(wanted)
        return True

    def set_balance(self, address: Any, wei: Any) -> None:
        """Set a balance, in a block of its own."""
        who, wanted = read_address(address), read_quantity(wei, "balance")
        self.chain.fund(who, wanted - self.chain.balance(who))

    def set_code(self, address: Any, code: Any) -> None:
        """Put code at an address, in a block of its own."""
        self.chain.set_code(read_address(address), read_bytes(code, "code"))

    def reorg(self, depth: Any, kept: Any = ()) -> str:
        """Replace the last blocks by as many; `kept` pairs raw transactions with places."""
        try:
            raws = [(read_bytes(raw, "raw"), _number(place, "place")) for raw, place in kept]
        except (TypeError, ValueError):
            raise RpcError(PARAMS, "kept: a list of pairs [raw, place] is wanted") from None
        self.chain.replace(_number(depth, "depth"), raws)
        return hexed(self.chain.block("latest").hash)


def _number(value: Any, name: str) -> int:
    return value if isinstance(value, int) else read_quantity(value, name)
