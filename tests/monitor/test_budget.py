"""A budget passes the best of the day, and a reorg takes back what it counted."""

from dataclasses import dataclass

import pytest
from worlds import SCALES, block

from counterpoise.core.errors import InputError
from counterpoise.monitor.alert import Finding, Severity
from counterpoise.monitor.budget import BURST, Ranked
from counterpoise.monitor.watch import Watch


@dataclass(frozen=True)
class Loud:
    """Finds every transfer, as sure as its amount says."""

    name: str = "loud"
    version: int = 1

    def inspect(self, block, context):
        for transfer in context.flow.transfers:
            digest = block.transactions[transfer.transaction].hash
            confidence = transfer.amount * 1000
            yield Finding(self.name, 1, Severity.LOW, confidence, (digest,), (), ("amount",))


def hours(count, amounts, parent=bytes(32), first=0, salt=b""):
    made = []
    for hour in range(first, first + count):
        rows = [(1, 2, amount, None) for amount in amounts(hour)]
        made.append(block(parent, hour, rows, salt=salt, time=3600 * hour + 7))
        parent = made[-1].hash
    return made


def passed(outcome):
    return [alert.finding.confidence // 1000 for alert in outcome.raised]


def test_after_a_day_only_the_best_pass_and_about_so_many_as_wanted():
    watch = Watch(1, [Ranked(Loud(), 5)], SCALES)
    blocks = hours(60, lambda hour: [(hour * 37 + n * 71) % 100 + 1 for n in range(50)])
    counts = [passed(watch.accept(one)) for one in blocks]
    assert all(len(found) <= BURST * 5 for found in counts)
    late = counts[24:]
    assert 3 <= sum(map(len, late)) / len(late) <= 8
    assert min(min(found) for found in late if found) > 80


def test_a_quiet_detector_loses_nothing():
    watch = Watch(1, [Ranked(Loud(), 5)], SCALES)
    assert [passed(watch.accept(one)) for one in hours(9, lambda hour: [3, 9])] == [[3, 9]] * 9


def test_an_hour_of_thousands_passes_no_more_than_the_burst():
    watch = Watch(1, [Ranked(Loud(), 5)], SCALES)
    (one,) = hours(1, lambda hour: [50 + n for n in range(200)])
    assert len(watch.accept(one).raised) == BURST * 5


def test_a_fork_leaves_no_trace_in_the_budget():
    def amounts(hour):
        return [(hour * 37 + n * 71) % 100 + 1 for n in range(20)]

    main = hours(40, amounts)
    forked, straight = (Watch(1, [Ranked(Loud(), 3)], SCALES) for _ in range(2))
    fork = hours(8, lambda hour: [100] * 30, parent=main[19].hash, first=20, salt=b"f")
    for one in [*main[:30], *fork]:
        forked.accept(one)
    found = [passed(forked.accept(one)) for one in main[20:]]
    wanted = [passed(straight.accept(one)) for one in main][20:]
    assert found == wanted
    assert forked.memory.summary() == straight.memory.summary()


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(InputError, match="budget of 0"):
        Ranked(Loud(), 0)
