"""The store of vouchers: nothing that was told of is lost, nothing is counted twice."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from counterpoise.core.errors import Busy, InputError, StorageError
from counterpoise.payments import ChannelConfig, Voucher
from counterpoise.payments import voucher_store as module
from counterpoise.payments.voucher_book import Kept
from counterpoise.payments.voucher_log import MAGIC, FrameLog
from counterpoise.payments.voucher_store import VoucherStore, read_vouchers

CONFIG = ChannelConfig(*(bytes([n]) * 20 for n in range(1, 6)), 86_400, bytes([6]) * 32)


def kept(channel: int, charged: int) -> Kept:
    voucher = Voucher(channel.to_bytes(32, "big"), charged + 7, bytes([charged % 251]) * 65)
    return Kept(replace(CONFIG, salt=channel.to_bytes(32, "big")), voucher, charged, bytes(32))


def test_what_was_synced_is_there_after_a_new_start(tmp_path):
    with VoucherStore(tmp_path / "v.log") as store:
        for charged in (5, 9, 30):
            store.charge(kept(1, charged))
        store.charge(kept(2, 4))
        store.spend(bytes([1]) * 32, bytes([2]) * 32, 10**10, 10)
        store.sync()
    with VoucherStore(tmp_path / "v.log") as store:
        assert store.channels() == {
            kept(c, n).voucher.channel: kept(c, n) for c, n in ((1, 30), (2, 4))
        }
        assert store.spent(bytes([1]) * 32) == bytes([2]) * 32
        assert store.spent(bytes([3]) * 32) is None
        store.drop(kept(1, 0).voucher.channel)
    with VoucherStore(tmp_path / "v.log") as store:
        assert list(store.channels()) == [kept(2, 4).voucher.channel]


def test_a_charge_must_grow_and_stay_below_its_voucher(tmp_path):
    with VoucherStore(tmp_path / "v.log") as store:
        store.charge(kept(1, 5))
        for wrong in (
            kept(1, 5),
            kept(1, 4),
            replace(kept(1, 6), charged=99),
            replace(kept(1, 6), request=b""),
        ):
            with pytest.raises(InputError):
                store.charge(wrong)
        assert store.kept(kept(1, 5).voucher.channel) == kept(1, 5)


def test_a_torn_tail_is_cut_off_wherever_it_was_torn(tmp_path):
    path = tmp_path / "v.log"
    with VoucherStore(path) as store:
        store.charge(kept(1, 5))
        store.sync()
        whole = path.read_bytes()
        store.charge(kept(1, 9))
    longer = path.read_bytes()
    for end in range(len(whole), len(longer)):
        path.write_bytes(longer[:end])
        with VoucherStore(path) as store:
            assert store.kept(kept(1, 5).voucher.channel) == kept(1, 5)
            store.charge(kept(1, 6))
        with VoucherStore(path) as store:
            assert store.kept(kept(1, 5).voucher.channel) == kept(1, 6)


def test_damage_to_what_was_synced_is_told_and_not_cut_off(tmp_path):
    path = tmp_path / "v.log"
    with VoucherStore(path) as store:
        for charged in (5, 9):
            store.charge(kept(1, charged))
            store.sync()
    log = bytearray(path.read_bytes())
    log[60] ^= 1
    path.write_bytes(log)
    with pytest.raises(StorageError, match="damaged"):
        VoucherStore(path)
    assert path.read_bytes() == bytes(log)


def test_one_process_holds_it_and_other_files_are_refused(tmp_path):
    with VoucherStore(tmp_path / "v.log"), pytest.raises(Busy):
        VoucherStore(tmp_path / "v.log")
    (tmp_path / "other").write_bytes(b"something else entirely, not a log")
    with pytest.raises(InputError):
        VoucherStore(tmp_path / "other")


def test_a_long_log_is_written_anew_with_each_channel_once(tmp_path, monkeypatch):
    path = tmp_path / "v.log"
    monkeypatch.setattr(module, "_COMPACT_BYTES", 2_000)
    with VoucherStore(path) as store:
        for charged in range(1, 40):
            store.charge(kept(1, charged))
        store.spend(bytes([1]) * 32, bytes([2]) * 32, 50, 10)
        store.spend(bytes([3]) * 32, bytes([2]) * 32, 500, 10)
    before = path.stat().st_size
    with VoucherStore(path, now=100) as store:
        assert path.stat().st_size < before / 4
        assert store.spent(bytes([1]) * 32) is None
        assert store.spent(bytes([3]) * 32) == bytes([2]) * 32
        store.charge(kept(1, 50))
    with VoucherStore(path) as store:
        assert store.kept(kept(1, 1).voucher.channel) == kept(1, 50)


def test_a_log_stays_short_while_its_store_is_open(tmp_path, monkeypatch):
    path = tmp_path / "v.log"
    monkeypatch.setattr(module, "_COMPACT_BYTES", 4_000)
    sizes = []
    with VoucherStore(path) as store:
        for charged in range(1, 301):
            store.charge(kept(1 + charged % 3, charged))
            store.sync()
            sizes.append(path.stat().st_size)
    assert max(sizes) < 5_000
    assert sum(after < before for before, after in pairwise(sizes)) >= 9
    assert {k.charged for k in read_vouchers(path).values()} == {298, 299, 300}


def test_a_log_of_many_channels_is_not_written_anew_at_every_sync(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_COMPACT_BYTES", 1_000)
    anew, real = [], FrameLog.rewrite
    monkeypatch.setattr(FrameLog, "rewrite", lambda *args: (anew.append(1), real(*args))[1])
    with VoucherStore(tmp_path / "v.log") as store:
        for charged in range(1, 11):
            for channel in range(50):
                store.charge(kept(channel, charged))
                store.sync()
    assert 1 < len(anew) < 6


def test_exact_payments_that_expired_are_forgotten(tmp_path):
    with VoucherStore(tmp_path / "v.log") as store:
        for now in range(5_000):
            store.spend(now.to_bytes(32, "big"), bytes(32), 2**255, 1_000 * now)
            assert store.spent(now.to_bytes(32, "big")) == bytes(32)
        assert len(store.unanswered()) < 4_000
        assert store.spent((3_000).to_bytes(32, "big")) == bytes(32)


def test_a_log_is_read_while_its_store_is_open(tmp_path):
    path = tmp_path / "v.log"
    with VoucherStore(path) as store:
        store.charge(kept(1, 5))
        store.sync()
        before = path.read_bytes()
        assert read_vouchers(path) == store.channels()
        torn = before[len(MAGIC) : -1]
        path.write_bytes(before + torn)
        assert read_vouchers(path) == store.channels()
        assert path.stat().st_size == len(before) + len(torn)
        path.write_bytes(before)
    with pytest.raises(InputError, match="cannot be read"):
        read_vouchers(tmp_path / "none")


def test_a_disk_that_refuses_stops_the_store(tmp_path, monkeypatch):
    store = VoucherStore(tmp_path / "v.log")
    store.charge(kept(1, 5))

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        with pytest.raises(StorageError, match="No space"):
            store.sync()
    with pytest.raises(StorageError):
        store.charge(kept(1, 6))
    with pytest.raises(StorageError):
        store.close()


def test_many_writers_share_the_syncs(tmp_path, monkeypatch):
    syncs, real = [], os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (syncs.append(1), real(fd)))
    store = VoucherStore(tmp_path / "v.log")

    def writer(channel):
        for charged in range(1, 41):
            store.sync(store.charge(kept(channel, charged)))

    threads = [threading.Thread(target=writer, args=(c,)) for c in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert len(syncs) < 16 * 40
    with VoucherStore(tmp_path / "v.log") as store:
        assert {k.charged for k in store.channels().values()} == {40}
        assert len(store.channels()) == 16


WRITER = """
import sys, threading
from pathlib import Path
sys.path.insert(0, {here!r})
from test_voucher_store import kept
from counterpoise.payments.voucher_log import MAGIC, FrameLog
from counterpoise.payments.voucher_store import VoucherStore, read_vouchers
store = VoucherStore(Path(sys.argv[1]))
told = threading.Lock()
def writer(channel):
    known = store.kept(kept(channel, 1).voucher.channel)
    charged = known.charged if known else 0
    while True:
        charged += 3
        store.sync(store.charge(kept(channel, charged)))
        with told:
            sys.stdout.write(f"{{channel}} {{charged}}\\n"); sys.stdout.flush()
for channel in range(8):
    threading.Thread(target=writer, args=(channel,)).start()
"""


def test_kill_9_loses_no_voucher_that_was_told_of(tmp_path):
    here = str(Path(__file__).parent)
    told: dict[int, int] = {}
    for _ in range(3):
        command = [sys.executable, "-c", WRITER.format(here=here), str(tmp_path / "v.log")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for _ in range(150):
            channel, charged = map(int, process.stdout.readline().split())
            assert charged > told.get(channel, 0)
            told[channel] = charged
        process.send_signal(signal.SIGKILL)
        for line in process.stdout.read().splitlines(keepends=True):
            if line.endswith("\n"):
                channel, charged = map(int, line.split())
                told[channel] = charged
        process.wait()
        process.stdout.close()
        with VoucherStore(tmp_path / "v.log") as store:
            for channel, charged in told.items():
                found = store.kept(kept(channel, 1).voucher.channel)
                assert found is not None
                assert charged <= found.charged <= charged + 3
                assert found == kept(channel, found.charged)
