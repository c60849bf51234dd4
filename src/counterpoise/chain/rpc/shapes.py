"""Blocks, transactions, receipts and logs as Ethereum's JSON-RPC writes them."""

from collections.abc import Sequence
from typing import Any

from counterpoise.chain.backend import Log, Receipt
from counterpoise.chain.ledger import Mined
from counterpoise.chain.rpc.values import hexed, quantity
from counterpoise.core.digest import keccak

BLOOM_BITS = 2048
HEADER = {
    "hash": "hash",
    "parentHash": "parent_hash",
    "sha3Uncles": "uncles_hash",
    "miner": "coinbase",
    "stateRoot": "state_root",
    "transactionsRoot": "transaction_root",
    "receiptsRoot": "receipt_root",
    "difficulty": "difficulty",
    "number": "block_number",
    "gasLimit": "gas_limit",
    "gasUsed": "gas_used",
    "timestamp": "timestamp",
    "extraData": "extra_data",
    "mixHash": "mix_hash",
    "nonce": "nonce",
    "baseFeePerGas": "base_fee_per_gas",
    "withdrawalsRoot": "withdrawals_root",
    "blobGasUsed": "blob_gas_used",
    "excessBlobGas": "excess_blob_gas",
    "parentBeaconBlockRoot": "parent_beacon_block_root",
    "requestsHash": "requests_hash",
}


def block_json(header: dict[str, Any], transactions: Sequence[Any], size: int) -> dict[str, Any]:
    """Write a block; `transactions` are hashes or whole objects."""
    shown = {name: _value(header[field]) for name, field in HEADER.items()}
    return shown | {
        "logsBloom": f"0x{header['bloom']:0512x}",
        "size": quantity(size),
        "totalDifficulty": "0x0",
        "transactions": list(transactions),
        "uncles": [],
        "withdrawals": [],
    }


def _value(value: int | bytes) -> str:
    return quantity(value) if isinstance(value, int) else hexed(value)


def transaction_json(signed: Any, mined: Mined | None, base_fee: int) -> dict[str, Any]:
    """Write a transaction; its place is null while it waits."""
    kind = signed.type_id or 0
    receipt = mined.receipt if mined else None
    shown = {
        "blockHash": hexed(receipt.block_hash) if receipt else None,
        "blockNumber": quantity(receipt.block_number) if receipt else None,
        "transactionIndex": quantity(mined.position) if mined else None,
        "hash": hexed(signed.hash),
        "type": quantity(kind),
        "chainId": None if signed.chain_id is None else quantity(signed.chain_id),
        "nonce": quantity(signed.nonce),
        "from": hexed(signed.sender),
        "to": hexed(signed.to) if signed.to else None,
        "value": quantity(signed.value),
        "gas": quantity(signed.gas),
        "gasPrice": quantity(price_of(signed, base_fee)),
        "input": hexed(signed.data),
        "r": quantity(signed.r),
        "s": quantity(signed.s),
        "v": quantity(signed.y_parity if kind else signed.v),
    }
    return shown | (_typed_fields(signed, kind) if kind else {})


def _typed_fields(signed: Any, kind: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "yParity": quantity(signed.y_parity),
        "accessList": [
            {"address": hexed(account), "storageKeys": [f"0x{key:064x}" for key in keys]}
            for account, keys in signed.access_list
        ],
    }
    if kind >= 2:
        shown["maxFeePerGas"] = quantity(signed.max_fee_per_gas)
        shown["maxPriorityFeePerGas"] = quantity(signed.max_priority_fee_per_gas)
    if kind == 4:
        shown["authorizationList"] = [
            {
                "chainId": quantity(one.chain_id),
                "address": hexed(one.address),
                "nonce": quantity(one.nonce),
                "yParity": quantity(one.y_parity),
                "r": quantity(one.r),
                "s": quantity(one.s),
            }
            for one in signed.authorization_list
        ]
    return shown


def price_of(signed: Any, base_fee: int) -> int:
    """Give the wei per gas that a transaction pays at a base fee."""
    return int(min(signed.max_fee_per_gas, base_fee + signed.max_priority_fee_per_gas))


def receipt_json(signed: Any, mined: Mined, before: int, base_fee: int) -> dict[str, Any]:
    """Write a receipt; `before` is the gas that the block's earlier transactions used."""
    receipt = mined.receipt
    return {
        "transactionHash": hexed(mined.tx_hash),
        "transactionIndex": quantity(mined.position),
        "blockHash": hexed(receipt.block_hash),
        "blockNumber": quantity(receipt.block_number),
        "from": hexed(mined.sender),
        "to": hexed(signed.to) if signed.to else None,
        "contractAddress": hexed(receipt.contract) if receipt.contract else None,
        "status": quantity(receipt.status),
        "type": quantity(signed.type_id or 0),
        "gasUsed": quantity(receipt.gas_used),
        "cumulativeGasUsed": quantity(before + receipt.gas_used),
        "effectiveGasPrice": quantity(price_of(signed, base_fee)),
        "logs": [log_json(log, mined.position) for log in receipt.logs],
        "logsBloom": f"0x{bloom_of(receipt):0512x}",
    }


def log_json(log: Log, position: int) -> dict[str, Any]:
    """Write a log; `position` is that of its transaction in the block."""
    return {
        "address": hexed(log.address),
        "topics": [hexed(topic) for topic in log.topics],
        "data": hexed(log.data),
        "blockNumber": quantity(log.block_number),
        "blockHash": hexed(log.block_hash),
        "transactionHash": hexed(log.tx_hash),
        "transactionIndex": quantity(position),
        "logIndex": quantity(log.log_index),
        "removed": False,
    }


def bloom_of(receipt: Receipt) -> int:
    """Give the bloom filter of a receipt's logs (Yellow Paper, section 4.3.1)."""
    bloom = 0
    for entry in {part for log in receipt.logs for part in (log.address, *log.topics)}:
        digest = keccak(entry)
        for start in (0, 2, 4):
            bloom |= 1 << (int.from_bytes(digest[start : start + 2], "big") % BLOOM_BITS)
    return bloom
