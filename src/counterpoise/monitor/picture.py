"""Pictures of a case: as text for a terminal, as SVG for everything else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape

from counterpoise.monitor.alert import Alert, Edge, Entity
from counterpoise.monitor.layout import (
    Arrow,
    Layout,
    Node,
    arrows_of,
    layout_of,
    printable,
    short,
    worded,
)
from counterpoise.monitor.names import shown

WIDTH = 100
LINES = 40
WIDE, HIGH, GAP_X, GAP_Y, MARGIN, HEAD = 170, 44, 150, 26, 24, 56
COLOURS = {
    "attacker": "#b3261e",
    "suspect": "#b3261e",
    "thief": "#b3261e",
    "victim": "#1565c0",
    "target": "#1565c0",
}
PLAIN = "#5f6368"
STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#202124}"
    ".t{font-weight:bold;font-size:15px}.s{fill:#5f6368;font-size:11px}"
    ".n{fill:#fff;stroke-width:2}.e{fill:none;stroke:#9aa0a6}"
)


def draw_edges(alert: Alert, width: int = WIDTH) -> list[str]:
    """An alert's movements as lines of text, without colours."""
    return draw(alert.finding.edges, alert.finding.entities, width)


def draw(edges: Iterable[Edge], entities: Sequence[Entity] = (), width: int = WIDTH) -> list[str]:
    """Movements as a tree of text: who paid whom, from the first payer on.

    An account that has its branch above is marked with ``^`` and not drawn again; who took part and
    moved nothing comes last. At most `LINES` lines; the last says how many are not shown.

    Examples
    --------
    >>> from counterpoise.monitor.blocks import NATIVE
    >>> alice, bob, carol = (bytes([n]) * 20 for n in (1, 2, 3))
    >>> pairs = [(alice, bob), (bob, carol), (carol, alice)]
    >>> edges = [Edge(*pair, NATIVE, 25 * 10**17, bytes(32)) for pair in pairs]
    >>> for line in draw(edges):
    ...     print(line)
    0x010101…0101
    └─ 2.5 coins ─▶ 0x020202…0202
       └─ 2.5 coins ─▶ 0x030303…0303
          └─ 2.5 coins ─▶ 0x010101…0101 ^
    """
    arrows: dict[bytes, list[Arrow]] = {}
    paid: set[bytes] = set()
    for arrow in arrows_of(edges):
        arrows.setdefault(arrow.src, []).append(arrow)
        if arrow.src != arrow.dst:
            paid.add(arrow.dst)
    parts = {entity.address: entity for entity in reversed(entities)}
    starts = [*(one for one in arrows if one not in paid), *arrows]
    lines: list[str] = []
    drawn: set[bytes] = set()
    for start in starts:
        if start not in drawn:
            lines.append(_titled(start, parts))
            _branch(start, "", arrows, parts, drawn, lines)
    drawn |= paid
    rest = dict.fromkeys(entity.address for entity in entities if any(entity.address))
    lines += [_titled(account, parts) for account in rest if account not in drawn]
    lines = [line if len(line) <= width else line[: width - 1] + "…" for line in lines]
    if len(lines) > LINES:
        lines[LINES - 1 :] = [f"… and {len(lines) - LINES + 1} lines more"]
    return lines


def _branch(
    start: bytes,
    indent: str,
    arrows: Mapping[bytes, Sequence[Arrow]],
    parts: Mapping[bytes, Entity],
    drawn: set[bytes],
    lines: list[str],
) -> None:
    """Draw what an account paid, and what those did, deepest last; without recursion."""
    waiting: list[tuple[bytes, str]] = [(start, indent)]
    pending: list[tuple[Arrow, str, bool]] = []
    while waiting or pending:
        if waiting:
            account, at = waiting.pop()
            drawn.add(account)
            own = arrows.get(account, ())
            ends = [(arrow, at, place == len(own) - 1) for place, arrow in enumerate(own)]
            pending.extend(reversed(ends))
            continue
        arrow, at, is_last = pending.pop()
        again = arrow.dst in drawn
        times = f" ×{arrow.count}" if arrow.count > 1 else ""
        amount = worded(arrow.amount, arrow.token) + times
        mark = " ^" if again and arrow.dst in arrows else ""
        corner, below = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        lines.append(f"{at}{corner}{amount} ─▶ {_titled(arrow.dst, parts)}{mark}")
        if not again:
            waiting.append((arrow.dst, at + below))


