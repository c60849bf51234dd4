"""PTXPhish: phishing in a transaction's payload (Chen et al., NDSS 2025; HypoopyH/PTXPhish).

The data set is hashes by class. What the transactions hold comes from an archive node once, and is
kept beside the spreadsheet in ``payloads.jsonl``: one object a line with ``transaction``,
``receipt``, ``time`` and, where the node traces, ``trace``, each as the node gave it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from counterpoise.core.digest import keccak
from counterpoise.core.errors import ChainError, InputError, StorageError
from counterpoise.monitor.blocks import Block, Transaction
from counterpoise.monitor.datasets.report import (
    Figure,
    Progress,
    Report,
    check_counts,
    file_in,
    silent,
)
from counterpoise.monitor.datasets.spreadsheet import load_cells
from counterpoise.monitor.detector import Detector
from counterpoise.monitor.detectors.approvals import Approvals
from counterpoise.monitor.detectors.poisoning import Poisoning
from counterpoise.monitor.sources.frames import frame_from_json
from counterpoise.monitor.sources.node_blocks import transaction_of
from counterpoise.monitor.watch import Watch

SHEET, PAYLOADS = "PTXPHISH.xlsx", "payloads.jsonl"
HEADER_ROW = 4
BENIGN = "benign"
COUNTS = {
    "approve": 1_247,
    "permit": 814,
    "setapproveforall": 508,
    "bulk transfer": 37,
    "proxy upgrade": 108,
    "free buy order": 464,
    "zero value transfer": 104,
    "fake token transfer": 100,
    "dust value transfer": 22,
    "airdrop function": 788,
    "wallet function": 808,
    BENIGN: 13_557,
}
HASH = re.compile(r"0x[0-9a-fA-F]{64}")
MAINNET = 1
NOTES = (
    "no label list is used: the phishers stand in public ones",
    "only transactions of the data set are seen, not the blocks around them: whom an account "
    "knows, and how fresh a spender is, is known from these alone",
    "no detector here looks at NFT orders, airdrop or wallet functions",
)


class Node(Protocol):
    """A node that can be asked by JSON-RPC."""

    def request(self, method: str, *params: Any) -> Any:
        """Ask the node, with retries."""
        ...


def load_classes(path: Path, wanted: dict[str, int] | None = COUNTS) -> dict[str, list[str]]:
    """Hashes by class, as the spreadsheet's columns have them; sources are passed over."""
    cells = load_cells(path)
    headers = {
        column: text.lower()
        for (row, column), text in cells.items()
        if row == HEADER_ROW and text.lower() != "source"
    }
    found: dict[str, list[str]] = {name: [] for name in headers.values()}
    for (row, column), text in sorted(cells.items()):
        if row > HEADER_ROW and column in headers and HASH.fullmatch(text):
            found[headers[column]].append(text.lower())
    check_counts(path.name, {name: len(hashes) for name, hashes in found.items()}, wanted)
    return found


def fetch_payloads(
    node: Node, hashes: Iterable[str], path: Path, on_step: Progress = silent
) -> int:
    """Ask a node for what is not kept yet; give how many it does not have.

    What was fetched before an interruption is kept.
    """
    kept = {str(one["transaction"]["hash"]).lower() for one in load_payloads(path)}
    wanted = [hash_ for hash_ in dict.fromkeys(hashes) if hash_ not in kept]
    absent = 0
    with path.open("a", encoding="utf-8") as file:
        for place, hash_ in enumerate(wanted):
            on_step("payloads", place, len(wanted))
            transaction = node.request("eth_getTransactionByHash", hash_)
            receipt = node.request("eth_getTransactionReceipt", hash_) if transaction else None
            if not receipt:
                absent += 1
                continue
            block = node.request("eth_getBlockByHash", transaction["blockHash"], False)
            record = {"transaction": transaction, "receipt": receipt, "time": block["timestamp"]}
            trace = _traced(node, hash_)
            file.write(json.dumps(record | ({"trace": trace} if trace else {})) + "\n")
            file.flush()
    return absent


