"""Sandwiches: somebody buys before others and sells to them after, within one block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from counterpoise.monitor.alert import Edge, Entity, Finding, Severity
from counterpoise.monitor.blocks import NATIVE, Block
from counterpoise.monitor.detector import Context
from counterpoise.monitor.detectors.moves import Moves, Swap, moves_of, one_each
from counterpoise.monitor.detectors.parties import parties_at

NEAR = 100
"""What is sold differs from what was bought by at most one in so many."""

SIGNIFICANT = 6
"""Equal amounts link strangers only if they have so many significant decimal digits."""

SHOWN = 16


@dataclass
class Round:
    """What one party bought before others, and sold after them."""

    fronts: list[Swap] = field(default_factory=list)
    victims: list[Swap] = field(default_factory=list)
    backs: list[Swap] = field(default_factory=list)
    bought: int = 0
    paid: int = 0

    @property
    def sold(self) -> int:
        """How much of what was bought went back to the market."""
        return sum(swap.paid for swap in self.backs)

    @property
    def received(self) -> int:
        """What came out for it."""
        return sum(swap.got for swap in self.backs)


@dataclass(frozen=True, slots=True)
class Sandwich:
    """Finds a party that trades before and after others at one market in one block.

    Parameters
    ----------
    coins :
        Tokens of which a base unit is worth a wei: a gain in them is counted after gas.
    """

    coins: frozenset[bytes] = frozenset({NATIVE})
    name: str = "sandwich"
    version: int = 1

    def inspect(self, block: Block, context: Context) -> Iterable[Finding]:
        """Look at every market where at least three exchanges by two senders happened."""
        moves = moves_of(block)
        markets: dict[tuple[bytes, frozenset[bytes]], list[Swap]] = {}
        for index in sorted(moves.swaps):
            for swap in moves.swaps[index]:
                key = (swap.pool, frozenset((swap.paid_token, swap.got_token)))
                markets.setdefault(key, []).append(swap)
        found: list[Finding] = []
        for swaps in markets.values():
            if len(swaps) > 2 and len({swap.transaction for swap in swaps}) > 2:
                found.extend(self._at_market(swaps, moves))
        yield from one_each(found)

    def _at_market(self, swaps: list[Swap], moves: Moves) -> Iterator[Finding]:
        parties = parties_at(swaps, moves)
        known: set[int] = set()
        for token in sorted({swap.paid_token for swap in swaps}):
            for party in sorted({parties[swap] for swap in swaps}):
                for one in _rounds(swaps, parties, party, token):
                    finding = self._judged(one, moves)
                    if finding is not None:
                        known |= {swap.transaction for swap in [*one.fronts, *one.backs]}
                        yield finding
        for one in _strangers(swaps, parties, known):
            finding = self._judged(one, moves, strangers=True)
            if finding is not None:
                yield finding

    def _judged(self, one: Round, moves: Moves, *, strangers: bool = False) -> Finding | None:
        sold, received = one.sold, one.received
        token = one.fronts[0].paid_token
        whole = NEAR * abs(sold - one.bought) <= one.bought
        gain = received - one.paid * sold // one.bought
        if whole:
            gain = received - one.paid
        indexes = {swap.transaction for swap in [*one.fronts, *one.backs]}
        fees = sum(moves.transactions[index].fee for index in indexes)
        if token in self.coins:
            gain -= fees
        if gain <= 0 or 2 * sold < one.bought or (strangers and not whole):
            return None
        sure = whole and not strangers
        return Finding(
            self.name,
            self.version,
            Severity.HIGH if sure else Severity.MEDIUM,
            950_000 if sure else 700_000 if not strangers else 500_000,
            tuple(dict.fromkeys(moves.transactions[s.transaction].hash for s in _parts(one))),
            tuple(_entities(one, moves)),
            tuple(_reasons(one, gain, counted=token in self.coins, strangers=strangers)),
            tuple(_edges(one, moves)),
            f"sandwich at {one.fronts[0].pool.hex()} in block {moves.block.hash.hex()[:16]}",
            gain,
            token,
        )


def _rounds(
    swaps: list[Swap], parties: Mapping[Swap, int], party: int, token: bytes
) -> Iterator[Round]:
    """What a party bought with `token` before others who did, and sold again after them."""
    one = Round()
    for swap in swaps:
        own, same = parties[swap] == party, swap.paid_token == token
        if own and same:
            if one.backs:
                yield one
                one = Round()
            one.fronts.append(swap)
            one.bought, one.paid = one.bought + swap.got, one.paid + swap.paid
        elif own and one.fronts and not one.victims:
            # Sold again before anybody came: it only makes the position smaller.
            one.bought, one.paid = one.bought - swap.paid, one.paid - swap.got
            if one.bought <= 0 or one.paid <= 0:
                one = Round()
        elif own and one.fronts:
            one.backs.append(swap)
        elif same and one.fronts and not one.backs:
            one.victims.append(swap)
    if one.backs:
        yield one


def _strangers(swaps: list[Swap], parties: Mapping[Swap, int], known: set[int]) -> Iterator[Round]:
    """Pairs without any link but an amount, equal to the last of many digits."""
    bought: dict[tuple[bytes, int], int] = {}
    for at, swap in enumerate(swaps):
        if swap.transaction in known:
            continue
        first = bought.get((swap.paid_token, swap.paid))
        if first is not None and parties[swaps[first]] != parties[swap]:
            front, pair = swaps[first], {parties[swaps[first]], parties[swap]}
            between = [
                other
                for other in swaps[first + 1 : at]
                if other.paid_token == front.paid_token and parties[other] not in pair
            ]
            if between and front.transaction not in known:
                yield Round([front], between, [swap], front.got, front.paid)
        if len(str(swap.got).rstrip("0")) >= SIGNIFICANT:
            bought[(swap.got_token, swap.got)] = at


def _parts(one: Round) -> list[Swap]:
    return [*one.fronts, *one.victims, *one.backs]


def _entities(one: Round, moves: Moves) -> Iterator[Entity]:
    own = [moves.transactions[swap.transaction].sender for swap in [*one.fronts, *one.backs]]
    own += [swap.taker for swap in one.fronts] + [swap.payer for swap in one.backs]
    for account in list(dict.fromkeys(own))[:SHOWN]:
        yield Entity(account, "attacker")
    others = [moves.transactions[swap.transaction].sender for swap in one.victims]
    for account in list(dict.fromkeys(others))[:SHOWN]:
        yield Entity(account, "victim")
    yield Entity(one.fronts[0].pool, "pool")


def _reasons(one: Round, gain: int, *, counted: bool, strangers: bool) -> Iterator[str]:
    count = len({swap.transaction for swap in one.victims})
    yield (
        f"bought {one.bought} before {count} other{'s' * (count > 1)} who bought the same, "
        f"sold {one.sold} after them, and kept {gain} {'after' if counted else 'before'} gas"
    )
    if NEAR * abs(one.sold - one.bought) > one.bought:
        yield "what was bought and sold differ by more than 1 %: judged by the price per unit"
    if strangers:
        yield "the two accounts have no link but that both amounts are equal to the last digit"


def _edges(one: Round, moves: Moves) -> Iterator[Edge]:
    for swap in _parts(one)[:SHOWN]:
        digest = moves.transactions[swap.transaction].hash
        yield Edge(swap.payer, swap.pool, swap.paid_token, swap.paid, digest)
        yield Edge(swap.pool, swap.taker, swap.got_token, swap.got, digest)