def _titled(account: bytes, parts: Mapping[bytes, Entity]) -> str:
    part = parts.get(account)
    words = [short(account)]
    if part:
        words += [printable(one) for one in (part.role, part.label and f"[{part.label}]") if one]
    return " ".join(words)


def svg_picture(
    title: str, edges: Iterable[Edge], entities: Sequence[Entity] = (), note: str = ""
) -> str:
    """The movements as a standalone SVG: no script, no font and no file from elsewhere."""
    layout = layout_of(edges, entities)
    columns = 1 + max((node.column for node in layout.nodes), default=0)
    rows = 1 + max((node.row for node in layout.nodes), default=0)
    width = 2 * MARGIN + columns * WIDE + (columns - 1) * GAP_X
    height = 2 * MARGIN + HEAD + rows * (HIGH + GAP_Y)
    said = [printable(note, 160)] if note else []
    if layout.left_out:
        said.append(f"{layout.left_out} more accounts are not shown")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f"<title>{escape(printable(title, 160))}</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" '
        'fill="#9aa0a6"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text class="t" x="{MARGIN}" y="{MARGIN + 10}">{escape(printable(title, 100))}</text>',
        f'<text class="s" x="{MARGIN}" y="{MARGIN + 30}">{escape("; ".join(said))}</text>',
        *(_arrow_svg(arrow, place, layout) for place, arrow in enumerate(layout.arrows)),
        *(_node_svg(node) for node in layout.nodes),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _corner(node: Node) -> tuple[int, int]:
    return MARGIN + node.column * (WIDE + GAP_X), MARGIN + HEAD + node.row * (HIGH + GAP_Y)


def _node_svg(node: Node) -> str:
    x, y = _corner(node)
    said = printable(" ".join(one for one in (node.role, node.label) if one), 24)
    colour = COLOURS.get(node.role, PLAIN)
    return (
        f'<g><title>{escape(shown(node.address))}</title><rect class="n" x="{x}" y="{y}" '
        f'width="{WIDE}" height="{HIGH}" rx="8" stroke="{colour}"/>'
        f'<text x="{x + 12}" y="{y + 18}">{escape(short(node.address))}</text>'
        f'<text class="s" x="{x + 12}" y="{y + 35}">{escape(said)}</text></g>'
    )


def _arrow_svg(arrow: Arrow, place: int, layout: Layout) -> str:
    """A curve from side to side; one that goes back or stays in its column bends below."""
    src, dst = layout.node(arrow.src), layout.node(arrow.dst)
    (x0, y0), (x1, y1) = _corner(src), _corner(dst)
    thick = min(6, 1 + len(str(arrow.amount)) // 6)
    times = f" ×{arrow.count}" if arrow.count > 1 else ""
    words = escape(worded(arrow.amount, arrow.token) + times)
    shift = 6 * (place % 3) - 6
    if dst.column > src.column:
        ax, ay, bx, by = x0 + WIDE, y0 + HIGH // 2 + shift, x1, y1 + HIGH // 2 + shift
        bend = max(40, (bx - ax) // 2)
        path = f"M{ax} {ay}C{ax + bend} {ay} {bx - bend} {by} {bx} {by}"
        tx, ty = ax + 8, ay - 5 + (by - ay) // 12
    else:
        ax, ay, bx, by = x0 + WIDE // 2 + shift, y0 + HIGH, x1 + WIDE // 2 + shift, y1 + HIGH
        low = max(ay, by) + GAP_Y - 4
        path = f"M{ax} {ay}C{ax} {low + 14} {bx} {low + 14} {bx} {by}"
        tx, ty = min(ax, bx) + 8, low + 6
    ends = escape(f"{shown(arrow.src)} to {shown(arrow.dst)}")
    return (
        f"<g><title>{ends}: {arrow.amount}</title>"
        f'<path class="e" stroke-width="{thick}" marker-end="url(#a)" d="{path}"/>'
        f'<text class="s" x="{tx}" y="{ty}">{words}</text></g>'
    )
