"""The service gives each alert once, through kills, forks, stalls and full disks."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from streams import CHAIN_ID, Every, Script, Unreachable, forked, opened, run, told
from worlds import SCALES, block, branch

from counterpoise.core.errors import Busy, InputError, StorageError
from counterpoise.monitor.alert import Standing
from counterpoise.monitor.alert_book import AlertBook
from counterpoise.monitor.detectors import make_detectors
from counterpoise.monitor.service import Rhythm, Service
from counterpoise.monitor.sinks.jsonl import JsonLines
from counterpoise.monitor.state_folder import STATE, StateFolder
from counterpoise.monitor.watch import Watch

HERE = Path(__file__).parent
BLOCKS = branch(21, 40)
EVERY_BLOCK = Rhythm(blocks=1, seconds=0)
NEVER = Rhythm(blocks=10**9, seconds=10**9)


def straight(blocks):
    """The alerts of a watch that sees these blocks and nothing else, by id."""
    watch = Watch(CHAIN_ID, [Every()], SCALES)
    return {alert.id: alert for one in blocks for alert in watch.accept(one).raised}


def ids_of(path):
    return [json.loads(line)["alert"]["id"] for line in path.read_text().splitlines()]


def test_blocks_in_alerts_out_and_the_source_is_told_after_the_state_is_written(tmp_path):
    source = Script([[one] for one in BLOCKS])
    assert run(tmp_path, source) == straight(BLOCKS)
    assert (source.acknowledged[-1].number, source.acknowledged[-1].note) == (39, "note 39")


def test_a_restart_goes_on_where_the_state_was_written(tmp_path):
    run(tmp_path, Script([BLOCKS[:25]]))
    source = Script([BLOCKS])
    assert run(tmp_path, source) == straight(BLOCKS)
    assert source.resumed[-1].number == 24 and source.resumed[-1].note == "note 24"


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_a_crash_before_the_state_is_written_repeats_nothing_and_loses_nothing(tmp_path, cut):
    crash = StorageError("pulled")
    with pytest.raises(StorageError, match="pulled"):
        run(tmp_path, Script([BLOCKS[: cut // 2], BLOCKS[cut // 2 : cut], crash]), rhythm=NEVER)
    assert run(tmp_path, Script([BLOCKS])) == straight(BLOCKS)
    with_book = AlertBook(tmp_path / "alerts.sqlite")
    assert [kind for kind, _ in told(with_book)] == ["raised"] * len(straight(BLOCKS))
    with_book.close()


def test_a_fork_that_came_while_the_service_was_down_is_retracted(tmp_path):
    with pytest.raises(StorageError):
        run(tmp_path, Script([BLOCKS[:30], StorageError("pulled")]), rhythm=NEVER)
    fork = branch(22, 12, BLOCKS[19].hash, 20)
    found = run(tmp_path, Script([[*BLOCKS[:20], *fork]]))
    standing = {id_ for id_, alert in found.items() if alert.standing is Standing.OPEN}
    assert standing == set(straight([*BLOCKS[:20], *fork]))
    gone = {id_ for id_, alert in found.items() if alert.standing is Standing.RETRACTED}
    assert gone == set(straight(BLOCKS[:30])) - standing and gone


@pytest.mark.parametrize("depth", [1, 7, 39])
def test_a_reorg_of_any_depth_retracts_and_a_return_brings_back(tmp_path, depth):
    fork = branch(23, depth + 1, BLOCKS[39 - depth].hash, 40 - depth)
    rest = branch(24, 3, BLOCKS[39].hash, 40)
    batches = [BLOCKS, fork, [*BLOCKS[40 - depth :], *rest]]
    found = run(tmp_path, Script(batches), rhythm=EVERY_BLOCK)
    standing = {id_: alert for id_, alert in found.items() if alert.standing is Standing.OPEN}
    assert standing == straight([*BLOCKS, *rest])
    book = AlertBook(tmp_path / "alerts.sqlite")
    counts = dict.fromkeys(found, 0)
    for kind, id_ in told(book):
        counts[id_] += 1 if kind == "raised" else -1
        assert counts[id_] in (0, 1)
    assert {id_ for id_, count in counts.items() if count} == set(standing)
    book.close()


def test_a_fork_below_finality_stops_the_service_and_says_so(tmp_path):
    state = StateFolder(tmp_path)
    state.close()
    deep = branch(25, 1, BLOCKS[2].hash, 3)
    long = [*BLOCKS, *branch(26, 40, BLOCKS[-1].hash, 40)]
    with pytest.raises(InputError, match="none of blocks 15 to 79"):
        run(tmp_path, Script([long, deep]))
    assert len(run(tmp_path, Script([long]))) == len(straight(long))


def test_a_source_that_stalls_is_asked_again(tmp_path):
    lines = []
    down = Unreachable("nobody there")
    source = Script([BLOCKS[:9], down, down, [], BLOCKS[9:]])
    found = run(tmp_path, source, say=lines.append)
    assert found == straight(BLOCKS)
    assert [line.split(":")[0] for line in lines] == [
        "the source does not answer",
        "the source answers again",
    ]


def test_a_source_that_is_faster_than_the_watch_waits(tmp_path):
    class Slow(Every):
        def inspect(self, block, context):
            time.sleep(0.002)
            return super().inspect(block, context)

    source = Script([BLOCKS[at : at + 4] for at in range(0, 40, 4)])
    service = opened(tmp_path, source, detectors=[Slow()])
    service._intake._room = 12
    largest = max(len(one.transactions) for one in BLOCKS)
    service.run()
    assert service._intake.most_held <= max(12, largest)
    assert service.metrics.blocks == 40
    service.close()


def test_blocks_that_come_again_in_the_stream_change_nothing(tmp_path):
    source = Script([BLOCKS[:20], BLOCKS[:20], BLOCKS[5:]])
    assert run(tmp_path, source, rhythm=EVERY_BLOCK) == straight(BLOCKS)


def test_two_processes_cannot_watch_with_one_folder(tmp_path):
    state = StateFolder(tmp_path)
    with pytest.raises(Busy, match="another process watches"):
        StateFolder(tmp_path)
    state.close()


@pytest.mark.parametrize("at", [0, 40, -9])
def test_a_damaged_state_is_refused_and_says_what_to_do(tmp_path, at):
    run(tmp_path, Script([BLOCKS[:9]]))
    data = bytearray((tmp_path / STATE).read_bytes())
    data[at] ^= 1
    (tmp_path / STATE).write_bytes(data)
    with pytest.raises(StorageError, match="damaged") as caught:
        run(tmp_path, Script([BLOCKS]))
    assert "move the file away" in caught.value.hint


def test_a_state_of_another_chain_or_of_other_scales_is_refused(tmp_path):
    run(tmp_path, Script([BLOCKS[:9]]))
    state = StateFolder(tmp_path)
    with pytest.raises(InputError, match="is of chain 31337"):
        state.load(1, [Every()], SCALES)
    with pytest.raises(InputError, match="other scales"):
        state.load(CHAIN_ID, [Every()], {bytes(20): 7})
    state.close()


def full(*_given, **_named):
    raise OSError(28, "No space left on device")


def test_a_disk_that_is_full_when_the_state_is_written_loses_nothing(tmp_path, monkeypatch):
    run(tmp_path, Script([BLOCKS[:10]]))
    before = (tmp_path / STATE).read_bytes()
    source = Script([BLOCKS])
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left") as caught:
            run(tmp_path, source, rhythm=EVERY_BLOCK)
    assert "make room" in caught.value.hint
    assert (tmp_path / STATE).read_bytes() == before and source.acknowledged == []
    assert run(tmp_path, Script([BLOCKS])) == straight(BLOCKS)


class Cramped:
    """A file on a disk that is full after so many bytes."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def write(self, data):
        if not self._room:
            full()
        written = self._file.write(bytes(data)[: self._room])
        self._room -= written
        return written

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_a_disk_that_is_full_when_alerts_are_appended_loses_none_and_repeats_none(tmp_path):
    path = tmp_path / "alerts.jsonl"
    sink = JsonLines(path)
    sink._file = Cramped(sink._file, 3000)
    with pytest.raises(StorageError, match=r"alerts\.jsonl could not be written: No space"):
        run(tmp_path / "home", Script([[one] for one in BLOCKS]), sinks=[sink])
    assert path.read_bytes().endswith(b"\n")
    run(tmp_path / "home", Script([BLOCKS]), sinks=[JsonLines(path)])
    assert ids_of(path) == [id_.hex() for id_ in straight(BLOCKS)]


