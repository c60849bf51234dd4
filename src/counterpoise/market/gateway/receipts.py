"""Receipts of paid calls from a template: `issue_receipt` in a third of its time.

A template is compared with the slow way when it is made, and never used where it differs.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from counterpoise.core.errors import VerificationError
from counterpoise.market.gateway.statements import Statements
from counterpoise.market.receipts_issued import CallReceipt, issue_receipt
from counterpoise.market.signed import written

_SAMPLE = CallReceipt(
    b"r" * 32, b"a" * 32, "eip155:1", b"t" * 20, b"p" * 20, b"q" * 20, 5, 10, b"c" * 32
)


class Receipts:
    """Writes and signs the receipts of one seller.

    Parameters
    ----------
    statements :
        Who signs.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        marks: dict[str, Any] = {"decision": b"d" * 32, "listing": b"l" * 32, "offer": b"o" * 32}
        by_transfer = replace(_SAMPLE, channel=None, transaction=b"x" * 32)
        for receipt in (_SAMPLE, replace(_SAMPLE, **marks), by_transfer):
            slow = issue_receipt(statements.signer, receipt, 7, bytes(16))
            if self.issue(receipt, 7, bytes(16)) != slow:
                raise VerificationError("the template of receipts is not canonical")

    def issue(self, receipt: CallReceipt, now: int, nonce: bytes | None = None) -> bytes:
        """Give the envelope that `issue_receipt` gives; `nonce` is 16 bytes, random where None."""
        mark = (nonce or os.urandom(16)).hex()
        request, answer = receipt.request.hex(), receipt.answer.hex()
        payload = (
            '{"_type":"https://in-toto.io/Statement/v1","predicate":{'
            f'"actor":"{self._statements.signer.keyid}","answer":"{answer}",'
            f'{_member("channel", receipt.channel)}"charged":"{receipt.charged}",'
            f'{_member("decision", receipt.decision)}"inputs":[],'
            f'{_member("listing", receipt.listing)}"network":"{receipt.network}",'
            f'"nonce":"{mark}",{_member("offer", receipt.offer)}'
            f'"pay_to":"{written(receipt.pay_to)}","payer":"{written(receipt.payer)}",'
            f'"request":"{request}","time":{now},"token":"{written(receipt.token)}",'
            f'"total":"{receipt.total}"{_last(receipt.transaction)}}},'
            '"predicateType":"https://counterpoise.network/receipt/v1",'
            f'"subject":[{{"digest":{{"sha256":"{request}"}},"name":"request"}},'
            f'{{"digest":{{"sha256":"{answer}"}},"name":"answer"}}]}}'
        )
        return self._statements.sign(payload.encode())


def _member(name: str, digest: bytes | None) -> str:
    return "" if digest is None else f'"{name}":"{digest.hex()}",'


def _last(transaction: bytes | None) -> str:
    return "" if transaction is None else f',"transaction":"{transaction.hex()}"'
