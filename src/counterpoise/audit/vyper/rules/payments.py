"""Loops, pushed payments, prices of the moment, and whoever comes first."""

from __future__ import annotations

import re
from collections.abc import Iterator

from counterpoise.audit.findings import Severity
from counterpoise.audit.vyper.events import Call, Entry, Event
from counterpoise.audit.vyper.found import LIKELY, MAYBE, SURE, Found, at
from counterpoise.audit.vyper.rules.moves import receiver_of
from counterpoise.audit.vyper.trust import Contract, atoms, chosen, equality, order_of
from counterpoise.audit.vyper.values import Value, strip

__all__ = ["payments"]

SPOT = frozenset(
    [
        "getReserves",
        "get_reserves",
        "reserves",
        "slot0",
        "spot_price",
        "get_spot_price",
        "get_dy",
        "get_dx",
        "get_p",
        "getAmountsOut",
        "getAmountOut",
        "get_virtual_price",
        "quote",
        "token0Price",
        "price0CumulativeLast",
    ]
)
FEEDS = frozenset({"latestRoundData", "latestAnswer", "latest_round_data", "getRoundData"})
TRADES = re.compile(r"swap|exchange|liquidity|buy|sell|redeem", re.IGNORECASE)
LEAST = re.compile(r"min|least|limit", re.IGNORECASE)
UNTIL = re.compile(r"deadline|expir|valid", re.IGNORECASE)
MANY = 50
"""Turns of a loop that nobody notices."""


def payments(contract: Contract) -> Iterator[Found]:
    """Every rule about loops, receivers, prices and order."""
    for entry in contract.changing:
        for event, call in entry.calls:
            yield from _pushed(entry, event, call)
            yield from _traded(entry, event, call)
            yield from _raced(entry, event, call)
        yield from _loops(contract, entry)
        yield from _prices(entry)
    yield from _trap(contract)


