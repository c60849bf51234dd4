"""What a call tree amounts to: who gains and loses what, who may take what from now on, who rules.

Only what stays is counted: a frame that reverted takes everything inside it along. Tokens are
believed in what their events say, as wallets and explorers believe them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from counterpoise.chain import Call, Emitted
from counterpoise.core.digest import keccak
from counterpoise.monitor.blocks import NATIVE, TRANSFER
from counterpoise.monitor.detectors.reentrancy import CALLBACKS

ENDLESS = 1 << 159
"""An allowance of so many base units is one without end (Permit2 counts in 160 bits)."""

BORROWED = frozenset({"DELEGATECALL", "CALLCODE"})
APPROVAL = keccak(b"Approval(address,address,uint256)")
APPROVAL_FOR_ALL = keccak(b"ApprovalForAll(address,address,bool)")
PERMIT2_APPROVAL = keccak(b"Approval(address,address,address,uint160,uint48)")
PERMIT2_PERMIT = keccak(b"Permit(address,address,address,uint160,uint48,uint48)")
TRANSFER_SINGLE = keccak(b"TransferSingle(address,address,address,uint256,uint256)")
CONTROL = {
    keccak(b"OwnershipTransferred(address,address)"): "owner",
    keccak(b"AdminChanged(address,address)"): "admin",
    keccak(b"Upgraded(address)"): "code",
    keccak(b"BeaconUpgraded(address)"): "code",
    keccak(b"RoleGranted(bytes32,address,address)"): "role",
    keccak(b"AddedOwner(address)"): "owner",
    keccak(b"RemovedOwner(address)"): "owner",
    keccak(b"ChangedThreshold(uint256)"): "threshold",
    keccak(b"EnabledModule(address)"): "module",
}
"""Events after which somebody else may rule a contract, and over what."""


class Movement(NamedTuple):
    """Value that changes hands; `item` is the number of a single thing (ERC-721, ERC-1155)."""

    token: bytes
    src: bytes
    dst: bytes
    amount: int
    item: int | None = None


class Approval(NamedTuple):
    """What somebody may take from now on; `amount` is None for everything there is."""

    token: bytes
    owner: bytes
    spender: bytes
    amount: int | None

    @property
    def is_endless(self) -> bool:
        """Whether no amount bounds it."""
        return self.amount is None or self.amount >= ENDLESS


class Control(NamedTuple):
    """A contract whose ruler or code changes; `kind` is one of those of `CONTROL`."""

    contract: bytes
    kind: str


class Delegation(NamedTuple):
    """Foreign code that ran with a contract's own storage."""

    contract: bytes
    code: bytes


class Reentry(NamedTuple):
    """A contract that was entered again while it was still at work.

    Parameters
    ----------
    through :
        Whom it had called.
    is_expected :
        Whether it had called a market's or a lender's callback, which is there for that.
    acted_after :
        Whether it wrote, or sent value, after the inner call came back; None if none can tell.
    """

    contract: bytes
    through: bytes
    is_expected: bool
    acted_after: bool | None


@dataclass(frozen=True, slots=True)
class Effects:
    """What stays of a transaction.

    Parameters
    ----------
    touched :
        Every account and every contract's code that takes part.
    """

    movements: tuple[Movement, ...]
    approvals: tuple[Approval, ...]
    controls: tuple[Control, ...]
    delegations: tuple[Delegation, ...]
    reentries: tuple[Reentry, ...]
    touched: frozenset[bytes]

    def change_of(self, account: bytes) -> dict[tuple[bytes, int | None], int]:
        """Net change by (token, item), in base units; what comes to nothing is left out."""
        change: dict[tuple[bytes, int | None], int] = defaultdict(int)
        for one in self.movements:
            if one.src != one.dst and account in (one.src, one.dst):
                change[one.token, one.item] += one.amount if one.dst == account else -one.amount
        return {what: amount for what, amount in change.items() if amount}


NOTHING = Effects((), (), (), (), (), frozenset())


