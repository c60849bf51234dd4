"""The `eth_`, `net_` and `web3_` methods, answered from an embedded chain."""

from collections.abc import Callable
from typing import Any

from counterpoise import __version__
from counterpoise.chain.account import Transaction
from counterpoise.chain.backend import BlockRef
from counterpoise.chain.dev_accounts import DEV_ACCOUNTS, dev_account
from counterpoise.chain.embedded import EmbeddedChain
from counterpoise.chain.embedded_reads import USUAL_TIP
from counterpoise.chain.ledger import Mined
from counterpoise.chain.rpc import shapes
from counterpoise.chain.rpc.faults import PARAMS, TOO_MUCH, RpcError
from counterpoise.chain.rpc.values import (
    hexed,
    quantity,
    read_address,
    read_block,
    read_bytes,
    read_quantity,
    read_topics,
)
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError

MAX_LOGS = 10_000
MAX_FEE_BLOCKS = 1024
CLIENT = f"Counterpoise/v{__version__}/py-evm"

Method = Callable[..., Any]


class EthMethods:
    """What wallets and client libraries ask a node.

    Parameters
    ----------
    chain :
        The chain that answers. Its ten development accounts count as unlocked, their keys
        being known to the world.
    """

    def __init__(self, chain: EmbeddedChain) -> None:
        self.chain = chain
        self._unlocked = {
            account.address: account for account in map(dev_account, range(DEV_ACCOUNTS))
        }

    def table(self) -> dict[str, Method]:
        """Give the methods by name; each takes the positional parameters of a request."""
        chain = self.chain
        return {
            "web3_clientVersion": lambda: CLIENT,
            "web3_sha3": lambda data: hexed(keccak(read_bytes(data, "data"))),
            "net_version": lambda: str(chain.chain_id()),
            "net_listening": lambda: True,
            "net_peerCount": lambda: "0x0",
            "eth_chainId": lambda: quantity(chain.chain_id()),
            "eth_syncing": lambda: False,
            "eth_accounts": lambda: [hexed(address) for address in self._unlocked],
            "eth_blockNumber": lambda: quantity(chain.block("latest").number),
            "eth_gasPrice": lambda: quantity(sum(chain.fees())),
            "eth_maxPriorityFeePerGas": lambda: quantity(USUAL_TIP),
            "eth_feeHistory": self.fee_history,
            "eth_getBlockByNumber": self.block,
            "eth_getBlockByHash": lambda digest, full=False: self.block(
                {"blockHash": digest}, full
            ),
            "eth_getBlockReceipts": self.block_receipts,
            "eth_getTransactionByHash": self.transaction,
            "eth_getRawTransactionByHash": self.raw,
            "eth_getTransactionReceipt": self.receipt,
            "eth_sendRawTransaction": lambda raw: hexed(chain.send_raw(read_bytes(raw, "raw"))),
            "eth_sendTransaction": self.send,
            "eth_call": self.call,
            "eth_estimateGas": self.estimate,
            "eth_getLogs": self.logs,
            "eth_getBalance": lambda who, at="latest": quantity(
                chain.balance(read_address(who), read_block(at))
            ),
            "eth_getCode": lambda who, at="latest": hexed(
                chain.code(read_address(who), read_block(at))
            ),
            "eth_getStorageAt": lambda who, slot, at="latest": hexed(
                chain.storage(read_address(who), read_quantity(slot, "slot"), read_block(at))
            ),
            "eth_getTransactionCount": self.nonce,
        }

    def nonce(self, who: Any, at: Any = "latest") -> str:
        """Answer `eth_getTransactionCount`; pending transactions count for `pending` only."""
        address, ref = read_address(who), read_block(at)
        if ref == "pending":
            return quantity(self.chain.nonce(address))
        return quantity(self.chain.nonce_at(address, ref))

    def block(self, ref: Any, full: Any = False) -> dict[str, Any] | None:
        """Answer `eth_getBlockByNumber` and `…ByHash`; null where there is no such block."""
        place = self._known(read_block(ref))
        if place is None:
            return None
        header, mined = self.chain.header(place), self.chain.transactions(place)
        listed: list[Any] = [hexed(one.tx_hash) for one in mined]
        if full:
            listed = [self._shown(one) for one in mined]
        return shapes.block_json(header, listed, 600 + sum(len(one.raw) for one in mined))

    def _known(self, ref: BlockRef) -> int | None:
        try:
            return self.chain.block(ref).number
        except InputError:
            return None

    def _shown(self, mined: Mined) -> dict[str, Any]:
        fee = self.chain.block(mined.receipt.block_number).base_fee
        return shapes.transaction_json(self.chain.decode(mined.raw), mined, fee)

    def transaction(self, digest: Any) -> dict[str, Any] | None:
        """Answer `eth_getTransactionByHash`."""
        found = self.chain.transaction(read_bytes(digest, "hash", 32))
        if found is None:
            return None
        raw, mined = found
        if mined:
            return self._shown(mined)
        return shapes.transaction_json(self.chain.decode(raw), None, self.chain.fees()[0])

    def raw(self, digest: Any) -> str | None:
        """Answer `eth_getRawTransactionByHash`."""
        found = self.chain.transaction(read_bytes(digest, "hash", 32))
        return None if found is None else hexed(found[0])

    def receipt(self, digest: Any) -> dict[str, Any] | None:
        """Answer `eth_getTransactionReceipt`; null while the transaction waits."""
        found = self.chain.transaction(read_bytes(digest, "hash", 32))
        if found is None or found[1] is None:
            return None
        number = found[1].receipt.block_number
        return next(
            one
            for one in self._receipts(number)
            if one["transactionHash"] == hexed(found[1].tx_hash)
        )

    def block_receipts(self, ref: Any) -> list[dict[str, Any]] | None:
        """Answer `eth_getBlockReceipts`."""
        place = self._known(read_block(ref))
        return None if place is None else self._receipts(place)

    def _receipts(self, number: int) -> list[dict[str, Any]]:
        fee, before, shown = self.chain.block(number).base_fee, 0, []
        for one in self.chain.transactions(number):
            shown.append(shapes.receipt_json(self.chain.decode(one.raw), one, before, fee))
            before += one.receipt.gas_used
        return shown

    def call(self, fields: Any, at: Any = "latest", *overrides: Any) -> str:
        """Answer `eth_call`."""
        if overrides:
            raise RpcError(PARAMS, "eth_call: this node overrides no state")
        to, data, sender, value = transaction_fields(fields)
        if to is None:
            raise RpcError(PARAMS, "eth_call: there is no address to call")
        ref = read_block(at)
        return hexed(self.chain.call(to, data, sender=sender, block=ref, value=value))

    def estimate(self, fields: Any, *_at: Any) -> str:
        """Answer `eth_estimateGas`, always on the latest state."""
        to, data, sender, value = transaction_fields(fields)
        return quantity(self.chain.estimate(to, data, sender=sender, value=value))

    def send(self, fields: Any) -> str:
        """Answer `eth_sendTransaction` for the unlocked development accounts."""
        to, data, sender, value = transaction_fields(fields)
        account = self._unlocked.get(sender or b"")
        if account is None:
            raise RpcError(PARAMS, "eth_sendTransaction: this node does not hold the sender's key")
        base, tip = self.chain.fees()
        fee = fields.get("maxFeePerGas") or fields.get("gasPrice")
        most = read_quantity(fee, "fee") if fee else 2 * base + tip
        priority = fields.get("maxPriorityFeePerGas")
        tip = read_quantity(priority, "maxPriorityFeePerGas") if priority else min(tip, most)
        gas = fields.get("gas")
        limit = (
            read_quantity(gas, "gas")
            if gas
            else self.chain.estimate(to, data, sender=sender, value=value)
        )
        place = fields.get("nonce")
        nonce = read_quantity(place, "nonce") if place else self.chain.nonce(account.address)
        chain_id = self.chain.chain_id()
        signed = Transaction(chain_id, nonce, tip, most, limit, to, value, data)
        return hexed(self.chain.send_raw(account.sign_transaction(signed)))

    def logs(self, wanted: Any) -> list[dict[str, Any]]:
        """Answer `eth_getLogs`; refuses an answer of more than `MAX_LOGS` logs."""
        if not isinstance(wanted, dict):
            raise RpcError(PARAMS, "eth_getLogs: the filter is no object")
        if "blockHash" in wanted:
            first = last = self.chain.block(read_bytes(wanted["blockHash"], "blockHash", 32)).number
        else:
            first, last = (
                self._height(wanted.get(name) or "latest") for name in ("fromBlock", "toBlock")
            )
        listed = wanted.get("address") or []
        addresses = [read_address(one) for one in ([listed] if isinstance(listed, str) else listed)]
        found = self.chain.logs(first, last, addresses, read_topics(wanted.get("topics") or []))
        if len(found) > MAX_LOGS:
            raise RpcError(TOO_MUCH, f"query returned more than {MAX_LOGS} results")
        positions = self.chain.positions({log.tx_hash for log in found})
        return [shapes.log_json(log, positions[log.tx_hash]) for log in found]

    def _height(self, ref: Any) -> int:
        place = read_block(ref)
        return place if isinstance(place, int) else self.chain.block(place).number

    def fee_history(self, count: Any, newest: Any, percentiles: Any = None) -> dict[str, Any]:
        """Answer `eth_feeHistory`; every transaction here is taken to tip as usual."""
        wanted = count if isinstance(count, int) else read_quantity(count, "blockCount")
        last = min(self._height(newest), self.chain.block("latest").number)
        first = max(0, last + 1 - min(max(wanted, 1), MAX_FEE_BLOCKS))
        blocks = [self.chain.block(number) for number in range(first, last + 1)]
        after = self.chain.next_base_fee(last)
        answer = {
            "oldestBlock": quantity(first),
            "baseFeePerGas": [*(quantity(block.base_fee) for block in blocks), quantity(after)],
            "gasUsedRatio": [block.gas_used / block.gas_limit for block in blocks],
        }
        if percentiles:
            answer["reward"] = [[quantity(USUAL_TIP)] * len(percentiles) for _ in blocks]
        return answer


def transaction_fields(fields: Any) -> tuple[bytes | None, bytes, bytes | None, int]:
    """Read what a call and a transaction have in common."""
    if not isinstance(fields, dict):
        raise RpcError(PARAMS, "the transaction is no object")
    to, sender = fields.get("to"), fields.get("from")
    data = fields.get("input", fields.get("data", "0x"))
    return (
        read_address(to, "to") if to else None,
        read_bytes(data, "data"),
        read_address(sender, "from") if sender else None,
        read_quantity(fields.get("value") or "0x0", "value"),
    )
