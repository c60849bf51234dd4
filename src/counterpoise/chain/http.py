"""Any node, by its URL. What it says is read strictly: a lie that can be seen is an error."""

from collections.abc import Sequence
from typing import Any

from counterpoise.chain import answers
from counterpoise.chain.backend import (
    LOCAL_CHAIN_IDS,
    Block,
    BlockRef,
    Features,
    Log,
    Receipt,
)
from counterpoise.chain.reasons import Refused, reason_of
from counterpoise.chain.transport import Call, NodeError, Transport
from counterpoise.core.digest import keccak
from counterpoise.core.errors import (
    ChainError,
    CounterpoiseError,
    InputError,
    Reverted,
    Unreachable,
)

REVERTED = 3
KNOWN_ALREADY = ("already known", "known transaction", "already imported")


class HttpChain:
    """A chain behind a node's JSON-RPC.

    The node is trusted to tell the truth about the chain: this client checks the shape of its
    answers, the chain id, and that a transaction's hash is that of the bytes sent, no more.

    Parameters
    ----------
    url :
        The node.
    chain_id :
        The chain that is wanted; None takes what the node serves at first. The node serving
        another later, behind the same address, is an error.
    options :
        Of `Transport`: timeout, tries, pause.
    """

    def __init__(self, url: str, *, chain_id: int | None = None, **options: Any) -> None:
        self._chain_id = chain_id
        self._transport = Transport(url, on_reconnect=self._check_chain, **options)
        try:
            self._check_chain()
        except CounterpoiseError:
            self._transport.close()
            raise

    @property
    def features(self) -> Features:
        """What this back end can do: HTTP, and what the node behind it does."""
        local = self.chain_id() in LOCAL_CHAIN_IDS
        return Features("http", local=local, persistent=True, http=True)

    def _check_chain(self) -> None:
        found = answers.quantity(self._transport.request("eth_chainId"), "chain id")
        if self._chain_id is None:
            self._chain_id = found
        elif found != self._chain_id:
            raise InputError(
                f"{self._transport.shown} serves chain {found}, wanted {self._chain_id}",
                hint="give the address of a node of the right chain",
            )

    def chain_id(self) -> int:
        """Give the chain id that the node was found to serve."""
        return self._chain_id or 0

    def block(self, ref: BlockRef = "latest") -> Block:
        """Give a block by number, hash or tag."""
        if isinstance(ref, bytes):
            found = self.request("eth_getBlockByHash", answers.hexed(ref), False)
        else:
            found = self.request("eth_getBlockByNumber", _place(ref), False)
        if found is None:
            shown = answers.hexed(ref) if isinstance(ref, bytes) else ref
            raise InputError(f"there is no block {shown} on this chain")
        return answers.block(found, ref)

    def send_raw(self, raw: bytes) -> bytes:
        """Send a signed transaction; after a lost answer, look it up before sending again."""
        tx_hash, shown = keccak(raw), answers.hexed(raw)
        lost = False
        while True:
            try:
                told = self._transport.request("eth_sendRawTransaction", shown, tries=1)
            except Unreachable:
                if lost:
                    raise
                lost = True
                if self._is_known(tx_hash):
                    return tx_hash
                continue
            except NodeError as refused:
                known = any(words in refused.words.lower() for words in KNOWN_ALREADY)
                if known or (lost and self._is_known(tx_hash)):
                    return tx_hash
                raise
            if told != answers.hexed(tx_hash):
                raise ChainError(f"the node says {told!r} was sent, not 0x{tx_hash.hex()}")
            return tx_hash

    def _is_known(self, tx_hash: bytes) -> bool:
        return self.request("eth_getTransactionByHash", answers.hexed(tx_hash)) is not None

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Give a mined transaction's receipt, None while the node knows none."""
        found = self.request("eth_getTransactionReceipt", answers.hexed(tx_hash))
        return None if found is None else answers.receipt(found, tx_hash)

    def call(
        self,
        to: bytes,
        data: bytes,
        *,
        sender: bytes | None = None,
        block: BlockRef = "latest",
        value: int = 0,
    ) -> bytes:
        """Run a call on the state after a block."""
        fields = _fields(to, data, sender, value)
        return answers.data(self._run("eth_call", fields, _place(block)), "the call's result")

    def estimate(
        self, to: bytes | None, data: bytes, *, sender: bytes | None = None, value: int = 0
    ) -> int:
        """Give the gas that a transaction would need."""
        found = self._run("eth_estimateGas", _fields(to, data, sender, value))
        return answers.quantity(found, "gas")

    def _run(self, method: str, *params: Any) -> Any:
        try:
            return self.request(method, *params)
        except NodeError as refused:
            reverted = _reverted(method, refused)
            if reverted is None:
                raise
            raise reverted from None

    def logs(
        self,
        from_block: int,
        to_block: int,
        addresses: Sequence[bytes] = (),
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
    ) -> list[Log]:
        """Give the logs of a closed range of blocks."""
        wanted = {
            "fromBlock": hex(from_block),
            "toBlock": hex(to_block),
            "address": [answers.hexed(one) for one in addresses],
            "topics": [_topic(one) for one in topics],
        }
        return answers.logs(self.request("eth_getLogs", wanted), from_block, to_block)

    def logs_of_block(self, block_hash: bytes, addresses: Sequence[bytes] = ()) -> list[Log]:
        """Give the logs of exactly one block."""
        wanted = {
            "blockHash": answers.hexed(block_hash),
            "address": [answers.hexed(one) for one in addresses],
        }
        found = answers.logs(self.request("eth_getLogs", wanted))
        if any(log.block_hash != block_hash for log in found):
            raise ChainError("the node gave logs of another block than was asked for")
        return found

    def nonce(self, address: bytes) -> int:
        """Give the next unused nonce, pending transactions counted."""
        found = self.request("eth_getTransactionCount", answers.hexed(address), "pending")
        return answers.quantity(found, "nonce")

    def balance(self, address: bytes, block: BlockRef = "latest") -> int:
        """Give a balance in wei."""
        found = self.request("eth_getBalance", answers.hexed(address), _place(block))
        return answers.quantity(found, "balance")

    def code(self, address: bytes, block: BlockRef = "latest") -> bytes:
        """Give the code at an address."""
        found = self.request("eth_getCode", answers.hexed(address), _place(block))
        return answers.data(found, "code")

    def storage(self, address: bytes, slot: int, block: BlockRef = "latest") -> bytes:
        """Give one storage slot."""
        found = self.request("eth_getStorageAt", answers.hexed(address), hex(slot), _place(block))
        return answers.data(found, "storage").rjust(32, b"\0")

    def fees(self) -> tuple[int, int]:
        """Give the base fee that holds now and the tip that the node advises."""
        calls: list[Call] = [
            ("eth_getBlockByNumber", ("latest", False)),
            ("eth_maxPriorityFeePerGas", ()),
        ]
        head, tip = self._transport.batch(calls)
        for found in (head, tip):
            if isinstance(found, NodeError):
                raise found
        return answers.block(head, "latest").base_fee, answers.quantity(tip, "tip")

    def request(self, method: str, *params: Any) -> Any:
        """Ask the node anything, with retries; for questions that may be asked twice."""
        return self._transport.request(method, *params)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