def effects_of(tree: Call) -> Effects:
    """Read a call tree."""
    if tree.failed:
        return NOTHING
    live = list(_live(tree))
    logs = [event for call in live for event in call.events]
    movements = [*_coins(live), *(m for event in logs if (m := _movement(event)))]
    approvals = [approval for event in logs if (approval := _approval(event))]
    controls = [
        Control(event.address, CONTROL[event.topics[0]])
        for event in logs
        if event.topics and event.topics[0] in CONTROL
    ]
    delegations = [Delegation(call.sender, call.to) for call in live if call.kind in BORROWED]
    touched = {one for call in live for one in (call.sender, call.to)}
    touched |= {one for move in movements for one in (move.src, move.dst)}
    touched |= {approval.spender for approval in approvals}
    return Effects(
        tuple(movements),
        tuple(dict.fromkeys(approvals)),
        tuple(dict.fromkeys(controls)),
        tuple(dict.fromkeys(delegations)),
        tuple(dict.fromkeys(_reentries(tree))),
        frozenset(touched - {NATIVE}),
    )


def _live(tree: Call) -> Iterator[Call]:
    waiting = [tree]
    while waiting:
        call = waiting.pop()
        if not call.failed:
            yield call
            waiting.extend(reversed(call.calls))


def _coins(live: list[Call]) -> Iterator[Movement]:
    for call in live:
        if call.value and call.kind not in ("DELEGATECALL", "CALLCODE", "STATICCALL"):
            yield Movement(NATIVE, call.sender, call.to, call.value)


def _movement(event: Emitted) -> Movement | None:
    topics = event.topics
    if not topics:
        return None
    if topics[0] == TRANSFER and len(topics) == 3 and len(event.data) == 32:
        return Movement(event.address, topics[1][12:], topics[2][12:], _whole(event.data))
    if topics[0] == TRANSFER and len(topics) == 4:
        return Movement(event.address, topics[1][12:], topics[2][12:], 1, _whole(topics[3]))
    if topics[0] == TRANSFER_SINGLE and len(topics) == 4 and len(event.data) == 64:
        item, amount = _whole(event.data[:32]), _whole(event.data[32:])
        return Movement(event.address, topics[2][12:], topics[3][12:], amount, item)
    return None


def _approval(event: Emitted) -> Approval | None:
    """Read what an event lets a spender take; None where it takes a right back or is another's."""
    topics, data = event.topics, event.data
    found: Approval | None = None
    if len(topics) == 3 and len(data) == 32:
        owner, spender = topics[1][12:], topics[2][12:]
        if topics[0] == APPROVAL:
            found = Approval(event.address, owner, spender, _whole(data))
        elif topics[0] == APPROVAL_FOR_ALL and _whole(data):
            found = Approval(event.address, owner, spender, None)
    elif len(topics) == 4 and topics[0] == APPROVAL:
        found = Approval(event.address, topics[1][12:], topics[2][12:], 1)
    elif len(topics) == 4 and topics[0] in (PERMIT2_APPROVAL, PERMIT2_PERMIT) and len(data) >= 32:
        found = Approval(topics[2][12:], topics[1][12:], topics[3][12:], _whole(data[:32]))
    if found is None or found.amount == 0 or found.spender == NATIVE:
        return None
    return found


def _reentries(tree: Call) -> Iterator[Reentry]:
    """Walk the live tree with the calls that are still at work, outermost first."""
    waiting: list[tuple[Call, tuple[tuple[Call, int], ...], bytes]] = [(tree, (), tree.to)]
    while waiting:
        call, above, own = waiting.pop()
        if call.failed:
            continue
        if call.kind != "STATICCALL" and (found := _reentry(own, above)):
            yield found
        for place, inner in enumerate(call.calls):
            context = own if inner.kind in BORROWED else inner.to
            waiting.append((inner, (*above, (call, place)), context))


def _reentry(own: bytes, above: tuple[tuple[Call, int], ...]) -> Reentry | None:
    """Whether the contract `own` was entered while a call of its own was still at work.

    `above` holds the calls at work, each with the place of the inner call that led here.
    """
    contexts = _contexts(above)
    if not contexts or contexts[-1] == own or own not in contexts:
        return None
    last = len(contexts) - 1 - contexts[::-1].index(own)
    call, place = above[last]
    left = call.calls[place]
    after: bool | None = any(
        one.value and one.kind not in BORROWED for one in call.calls[place + 1 :]
    )
    if not after:
        after = None if call.writes is None else any(count > place for count in call.writes)
    return Reentry(own, left.to, left.data[:4] in CALLBACKS, after)


def _contexts(above: tuple[tuple[Call, int], ...]) -> list[bytes]:
    contexts: list[bytes] = []
    for call, _ in above:
        borrowed = contexts and call.kind in BORROWED
        contexts.append(contexts[-1] if borrowed else call.to)
    return contexts


def _whole(word: bytes) -> int:
    return int.from_bytes(word, "big")
