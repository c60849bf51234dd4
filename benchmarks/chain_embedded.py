"""The embedded chain and its client beside eth-tester and web3.py, in one run.

The same token transfers, the same reads, the same logs and the same signatures on both sides.
CPU time of this process is compared; a served chain runs in a process of its own, whose time is
not counted. Sides take turns, and the median of the runs is reported. Ours keeps the chain on
disk, eth-tester in memory.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eth_account import Account as EthAccount
from eth_account.messages import encode_typed_data
from eth_tester import EthereumTester, PyEVMBackend
from web3 import EthereumTesterProvider, Web3

from counterpoise.chain import (
    Account,
    Contract,
    Domain,
    Transaction,
    artifact,
    deploy,
    dev_account,
    eip712_digest,
    open_chain,
    recover,
)
from counterpoise.core.units import to_checksum

TOKEN = artifact("CreditToken")
KEY = dev_account(0).key
RECEIVER = b"\x42" * 20
SENDER = to_checksum(dev_account(0).address)
TARGETS = {
    "transactions one a block, per CPU-s": 90,
    "transactions batched, per CPU-s": 250,
    "logs decoded per CPU-s": 15_000,
    "signatures recovered per CPU-s": 10_000,
    "typed read over HTTP, us": 400,
    "typed read in process, us": 400,
    "first block of a process, CPU s": 4,
}
LESS_IS_BETTER = (", us", " s")
TRANSFER = "Transfer"


class Ours:
    """A persistent embedded chain with a funded token."""

    def __init__(self, folder: Path) -> None:
        self.chain = open_chain("embedded:", folder=folder)
        self.account = dev_account(0)
        self.token = deploy(self.chain, self.account, TOKEN, self.account.address)
        self.token.transact(self.account, "mint", self.account.address, 10**24)
        self.token.transact(self.account, "transfer", RECEIVER, 1)

    def signed(self, count: int) -> list[bytes]:
        """Sign transfers ahead of time."""
        data, first = (
            self.token.encode("transfer", RECEIVER, 1),
            self.chain.nonce(self.account.address),
        )
        return [self._signed(first + place, data) for place in range(count)]

    def _signed(self, nonce: int, data: bytes) -> bytes:
        fields = Transaction(31337, nonce, 1, 4 * 10**9, 100_000, self.token.address, 0, data)
        return self.account.sign_transaction(fields)

    def one_a_block(self, count: int) -> float:
        """Mine transfers that are signed already, each in a block; per CPU-s."""
        raws = self.signed(count)
        with clock() as seconds:
            for raw in raws:
                assert self.chain.receipt(self.chain.send_raw(raw)).status == 1
        return count / seconds[0]

    def batched(self, count: int) -> float:
        """Mine them a hundred a block; per CPU-s."""
        raws, self.chain.automine = self.signed(count), False
        with clock() as seconds:
            for start in range(0, count, 100):
                hashes = [self.chain.send_raw(raw) for raw in raws[start : start + 100]]
                self.chain.mine()
                assert all(self.chain.receipt(one).status == 1 for one in hashes)
        self.chain.automine = True
        return count / seconds[0]

    def transact(self, count: int) -> float:
        """Encode, sign, send and wait; per CPU-s."""
        with clock() as seconds:
            for _ in range(count):
                self.token.transact(self.account, "transfer", RECEIVER, 1)
        return count / seconds[0]

    def read(self, count: int) -> float:
        """Read a balance; microseconds."""
        return read(self.token, count)


class Theirs:
    """eth-tester over py-evm, raw and through web3.py, with the same token."""

    def __init__(self) -> None:
        funds = {
            dev_account(0).address: {"balance": 10**22, "nonce": 0, "code": b"", "storage": {}}
        }
        self.tester = EthereumTester(PyEVMBackend(genesis_state=funds))
        self.web3 = Web3(EthereumTesterProvider(self.tester))
        self.account = EthAccount.from_key(KEY)
        factory = self.web3.eth.contract(abi=TOKEN.abi, bytecode=TOKEN.bytecode)
        built = factory.constructor(self.account.address)
        address = self._send(built.build_transaction(self._fields()))["contractAddress"]
        self.token = self.web3.eth.contract(address=address, abi=TOKEN.abi)
        functions = self.token.functions
        for call in (functions.mint(self.account.address, 10**24), functions.transfer(RECEIVER, 1)):
            self._send(call.build_transaction(self._fields()))

    def _fields(self) -> dict[str, object]:
        nonce = self.web3.eth.get_transaction_count(self.account.address)
        return {"from": self.account.address, "nonce": nonce, "maxFeePerGas": 4 * 10**9,
                "maxPriorityFeePerGas": 1}  # fmt: skip

    def _send(self, fields):  # type: ignore[no-untyped-def]
        signed = self.account.sign_transaction(fields)
        sent = self.web3.eth.send_raw_transaction(signed.raw_transaction)
        return self.web3.eth.get_transaction_receipt(sent)

    def one_a_block(self, count: int) -> float:
        """Mine transfers that are signed already, each in a block; per CPU-s."""
        fields = self.token.functions.transfer(RECEIVER, 1).build_transaction(
            self._fields() | {"gas": 100_000}
        )
        raws = [
            self.account.sign_transaction(
                fields | {"nonce": fields["nonce"] + place}
            ).raw_transaction.to_0x_hex()
            for place in range(count)
        ]
        with clock() as seconds:
            for raw in raws:
                sent = self.tester.send_raw_transaction(raw)
                assert self.tester.get_transaction_receipt(sent)["status"] == 1
        return count / seconds[0]

    def transact(self, count: int) -> float:
        """Encode, sign, send and wait; per CPU-s."""
        with clock() as seconds:
            for _ in range(count):
                call = self.token.functions.transfer(RECEIVER, 1)
                assert self._send(call.build_transaction(self._fields()))["status"] == 1
        return count / seconds[0]

    def read(self, count: int) -> float:
        """Read a balance; microseconds."""
        return web3_read(self.token, count)


@contextmanager
def clock() -> Iterator[list[float]]:
    """Measure this process's CPU seconds."""
    seconds: list[float] = []
    start = time.process_time()
    yield seconds
    seconds.append(time.process_time() - start)


