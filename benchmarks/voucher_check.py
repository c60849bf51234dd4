"""Vouchers checked per CPU-second on one core, beside eth_account's typed data.

Each check hashes channel and amount, recovers the key and compares the account. Both sides get the
same vouchers and the same bytes; the median of several rounds is told.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable

from eth_account import Account as EthAccount
from eth_account.messages import encode_typed_data

from counterpoise.chain import Account
from counterpoise.payments import Voucher, Vouchers, channel_domain

TARGET = 10_000
FIELDS = [
    {"name": "channelId", "type": "bytes32"},
    {"name": "maxClaimableAmount", "type": "uint128"},
]


def rate(check: Callable[[Voucher], None], vouchers: list[Voucher], rounds: int) -> tuple[int, int]:
    """Give checks per second of CPU and of wall, medians of rounds."""
    cpu, wall = [], []
    for _ in range(rounds):
        begun, started = time.process_time(), time.perf_counter()
        for voucher in vouchers:
            check(voucher)
        cpu.append(len(vouchers) / (time.process_time() - begun))
        wall.append(len(vouchers) / (time.perf_counter() - started))
    return round(statistics.median(cpu)), round(statistics.median(wall))


def typed_data(domain: dict[str, object], signer: str) -> Callable[[Voucher], None]:
    """Give the check that one writes with eth_account."""

    def check(voucher: Voucher) -> None:
        message = {"channelId": voucher.channel, "maxClaimableAmount": voucher.ceiling}
        typed = encode_typed_data(domain, {"Voucher": FIELDS}, message)
        assert EthAccount.recover_message(typed, signature=voucher.signature) == signer

    return check


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer vouchers and rounds")
    quick = parser.parse_args().quick
    count, rounds = (1_000, 5) if quick else (5_000, 7)
    domain, payer = channel_domain(31337), Account.local(b"payer")
    fast = Vouchers(domain)
    vouchers = [fast.sign(payer, bytes(28) + n.to_bytes(4, "big"), n) for n in range(count)]
    ours, ours_wall = rate(lambda v: fast.check(v, payer.address), vouchers, rounds)
    fields = {
        "name": domain.name,
        "version": domain.version,
        "chainId": domain.chain_id,
        "verifyingContract": "0x" + domain.contract.hex(),
    }
    signer = EthAccount.from_key(payer.key).address
    theirs, theirs_wall = rate(typed_data(fields, signer), vouchers[: count // 10], rounds)
    print(f"{'checks per second':<22}{'CPU':>10}{'wall':>10}")
    print(f"{'cached separator':<22}{ours:>10,}{ours_wall:>10,}")
    print(f"{'eth_account':<22}{theirs:>10,}{theirs_wall:>10,}")
    print(f"target: {TARGET:,} per CPU-second: {'met' if ours >= TARGET else 'missed'}")
    record = {
        "benchmark": "voucher_check",
        "machine": platform.machine(),
        "checks_per_cpu_second": ours,
        "checks_per_second": ours_wall,
        "eth_account_per_cpu_second": theirs,
        "target": TARGET,
        "ratio": round(ours / theirs, 1),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
