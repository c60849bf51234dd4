"""The verb ``counterpoise market receipt``: check a signed receipt without a network."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import format_tokens, parse_address, to_checksum
from counterpoise.market.buy_cli import body_of
from counterpoise.network import FILE, answer, as_json


@click.command()
@click.argument("file", type=FILE)
@click.option("--seller", metavar="ADDRESS", help="Whose signature it must bear.")
@click.option("--target", metavar="PATH", help="Path and query that were asked, to compare.")
@click.option("--method", default="POST", show_default=True, help="With --target.")
@click.option("--body", metavar="TEXT", help="With --target: what was sent; @FILE from a file.")
@click.option("--answer", "answered", type=FILE, metavar="FILE", help="The answer, to compare.")
@as_json
def receipt(
    file: Path,
    seller: str | None,
    target: str | None,
    method: str,
    body: str | None,
    answered: Path | None,
    wants_json: bool,
) -> None:
    """Check the signed receipt in FILE: who signed it, and what was asked, got and charged.

    Example: counterpoise market receipt receipt.json --target /v2/models/biopsy/infer
    --body @row.json --answer answer.json
    """
    from counterpoise.core.digest import sha256
    from counterpoise.market.gateway.service import request_digest
    from counterpoise.market.receipts_issued import read_receipt
    from counterpoise.market.signed import read_signed

    envelope = _read(file)
    found, signer = read_receipt(envelope)
    if seller is not None and parse_address(seller) != signer:
        raise VerificationError(f"the receipt is signed by {to_checksum(signer)}, not by {seller}")
    compared = []
    if target is not None:
        asked = request_digest(method.upper(), target, body_of(body))
        compared.append(("request", asked, found.request))
    if answered is not None:
        compared.append(("answer", sha256(_read(answered)), found.answer))
    for what, given, said in compared:
        if given != said:
            raise VerificationError(f"the receipt is for another {what}: {said.hex()}")
    moment = datetime.fromtimestamp(read_signed(envelope, "receipt")[0].predicate["time"], UTC)
    how = ("channel", found.channel) if found.channel else ("transaction", found.transaction)
    record: dict[str, Any] = {
        "signer": to_checksum(signer),
        "payer": to_checksum(found.payer),
        "paid to": to_checksum(found.pay_to),
        "network": found.network,
        "token": to_checksum(found.token),
        "charged": format_tokens(found.charged),
        "total": format_tokens(found.total),
        how[0]: "" if how[1] is None else how[1].hex(),
        "time": moment.isoformat(),
        "request": found.request.hex(),
        "answer": found.answer.hex(),
        "decision": None if found.decision is None else found.decision.hex(),
        "compared": [what for what, _, _ in compared],
    }
    width = max(map(len, record))
    lines = [f"{key:<{width}}  {value}" for key, value in record.items() if key != "compared"]
    told = f"{' and '.join(record['compared'])} compared" if compared else "nothing was compared"
    answer(wants_json, record, *lines, f"the signature is good; {told}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as wrong:
        raise InputError(f"{file} cannot be read: {wrong.strerror}") from wrong
