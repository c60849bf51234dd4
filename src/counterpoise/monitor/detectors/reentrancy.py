"""Re-entrancy that happened: a contract was entered again and went on with what it knew before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from counterpoise.core.digest import keccak
from counterpoise.monitor.alert import Entity, Finding, Severity
from counterpoise.monitor.blocks import Block, Frame, Transaction
from counterpoise.monitor.detector import Context


def selector(signature: str) -> bytes:
    """The first four bytes of a call's input."""
    return keccak(signature.encode())[:4]


CALLBACKS = frozenset(
    selector(signature)
    for signature in (
        "onFlashLoan(address,address,uint256,uint256,bytes)",
        "executeOperation(address,uint256,uint256,address,bytes)",
        "executeOperation(address[],uint256[],uint256[],address,bytes)",
        "receiveFlashLoan(address[],uint256[],uint256[],bytes)",
        "uniswapV2Call(address,uint256,uint256,bytes)",
        "pancakeCall(address,uint256,uint256,bytes)",
        "uniswapV3SwapCallback(int256,int256,bytes)",
        "uniswapV3MintCallback(uint256,uint256,bytes)",
        "uniswapV3FlashCallback(uint256,uint256,bytes)",
        "unlockCallback(bytes)",
    )
)
"""Calls by which a market asks to be paid or paid back: to be entered again is what they are for.

Receivers of tokens (``onERC721Received``, ``tokensReceived``) are not among them: contracts that
did not expect to be entered again have been emptied through these.
"""

PAYS = frozenset(
    selector(signature)
    for signature in ("transfer(address,uint256)", "transferFrom(address,address,uint256)")
)
SEVERITIES = (Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
DEEPEST = 1_100
"""Deeper than the virtual machine allows (1,024)."""


@dataclass(frozen=True, slots=True)
class Activation:
    """One entry into a contract: the frame that entered it, and which of its calls is under way.

    Parameters
    ----------
    self_ :
        Whose storage it works on; a delegate call works on the caller's.
    path :
        Frames of this entry from its first to the one whose call is under way, each with the
        place of that call: more than one where it runs through delegate calls.
    caller :
        The contract that entered it.
    """

    self_: bytes
    caller: bytes
    path: tuple[tuple[Frame, int], ...]

    @property
    def frame(self) -> Frame:
        """The frame that entered the contract."""
        return self.path[0][0]


@dataclass(frozen=True, slots=True)
class Reentrancy:
    """Finds, in the call tree, a contract entered again that then wrote or paid as if it had not.

    Without a call tree it finds nothing; without the places of writes, only payments count.
    """

    name: str = "reentrancy"
    version: int = 1

    def inspect(self, block: Block, context: Context) -> Iterable[Finding]:
        """Look through each transaction's call tree."""
        for transaction in block.transactions:
            if transaction.trace is not None and transaction.succeeded:
                finding = self._judged(transaction, transaction.trace)
                if finding is not None:
                    yield finding

    def _judged(self, transaction: Transaction, tree: Frame) -> Finding | None:
        found: dict[bytes, tuple[int, Activation, Activation]] = {}
        created = {frame.to for frame in tree.walk() if frame.kind == "create"}
        for outer, handed, inner in entered_again(tree):
            known = found.get(outer.self_)
            if known is not None and known[0] == len(SEVERITIES):
                continue
            own = {tree.sender, tree.to, outer.caller} | created
            grade = _grade(outer, handed, inner, own)
            if grade and (known is None or grade > known[0]):
                found[outer.self_] = (grade, outer, inner)
        if not found:
            return None
        grade = max(found.values(), key=lambda value: value[0])[0]
        entities = [Entity(transaction.sender, "attacker")]
        if transaction.to is not None and transaction.to not in found:
            entities.append(Entity(transaction.to, "accomplice"))
        entities += [Entity(contract, "contract") for contract in sorted(found)]
        loss = max(_taken(tree, contract) for contract in found)
        return Finding(
            self.name,
            self.version,
            SEVERITIES[grade - 1],
            (500_000, 800_000, 950_000)[grade - 1],
            (transaction.hash,),
            tuple(entities),
            tuple(_reason(outer, inner) for _, outer, inner in found.values()),
            loss=loss,
            loss_token=bytes(20) if loss else b"",
            limits=() if tree.writes is not None else ("writes are not told by this source",),
        )


def entered_again(tree: Frame) -> Iterator[tuple[Activation, Activation, Activation]]:
    """Every entry into a contract that has called out: it, what it called, and the new entry.

    Calls that failed, and static calls, which change nothing, are left out.
    """
    waiting: list[tuple[Frame, tuple[Activation, ...]]] = [(tree, ())]
    while waiting:
        frame, stack = waiting.pop()
        if frame.failed or frame.kind == "staticcall" or len(stack) > DEEPEST:
            continue
        if stack and frame.kind in ("delegatecall", "callcode"):
            entry = Activation(stack[-1].self_, stack[-1].caller, (*stack[-1].path, (frame, -1)))
            above = stack[:-1]
        else:
            entry = Activation(frame.to, frame.sender, ((frame, -1),))
            above = stack
            for at, outer in enumerate(above):
                if outer.self_ == frame.to and at + 1 < len(above):
                    yield outer, above[at + 1], entry
                    break
        for place, child in enumerate(frame.frames):
            path = (*entry.path[:-1], (frame, place))
            waiting.append((child, (*above, Activation(entry.self_, entry.caller, path))))


def goes_on(outer: Activation) -> bool:
    """Whether the contract wrote or paid after the call under way came back."""
    return any(_acts_after(frame, place, outer.self_) for frame, place in outer.path)


def _acts_after(frame: Frame, place: int, self_: bytes) -> bool:
    if frame.writes and max(frame.writes) > place:
        return True
    for later in frame.frames[place + 1 :]:
        if later.failed or later.kind == "staticcall":
            continue
        if later.value or later.given[:4] in PAYS:
            return True
        if later.kind in ("delegatecall", "callcode") and _acts_after(later, -1, self_):
            return True
    return False


def acts(entry: Frame) -> bool:
    """Whether an entry changed the contract or paid: by its own code or by delegate calls."""
    return _acts_after(entry, -1, entry.to)


def _grade(outer: Activation, handed: Activation, inner: Activation, own: set[bytes]) -> int:
    """0 for harmless; 1 suspicious; 2 by a caller's own contract; 3 with the same function.

    What makes it an attack is that control was handed to somebody of the caller's choice (`own`):
    the contract's caller, the transaction's target, or what this transaction created.
    """
    if handed.frame.given[:4] in CALLBACKS or not goes_on(outer) or not acts(inner.frame):
        return 0
    same = inner.frame.given[:4] == outer.frame.given[:4]
    if handed.self_ in own:
        return 3 if same else 2
    return 1 if same else 0


def _taken(tree: Frame, contract: bytes) -> int:
    """How much more of the coin left a contract than came to it, wei."""
    total, waiting = 0, [tree]
    while waiting:
        frame = waiting.pop()
        if frame.failed:
            continue
        if frame.value and frame.kind in ("call", "create", "selfdestruct"):
            total += frame.value * ((frame.sender == contract) - (frame.to == contract))
        waiting.extend(frame.frames)
    return max(0, total)


def _reason(outer: Activation, inner: Activation) -> str:
    return (
        f"{outer.self_.hex()} was in {outer.frame.given[:4].hex()} when it was entered again by "
        f"{inner.frame.given[:4].hex()}, and wrote or paid after that as if nothing had happened"
    )
