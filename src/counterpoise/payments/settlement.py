"""Claims what was earned, in batches, and watches the chain for what endangers it.

Unclaimed vouchers hold nothing back: a payer may announce a withdrawal and take the deposit once
the delay is over. So a withdrawal of one of our channels is answered by a claim at once. Each row
is tried alone before it is sent: a bad voucher is left out and told of, and never blocks the rest.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from counterpoise.chain import FINAL_DEPTH, Account, Receipt
from counterpoise.core.errors import InputError, Reverted, Unreachable
from counterpoise.payments.channels import MAX_ROWS, ChannelsClient
from counterpoise.payments.rules import Channel, Fault
from counterpoise.payments.seller import Seller
from counterpoise.payments.signing import Claim
from counterpoise.payments.voucher_book import Kept


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of a round of claims.

    Parameters
    ----------
    amount :
        Base units newly claimed.
    dropped :
        Channel ids that were left out, and why.
    """

    amount: int = 0
    rows: int = 0
    dropped: tuple[tuple[bytes, str], ...] = ()
    receipts: tuple[Receipt, ...] = ()


class Settlement:
    """Brings one seller's vouchers to the chain.

    Parameters
    ----------
    account :
        The receiver's or its authorizer's key; it pays the gas.
    has_each :
        Whether the contract has ``claimEach``, as ours does and the original does not.
    attempts :
        How many times a transaction that does not get mined is sent; a claim counts once.
    """

    def __init__(
        self,
        seller: Seller,
        channels: ChannelsClient,
        account: Account,
        *,
        has_each: bool = True,
        attempts: int = 3,
    ) -> None:
        self.seller, self.channels, self.account = seller, channels, account
        self._has_each, self._attempts = has_each, attempts
        chain = channels.contract.chain
        self._head = chain.block()
        self._next = max(0, self._head.number - FINAL_DEPTH)
        self._has_looked = False

    def claim(self, least: int = 1, only: Collection[bytes] | None = None, now: int = 0) -> Claimed:
        """Claim what each channel owes.

        Parameters
        ----------
        least :
            Base units that a channel must owe to be worth a row.
        only :
            Ids of the channels to look at; all by default.
        now :
            Unix time; the seller learns what the chain says at it.
        """
        rows: list[tuple[Claim, int]] = []
        dropped: list[tuple[bytes, str]] = []
        for channel, kept in self.seller.store.channels().items():
            if only is not None and channel not in only:
                continue
            owed = kept.charged - self._state(channel, kept, now).claimed
            if owed < max(1, least):
                continue
            try:
                self.channels.check_claim(self.account.address, kept.claim())
                rows.append((kept.claim(), owed))
            except Reverted as refused:
                dropped.append((channel, refused.reason))
        amount, sent, receipts = 0, 0, []
        for start in range(0, len(rows), MAX_ROWS):
            batch = rows[start : start + MAX_ROWS]
            receipt = self._send([claim for claim, _ in batch])
            skipped = self._skipped(receipt)
            dropped += [(channel, fault.name.lower()) for channel, fault in skipped.items()]
            good = [owed for claim, owed in batch if claim.voucher.channel not in skipped]
            amount, sent = amount + sum(good), sent + len(good)
            receipts.append(receipt)
        for claim, _ in rows:
            self.seller.doubt(claim.voucher.channel)
        return Claimed(amount, sent, tuple(dropped), tuple(receipts))

    def settle(self) -> Receipt:
        """Pay the receiver all that was claimed for it."""
        terms = self.seller.terms
        return self.channels.settle(self.account, terms.receiver, terms.token)

    def waiting(self) -> int:
        """Fetch what was claimed for the receiver and not paid yet, in base units.

        Claims come of `claim`, of a withdrawal that was answered, and of refunds.
        """
        terms = self.seller.terms
        earned = self.channels.earned(terms.receiver, terms.token)
        return earned.claimed - earned.settled

    def watch(self, now: int = 0) -> Claimed:
        """Look at what happened on the chain since the last look; call it every few seconds.

        After a reorganisation every channel is doubted, so that no balance is trusted whose
        deposit is gone, and the claims that vanished are found again by the next `claim`. The
        first look asks for every channel: a withdrawal may have begun while nobody watched.
        """
        head, relied = self.channels.contract.chain.block(), self.seller.relied_on()
        if not all(self._stands(*one) for one in {*relied, (self._head.number, self._head.hash)}):
            self._next = max(0, self._next - FINAL_DEPTH)
            self.seller.doubt()
        self.seller.checked(relied)
        events = self.channels.events("WithdrawInitiated", self._next, head.number)
        leaving = {bytes(event.args["channelId"]) for event in events}
        if not self._has_looked:
            leaving |= self._already_leaving()
        self._head, self._next, self._has_looked = head, head.number + 1, True
        for channel in leaving:
            self.seller.doubt(channel)
        return self.claim(only=leaving, now=now) if leaving else Claimed()

    def _stands(self, number: int, digest: bytes) -> bool:
        try:
            return self.channels.contract.chain.block(number).hash == digest
        except InputError:
            return False

    def _already_leaving(self) -> set[bytes]:
        """Give the channels whose payer announced a withdrawal, however long ago."""
        kept = self.seller.store.channels()
        return {name for name, one in kept.items() if self.channels.channel(one.config).since}

    def _state(self, channel: bytes, kept: Kept, now: int) -> Channel:
        state, block = self.channels.look(kept.config)
        if now:
            self.seller.saw(channel, state, now, block)
        return state

    def _skipped(self, receipt: Receipt) -> dict[bytes, Fault]:
        """Give the bad rows; one that was claimed by a transaction before is none."""
        if not self._has_each:
            return {}
        skipped = self.channels.skipped(receipt)
        return {name: fault for name, fault in skipped if fault != Fault.REPLAYED}

    def _send(self, claims: list[Claim]) -> Receipt:
        send = self.channels.claim_each if self._has_each else self.channels.claim
        for attempt in range(self._attempts):
            try:
                return send(self.account, claims)
            except Unreachable:
                if attempt == self._attempts - 1:
                    raise
        raise Unreachable("nothing was sent", hint="give at least one attempt")