def test_a_line_that_a_crash_cut_short_is_written_again(tmp_path):
    path = tmp_path / "alerts.jsonl"
    run(tmp_path / "home", Script([BLOCKS]), sinks=[JsonLines(path)])
    whole = path.read_bytes()
    for kept in (len(whole) - 5, len(whole) // 2, 3):
        path.write_bytes(whole[:kept])
        run(tmp_path / "home", Script([BLOCKS]), sinks=[JsonLines(path)])
        assert path.read_bytes() == whole


def test_a_file_of_something_else_is_not_appended_to(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n")
    with pytest.raises(StorageError, match="does not end with an event"):
        JsonLines(path)
    assert path.read_text() == "dear diary\n"


def test_killed_at_any_moment_the_same_alerts_come_none_twice_none_lost(tmp_path):
    length, kills = 400, 0
    command = [sys.executable, str(HERE / "streams.py"), str(tmp_path), str(length), "0.003"]
    path = [str(HERE), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    for wait in (0.25, 0.6, 0.05):
        process = subprocess.Popen(command, env=environment, start_new_session=True)
        lines = tmp_path / "alerts.jsonl"
        before, deadline = lines.stat().st_size if lines.exists() else 0, time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            if lines.exists() and lines.stat().st_size > before:
                time.sleep(wait)
                break
            time.sleep(0.01)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 2
    assert subprocess.run(command, env=environment, timeout=60).returncode == 0
    blocks, fork, at = forked(length)
    wanted, other = straight(blocks), set(straight([*blocks[:at], *fork]))
    book = AlertBook(tmp_path / "alerts.sqlite")
    assert {alert.id for alert in book.alerts(Standing.OPEN)} == set(wanted)
    gone = {alert.id for alert in book.alerts(Standing.RETRACTED)}
    assert gone <= other - set(wanted)  # none, where the fork was over before it was recorded
    events = book.events(limit=-1)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    raised = [event.alert.id for event in events if event.kind == "raised"]
    assert len(raised) == len(set(raised)) == len(wanted) + len(gone)
    written = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [(one["sequence"], one["alert"]["id"]) for one in written] == [
        (event.sequence, event.alert.id.hex()) for event in events
    ]
    book.close()


def test_a_hub_of_very_many_transactions_costs_no_more_as_it_grows_and_the_cut_is_told(tmp_path):
    def hub(at, parent):
        first = 1 + 250 * at
        rows = [(0, first + n) if n % 2 else (first + n, 0) for n in range(250)]
        return block(parent, at, [(src, dst, 1000 + n, None) for n, (src, dst) in enumerate(rows)])

    blocks, parent = [], bytes(32)
    for at in range(30):
        blocks.append(hub(at, parent))
        parent = blocks[-1].hash
    costs = []

    class Timed(Watch):
        def accept(self, one):
            started = time.thread_time()
            outcome = super().accept(one)
            costs.append(time.thread_time() - started)
            return outcome

    watch = Timed(CHAIN_ID, make_detectors(), SCALES)
    service = Service(watch, [], Script([[one] for one in blocks]), StateFolder(tmp_path))
    service.run()
    assert service.metrics.transactions == 7_500
    assert service.metrics.cuts.lists > 5_000
    assert sorted(costs[20:])[5] < 3 * sorted(costs[5:15])[5]
    service.close()
