"""Screening: a transaction, or a signature, is tried and judged before it leaves the wallet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any, Protocol

from counterpoise.chain import Chain
from counterpoise.core.digest import keccak
from counterpoise.core.errors import ChainError
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.contacts import Contacts
from counterpoise.monitor.effects import NOTHING, Approval, Effects, effects_of
from counterpoise.monitor.screening import (
    Changes,
    Expectation,
    Screening,
    broken,
    name_of,
    screening_of,
)
from counterpoise.monitor.signs import Mark, Sign
from counterpoise.monitor.simulation import TRACE, Bound, Intent, simulate
from counterpoise.monitor.typed_permits import Agreement, read_typed_data

HOPS, WALK = 2, 2_000
LONG = 30 * 86_400
NEARLY_ALL = 90
"""Per cent of what an account holds of a token."""
PROXY_SLOT = int.from_bytes(keccak(b"eip1967.proxy.implementation"), "big") - 1
CLONE = bytes.fromhex("363d3d373d3d3d363d73")
TRANSFERS = frozenset({keccak(b"transfer(address,uint256)")[:4]})
BALANCE_OF = keccak(b"balanceOf(address)")[:4]


class _Label(Protocol):
    """What a list says of an account."""

    @property
    def name(self) -> str: ...

    @property
    def listed(self) -> str: ...


class Lists(Protocol):
    """Lists of accounts, such as `labels.Labels`."""

    def find(self, address: bytes, /) -> _Label | None:
        """What the lists say of an account; None if it is on none."""
        ...


class Screen:
    """Judges what somebody is about to sign.

    A verdict holds for the state it names and no other: what a contract does may change with the
    next block, and whoever can have a transaction included between can change it on purpose. State
    post-conditions in the transaction itself where they matter.

    Parameters
    ----------
    chain :
        Where it would be sent.
    lists :
        Listed accounts.
    contacts :
        Recent counterparties; fed from blocks.
    known :
        Contracts whose code the sender has made sure of.
    """

    def __init__(
        self,
        chain: Chain,
        lists: Lists | None = None,
        contacts: Contacts | None = None,
        known: Set[bytes] = frozenset(),
    ) -> None:
        self.chain, self.lists, self.contacts = chain, lists, contacts or Contacts()
        self.known = frozenset(known)

    def screen(self, intent: Intent, expect: Expectation | None = None) -> Screening:
        """Try a transaction on the newest state and judge what it would do.

        Raises
        ------
        ChainError :
            The node does not answer, or blocks come too fast to bind the verdict to one.
        """
        tried = simulate(self.chain, intent)
        effects = NOTHING if tried.tree is None else effects_of(tried.tree)
        marks = [Mark(Sign.HANDED_OVER, f"to the code of {name_of(c)}") for c in intent.delegates]
        if tried.failed:
            marks.append(Mark(Sign.FAILS, tried.failed))
        if tried.how != TRACE:
            marks.append(Mark(Sign.NO_TRACE, "the node does not show what it would do"))
        marks += self._marks(effects, intent, expect)
        parties = {one for one in (intent.to,) if one} | effects.touched | set(intent.delegates)
        listed, cut = self._listed(parties - {intent.sender})
        return screening_of(
            (*marks, *listed),
            effects,
            intent.sender,
            how=tried.how,
            at=tried.at,
            failed=tried.failed,
            cut=cut,
        )

    def screen_typed(self, document: Mapping[str, Any], signer: bytes) -> Screening:
        """Judge a signature of typed data: what it lets others do.

        Raises
        ------
        InputError :
            It is no typed data, or lacks a field of its kind.
        """
        agreed = read_typed_data(document, signer)
        block = self.chain.block("latest")
        effects = Effects(
            agreed.movements,
            agreed.approvals,
            (),
            (),
            (),
            frozenset({one.spender for one in agreed.approvals})
            | {party for move in agreed.movements for party in (move.src, move.dst)}
            | {one for one in (agreed.contract,) if one},
        )
        marks = [*self._of_signature(agreed, block.time)]
        marks += self._marks(effects, Intent(signer, agreed.contract, b"typed"), None)
        listed, cut = self._listed(effects.touched - {signer, NATIVE})
        at = Bound(block.number, block.hash, b"")
        every = (*marks, *listed)
        return screening_of(every, effects, signer, how="typed data", at=at, failed="", cut=cut)

    def _of_signature(self, agreed: Agreement, now: int) -> Iterator[Mark]:
        if not agreed.is_read:
            yield Mark(Sign.UNREAD, f"typed data of the kind {agreed.kind}")
        here = self.chain.chain_id()
        if agreed.chain_id != here:
            where = "every chain" if agreed.chain_id is None else f"chain {agreed.chain_id}"
            yield Mark(Sign.WRONG_PLACE, f"good on {where}, this is {here}")
        elif agreed.contract is None or not self._has_code(agreed.contract):
            at = "none" if agreed.contract is None else name_of(agreed.contract)
            yield Mark(Sign.WRONG_PLACE, f"the contract that takes it, {at}, has no code")
        if agreed.is_read and (agreed.deadline is None or agreed.deadline > now + LONG):
            until = "for ever" if agreed.deadline is None else f"until {agreed.deadline}"
            yield Mark(Sign.LONG, f"it can be used {until}")

    def _marks(
        self, effects: Effects, intent: Intent, expect: Expectation | None
    ) -> Iterator[Mark]:
        sender = intent.sender
        changes, allowed = effects.change_of(sender), self.known
        if expect is not None:
            allowed = self.known | expect.spenders
            yield from broken(changes, effects.approvals, sender, expect)
        yield from self._look_alikes(effects, intent)
        yield from self._given_away(changes, intent)
        for approval in effects.approvals:
            if approval.owner == sender and approval.spender not in allowed:
                yield from self._approval(approval)
        for delegation in effects.delegations:
            if not self._is_declared(delegation.contract, delegation.code):
                where = name_of(delegation.contract)
                yield Mark(Sign.FOREIGN_CODE, f"{name_of(delegation.code)} in {where}")
        for control in effects.controls:
            if control.contract not in self.known:
                yield Mark(Sign.CONTROL, f"{control.kind} of {name_of(control.contract)}")
        for found in effects.reentries:
            acting = found.acted_after is not False and not found.is_expected
            sign = Sign.REENTERED_ACTING if acting else Sign.REENTERED
            yield Mark(sign, f"{name_of(found.contract)} through {name_of(found.through)}")

    def _look_alikes(self, effects: Effects, intent: Intent) -> Iterator[Mark]:
        given = [one.dst for one in effects.movements if one.src == intent.sender]
        given += [one.spender for one in effects.approvals if one.owner == intent.sender]
        for party in dict.fromkeys([*([intent.to] if intent.to else []), *given]):
            if (meant := self.contacts.looked_like(intent.sender, party)) is not None:
                yield Mark(Sign.LOOK_ALIKE, f"{name_of(party)} is not {name_of(meant)}")

    def _given_away(self, changes: Changes, intent: Intent) -> Iterator[Mark]:
        """Mark what leaves for nothing, except where the sender plainly sends or deploys."""
        plainly = not intent.data or intent.data[:4] in TRANSFERS or intent.to is None
        if plainly or intent.to in self.known or any(one > 0 for one in changes.values()):
            return
        for (token, item), change in changes.items():
            amount, what = -change, name_of(token)
            if item is not None:
                yield Mark(Sign.GIVEN_AWAY, f"item {item} of {what}")
            elif amount * 100 >= self._holding(token, intent.sender) * NEARLY_ALL:
                yield Mark(Sign.EMPTIED, f"{amount} of {what}, nearly all there is")
            else:
                yield Mark(Sign.GIVEN_AWAY, f"{amount} of {what}")

    def _approval(self, approval: Approval) -> Iterator[Mark]:
        by_code = self._has_code(approval.spender)
        signs = {
            (True, True): Sign.ENDLESS_TO_CONTRACT,
            (True, False): Sign.ENDLESS_TO_ACCOUNT,
            (False, True): Sign.ALLOWANCE_TO_CONTRACT,
            (False, False): Sign.ALLOWANCE_TO_ACCOUNT,
        }
        much = "all there ever is" if approval.is_endless else str(approval.amount)
        words = f"{name_of(approval.spender)} may take {much} of {name_of(approval.token)}"
        yield Mark(signs[approval.is_endless, by_code], words)

    def _listed(self, parties: Set[bytes]) -> tuple[list[Mark], bool]:
        """Mark who takes part and is listed, and the nearest listed account around the others."""
        if self.lists is None:
            return [], False
        direct = [(p, label) for p in sorted(parties) if (label := self.lists.find(p))]
        if direct:
            return [Mark(Sign.LISTED, _listing(*one)) for one in direct], False
        nearest: tuple[int, str] | None = None
        cut = False
        for party in sorted(parties):
            walked = 0
            for other, hop in self.contacts.within(party, HOPS, WALK):
                walked += 1
                if (label := self.lists.find(other)) and (nearest is None or hop < nearest[0]):
                    nearest = hop, f"{_listing(other, label)}, by {name_of(party)}"
            cut = cut or walked >= WALK
        if nearest is None:
            return [], cut
        return [Mark(Sign.ONE_HOP if nearest[0] == 1 else Sign.TWO_HOPS, nearest[1])], cut

    def _is_declared(self, contract: bytes, code: bytes) -> bool:
        """Whether a contract is known to run this code: a proxy's slot, or a clone's own code."""
        if contract in self.known or code in self.known:
            return True
        if self.chain.storage(contract, PROXY_SLOT)[12:] == code:
            return True
        return CLONE + code in self.chain.code(contract)

    def _has_code(self, account: bytes) -> bool:
        return bool(self.chain.code(account))

    def _holding(self, token: bytes, account: bytes) -> int:
        """What an account holds; zero if the token does not say."""
        if token == NATIVE:
            return self.chain.balance(account)
        try:
            answer = self.chain.call(token, BALANCE_OF + bytes(12) + account)
        except ChainError:
            return 0
        return int.from_bytes(answer[:32], "big")


def _listing(account: bytes, label: _Label) -> str:
    return f"{name_of(account)}: {label.name} (list of {label.listed})"