def load_payloads(path: Path) -> Iterator[dict[str, Any]]:
    """The kept payloads; an `InputError` names a damaged line."""
    if not path.exists():
        return
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
    for line, text in enumerate(lines, 1):
        try:
            record = json.loads(text)
            record["transaction"]["hash"], record["receipt"]["logs"], int(record["time"], 16)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}, line {line} is no payload: {error!r}") from error
        yield record


def measure(
    path: Path,
    *,
    seeds: int = 1,
    on_step: Progress = silent,
    wanted: dict[str, int] | None = COUNTS,
    node: Node | None = None,
) -> Report:
    """Precision, recall and F1 of the detectors on the transactions whose payloads are known.

    Nothing is drawn, so `seeds` changes nothing.
    """
    classes = load_classes(file_in(path, SHEET), wanted)
    if node is not None:
        every = (hash_ for hashes in classes.values() for hash_ in hashes)
        fetch_payloads(node, every, path / PAYLOADS, on_step)
    blocks = list(blocks_of(load_payloads(path / PAYLOADS)))
    known = {"0x" + one.hash.hex() for block in blocks for one in block.transactions}
    if not known:
        raise InputError(
            f"no payloads in {path / PAYLOADS}", hint="--rpc URL fetches them from an archive node"
        )
    flagged, seconds = flagged_by([Approvals(), Poisoning()], blocks, on_step)
    bad = {h for name, hashes in classes.items() if name != BENIGN for h in hashes} & known
    good = set(classes.get(BENIGN, ())) & known
    hits, false = len(bad & flagged), len(good & flagged)
    figures = [
        Figure("precision", (hits / max(1, hits + false),)),
        Figure("recall", (hits / max(1, len(bad)),)),
        Figure("F1", (2 * hits / max(1, hits + false + len(bad)),), "> .99 (paper)"),
        Figure("ms per block", (1000 * seconds / len(blocks),), "390 (paper, whole blocks)"),
    ]
    for name, hashes in classes.items():
        given = set(hashes) & known
        if name != BENIGN and given:
            figures.append(Figure(f"recall of {name}", (len(given & flagged) / len(given),)))
    counts = {name: len(hashes) for name, hashes in classes.items()}
    return Report("ptxphish", counts | {"payloads known": len(known)}, tuple(figures), NOTES)


def blocks_of(payloads: Iterable[dict[str, Any]]) -> Iterator[Block]:
    """Blocks of the known transactions alone, in the chain's order, each on the one before."""
    rows = sorted(
        ((int(one["transaction"]["blockNumber"], 16), _order(one), one) for one in payloads),
        key=lambda row: row[:2],
    )
    parent = bytes(32)
    for number, group in groupby(rows, key=lambda row: row[0]):
        given = [one for _, _, one in group]
        made = tuple(_made(one) for one in given)
        hash_ = keccak(parent + b"".join(one.hash for one in made))
        yield Block(number, hash_, parent, int(given[0]["time"], 16), made)
        parent = hash_


def flagged_by(
    detectors: list[Detector], blocks: list[Block], on_step: Progress = silent
) -> tuple[set[str], float]:
    """Hashes of transactions that some finding names, and how long looking took in seconds."""
    watch, found = Watch(MAINNET, detectors, {}), set()
    began = time.process_time()
    for place, block in enumerate(blocks):
        for alert in watch.accept(block).raised:
            found |= {"0x" + hash_.hex() for hash_ in alert.finding.transactions}
        on_step("blocks", place, len(blocks))
    return found, time.process_time() - began


def _order(payload: dict[str, Any]) -> int:
    return int(payload["transaction"]["transactionIndex"], 16)


def _made(payload: dict[str, Any]) -> Transaction:
    tree = payload.get("trace")
    trace = None if tree is None else frame_from_json(tree, tells_writes=False)
    return transaction_of(payload["transaction"], payload["receipt"], trace)


def _traced(node: Node, hash_: str) -> Any:
    try:
        return node.request("debug_traceTransaction", hash_, {"tracer": "callTracer"})
    except ChainError:
        return None
