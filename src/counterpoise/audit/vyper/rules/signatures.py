"""Signatures and hashes: what is signed, what was checked, what can be made to collide."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.findings import Severity
from counterpoise.audit.vyper.events import Entry, Event, Fact
from counterpoise.audit.vyper.found import LIKELY, MAYBE, SURE, Found, at
from counterpoise.audit.vyper.trust import Contract, atoms, chosen, equality, order_of
from counterpoise.audit.vyper.values import Value, strip

__all__ = ["signatures"]

HASHES = ("keccak256", "sha256")
DYNAMIC = ("Bytes", "String")


def signatures(contract: Contract) -> Iterator[Found]:
    """Every rule about signatures, packed hashes and trees, for every entry."""
    for entry in contract.outside:
        for event in entry.of_kind("op"):
            if event.value.op != "call":
                continue
            if event.value.tag == "ecrecover":
                yield from _zero(contract, entry, event)
                if not entry.is_view:
                    yield from _replay(entry, event)
                    yield from _malleable(entry, event)
            elif event.value.tag in HASHES:
                yield from _packed(entry, event)
                yield from _domain(entry, event)


def _zero(contract: Contract, entry: Entry, event: Event) -> Iterator[Found]:
    """The recovered address is compared, and nothing says that it is not empty."""
    signer = event.value
    facts = list(atoms(entry.ends))
    compared: list[Value] = []
    for value, truth in facts:
        sides = equality(value, truth)
        for one, other in (sides, sides[::-1]) if sides else ():
            if signer in one.parts and not other.is_empty:
                compared.append(strip(other))
    if not compared:
        return
    for value, truth in facts:
        sides = equality(value, not truth)
        for one, other in (sides, sides[::-1]) if sides else ():
            if other.is_empty and (signer in one.parts or strip(one) in compared):
                return
        if value in compared and truth:
            return
    if all(one.op in ("load", "immutable") and one.tag in contract.filled for one in compared):
        return
    yield at(
        "signature-zero",
        entry,
        event,
        "a signature that is none recovers to the empty address, which nothing refuses",
        SURE if any(chosen(one) for one in compared) else LIKELY,
        severity=None if any(chosen(one) for one in compared) else Severity.MEDIUM,
    )


def _replay(entry: Entry, event: Event) -> Iterator[Found]:
    """What is signed must name chain and contract, and be used up."""
    digest = event.value.args[0]
    if not any(part.op == "call" and part.tag in HASHES for part in digest.parts):
        return
    writes = list(entry.writes)
    if not writes and not entry.calls:
        return
    parts = digest.parts
    for name, what in (("chain.id", "the chain"), ("self", "this contract")):
        if not any(part.is_env(name) for part in parts) and not _has_domain(digest):
            yield at(
                "signature-replay",
                entry,
                event,
                f"what is signed does not name {what}",
                LIKELY,
            )
    if not _is_used_up(entry, digest):
        yield at(
            "signature-replay",
            entry,
            event,
            "what is signed can be brought again: nothing in it is used up",
            LIKELY,
        )
    for name in _unused(entry, digest):
        yield at(
            "signature-replay",
            entry,
            event,
            f"{name} is signed, and never checked or used",
            LIKELY,
            severity=Severity.MEDIUM,
        )


def _has_domain(digest: Value) -> bool:
    """Whether a domain separator that was made before goes in, from storage or an immutable."""
    return any(
        leaf.op in ("load", "immutable") and leaf.kind == "bytes32" for leaf in digest.leaves
    )


def _is_used_up(entry: Entry, digest: Value) -> bool:
    """Whether a slot that the digest names, or is named by, is written and tested.

    Either the digest holds a stored number that is written again (a nonce), or a slot keyed by
    what is signed is read in a condition and written (a set of used ones, a height that grows).
    """
    loads = {leaf for part in digest.parts for leaf in part.leaves if leaf.op == "load"}
    signed = frozenset(leaf for part in digest.parts for leaf in chosen(part))
    facts = list(atoms(entry.ends))
    for write, new in entry.writes:
        slot = write.value
        if slot in loads:
            return True
        keys = frozenset().union(*(chosen(key) for key in slot.args)) if slot.args else frozenset()
        if keys and keys <= signed and any(_was_unused(fact, slot, new, signed) for fact in facts):
            return True
    return False


def _was_unused(fact: Fact, slot: Value, new: Value, signed: frozenset[Value]) -> bool:
    """Whether a slot was empty before, or holds a number that what is signed must exceed."""
    value, truth = fact
    if value is slot:
        return not truth
    sides = equality(value, truth)
    if sides and any(side.is_empty for side in sides):
        return any(slot in side.leaves for side in sides)
    for one, other in (sides, sides[::-1]) if sides else ():
        counted = strip(one) is slot and chosen(other) and chosen(other) <= signed
        if counted and strip(new).op == "bin" and {slot, strip(other)} & new.leaves:
            return True
    grown = order_of(value, truth)
    return grown is not None and slot in grown[0].leaves and bool(chosen(grown[1]) & chosen(new))


def _unused(entry: Entry, digest: Value) -> list[str]:
    """Numbers among what is signed that nothing outside of hashes looks at."""
    signed = [
        part
        for part in sorted(digest.parts, key=lambda one: one.serial)
        if part.kind.startswith("uint") and _is_argument(part)
    ]
    used: set[Value] = set()
    for event in entry.events:
        if event.kind == "test":
            used |= {p for p in event.value.parts if not _within_hash(p)} - _hashed(event.value)
        elif event.kind in ("write", "call"):
            used |= event.value.parts
            used |= event.new.parts if event.new is not None else frozenset()
    return [part.tag for part in signed if part not in used]


def _is_argument(value: Value) -> bool:
    if value.op == "field":
        return _is_argument(value.args[0])
    return value.op == "param"


def _within_hash(value: Value) -> bool:
    return value.op == "call" and value.tag in (*HASHES, "ecrecover", "abi_encode", "concat")


def _hashed(value: Value) -> set[Value]:
    """The parts of a value that are seen only through a hash."""
    outside: set[Value] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if one in outside or _within_hash(one):
            continue
        outside.add(one)
        waiting += one.args
    return set(value.parts) - outside


def _malleable(entry: Entry, event: Event) -> Iterator[Found]:
    """The signature itself serves as an id, and its second form is not refused."""
    if len(event.value.args) < 4:
        return
    s = strip(event.value.args[3])
    ids = [
        write
        for write, _ in entry.writes
        if any((s in key.parts and s is not key) or s is key for key in write.value.args)
    ]
    bounded = any(
        value.op == "cmp" and value.tag in ("Lt", "LtE", "Gt", "GtE") and s in value.parts
        for value, _ in atoms(entry.known(event))
    )
    if ids and not bounded:
        yield at(
            "signature-malleable",
            entry,
            event,
            f"{ids[0].variable} is keyed by a signature, of which anyone can make a second form",
            SURE,
        )


def _packed(entry: Entry, event: Event) -> Iterator[Found]:
    inner = strip(event.value.args[0])
    if inner.op != "call" or inner.tag != "concat":
        return
    parts = [arg for arg in inner.args if arg.kind in DYNAMIC or strip(arg).kind in DYNAMIC]
    loose = [arg for arg in parts if chosen(arg) and not _has_fixed_length(arg)]
    if len(loose) > 1:
        yield at(
            "packed-hash",
            entry,
            event,
            "two parts without fixed length are joined: another split of them hashes alike",
            SURE,
        )


def _has_fixed_length(value: Value) -> bool:
    """A slice of a literal length, or an encoding of words."""
    bare = strip(value)
    if bare.op != "call":
        return bare.op == "lit"
    if bare.tag == "slice":
        return bare.args[2].number is not None
    return bare.tag == "abi_encode" and not any(arg.kind in DYNAMIC for arg in bare.args)


def _domain(entry: Entry, event: Event) -> Iterator[Found]:
    """A tree whose leaves are what the caller says, and whose nodes carry no mark."""
    inner = strip(event.value.args[0])
    if not event.loops or inner.op != "call" or inner.tag not in ("concat", "abi_encode"):
        return
    carried = [arg for arg in inner.args if arg.op == "phi" and arg.uid]
    siblings = [arg for arg in inner.args if arg.op in {"element", "index"}]
    if len(inner.args) != 2 or not carried or not siblings:
        return
    start = strip(carried[0].args[0])
    compared = any(
        any(carried[0] in side.parts for side in sides)
        and any(leaf.op in ("load", "immutable") for side in sides for leaf in side.leaves)
        for value, truth in atoms(entry.ends)
        for sides in [equality(value, truth)]
        if sides
    )
    if compared and _looks_like_node(start):
        yield at(
            "merkle-domain",
            entry,
            event,
            "an inner node of the tree passes for a leaf: leaves are hashed like nodes",
            MAYBE,
        )


def _looks_like_node(leaf: Value) -> bool:
    if leaf.op == "param":
        return True
    if leaf.op != "call" or leaf.tag not in HASHES:
        return False
    inner = strip(leaf.args[0])
    return inner.op == "call" and inner.tag in ("concat", "abi_encode") and len(inner.args) == 2