def read(token: Contract, count: int) -> float:
    with clock() as seconds:
        for _ in range(count):
            assert token.call("balanceOf", RECEIVER) > 0
    return 1e6 * seconds[0] / count


def web3_read(token, count: int) -> float:  # type: ignore[no-untyped-def]
    with clock() as seconds:
        for _ in range(count):
            assert token.functions.balanceOf(RECEIVER).call({"from": SENDER}) > 0
    return 1e6 * seconds[0] / count


@contextmanager
def served(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "counterpoise", "chain", "start", "--json", "--port", "0"]
    command += ["--state", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield json.loads(process.stdout.readline())["url"]  # type: ignore[union-attr]
        finally:
            process.terminate()


def http_reads(count: int) -> dict[str, Callable[[], float]]:
    """Set the same token up behind HTTP, and give both sides' reading of it."""
    chain = open_chain(URL[0])
    token = deploy(chain, dev_account(0), TOKEN, dev_account(0).address)
    token.transact(dev_account(0), "mint", RECEIVER, 1)
    web3 = Web3(Web3.HTTPProvider(URL[0]))
    far = web3.eth.contract(address=Web3.to_checksum_address(token.address), abi=TOKEN.abi)
    return {"ours": lambda: read(token, count), "theirs": lambda: web3_read(far, count // 4)}


URL: list[str] = []


def log_decoding(ours: Ours, theirs: Theirs, count: int) -> dict[str, Callable[[], float]]:
    """Decode the same Transfer log again and again, on both sides."""
    (log,) = ours.chain.logs(0, 99, [ours.token.address], [ours.token.interface.topics(TRANSFER)])[
        -1:
    ]
    found = theirs.token.events.Transfer().get_logs(from_block=0)
    event = theirs.token.events.Transfer()
    raw = theirs.web3.eth.get_logs({"fromBlock": 0, "address": theirs.token.address})[-1]
    assert list(found[-1].args.values())[-1] == list(ours.token.decode(log).args.values())[-1] == 1

    def decode() -> float:
        with clock() as seconds:
            for _ in range(count):
                assert ours.token.decode(log) is not None
        return count / seconds[0]

    def process_log() -> float:
        with clock() as seconds:
            for _ in range(count // 20):
                assert event.process_log(raw) is not None
        return count // 20 / seconds[0]

    return {"ours": decode, "theirs": process_log}


def recovering(count: int) -> dict[str, Callable[[], float]]:
    """Hash the same typed data and recover its signer, on both sides."""
    account, contract = Account(KEY), b"\xcc" * 20
    domain, kind = Domain("Jobs", "1", 31337, contract), "Claim(address account,uint256 due)"
    shown = {
        "name": "Jobs",
        "version": "1",
        "chainId": 31337,
        "verifyingContract": "0x" + "cc" * 20,
    }
    types = {"Claim": [{"name": "account", "type": "address"}, {"name": "due", "type": "uint256"}]}
    signature = account.sign_digest(eip712_digest(domain, kind, (RECEIVER, 5)))

    def ours() -> float:
        with clock() as seconds:
            for _ in range(count):
                digest = eip712_digest(domain, kind, (RECEIVER, 5))
                assert recover(digest, signature) == account.address
        return count / seconds[0]

    def theirs() -> float:
        address = EthAccount.from_key(KEY).address
        message = {"account": Web3.to_checksum_address(RECEIVER), "due": 5}
        with clock() as seconds:
            for _ in range(count // 10):
                data = encode_typed_data(shown, types, message)
                assert EthAccount.recover_message(data, signature=signature) == address
        return count // 10 / seconds[0]

    return {"ours": ours, "theirs": theirs}


def first_block() -> dict[str, Callable[[], float]]:
    """Start a process, open a chain and mine a block: CPU seconds of that process."""
    ours = "from counterpoise.chain import open_chain; open_chain('embedded:').mine()"
    theirs = (
        "from web3 import EthereumTesterProvider, Web3\n"
        "Web3(EthereumTesterProvider()).provider.ethereum_tester.mine_block()"
    )
    finish = "\nimport time; print(time.process_time())"

    def run(code: str) -> float:
        command = [sys.executable, "-W", "ignore", "-c", code + finish]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(done.stdout)

    return {"ours": lambda: run(ours), "theirs": lambda: run(theirs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, for CI")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    scale = 1 if arguments.quick else 5
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "served") as url:
        URL.append(url)
        ours, theirs = Ours(Path(folder) / "ours"), Theirs()
        pairs: dict[str, dict[str, Callable[[], float]]] = {
            "transactions one a block, per CPU-s": {
                "ours": lambda: ours.one_a_block(40 * scale),
                "theirs": lambda: theirs.one_a_block(20 * scale),
            },
            "transactions batched, per CPU-s": {
                "ours": lambda: ours.batched(100 * scale),
                "theirs": lambda: theirs.one_a_block(20 * scale),
            },
            "typed transactions, per CPU-s": {
                "ours": lambda: ours.transact(20 * scale),
                "theirs": lambda: theirs.transact(5 * scale),
            },
            "typed read in process, us": {
                "ours": lambda: ours.read(100 * scale),
                "theirs": lambda: theirs.read(20 * scale),
            },
            "typed read over HTTP, us": http_reads(100 * scale),
            "logs decoded per CPU-s": log_decoding(ours, theirs, 2000 * scale),
            "signatures recovered per CPU-s": recovering(400 * scale),
            "first block of a process, CPU s": first_block(),
        }
        report(measured(pairs, arguments.runs), arguments.runs)
        ours.chain.close()


def measured(
    pairs: dict[str, dict[str, Callable[[], float]]], runs: int
) -> dict[str, dict[str, float]]:
    """Let the sides take turns; give the median of each."""
    found: dict[str, dict[str, list[float]]] = {
        name: {side: [] for side in sides} for name, sides in pairs.items()
    }
    for _ in range(runs):
        for name, sides in pairs.items():
            for side, run in sides.items():
                found[name][side].append(run())
    return {
        name: {side: statistics.median(values) for side, values in sides.items()}
        for name, sides in found.items()
    }


def report(figures: dict[str, dict[str, float]], runs: int) -> None:
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    print(f"median of {runs} runs, {machine}")
    print(f"{'':38}{'ours':>12}{'eth-tester':>12}{'ratio':>8}{'target':>9}")
    print(f"{'':38}{'':>12}{'and web3':>12}")
    ratios = {}
    for name, sides in figures.items():
        ours, theirs = sides["ours"], sides["theirs"]
        less = name.endswith(LESS_IS_BETTER) and "per CPU-s" not in name
        ratios[name] = round(theirs / ours if less else ours / theirs, 1)
        target = TARGETS.get(name, "")
        print(f"{name:38}{ours:>12,.1f}{theirs:>12,.1f}{ratios[name]:>7}x{target:>9}")
    rounded = {name: {s: round(v, 2) for s, v in sides.items()} for name, sides in figures.items()}
    print(json.dumps({"benchmark": "chain_embedded", "median_of": runs, "machine": machine,
                      "figures": rounded, "ratios": ratios, "targets": TARGETS}))  # fmt: skip


if __name__ == "__main__":
    main()
