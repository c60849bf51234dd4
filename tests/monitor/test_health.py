"""What is odd about a chain itself is told once, when it begins."""

from worlds import GENESIS, block, branch

from counterpoise.monitor.alert import Severity
from counterpoise.monitor.detectors.timing import Timing
from counterpoise.monitor.health import Heads, Health
from counterpoise.monitor.watch import Outcome, Watch


def seen(health, number, *, undone=0, time=None, now=None):
    made = block(GENESIS, number, [], time=time)
    outcome = Outcome((), (), undone, 0, 0)
    return list(health.observe(made, outcome, made.time if now is None else now))


def test_the_depth_of_a_reorg_is_its_severity():
    health = Health()
    levels = [[f.severity for f in seen(health, 5, undone=depth)] for depth in (0, 1, 2, 7, 40)]
    assert levels == [[], [], [Severity.MEDIUM], [Severity.HIGH], [Severity.CRITICAL]]


def test_frequent_forks_are_told_once():
    health, found = Health(), []
    for number in range(600):
        found += seen(health, number, undone=int(number % 10 == 0))
    (finding,) = found
    assert "26 of the last 256 blocks" in finding.reasons[0]
    rare = Health()
    assert not [f for n in range(600) for f in seen(rare, n, undone=int(n % 40 == 0))]


def test_a_head_that_falls_behind_is_told_once_and_a_replay_never():
    health = Health()
    assert not seen(health, 1, now=10**9)  # an old chain is read: it never was at the head
    assert not seen(health, 2, time=2_000, now=2_010)
    (finding,) = seen(health, 3, time=2_012, now=2_500)
    assert "488 s behind" in finding.reasons[0]
    assert not seen(health, 4, time=2_024, now=2_600)


def test_a_block_from_the_future_and_a_gap_in_numbers_are_told():
    health = Health()
    (finding,) = seen(health, 1, time=5_000, now=4_900)
    assert "100 s ahead" in finding.reasons[0] and finding.severity is Severity.MEDIUM
    (finding,) = seen(health, 4, time=5_000, now=5_000)
    assert finding.reasons == ("2 block numbers were not seen",)


def test_a_real_reorg_is_told_by_the_watch_and_its_observer():
    watch, health, found = Watch(1, [], {}), Health(), []
    main = branch(1, 20)
    for one in [*main, *branch(2, 12, main[9].hash, 10)]:
        found += health.observe(one, watch.accept(one), float(one.time))
    (finding,) = found
    assert "10 blocks were taken back" in finding.reasons[0]


def test_nodes_that_disagree_or_lag_are_told_once():
    heads = Heads()
    one, other = b"\x01" * 32, b"\x02" * 32
    assert not list(heads.compare({"a": 10, "b": 9}, {"a": one, "b": one}, 9))
    (finding,) = heads.compare({"a": 20, "b": 10}, {"a": one, "b": other}, 10)
    assert finding.severity is Severity.HIGH and len(finding.reasons) == 2
    assert not list(heads.compare({"a": 21, "b": 10}, {"a": one, "b": other}, 10))
    assert not list(heads.compare({"a": 21, "b": 21}, {"a": one, "b": one}, 21))
    assert len(list(heads.compare({"a": 22, "b": 22}, {"a": one, "b": other}, 22))) == 1


def test_a_long_gap_between_blocks_is_told_and_a_slow_chain_is_not():
    def gaps(seconds):
        watch, parent, found, time = Watch(1, [Timing()], {}), GENESIS, [], 1_000
        for number, gap in enumerate(seconds):
            time += gap
            made = block(parent, number, [], time=time)
            found += [alert.finding for alert in watch.accept(made).raised]
            parent = made.hash
        return found

    (finding,) = gaps([12] * 40 + [300] + [12] * 10)
    assert "no block for 300 s" in finding.reasons[0]
    assert gaps([300] * 40) == [] and gaps([12] * 40 + [80]) == [] and gaps([1] * 40 + [50]) == []
    assert gaps([12] * 10 + [900]) == []  # too little is known yet
