"""Whatever forks a watch was shown, it stands as if it had only seen the chain that won."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import COIN, GENESIS, SCALES, block, branch

from counterpoise.core.errors import InputError, StorageError
from counterpoise.monitor.alert import Finding, Severity, Standing
from counterpoise.monitor.snapshot import watch_bytes, watch_from_bytes
from counterpoise.monitor.watch import Watch


@dataclass
class Regulars:
    """Finds whoever pays for the third time, by the memory; and chains, by the graph."""

    name: str = "regulars"
    version: int = 1

    def inspect(self, block, context):
        paid = context.memory.table("paid")
        for transfer, row in zip(context.flow.transfers, context.flow.features, strict=True):
            count = paid.get(transfer.src, 0) + 1
            if count == 3:
                paid.drop(transfer.src)
            else:
                paid.put(transfer.src, count)
            if count == 3 or row.sum() % 7 == 0:
                digest = block.transactions[transfer.transaction].hash
                reason = f"{count} payments, features sum to {row.sum()}"
                yield Finding(self.name, 1, Severity.LOW, 500_000, (digest,), (), (reason,))


@dataclass
class Failing(Regulars):
    name: str = "failing"
    at: int = -1

    def inspect(self, block, context):
        yield from super().inspect(block, context)
        if block.number == self.at:
            raise InputError("this detector fails here")


def watch(**settings):
    return Watch(31337, [Regulars()], SCALES, **settings)


def standing(watched):
    return (
        watched.memory.summary(),
        watched.flows.graph.summary(),
        [alert for step in watched.steps for alert in step.alerts],
    )


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 8), st.integers(0, 999)), max_size=4),
    st.integers(0, 6),
)
def test_forks_leave_no_trace(length, forks, after):
    main = branch(1, length)
    shown, straight, open_alerts = watch(), watch(), {}

    def show(blocks):
        for one in blocks:
            outcome = shown.accept(one)
            for alert in outcome.retracted:
                assert alert.standing is Standing.RETRACTED
                del open_alerts[alert.id]
            open_alerts.update({alert.id: alert for alert in outcome.raised})

    show(main)
    for back, fork_length, seed in forks:
        fork_at = max(0, length - 1 - back)
        fork = branch(seed + 2, fork_length, main[fork_at].hash, fork_at + 1)
        show(fork)
        show(main[fork_at + 1 :])
        if fork and fork_at == length - 1:
            show(branch(5000, 1, main[-1].hash, length))  # the tip itself has to come back
            main = [*main, *branch(5000, 1, main[-1].hash, length)]
            length += 1
    rest = branch(9, after, main[-1].hash, length)
    show(rest)
    for one in [*main, *rest]:
        straight.accept(one)
    assert standing(shown) == standing(straight)
    assert open_alerts == {a.id: a for step in straight.steps for a in step.alerts}


def test_a_fork_at_every_block_is_taken_back():
    main, shown, straight = branch(4, 30), watch(), watch()
    for one in main:
        for other in branch(5, 2, one.parent, one.number):
            shown.accept(other)
        shown.accept(one)
        straight.accept(one)
    assert standing(shown) == standing(straight)


def test_blocks_that_come_again_change_nothing():
    main, watched = branch(6, 10), watch()
    for one in main:
        watched.accept(one)
    before = standing(watched)
    for one in main:
        assert watched.accept(one).raised == ()
    assert standing(watched) == before


def test_a_fork_below_finality_is_refused_and_says_what_to_do():
    main, watched = branch(7, 20), watch(finality=5)
    for one in main:
        watched.accept(one)
    before = standing(watched)
    (late,) = branch(8, 1, main[5].hash, 6)
    with pytest.raises(InputError, match="none of blocks 14 to 19") as caught:
        watched.accept(late)
    assert "snapshot" in caught.value.hint
    assert standing(watched) == before


def test_a_gap_in_the_source_is_refused():
    main, watched = branch(7, 4), watch()
    watched.accept(main[0])
    with pytest.raises(InputError, match="which is none of blocks 0 to 0"):
        watched.accept(main[2])


def test_a_detector_that_fails_leaves_the_state_as_it_was():
    main, failing = branch(11, 8), Failing(at=5)
    watched = Watch(31337, [failing], SCALES)
    for one in main[:5]:
        watched.accept(one)
    before = standing(watched)
    with pytest.raises(InputError, match="fails here"):
        watched.accept(main[5])
    assert standing(watched) == before
    failing.at = -1
    watched.accept(main[5])
    assert watched.tip.number == 5


def test_time_going_backwards_in_a_chain_is_refused_and_changes_nothing():
    main, watched = branch(12, 3), watch()
    for one in main:
        watched.accept(one)
    before = standing(watched)
    early = block(main[-1].hash, 3, [(1, 2, 100, None)], time=1)
    with pytest.raises(InputError, match="backwards"):
        watched.accept(early)
    assert standing(watched) == before


def test_what_is_not_looked_at_is_counted():
    rows = [(1, 2, 5, None), (1, 1, 5, None), (1, 2, 0, COIN), (1, 2, 5, bytes([13]) * 20)]
    outcome = watch().accept(block(GENESIS, 0, rows))
    assert (outcome.unknown, outcome.idle) == (1, 2)


def test_two_detectors_of_one_name_are_refused():
    with pytest.raises(InputError, match="regulars, regulars"):
        Watch(1, [Regulars(), Regulars()], SCALES)


def test_the_same_thing_seen_twice_has_one_id_and_a_reorged_one_another():
    main = branch(13, 12)
    first, second = watch(), watch()
    ids = [[a.id for one in main for a in w.accept(one).raised] for w in (first, second)]
    assert ids[0] == ids[1] and len(set(ids[0])) == len(ids[0]) > 3
    other = block(main[-2].hash, 11, [(1, 2, 100, None)] * 5, salt=b"other")
    assert not {a.id for a in first.accept(other).raised} & set(ids[0])


def test_a_watch_goes_on_after_a_restart_and_can_still_be_taken_back():
    main, watched, straight = branch(14, 30), watch(), watch()
    for one in main[:20]:
        watched.accept(one)
        straight.accept(one)
    again = watch_from_bytes(watch_bytes(watched), [Regulars()], SCALES)
    assert standing(again) == standing(watched)
    for one in branch(15, 6, main[8].hash, 9):
        again.accept(one)
    for one in main[9:]:
        again.accept(one)
    for one in main[20:]:
        straight.accept(one)
    assert standing(again) == standing(straight)


@pytest.mark.parametrize("at", [40, -30, 3000])
def test_a_damaged_snapshot_is_refused(at):
    watched = watch()
    for one in branch(17, 9):
        watched.accept(one)
    data = bytearray(watch_bytes(watched))
    data[at] ^= 0xFF
    with pytest.raises(StorageError, match=r"damaged|no snapshot|no saved graph"):
        watch_from_bytes(bytes(data), [Regulars()], SCALES)


def test_a_snapshot_of_other_detectors_is_refused_and_names_both():
    watched = watch()
    with pytest.raises(StorageError, match="detectors regulars 1, not regulars 2"):
        watch_from_bytes(watch_bytes(watched), [Regulars(version=2)], SCALES)
