"""A machine that runs one block of code on abstract words, and notes what matters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from counterpoise.audit.bytecode.arithmetic import computed
from counterpoise.audit.bytecode.instructions import ENDS, Instruction
from counterpoise.audit.bytecode.memory import Memory
from counterpoise.audit.bytecode.values import UNKNOWN, Value, constant, labelled, mixed, slot_name

__all__ = ["Event", "Machine", "Outcome", "State"]

LEAVES = {
    "ADDRESS": "self",
    "ORIGIN": "origin",
    "CALLER": "caller",
    "CALLVALUE": "value",
    "CALLDATASIZE": "size",
    "RETURNDATASIZE": "answer",
    "CODESIZE": "code",
    "GAS": "gas",
    "SELFBALANCE": "balance",
    "TIMESTAMP": "time",
    "NUMBER": "time",
    "PREVRANDAO": "chance",
    "COINBASE": "chance",
}
CALLS = frozenset({"CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"})
ECRECOVER, IDENTITY, LAST_PRECOMPILE = 1, 4, 10


@dataclass(frozen=True, slots=True)
class Event:
    """Something that matters: `values` are what the instruction took, top of the stack first.

    For calls `values` are (gas, target, value), and `data` the labels of what is sent along.
    """

    pc: int
    name: str
    values: tuple[Value, ...]
    data: frozenset[str] = frozenset()


@dataclass(slots=True)
class State:
    """Stack and memory at the start of a block."""

    stack: list[Value]
    memory: Memory = field(default_factory=Memory)

    def copy(self) -> State:
        """An independent copy."""
        return State(list(self.stack), self.memory.copy())


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a block ended: `end` is the last instruction, `goes` offsets that may come next."""

    end: str
    goes: tuple[tuple[int, bool], ...]
    condition: Value | None
    events: tuple[Event, ...]
    state: State


class Machine:
    """Runs blocks of one code.

    Parameters
    ----------
    instructions :
        By offset.
    targets :
        Offsets that may be jumped to.
    """

    def __init__(self, instructions: dict[int, Instruction], targets: frozenset[int]) -> None:
        self.instructions, self.targets = instructions, targets

    def run(self, pc: int, start: State) -> Outcome:
        """Run from an offset to the end of its block; `start` is left as it is."""
        state, first = start.copy(), True
        events: list[Event] = []
        while True:
            one = self.instructions.get(pc)
            if one is None:
                return Outcome("STOP", (), None, tuple(events), state)
            if one.name == "JUMPDEST" and not first:
                return Outcome("NEXT", ((pc, True),), None, tuple(events), state)
            if one.name in ENDS:
                return self._ended(one, state, events)
            _step(one, state, events)
            pc, first = one.next, False

    def block(self, pc: int) -> Iterator[Instruction]:
        """The instructions of the block at an offset."""
        first = True
        while (one := self.instructions.get(pc)) is not None:
            if one.name == "JUMPDEST" and not first:
                return
            yield one
            if one.name in ENDS:
                return
            pc, first = one.next, False

    def _ended(self, one: Instruction, state: State, events: list[Event]) -> Outcome:
        taken = _taken(state.stack, one.pops)
        if one.name == "JUMP":
            goes = self._target(taken[0])
            end = "JUMP" if goes or taken[0].const is not None else "LOST"
            return Outcome(end, goes, None, tuple(events), state)
        if one.name == "JUMPI":
            condition = taken[1]
            goes = (*self._target(taken[0]), (one.next, False))
            end = "JUMPI" if taken[0].const is not None else "LOST"
            return Outcome(end, goes, condition, tuple(events), state)
        if one.name in ("RETURN", "SELFDESTRUCT"):
            seen = state.memory.range(taken[0], taken[1]) if one.name == "RETURN" else frozenset()
            events.append(Event(one.pc, one.name, taken, seen))
        return Outcome(one.name, (), None, tuple(events), state)

    def _target(self, target: Value) -> tuple[tuple[int, bool], ...]:
        found = target.const
        return ((found, True),) if found is not None and found in self.targets else ()


def _taken(stack: list[Value], count: int) -> tuple[Value, ...]:
    return tuple(stack.pop() if stack else UNKNOWN for _ in range(count))


def _step(one: Instruction, state: State, events: list[Event]) -> None:
    """One instruction that does not end the block."""
    stack = state.stack
    if one.name.startswith("PUSH"):
        stack.append(constant(one.operand))
    elif one.name.startswith("DUP"):
        stack.append(stack[-one.pops] if len(stack) >= one.pops else UNKNOWN)
    elif one.name.startswith("SWAP"):
        stack[:0] = [UNKNOWN] * (one.pops - len(stack))
        stack[-1], stack[-one.pops] = stack[-one.pops], stack[-1]
    else:
        taken = _taken(stack, one.pops)
        special = _SPECIAL.get(one.name) or (_called if one.name in CALLS else None)
        made = special(one, taken, state, events) if special else _plain(one, taken)
        if one.pushes:
            stack.append(UNKNOWN if made is None else made)


