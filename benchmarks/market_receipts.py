"""What a seller's signed offers and receipts cost in processor time, beside the bare signature.

python benchmarks/market_receipts.py [--quick]
"""

import argparse
import json
import platform
import statistics
import time

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.market import (
    CallReceipt,
    OfferDesk,
    check_call_receipt,
    issue_receipt,
)
from counterpoise.provenance import AccountSigner

SELLER, PAYER, TOKEN, NOW = Account.local(b"seller"), b"p" * 20, b"t" * 20, 1_700_000_000
ROUTE = "POST /v1/embeddings"


def micros(work, items) -> float:
    """Processor time of one call, in microseconds."""
    start = time.process_time()
    for item in items:
        work(item)
    return (time.process_time() - start) / len(items) * 1e6


def one_round(count: int, salt: int) -> dict[str, float]:
    """Time each step over `count` fresh calls."""
    signer = AccountSigner(SELLER)
    numbers = [salt * count + number for number in range(count)]
    digests = [sha256(number.to_bytes(8, "big")) for number in numbers]
    receipts = [
        CallReceipt(
            digest,
            digest,
            "eip155:31337",
            TOKEN,
            PAYER,
            SELLER.address,
            charged=1,
            total=1 + number,
            channel=b"c" * 32,
            decision=digest,
        )
        for number, digest in zip(numbers, digests, strict=True)
    ]
    desk = OfferDesk(signer, "eip155:31337", TOKEN, SELLER.address)
    again = OfferDesk(signer, "eip155:31337", TOKEN, SELLER.address)
    issued = [issue_receipt(signer, one, NOW) for one in receipts]
    offers = [desk.issue(ROUTE, 25, NOW) for _ in numbers]
    checks = list(zip(issued, receipts, strict=True))
    return {
        "bare signature": micros(SELLER.sign_digest, digests),
        "issue a receipt": micros(lambda one: issue_receipt(signer, one, NOW), receipts),
        "check a receipt": micros(lambda pair: check(*pair), checks),
        "issue an offer": micros(lambda number: desk.issue(ROUTE, number, NOW), numbers),
        "honour an offer": micros(lambda one: desk.check(one, resource=ROUTE, now=NOW), offers),
        "honour it after a restart": micros(
            lambda one: again.check(one, resource=ROUTE, now=NOW), offers
        ),
    }


def check(envelope: bytes, receipt: CallReceipt) -> None:
    """Check a receipt as its buyer does."""
    check_call_receipt(
        envelope,
        {SELLER.address},
        request=receipt.request,
        answer=receipt.answer,
        payer=PAYER,
        charged=1,
    )


def main() -> None:
    """Print the table and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    count, rounds = (50, 3) if parser.parse_args().quick else (1_000, 7)
    found = [one_round(count, salt) for salt in range(rounds)]
    medians = {step: statistics.median(one[step] for one in found) for step in found[0]}
    print(f"{platform.machine()}, Python {platform.python_version()}: µs of processor time")
    for step, value in medians.items():
        print(f"{step:28} {value:8.1f}")
    print(json.dumps({step: round(value, 1) for step, value in medians.items()}))


if __name__ == "__main__":
    main()
