"""Whatever step a crash comes at, the log opens, loses nothing told, and never signs a fork."""

import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from counterpoise.core import merkle
from counterpoise.core.errors import Busy, CounterpoiseError, StorageError, VerificationError
from counterpoise.provenance import Checkpoint, Head, Log, LogReader
from counterpoise.provenance.disk import Disk

from .conftest import KEY, ORIGIN

BATCHES = [200, 1, 100, 300, 7]
ENTRIES = [b"entry %d" % i for i in range(sum(BATCHES))]


@pytest.fixture
def settling(monkeypatch):
    """Lets the log settle in the middle of a run, and not only when it is closed."""
    monkeypatch.setattr("counterpoise.provenance.log.JOURNAL_LIMIT", 3_000)


def batches():
    start = 0
    for count in BATCHES:
        yield ENTRIES[start : start + count]
        start += count


class DyingDisk(Disk):
    """Dies by SIGKILL before its nth step; tells over a pipe what was signed and what was told."""

    def __init__(self, folder, death, pipe):
        super().__init__(folder)
        self.left, self.pipe = death, pipe

    def step(self):
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1

    def write(self, name, data):
        if name.startswith(("checkpoint", "settled")):
            self.tell(b"signed", data)
        self.step()
        super().write(name, data)

    def append(self, name, data):
        self.step()
        super().append(name, data[: len(data) // 2])
        self.step()
        super().append(name, data[len(data) // 2 :])

    def sync(self, name):
        self.step()
        super().sync(name)

    def sync_all(self, names):
        for name in names:
            self.sync(name)

    def rename(self, name, target):
        self.step()
        super().rename(name, target)

    def remove(self, name):
        self.step()
        super().remove(name)

    def remove_folders(self, names):
        for name in names:
            self.step()
            super().remove_folders([name])

    def tell(self, what, data=b""):
        os.write(self.pipe, what + b" " + data.hex().encode() + b"\n")


def run_until_death(folder, death):
    """Append all batches in a child; give what it said, and whether it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        disk = {}
        code = 1
        try:
            os.close(reading)
            make = lambda path: disk.setdefault("it", DyingDisk(path, death, writing))  # noqa: E731
            log = Log(folder, origin=ORIGIN, key=KEY, disk=make)
            for batch in batches():
                if log.size < len(ENTRIES):
                    told = log.append(batch)
                    disk["it"].tell(b"told %d" % told.stop)
            log.close()
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return said, os.WIFSIGNALED(status)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_kill_before_any_step_loses_nothing_and_forks_nothing(tmp_path, settling):
    death, killed = 0, True
    while killed:
        folder = tmp_path / f"{death}"
        said, killed = run_until_death(folder, death)
        told = max([int(line.split()[1]) for line in said if line.startswith(b"told")], default=0)
        signed = [
            Checkpoint.parse(bytes.fromhex(line.split()[1].decode()))
            for line in said
            if line.startswith(b"signed")
        ]
        with Log(folder, origin=ORIGIN, key=KEY) as log:
            assert log.size >= max([told, *(c.size for c in signed)]), death
            assert list(log.entries()) == ENTRIES[: log.size]
            for checkpoint in signed:
                assert log.root_at(checkpoint.size) == checkpoint.root, death
            assert log.check() == log.size
            log.append([b"and on"])
        reader = LogReader(folder, origin=ORIGIN, vkey=log.vkey)
        assert reader.check() == log.size and reader.entry(log.size - 1) == b"and on"
        death += 1
    assert death > 60, "the run has that many steps"


class PowerlessDisk(Disk):
    """Remembers what is durable; `cut` leaves on the disk what a loss of power may leave."""

    def __init__(self, folder, chance):
        super().__init__(folder)
        self.chance = chance
        self.durable = {}
        self.versions = {}

    def current(self, name):
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def write(self, name, data):
        super().write(name, data)
        self.versions.setdefault(name, []).append(data)

    def append(self, name, data):
        super().append(name, data)
        self.versions.setdefault(name, []).append(self.current(name))

    def rename(self, name, target):
        super().rename(name, target)
        self.versions.setdefault(target, []).append(self.current(target))

    def remove(self, name):
        super().remove(name)
        self.versions.setdefault(name, []).append(None)

    def sync(self, name):
        super().sync(name)
        if (self.folder / name).is_file():
            self.durable[name] = self.current(name)
            self.versions.pop(name, None)
        elif name == ".":
            for kept in ("settled", "journal"):
                if self.current(kept) is not None and len(self.versions.get(kept, ())) <= 1:
                    self.durable[kept] = self.current(kept)
                    self.versions.pop(kept, None)

    def cut(self):
        """Each file that was not synced is old, new, torn, all zeros, or gone."""
        for name, versions in self.versions.items():
            path = self.folder / name
            new = self.chance.choice(versions)
            torn = new[: self.chance.randrange(len(new))] if new else new
            zeros = bytes(len(new)) if new else new
            left = self.chance.choice([self.durable.get(name), new, torn, zeros])
            if name == "journal":
                kept = self.durable.get(name, b"")
                left = left if left is not None and left.startswith(kept) else kept
            if left is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(left)


@pytest.mark.parametrize("seed", range(40))
def test_a_loss_of_power_loses_nothing_that_was_told(tmp_path, settling, seed):
    chance = random.Random(seed)
    disks = []

    def make(path):
        disks.append(PowerlessDisk(path, chance))
        return disks[-1]

    told, start, signed = 0, 0, []
    for batch in [*batches()]:
        log = Log(tmp_path, origin=ORIGIN, key=KEY, disk=make)
        assert log.size >= told
        for part in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
            told = log.append(part).stop
            signed.append(log.checkpoint())
        start = told
        if chance.random() < 0.7:
            log._release()
            disks[-1].cut()
        else:
            log.close()
    with Log(tmp_path, origin=ORIGIN, key=KEY) as log:
        assert log.size == told == start and list(log.entries()) == ENTRIES
        assert all(log.root_at(c.size) == c.root for c in signed)
        assert log.check() == told


def test_threads_append_in_turn_and_read_meanwhile(open_log):
    log = open_log()
    log.append([b"first"])
    ranges = []

    def work(name):
        for number in range(20):
            ranges.append(log.append([b"%d %d" % (name, number)] * 3))
            assert log.entry(log.size - 1)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, name) for name in range(4)]:
            done.result()
    assert sorted(at for r in ranges for at in r) == list(range(1, 241))
    assert log.check() == 241


def test_a_second_writer_is_refused(open_log):
    open_log()
    with pytest.raises(Busy, match="another process"):
        open_log()


def test_a_closed_log_can_be_opened_again_and_written_no_more(open_log):
    log = open_log()
    log.append([b"a"])
    log.close()
    log.close()
    with pytest.raises(StorageError, match="closed"):
        log.append([b"b"])
    again = open_log()
    assert again.entry(0) == b"a" and again.append([b"b"]) == range(1, 2)


class FullDisk(Disk):
    room = 10**9

    def write(self, name, data):
        FullDisk.room -= len(data)
        if FullDisk.room < 0:
            raise OSError(28, "No space left on device")
        super().write(name, data)

    def append(self, name, data):
        FullDisk.room -= len(data)
        if FullDisk.room < 0:
            super().append(name, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        super().append(name, data)


@pytest.mark.parametrize("room", [0, 100, 700, 1000, 1400])
def test_a_full_disk_is_an_error_and_loses_nothing(open_log, monkeypatch, room):
    monkeypatch.setattr(FullDisk, "room", 10**9)
    log = open_log(disk=FullDisk)
    log.append([b"told"])
    FullDisk.room = room
    with pytest.raises(StorageError, match="No space left"):
        log.append([b"x" * 600])
    with pytest.raises(StorageError, match="closed"):
        log.append([b"y"])
    log.close()
    FullDisk.room = 10**9
    again = open_log()
    assert again.entry(0) == b"told" and again.size in (1, 2)
    assert again.check() == again.size


def test_a_restored_backup_refuses_to_sign_behind_its_anchored_head(open_log, tmp_path):
    import shutil

    log = open_log()
    log.append([b"a", b"b"])
    log.close()
    shutil.copytree(log.folder, tmp_path / "backup")
    log = open_log()
    log.append([b"c"])
    anchored = log.checkpoint().head
    log.close()
    before = {p: p.read_bytes() for p in (tmp_path / "backup").rglob("*") if p.is_file()}
    with pytest.raises(VerificationError, match="behind its anchored head of 3"):
        open_log("backup", anchored=anchored)
    assert before == {p: p.read_bytes() for p in (tmp_path / "backup").rglob("*") if p.is_file()}
    assert open_log(anchored=anchored).size == 3


def test_a_forked_log_refuses_to_sign_beside_its_anchored_head(open_log):
    log = open_log()
    log.append([b"a", b"b"])
    log.close()
    for head in (Head(2, bytes(32)), Head(1, bytes(32))):
        with pytest.raises(VerificationError, match="forked"):
            open_log(anchored=head)
    assert open_log(anchored=Head(1, merkle.root([b"a"]))).size == 2


def test_mixed_files_of_two_ages_are_refused(open_log):
    log = open_log()
    log.append([b"a"])
    old = {n: (log.folder / n).read_bytes() for n in ("checkpoint", "journal")}
    log.append([b"b"])
    log.close()
    settled = (log.folder / "settled").read_bytes()
    (log.folder / "journal").write_bytes(old["journal"])
    open_log().close()
    (log.folder / "settled").unlink()
    with pytest.raises(StorageError, match="no settled checkpoint"):
        open_log()
    (log.folder / "settled").write_bytes(settled)
    other = open_log("other", key=b"o" * 32)
    other.append([b"z", b"y"])
    other.close()
    (log.folder / "settled").write_bytes((other.folder / "settled").read_bytes())
    with pytest.raises(VerificationError, match="not signed by"):
        open_log()


def test_a_journal_that_lost_what_was_signed_is_refused(open_log):
    log = open_log()
    log.append([b"a"])
    one = (log.folder / "journal").read_bytes()
    log.append([b"b"])
    log._release()
    (log.folder / "journal").write_bytes(one)
    with pytest.raises(StorageError, match="checkpoint has 2 entries, tiles and journal 1"):
        open_log()


def test_the_checkpoint_of_another_log_or_key_is_refused(open_log):
    open_log().close()
    for wrong in ({"origin": "example.org/other"}, {"key": b"k" * 32}):
        with pytest.raises(CounterpoiseError):
            open_log(**wrong)