def _plain(one: Instruction, taken: tuple[Value, ...]) -> Value:
    leaf = LEAVES.get(one.name)
    return labelled(leaf) if leaf else computed(one.name, taken)


def _calldata(
    one: Instruction, taken: tuple[Value, ...], state: State, events: list[Event]
) -> Value:
    return labelled("calldata")


def _load(one: Instruction, taken: tuple[Value, ...], state: State, events: list[Event]) -> Value:
    return state.memory.load(taken[0])


def _store(one: Instruction, taken: tuple[Value, ...], state: State, events: list[Event]) -> None:
    if taken[0].const is None:
        events.append(Event(one.pc, one.name, taken))
    if one.name == "MSTORE":
        state.memory.store(taken[0], taken[1])
    else:
        state.memory.fill(taken[0], constant(1), taken[1].labels)


def _copy(one: Instruction, taken: tuple[Value, ...], state: State, events: list[Event]) -> None:
    if one.name == "MCOPY":
        state.memory.move(*taken)
        return
    to, _, size = taken[-3:]
    if one.name == "CODECOPY":
        events.append(Event(one.pc, one.name, taken))
    label = {"CALLDATACOPY": "calldata", "CODECOPY": "code"}.get(one.name, "answer")
    state.memory.fill(to, size, frozenset({label}))


def _hash(one: Instruction, taken: tuple[Value, ...], state: State, events: list[Event]) -> Value:
    """A hash; of a key and a slot, which is how mappings and arrays find their place."""
    words = state.memory.inside(*taken)
    roots = [word.root for word in words if word.root]
    slots = [word.const for word in words if word.const is not None and word.const < 1 << 64]
    root = roots[0] if roots else f"map:{min(slots)}" if slots else ""
    if taken[1].const not in (32, 64):
        root = ""
    return Value(labels=state.memory.range(*taken), root=root)


def _stored(one: Instruction, taken: tuple[Value, ...], state: State, events: list[Event]) -> Value:
    kind = "slot" if one.name == "SLOAD" else "tslot"
    labels = {f"{kind}:{slot_name(taken[0])}"}
    if taken[0].labels & {"caller", "by-caller"}:
        labels.add("by-caller")
    events.append(Event(one.pc, one.name, taken))
    return Value(labels=frozenset(labels))


def _noted(one: Instruction, taken: tuple[Value, ...], state: State, events: list[Event]) -> None:
    data = state.memory.range(*taken[:2]) if one.name.startswith("LOG") else frozenset()
    events.append(Event(one.pc, one.name, taken, data))


def _created(
    one: Instruction, taken: tuple[Value, ...], state: State, events: list[Event]
) -> Value:
    events.append(Event(one.pc, one.name, taken, state.memory.range(*taken[1:3])))
    return labelled(f"result:{one.pc}", f"answer:{one.pc}")


def _called(one: Instruction, taken: tuple[Value, ...], state: State, events: list[Event]) -> Value:
    """A call: what comes back depends on what was sent, and on who answers."""
    has_value = one.name in ("CALL", "CALLCODE")
    gas, target = taken[:2]
    value = taken[2] if has_value else constant(0)
    start, size, back, back_size = taken[-4:]
    sent = state.memory.range(start, size)
    events.append(Event(one.pc, one.name, (gas, target, value), sent))
    answer = frozenset({f"answer:{one.pc}"}) | sent
    if target.const == ECRECOVER:
        answer = frozenset({"signer"})
    elif target.const is not None and target.const <= LAST_PRECOMPILE:
        answer = sent
    if target.const == IDENTITY:
        state.memory.move(back, start, back_size)
    else:
        state.memory.fill(back, back_size, answer)
    return mixed(
        [labelled(f"result:{one.pc}"), labelled("caller") if "caller" in sent else UNKNOWN]
    )


Special = Callable[[Instruction, tuple[Value, ...], State, list[Event]], Value | None]
_SPECIAL: dict[str, Special] = {
    "CALLDATALOAD": _calldata,
    "MLOAD": _load,
    "MSTORE": _store,
    "MSTORE8": _store,
    "SHA3": _hash,
    "SLOAD": _stored,
    "TLOAD": _stored,
    "SSTORE": _noted,
    "TSTORE": _noted,
    "CREATE": _created,
    "CREATE2": _created,
    **{f"LOG{n}": _noted for n in range(5)},
    **{f"{kind}COPY": _copy for kind in ("CALLDATA", "CODE", "EXTCODE", "RETURNDATA", "M")},
}
