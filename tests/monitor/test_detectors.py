"""What holds for every detector: forks leave no trace, tables are bounded, names are unique."""

from time import process_time

import numpy as np
import pytest
from attack_world import UNIT, Market
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import GENESIS, account, token_transfer, word

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError
from counterpoise.monitor.blocks import NATIVE, TRANSFER, Block, Entry, Frame, Transaction
from counterpoise.monitor.detectors import DETECTORS, OBSERVERS, make_detectors, make_observers
from counterpoise.monitor.detectors.approvals import Approvals
from counterpoise.monitor.detectors.poisoning import Poisoning
from counterpoise.monitor.detectors.rights import APPROVAL
from counterpoise.monitor.detectors.screening import Screening
from counterpoise.monitor.detectors.tables import FRESH, Acquaintance, Recent
from counterpoise.monitor.labels import Label, Labels
from counterpoise.monitor.memory import Memory
from counterpoise.monitor.snapshot import watch_bytes, watch_from_bytes
from counterpoise.monitor.watch import Watch

COIN, GOODS, POOL = b"\x0c" * 20, b"\x0d" * 20, b"\x0e" * 20
LIKE = account(0)[:3] + b"\x55" * 14 + account(0)[-3:]
LABELS = Labels({account(7): Label("Bad", "heist", "x", "2026-01-31")})
OURS = [name for name in DETECTORS if name != "laundering"]


def detectors():
    made = [one for one in make_detectors(OURS, quotes={COIN}) if one.name != "screening"]
    made = [one for one in made if one.name != "approvals"]
    return [*made, Screening(LABELS), Approvals(LABELS)]


def act(draw, name):
    """A random transaction of a kind that some detector looks at."""
    who, other, amount = (int(draw.integers(n)) for n in (8, 8, 4))
    amount = [0, 1, 1000, 10**6][amount]
    kind, sender = int(draw.integers(9)), account(who)
    moves, extra, trace, created, ok = [], [], None, None, True
    if kind == 0:
        moves = [(COIN, sender, account(other), amount)]
    elif kind == 1:  # nothing, as if somebody had paid a look-alike
        moves = [(COIN, account(other), LIKE, 0)]
    elif kind in (2, 3):  # a trade at the pool
        paid, got = (COIN, GOODS) if draw.integers(2) else (GOODS, COIN)
        size = int(draw.integers(1, 4)) * 1000
        moves = [(paid, sender, POOL, size), (got, POOL, sender, size * int(draw.integers(1, 3)))]
    elif kind == 4:
        topics = (APPROVAL, word(sender), word(account(other)))
        extra = [(GOODS, topics, amount.to_bytes(32, "big"))]
    elif kind == 5:
        moves = [(GOODS, account(other), sender, amount)]
    elif kind == 6:
        created = keccak(name)[:20] if draw.integers(2) else POOL
        moves = [(GOODS, bytes(20), sender, 10**6)]
    elif kind == 7:
        inner = Frame("call", COIN, POOL, 5, b"take", writes=(0,))
        back = Frame("call", POOL, COIN, 1, b"", writes=(), frames=(inner,))
        outer = Frame("call", COIN, POOL, 0, b"take", writes=(1,), frames=(back,))
        trace = Frame("call", sender, COIN, 0, b"go!!", writes=(), frames=(outer,))
    else:
        trace = Frame("call", sender, GOODS, amount, b"", writes=())
        ok = bool(draw.integers(2))
    entries = [token_transfer(at, *move) for at, move in enumerate(moves)]
    entries += [Entry(len(entries) + at, *one) for at, one in enumerate(extra)]
    to = trace.to if trace else None if created else COIN
    given = b"claim" if draw.integers(2) else b""
    return name, sender, to, given, ok, tuple(entries), created, trace


def branch(seed, length, parent=GENESIS, number=0):
    draw, blocks = np.random.default_rng(seed), []
    for at in range(number, number + length):
        name = keccak(parent + at.to_bytes(4, "big") + bytes([seed % 256]))
        made = []
        for index in range(int(draw.integers(0, 7))):
            hash_ = keccak(name + bytes([index]))
            _, sender, to, given, ok, entries, created, trace = act(draw, hash_)
            value = trace.value if trace else 0
            made.append(
                Transaction(hash_, index, sender, to, value, given, ok, entries, 0, created, trace)
            )
        blocks.append(Block(at, name, parent, 1_000_000 + 700 * at, tuple(made)))
        parent = name
    return blocks


def standing(watch):
    return watch.memory.summary(), [alert for step in watch.steps for alert in step.alerts]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 99),
    st.integers(2, 30),
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 8), st.integers(0, 999)), max_size=3),
)
def test_forks_leave_no_trace_in_any_detector(seed, length, forks):
    main = branch(seed, length)
    shown, straight = (Watch(1, detectors(), {NATIVE: 1, COIN: 1}) for _ in range(2))
    for one in main:
        shown.accept(one)
        straight.accept(one)
    for back, fork_length, fork_seed in forks:
        at = max(0, length - 1 - back)
        for one in branch(1_000 + fork_seed, fork_length, main[at].hash, at + 1):
            shown.accept(one)
        for one in main[at + 1 :]:
            shown.accept(one)
    assert standing(shown) == standing(straight)


def test_the_random_chain_gives_most_of_them_something_to_say():
    """Otherwise the law above would hold of silence."""
    watch = Watch(1, detectors(), {NATIVE: 1, COIN: 1})
    told = {a.finding.detector for one in branch(1, 300) for a in watch.accept(one).raised}
    assert told >= {"poisoning", "reentrancy", "screening", "approvals", "rug"}, told


