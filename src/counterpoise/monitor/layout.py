"""Where the accounts of a case stand in a picture: money runs from left to right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from counterpoise.core.units import TOKEN
from counterpoise.monitor.alert import Edge, Entity
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.names import shown

MOST_NODES = 60
SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Node:
    """An account in the picture; `column` and `row` count from 0."""

    address: bytes
    role: str
    label: str
    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Arrow:
    """All movements of one token from one account to another; `count` of them."""

    src: bytes
    dst: bytes
    token: bytes
    amount: int
    count: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture before it is drawn.

    Parameters
    ----------
    left_out :
        How many accounts did not fit: those that moved least.
    """

    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    left_out: int

    def node(self, address: bytes) -> Node:
        """The node of an account that is in the picture."""
        return next(node for node in self.nodes if node.address == address)


def layout_of(
    edges: Iterable[Edge], entities: Sequence[Entity] = (), most: int = MOST_NODES
) -> Layout:
    """Place accounts in columns along the money's way, and order columns to cross few arrows.

    Examples
    --------
    >>> alice, bob = b"a" * 20, b"b" * 20
    >>> layout_of([Edge(alice, bob, NATIVE, 5, bytes(32))]).node(bob).column
    1
    """
    arrows = arrows_of(edges)
    kept, left_out = _chosen(arrows, entities, most)
    arrows = [one for one in arrows if one.src in kept and one.dst in kept]
    columns = _columns(kept, arrows)
    rows = _rows(kept, arrows, columns)
    parts: dict[bytes, Entity] = {}
    for entity in entities:
        parts.setdefault(entity.address, entity)
    nodes = []
    for address in kept:
        part = parts.get(address, Entity(address, ""))
        nodes.append(Node(address, part.role, part.label, columns[address], rows[address]))
    return Layout(tuple(nodes), tuple(arrows), left_out)


def arrows_of(edges: Iterable[Edge]) -> list[Arrow]:
    """Add up the movements between the same accounts, in order of their first."""
    found: dict[tuple[bytes, bytes, bytes], list[int]] = defaultdict(lambda: [0, 0])
    for edge in dict.fromkeys(edges):
        total = found[edge.src, edge.dst, edge.token]
        total[0] += edge.amount
        total[1] += 1
    return [Arrow(*ends, amount, count) for ends, (amount, count) in found.items()]


def _chosen(
    arrows: Sequence[Arrow], entities: Sequence[Entity], most: int
) -> tuple[list[bytes], int]:
    """The accounts to show: those that have a part first, then by how much they took part."""
    weight: dict[bytes, int] = {entity.address: 1 << 300 for entity in entities}
    for arrow in arrows:
        for end in (arrow.src, arrow.dst):
            weight[end] = weight.get(end, 0) + arrow.amount
    ranked = sorted(weight, key=lambda one: (-weight[one], one))
    kept = set(ranked[:most])
    return [one for one in weight if one in kept], max(0, len(weight) - most)


def _columns(nodes: Sequence[bytes], arrows: Sequence[Arrow]) -> dict[bytes, int]:
    """Longest way from a start; an arrow that closes a circle counts for nothing."""
    outgoing: dict[bytes, list[bytes]] = defaultdict(list)
    for arrow in arrows:
        if arrow.src != arrow.dst:
            outgoing[arrow.src].append(arrow.dst)
    entered = {arrow.dst for arrow in arrows if arrow.src != arrow.dst}
    starts = [node for node in nodes if node not in entered]
    order: list[bytes] = []
    state: dict[bytes, int] = {}
    back: set[tuple[bytes, bytes]] = set()
    for start in [*starts, *nodes]:
        waiting = [] if start in state else [(start, 0)]
        while waiting:
            node, place = waiting.pop()
            state[node] = 1
            if place == len(outgoing[node]):
                state[node] = 2
                order.append(node)
                continue
            waiting.append((node, place + 1))
            after = outgoing[node][place]
            if state.get(after) == 1:
                back.add((node, after))
            elif after not in state:
                waiting.append((after, 0))
    column = dict.fromkeys(nodes, 0)
    for node in reversed(order):
        for after in outgoing[node]:
            if (node, after) not in back:
                column[after] = max(column[after], column[node] + 1)
    return column


def _rows(
    nodes: Sequence[bytes], arrows: Sequence[Arrow], columns: dict[bytes, int]
) -> dict[bytes, int]:
    """Order each column by the mean place of its neighbours, a few times over."""
    beside: dict[bytes, list[bytes]] = defaultdict(list)
    for arrow in arrows:
        beside[arrow.src].append(arrow.dst)
        beside[arrow.dst].append(arrow.src)
    places: dict[int, list[bytes]] = defaultdict(list)
    for node in nodes:
        places[columns[node]].append(node)
    row = {node: at for column in places.values() for at, node in enumerate(column)}
    for _ in range(SWEEPS):
        for column in sorted(places):
            mean = {
                node: (sum(row[o] for o in beside[node]), max(1, len(beside[node])))
                for node in places[column]
            }
            places[column].sort(key=lambda node: mean[node][0] * 1_000_000 // mean[node][1])
            row |= {node: at for at, node in enumerate(places[column])}
    return row


def short(address: bytes) -> str:
    """An account as pictures show it: its name if it has one, else both ends of its address."""
    text = shown(address)
    return f"{text[:8]}…{text[-4:]}" if text.startswith("0x") else text


def worded(amount: int, token: bytes) -> str:
    """An amount for people: the coin in whole ones, tokens in base units; four digits."""
    if token != NATIVE:
        return _rounded(amount)
    whole, part = divmod(amount, TOKEN)
    if whole >= 1_000:
        return f"{_rounded(whole)} coins"
    digits = f"{part:018d}"[: 4 - len(str(whole)) if whole else 6].rstrip("0")
    if not whole and not digits and amount:
        return f"{_rounded(amount)} wei"
    return f"{whole}.{digits} coins" if digits else f"{whole} coins"


def _rounded(amount: int) -> str:
    text = str(amount)
    return text if len(text) <= 7 else f"{text[0]}.{text[1:4]}e{len(text) - 1}"


def printable(text: str, most: int = 60) -> str:
    """Text of strangers, fit to be shown: no control characters, no end of the screen."""
    shown = "".join(one if one.isprintable() else "?" for one in text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"
