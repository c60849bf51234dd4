"""What a paid call costs a seller and a buyer in CPU time, without HTTP and without the work.

A seller's side is: read the header, check the voucher, charge it durably, write the answer's
header. A buyer's is: sign the next voucher and write its header; read the answer's. Over many
calls of many channels the seller's memory and its file must stop growing. The target is the CPU
time that 500 calls a second leave on two cores, HTTP and the work still to be done.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from counterpoise.chain import Account
from counterpoise.payments import (
    Allowance,
    Budget,
    Buyer,
    Channel,
    ChannelConfig,
    ChannelPayment,
    Payment,
    Seller,
    Terms,
    Vouchers,
    VoucherStore,
    channel_domain,
    pack,
    read_payment,
)
from counterpoise.payments.shopping import Answer
from counterpoise.payments.terms import Refusal
from counterpoise.payments.wire import BATCH, REQUIRED, RESPONSE

PRICE, NOW, STEPS = 10, 1_000_000, 500
TARGET_US = 1_000
SELLER = Account.local(b"seller")


@dataclass
class Desk:
    """A seller with its file, usable as a buyer's transport; it keeps its own CPU time."""

    store: VoucherStore
    vouchers: Vouchers
    seconds: float = 0.0

    def __post_init__(self) -> None:
        token, parties = bytes([7]) * 20, (SELLER.address, SELLER.address)
        self.terms = Terms(31337, token, "Counterpoise Credit", "1", *parties)
        self.seller = Seller(self.terms, self.store, self.check)

    def check(self, config, voucher) -> None:
        """What `ChannelsClient.check_voucher` does for a payer that has a key."""
        assert voucher.channel == config.id(self.vouchers.domain)
        self.vouchers.check(voucher, config.voucher_signer)

    def __call__(self, method, address, headers, body) -> Answer:
        """Answer a request, and count the time that it takes."""
        begun = time.process_time()
        answer = self.serve(headers, body)
        self.seconds += time.process_time() - begun
        return answer

    def serve(self, headers, body) -> Answer:
        """Take one paid call; a channel that is not known is given a balance."""
        payment = read_payment(headers)
        if payment is None:
            required = self.seller.offer(PRICE, "http://seller/call")
            return Answer(402, {REQUIRED.lower(): pack(required)})
        for _ in range(2):
            ticket = self.seller.open(payment, PRICE, body.ljust(32, b"\0"), NOW)
            if not hasattr(ticket, "config"):
                break
            channel = ticket.config.id(self.vouchers.domain)
            self.seller.saw(channel, Channel(10**12), NOW)
        assert not isinstance(ticket, Refusal), ticket.reason
        self.store.sync(self.seller.charge(ticket))
        answer = Answer(200, {RESPONSE.lower(): pack(self.seller.response(ticket, PRICE))})
        self.seller.answered(ticket)
        return answer

    def stream_step(self, steps: int) -> float:
        """Give the CPU seconds of a durable step of a stream."""
        payer = Account.local(b"one who wants a stream")
        parties = payer.address, payer.address, SELLER.address, SELLER.address
        config = ChannelConfig(*parties, self.terms.token, self.terms.withdraw_delay)
        channel = config.id(self.vouchers.domain)
        voucher = self.vouchers.sign(payer, channel, steps)
        paid = ChannelPayment("voucher", config, voucher)
        payment = Payment(self.terms.offer(BATCH, steps), paid.to_json())
        self.seller.saw(channel, Channel(10**12), NOW)
        ticket = self.seller.open(payment, steps, bytes(32), NOW)
        begun = time.process_time()
        for total in range(1, steps + 1):
            self.store.sync(self.seller.charge_to(ticket, total, NOW))
        return (time.process_time() - begun) / steps

    def buyer(self, number: int) -> Buyer:
        """Give a buyer that never deposits: the seller sees a balance in every channel."""
        place = self.terms.network, self.terms.token
        budget = Budget({place: Allowance(PRICE, 10**9, 10**15)})
        account = Account.local(b"buyer %d" % number)
        reads = lambda config: Channel(10**12)  # noqa: E731
        return Buyer(account, budget, send=self, read_channel=reads, clock=lambda: NOW)


def resident() -> int:
    """Give the memory of this process in KiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def calls(desk: Desk, buyers: list[Buyer], count: int) -> tuple[float, float]:
    """Give the CPU microseconds of a call, the seller's and the buyer's."""
    desk.seconds, begun = 0.0, time.process_time()
    for number in range(count):
        buyer = buyers[number % len(buyers)]
        buyer.fetch("http://seller/call", "POST", number.to_bytes(32, "big"))
    whole = time.process_time() - begun
    return 1e6 * desk.seconds / count, 1e6 * (whole - desk.seconds) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 calls of 100 channels")
    quick = parser.parse_args().quick
    channels, rounds, each = (100, 5, 400) if quick else (10_000, 10, 20_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vouchers"
        desk = Desk(VoucherStore(path), Vouchers(channel_domain(31337)))
        buyers = [desk.buyer(number) for number in range(channels)]
        calls(desk, buyers, channels)
        memory, sizes, times = [resident()], [path.stat().st_size], []
        for _ in range(rounds):
            times.append(calls(desk, buyers, each))
            memory.append(resident())
            sizes.append(path.stat().st_size)
        step = 1e6 * desk.stream_step(STEPS)
        desk.store.close()
    seller, buyer = (round(statistics.median(side), 1) for side in zip(*times, strict=True))
    print(f"seller {seller:,} us a call, buyer {buyer:,} us, a step of a stream {step:,.1f} us")
    print(f"{rounds * each:,} calls of {channels:,} channels: memory {memory[0]:,} KiB before,")
    print(f"{memory[rounds // 2]:,} half-way, {memory[-1]:,} at the end; file at most")
    print(f"{max(sizes):,} bytes")
    print(f"target: {TARGET_US} us for both: {'met' if seller + buyer <= TARGET_US else 'missed'}")
    record = {
        "benchmark": "paid_call",
        "machine": platform.machine(),
        "seller_us": seller,
        "buyer_us": buyer,
        "step_us": round(step, 1),
        "calls": rounds * each,
        "channels": channels,
        "memory_kib": memory,
        "largest_file": max(sizes),
        "target_us": TARGET_US,
        "ratio": round((seller + buyer) / TARGET_US, 2),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