def _pushed(entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    receiver = receiver_of(call)
    if call.method == "transferFrom" and len(call.args) == 3:
        receiver = call.args[1]
    if receiver is None or call.flags.get("revert_on_failure") == "False":
        return
    if event.loops and any(_per_turn(leaf, event) for leaf in receiver.parts):
        yield at(
            "push-payment",
            entry,
            event,
            "each turn of a loop pays another account; one that refuses stops them all",
            LIKELY,
        )
        return
    loads = [leaf for leaf in receiver.leaves if leaf.op == "load"]
    replaced = [
        write
        for write, new in entry.writes
        if any(write.value is load for load in loads) and new.has_env("msg.sender")
    ]
    if replaced and call.kind in ("send", "raw_call"):
        yield at(
            "push-payment",
            entry,
            event,
            f"{replaced[0].variable} can refuse its ether, and then nobody takes its place",
            LIKELY,
        )


def _per_turn(value: Value, event: Event) -> bool:
    over = {id(loop_over) for _, loop_over in event.loops}
    return value.op == "element" and id(value.args[0]) in over


def _loops(contract: Contract, entry: Entry) -> Iterator[Found]:
    for event in entry.of_kind("loop"):
        over = event.value
        grown = [
            leaf.tag
            for leaf in over.leaves
            if leaf.op == "load" and _grows(contract, leaf.tag) and _is_long(contract, over, leaf)
        ]
        if grown:
            yield at(
                "unbounded-loop",
                entry,
                event,
                f"the loop runs over {grown[0]}, which strangers make longer",
                LIKELY,
            )


def _is_long(contract: Contract, over: Value, leaf: Value) -> bool:
    bounds = [arg.number for arg in over.args if over.tag == "bound"]
    last = bounds[-1] if bounds else None
    if last is not None:
        return last > MANY
    declared = contract.by_name.get(leaf.tag)
    return declared is not None and declared.length > MANY


def _grows(contract: Contract, name: str) -> bool:
    """Whether an unguarded entry appends to a list, or raises a count."""
    for entry in contract.changing:
        for event, new in entry.writes:
            if event.variable != name or contract.is_guarded(entry, event):
                continue
            raised = new.op == "bin" and new.tag == "Add" and event.value in new.leaves
            if raised or (new.op == "call" and new.tag == "append"):
                return True
    return False


def _traded(entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    if call.kind != "extcall" or not TRADES.search(call.method):
        return
    for name, arg in zip(call.names, call.args, strict=False):
        bare = strip(arg)
        if LEAST.search(name) and bare.is_empty:
            yield at("no-slippage", entry, event, f"{call.method} is told to take any price", SURE)
        elif UNTIL.search(name) and bare.has_env("block.timestamp") and not chosen(bare):
            yield at(
                "no-slippage",
                entry,
                event,
                f"{call.method} is given a deadline that is always now",
                LIKELY,
                severity=Severity.LOW,
            )


def _raced(entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    """Whoever shows the preimage of a stored hash is paid."""
    receiver = receiver_of(call)
    if receiver is None or not receiver.has_env("msg.sender"):
        return
    for value, truth in atoms(entry.known(event)):
        sides = equality(value, truth)
        for one, other in (sides, sides[::-1]) if sides else ():
            bare = strip(one)
            hashed = bare.op == "call" and bare.tag in ("keccak256", "sha256")
            fixed = strip(other)
            stored = fixed.op in ("load", "immutable") or (fixed.op == "lit" and not fixed.is_empty)
            own = any(key.has_env("msg.sender") for leaf in other.leaves for key in leaf.args)
            names = any(part.is_env("msg.sender") for part in bare.parts)
            secret = hashed and not _is_seen(entry, chosen(bare))
            if secret and stored and chosen(bare) and not names and not own:
                yield at(
                    "front-running",
                    entry,
                    event,
                    "whoever copies the answer from the pool of transactions is paid for it",
                    LIKELY,
                )
                return


def _is_seen(entry: Entry, values: frozenset[Value]) -> bool:
    """Whether what is hashed is used otherwise too: then it is a record shown, not a secret."""
    for event in entry.events:
        given = event.call.args if event.call is not None else (event.new, event.value)
        for part in given:
            if part is not None and event.kind in ("write", "call") and values & part.leaves:
                return True
    return False


def _prices(entry: Entry) -> Iterator[Found]:
    for event, call in entry.calls:
        result = event.value
        if call.kind not in ("staticcall", "extcall"):
            continue
        if call.method in FEEDS and _decides(entry, result):
            yield from _stale(entry, event, result)
        spot = call.method in SPOT or (call.method == "balanceOf" and _is_pool(call))
        if spot and _decides(entry, result, priced=True):
            yield at(
                "oracle-spot",
                entry,
                event,
                f"{call.method} answers for this block alone, and decides what is paid",
                LIKELY if call.method in SPOT else MAYBE,
            )


def _is_pool(call: Call) -> bool:
    """Whether it is asked what another contract holds: neither this one nor the caller."""
    return bool(call.args) and strip(call.args[0]).op in ("immutable", "load", "lit")


def _decides(entry: Entry, result: Value, *, priced: bool = False) -> bool:
    """Whether an answer goes into what is stored, moved or allowed; as a factor if priced."""
    reached: list[Value] = []
    for event in entry.events:
        if event.new is not None:
            reached.append(event.new)
        if event.kind == "test":
            reached.append(event.value)
        if event.call is not None and event.value is not result:
            reached += event.call.args
            reached += [event.call.value] if event.call.value is not None else []
    for value in reached:
        if result not in value.leaves:
            continue
        if not priced:
            return True
        for part in value.parts:
            if part.op == "bin" and part.tag in ("Mult", "FloorDiv") and result in part.leaves:
                return True
    return False


def _stale(entry: Entry, event: Event, result: Value) -> Iterator[Found]:
    fresh = positive = False
    for value, truth in atoms(entry.ends):
        if result not in value.leaves:
            continue
        fresh = fresh or value.has_env("block.timestamp")
        pair = order_of(value, truth)
        if pair and result in pair[1].leaves and not pair[0].leaves:
            positive = True
        if (
            value.op == "cmp"
            and value.tag in ("Eq", "NotEq")
            and any(a.is_empty for a in value.args)
        ):
            positive = True
    missing = [] if fresh else ["its age"]
    missing += [] if positive else ["that it is above zero"]
    if missing:
        yield at(
            "oracle-stale",
            entry,
            event,
            f"a feed's answer is used without checking {' and '.join(missing)}",
            LIKELY,
        )


def _trap(contract: Contract) -> Iterator[Found]:
    takes = [entry for entry in contract.changing if entry.is_payable]
    gives = any(
        call.sends or call.is_delegate for entry in contract.entries for _, call in entry.calls
    )
    if takes and not gives:
        entry = takes[0]
        yield Found(
            "payable-trap",
            entry,
            entry.place,
            "takes ether, and no function of the contract ever sends any",
            SURE,
        )