def test_a_restart_changes_nothing():
    main = branch(5, 60)
    first, straight = (Watch(1, detectors(), {NATIVE: 1, COIN: 1}) for _ in range(2))
    for one in main[:40]:
        first.accept(one)
    again = watch_from_bytes(watch_bytes(first), detectors(), {NATIVE: 1, COIN: 1})
    for one in main[40:]:
        again.accept(one)
    for one in main:
        straight.accept(one)
    assert standing(again) == standing(straight)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.booleans()), max_size=60))
def test_a_bounded_table_keeps_the_newest_and_can_be_taken_back(steps):
    memory = Memory()
    table, most = Recent(memory, "t", 4), 4
    values: dict[int, int] = {}
    since: dict[int, set[int]] = {}
    for key, value, drops in steps:
        mark, before = memory.mark(), memory.summary()
        if drops:
            table.drop(key)
            values.pop(key, None)
        else:
            table.put(key, value)
            for others in since.values():
                others.add(key)
            values[key], since[key] = value, set()
        after = memory.summary()
        assert len(table) <= most
        for known, wanted in values.items():
            kept = len(since[known]) < most // 2
            assert table.get(known) in ((wanted,) if kept else (wanted, None))
        memory.go_back(mark)
        assert memory.summary() == before
        table = Recent(memory, "t", 4)
        if drops:
            table.drop(key)
        else:
            table.put(key, value)
        assert memory.summary() == after


def test_nobody_is_fresh_to_a_watch_that_only_began():
    late, early = Acquaintance(Memory()), Acquaintance(Memory())
    late.begin(5_000, 1_000)
    early.begin(0, 1_000)
    for known in (late, early):
        known.meet(b"a", 1_000)
    assert early.is_fresh(b"a", 1_500) and not late.is_fresh(b"a", 1_500)
    late.meet(b"c", 1_400, created=True)
    assert late.is_fresh(b"c", 1_500)
    assert late.is_fresh(b"b", 1_000 + FRESH) and not late.is_fresh(b"a", 1_000 + FRESH)


def test_strangers_cannot_fill_the_memory(monkeypatch):
    from counterpoise.monitor.detectors import poisoning

    monkeypatch.setattr(poisoning, "PAYERS", 50)
    sizes = []
    watch, parent = Watch(1, [Poisoning()], {NATIVE: 1}), GENESIS
    for number in range(400):
        name = keccak(parent)
        src, dst = account(2 * number), account(2 * number + 1)
        entry = Entry(0, COIN, (TRANSFER, word(src), word(dst)), (5).to_bytes(32, "big"))
        made = Transaction(name, 0, src, COIN, 0, b"", True, (entry,))
        watch.accept(Block(number, name, parent, 1_000 + number, (made,)))
        parent = name
        tables = [watch.memory.table(f"poisoning, payees, {which}") for which in ("one", "other")]
        sizes.append(sum(map(len, tables)))
    assert max(sizes) == 50


def test_one_transaction_cannot_keep_the_watch_busy():
    """Thousands of transfers between two accounts, in two tokens, none of which ever adds up."""
    moves = [(COIN, 1, 2, 5), (COIN, 2, 1, 5), (GOODS, 1, 2, 7), (GOODS, 2, 1, 7)] * 2_000
    entries = tuple(
        token_transfer(at, token, account(src), account(dst), amount)
        for at, (token, src, dst, amount) in enumerate(moves)
    )
    inner = [Frame("call", COIN, GOODS, 0, b"take", writes=(0,)) for _ in range(2_000)]
    backs = [Frame("call", GOODS, COIN, 0, b"", writes=(), frames=(one,)) for one in inner]
    outer = Frame("call", COIN, GOODS, 0, b"take", writes=(2_000,), frames=tuple(backs))
    trace = Frame("call", account(1), COIN, 0, b"go!!", writes=(), frames=(outer,))
    made = Transaction(bytes(32), 0, account(1), COIN, 0, b"", True, entries, trace=trace)
    watch, start = Watch(1, detectors(), {NATIVE: 1}), process_time()
    outcome = watch.accept(Block(0, GENESIS, b"\x01" * 32, 1_000_000, (made,)))
    assert process_time() - start < 5
    assert [alert.finding.detector for alert in outcome.raised] == ["reentrancy"]


def test_every_detector_can_be_made_by_name_and_names_itself():
    for name in OURS:
        (made,) = make_detectors([name])
        assert made.name == name and made.version >= 1
    for name in OBSERVERS:
        (observer,) = make_observers([name])
        assert observer.name == name
    with pytest.raises(InputError, match="there is no 'nope'"):
        make_detectors(["nope"])


def test_ordinary_days_are_silent():
    """Trades, payments and deposits of honest people, with every detector on."""
    market = Market.build(["ann", "bob", "cid"])
    stage = market.stage
    bank = stage.deploy("Bank", "founder")
    for day in range(3):
        stage.together(
            market.buy("ann", 3 * UNIT),
            market.sell("bob", 2 * UNIT),
            market.buy("cid", 4 * UNIT),
            market.sell("ann", UNIT),
        )
        stage.pay("ann", stage.who("bob").address, UNIT // 10)
        stage.act("cid", bank, "bring", value=UNIT)
        stage.act("cid", bank, "take")
        stage.act("bob", market.coin, "transfer", stage.who("cid").address, UNIT * (day + 1))
        stage.later(3_600)
    assert stage.findings(*make_detectors(OURS)) == []