def _place(ref: BlockRef) -> Any:
    if isinstance(ref, bytes):
        return {"blockHash": answers.hexed(ref)}
    return hex(ref) if isinstance(ref, int) else ref


def _topic(one: bytes | Sequence[bytes] | None) -> Any:
    if one is None or isinstance(one, bytes):
        return None if one is None else answers.hexed(one)
    return [answers.hexed(each) for each in one]


def _fields(to: bytes | None, data: bytes, sender: bytes | None, value: int) -> dict[str, str]:
    fields = {"data": answers.hexed(data)}
    if to is not None:
        fields["to"] = answers.hexed(to)
    if sender is not None:
        fields["from"] = answers.hexed(sender)
    return fields | ({"value": hex(value)} if value else {})


def _reverted(method: str, refused: NodeError) -> Reverted | None:
    """Read a contract's refusal out of a node's error; None if it is something else."""
    data = refused.data.get("data") if isinstance(refused.data, dict) else refused.data
    if isinstance(data, str) and data.startswith("0x"):
        given = answers.data(data, "revert data")
        if given or refused.code == REVERTED:
            return Refused(method, reason_of(given), given)
    words = refused.words
    if "revert" in words.lower():
        return Refused(method, words.partition(": ")[2], b"")
    if "out of gas" in words.lower():
        return Refused(method, "out of gas", b"")
    return None
