"""Lean buyers for load: one channel each, vouchers signed inline, and books that tests compare.

A buyer never gives a payment up: after a lost connection the same voucher goes out again for the
same request, until it is answered or the seller says what was charged.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from time import perf_counter

from lines import Answer, Line, Lost, connect, http

from counterpoise.chain import Account
from counterpoise.payments import ChannelConfig, Vouchers, channel_domain
from counterpoise.payments.channels import SignedDeposit
from counterpoise.payments.signing import Voucher
from counterpoise.payments.terms import Terms
from counterpoise.payments.wire import BATCH, REQUIRED, RESPONSE, Payment, pack
from counterpoise.payments.wire_schemes import ChannelPayment

PASSING = ("channel_busy", "chain_unavailable", "settlement_pending", "reservation_expired")
"""Reasons after which the same payment is sent again a little later."""


class Refused(Exception):
    """The seller takes no payment of this channel, in x402's words."""


@dataclass(slots=True)
class Books:
    """What one buyer signed and got, amounts in base units.

    Parameters
    ----------
    signed, charged :
        The highest ceiling signed; what the seller says it charged in all.
    answered :
        Answers that came.
    unserved :
        What was charged for answers that never came and were not given again.
    lost, busy, failed :
        Connections that broke, and refusals or errors that passed.
    decisions :
        Digests of the statements that came with answers; None where nobody wants them.
    """

    signed: int = 0
    charged: int = 0
    answered: int = 0
    unserved: int = 0
    lost: int = 0
    busy: int = 0
    failed: int = 0
    seconds: list[float] = field(default_factory=list)
    decisions: list[bytes] | None = None


class Buyer:
    """One payer's channel to a seller.

    Parameters
    ----------
    deposit :
        Goes out with the first voucher; None where the channel is filled already.
    """

    def __init__(
        self,
        account: Account,
        config: ChannelConfig,
        terms: Terms,
        price: int,
        *,
        deposit: SignedDeposit | None = None,
    ) -> None:
        self.account, self.config, self.price, self.deposit = account, config, price, deposit
        self.books, self._line = Books(), None
        self._vouchers = Vouchers(channel_domain(terms.chain_id))
        self.channel = config.id(self._vouchers.domain)
        self._offer = terms.offer(BATCH, price)
        self._text = self._template()

    def _template(self) -> tuple[str, str, str]:
        """Write a payment once, and leave out what changes from call to call."""
        empty = ChannelPayment("voucher", self.config, Voucher(self.channel, 0, b""))
        whole = json.dumps(Payment(self._offer, empty.to_json()).to_json(), separators=(",", ":"))
        before, rest = whole.split('"maxClaimableAmount":"0"')
        between, after = rest.split('"signature":"0x"')
        ceiling = before + '"maxClaimableAmount":"'
        return ceiling, '"' + between + '"signature":"0x', '"' + after

    def payment(self, ceiling: int) -> str:
        """Sign a voucher and write the header that carries it."""
        voucher = self._vouchers.sign(self.account, self.channel, ceiling)
        self.books.signed = max(self.books.signed, ceiling)
        if self.deposit is not None:
            payload = ChannelPayment("deposit", self.config, voucher, self.deposit)
            return pack(Payment(self._offer, payload.to_json()))
        first, second, third = self._text
        text = f"{first}{ceiling}{second}{voucher.signature.hex()}{third}"
        return base64.b64encode(text.encode()).decode()

    async def buy(self, port: int, path: str, body: bytes) -> Answer:
        """Buy one answer, whatever happens in between."""
        request = self.request(path, body)
        while True:
            answer = await self._ask(port, request)
            if answer is None:
                continue
            if answer.status == 200:
                return self._take(answer)
            if answer.status == 402:
                reason = answer.told(REQUIRED).get("error", "")
                if reason.partition(":")[0].endswith(PASSING):
                    self.books.busy += 1
                else:
                    self._resync(answer, reason)
                    request = self.request(path, body)
            elif answer.status in (429, 500, 502, 503, 504):
                self.books.failed += 1
                await asyncio.sleep(0.25)
            else:
                raise AssertionError(answer)
            await asyncio.sleep(0.02)

    async def shop(self, port: int, path: str, bodies: list[bytes]) -> None:
        """Buy an answer to each body, one after the other."""
        for body in bodies:
            started = perf_counter()
            await self.buy(port, path, body)
            self.books.seconds.append(perf_counter() - started)

    async def line(self, port: int) -> Line:
        """Give the open connection, or open one."""
        if self._line is None or not self._line.is_open:
            self._line = await connect(port)
        return self._line

    def request(self, path: str, body: bytes) -> bytes:
        """Write the next paid request."""
        return http(path, body, self.payment(self.books.charged + self.price))

    async def _ask(self, port: int, request: bytes) -> Answer | None:
        line = await self.line(port)
        try:
            return await line.ask(request)
        except Lost:
            self.books.lost += 1
            return None

    def _take(self, answer: Answer) -> Answer:
        books, extra = self.books, answer.told(RESPONSE)["extra"]
        books.answered += 1
        books.charged += int(extra["chargedAmount"])
        self.deposit = None
        if books.decisions is not None:
            books.decisions.append(bytes.fromhex(answer.header("decision")))
        assert int(extra["channelState"]["chargedCumulativeAmount"]) == books.charged
        return answer

    def _resync(self, answer: Answer, reason: str) -> None:
        """Believe the seller's count as far as this buyer signed for it."""
        if not reason.endswith("cumulative_amount_mismatch"):
            raise Refused(reason)
        state = answer.told(REQUIRED)["accepts"][0]["extra"]["channelState"]
        charged = int(state["chargedCumulativeAmount"])
        assert self.books.charged < charged <= self.books.signed, (charged, self.books)
        self.books.unserved += charged - self.books.charged
        self.books.charged, self.deposit = charged, None
