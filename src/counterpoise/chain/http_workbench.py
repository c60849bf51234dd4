"""A local node, behind HTTP, that lets a developer or a test move it."""

from counterpoise.chain import answers
from counterpoise.chain.http import HttpChain
from counterpoise.core.errors import InputError


class HttpWorkbench(HttpChain):
    """A local node that lets itself be moved: ours, or anvil."""

    def fund(self, address: bytes, wei: int) -> None:
        """Add `wei` to a balance."""
        total = hex(self.balance(address) + wei)
        self.request("anvil_setBalance", answers.hexed(address), total)

    def set_code(self, address: bytes, code: bytes) -> None:
        """Put code at an address without running a constructor."""
        self.request("anvil_setCode", answers.hexed(address), answers.hexed(code))

    def mine(self, n: int = 1) -> None:
        """Mine `n` blocks."""
        self.request("anvil_mine", hex(n))

    def warp(self, seconds: int) -> None:
        """Move the clock forward and mine one block there."""
        self.request("evm_increaseTime", seconds)
        self.request("evm_mine")

    def snapshot(self) -> str:
        """Remember the present head."""
        return str(self.request("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Go back to a remembered head."""
        if self.request("evm_revert", snapshot) is not True:
            raise InputError(f"there is no snapshot {snapshot!r}")

    def reorg(self, depth: int, *, keep: bool = True) -> None:
        """Replace the last `depth` blocks by one more than that."""
        head = self.block("latest").number
        kept = self._raws(head - depth + 1, head) if keep else []
        self.request("anvil_reorg", depth, [[raw, place] for place, raw in kept])
        self.mine()

    def _raws(self, first: int, last: int) -> list[tuple[int, str]]:
        """Give the raw transactions of blocks, with their distance from the first."""
        found = []
        for number in range(first, last + 1):
            shown = self.request("eth_getBlockByNumber", hex(number), False)
            for tx_hash in shown["transactions"]:
                raw = self.request("eth_getRawTransactionByHash", tx_hash)
                found.append((number - first, str(raw)))
        return found
