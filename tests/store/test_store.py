"""Blobs by digest: the laws of `Store`, over a folder and over a remote file system."""

import hashlib
import os
import resource
import secrets
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.store import Store

ABSENT = hashlib.sha256(b"never put").digest()


@pytest.fixture(params=["folder", "file-url", "memory"])
def url(request, tmp_path):
    """One of the places a store can be; each empty."""
    return {
        "folder": tmp_path / "blobs",
        "file-url": f"file://{tmp_path}/blobs",
        "memory": f"memory://{secrets.token_hex(8)}",
    }[request.param]


def path_of(root: Path, digest: bytes) -> Path:
    text = digest.hex()
    return root / text[:2] / text[2:4] / text


def leftovers(root: Path) -> list[str]:
    incoming = root / ".incoming"
    return [path.name for path in incoming.iterdir()] if incoming.exists() else []


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 5000])
def test_what_was_put_is_fetched_in_any_other_opening(url, data):
    digest = Store(url).put(data)
    assert digest == hashlib.sha256(data).digest()
    assert Store(url).fetch(digest) == data


def test_putting_twice_gives_one_blob(url):
    store = Store(url)
    assert store.put(b"again") == store.put(b"again")
    assert store.delete(hashlib.sha256(b"again").digest())
    assert not store.has(hashlib.sha256(b"again").digest())


def test_a_deleted_blob_is_missing_and_deleting_it_again_says_so(url):
    store = Store(url)
    digest = store.put(b"a row's salt")
    assert store.delete(digest)
    store.flush()
    with pytest.raises(InputError, match="nothing is kept"):
        store.fetch(digest)
    assert not store.delete(digest)
    assert not Store(url).has(digest)


def test_a_missing_blob_is_named(url):
    with pytest.raises(InputError, match=ABSENT.hex()):
        Store(url).fetch(ABSENT)


@pytest.mark.parametrize("digest", [b"", b"short", bytes(31), bytes(33)])
def test_a_digest_of_another_length_is_refused(url, digest):
    for call in (Store(url).fetch, Store(url).has, Store(url).delete):
        with pytest.raises(InputError, match="32 bytes"):
            call(digest)


def test_a_blob_longer_than_allowed_is_refused_and_one_as_long_is_read(url):
    digest = Store(url).put(bytes(100))
    with pytest.raises(InputError, match="at most 99"):
        Store(url).fetch(digest, max_bytes=99)
    assert Store(url).fetch(digest, max_bytes=100) == bytes(100)


@pytest.mark.parametrize("wrong", [b"", b"another blob", b"the blob of this digest" + b"\0"])
def test_a_wrong_blob_is_never_returned_and_putting_the_right_one_repairs_it(tmp_path, wrong):
    store = Store(tmp_path)
    digest = store.put(b"the blob of this digest")
    path_of(tmp_path, digest).write_bytes(wrong)
    with pytest.raises(VerificationError, match=digest.hex()):
        store.fetch(digest)
    store.put(b"the blob of this digest")
    assert store.fetch(digest) == b"the blob of this digest"


def test_a_wrong_blob_of_a_remote_store_is_never_returned():
    import fsspec

    store = Store("memory://wrong")
    digest = store.put(b"right")
    name = digest.hex()
    fsspec.filesystem("memory").pipe_file(f"/wrong/{name[:2]}/{name[2:4]}/{name}", b"wrong")
    with pytest.raises(VerificationError):
        store.fetch(digest)
    store.put(b"right")
    assert store.fetch(digest) == b"right"


@pytest.mark.parametrize("planted", ["link", "folder", "pipe"])
def test_what_is_not_a_plain_file_is_refused_without_waiting(tmp_path, planted):
    store = Store(tmp_path / "blobs")
    target = path_of(tmp_path / "blobs", ABSENT)
    target.parent.mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.write_bytes(b"never put")
    if planted == "link":
        target.symlink_to(secret)
    elif planted == "folder":
        target.mkdir()
    else:
        os.mkfifo(target)
    with pytest.raises(InputError, match="not a"):
        store.fetch(ABSENT)


def test_a_put_replaces_a_planted_link_and_leaves_what_it_pointed_to(tmp_path):
    store = Store(tmp_path / "blobs")
    target = path_of(tmp_path / "blobs", hashlib.sha256(b"mine").digest())
    target.parent.mkdir(parents=True)
    (tmp_path / "other").write_bytes(b"theirs")
    target.symlink_to(tmp_path / "other")
    assert store.fetch(store.put(b"mine")) == b"mine"
    assert (tmp_path / "other").read_bytes() == b"theirs"


def test_opening_a_store_that_is_not_there_writes_nothing(tmp_path):
    store = Store(tmp_path / "nowhere")
    assert not store.has(ABSENT)
    store.flush()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", ["", "a\0b", "nosuchprotocol://bucket"])
def test_a_url_without_a_driver_is_refused(bad):
    with pytest.raises(InputError):
        Store(bad)


def test_an_error_of_a_remote_store_does_not_show_its_password():
    with pytest.raises((InputError, StorageError)) as refused:
        Store("sftp://user:hunter2@127.0.0.1:1/blobs").put(b"x")
    assert "hunter2" not in refused.value.message + refused.value.hint


# The disk is full, or fails.


def test_a_full_disk_names_the_blob_and_leaves_all_others_and_no_leftover(tmp_path):
    store = Store(tmp_path)
    kept = store.put(b"kept")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(StorageError) as refused:
            store.put(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert hashlib.sha256(bytes(2000)).hexdigest() in refused.value.message
    assert "intact" in refused.value.hint
    assert not store.has(hashlib.sha256(bytes(2000)).digest())
    assert store.fetch(kept) == b"kept"
    assert leftovers(tmp_path) == []
    assert store.fetch(store.put(bytes(2000))) == bytes(2000)


@pytest.mark.parametrize("call", ["write", "replace", "open"])
def test_no_space_at_any_system_call_of_a_put_is_a_storage_error(tmp_path, monkeypatch, call):
    store = Store(tmp_path)
    kept = store.put(b"kept")
    real = getattr(os, call)

    def full(*args, **kwargs):
        if call == "open" and not args[1] & os.O_CREAT:
            return real(*args, **kwargs)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(StorageError, match="No space left"):
        store.put(b"one too many")
    monkeypatch.undo()
    assert not store.has(hashlib.sha256(b"one too many").digest())
    assert leftovers(tmp_path) == []
    assert store.fetch(kept) == b"kept"


def test_a_partial_write_is_finished(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data[:7])))
    store = Store(tmp_path)
    assert store.fetch(store.put(bytes(range(100)))) == bytes(range(100))


def test_a_blob_that_could_not_be_flushed_is_missing_until_it_is_put_again(tmp_path, monkeypatch):
    store = Store(tmp_path)
    flushed = store.put(b"flushed")
    store.flush()
    lost = store.put(b"lost")
    real = os.fsync

    def failing(descriptor):
        if os.fstat(descriptor).st_size == len(b"lost"):
            raise OSError(5, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StorageError, match=lost.hex()):
        store.flush()
    monkeypatch.undo()
    assert not store.has(lost)
    assert store.fetch(flushed) == b"flushed"
    store.put(b"lost")
    store.flush()
    assert Store(tmp_path).fetch(lost) == b"lost"


def test_a_flush_syncs_each_new_file_and_each_folder_that_leads_to_it(tmp_path, monkeypatch):
    root = tmp_path / "blobs"
    store = Store(root)
    digests = [store.put(bytes([n])) for n in range(8)]
    synced = set()
    real = os.fsync

    def recorded(descriptor):
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    store.flush()
    files = {path_of(root, digest) for digest in digests}
    assert synced >= files | {f.parent for f in files} | {f.parent.parent for f in files}
    assert synced >= {root, tmp_path}
    synced.clear()
    store.flush()
    assert synced == set()


def test_eight_small_blobs_and_one_flush_are_quick(tmp_path):
    store = Store(tmp_path)
    times = []
    for _ in range(5):
        blobs = [os.urandom(2000) for _ in range(8)]
        start = time.process_time()
        for blob in blobs:
            store.put(blob)
        store.flush()
        times.append(time.process_time() - start)
    assert min(times) < 0.015


# Others write at the same time, or die.

WRITER = """
import sys
from counterpoise.store import Store
store = Store(sys.argv[1])
print("ready", flush=True)
while True:
    for n in range(64):
        store.put(bytes([n]) * 300_000)
        store.delete(store.put(bytes([n, 1])))
"""


def test_a_writer_killed_at_any_moment_leaves_no_wrong_blob_and_no_leftover(tmp_path):
    for wait in (0.0, 0.01, 0.03, 0.07):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(wait)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        store = Store(tmp_path)
        blobs = [p for p in tmp_path.glob("??/??/*") if p.is_file()]
        for blob in blobs:
            store.fetch(bytes.fromhex(blob.name))
        assert leftovers(tmp_path) == []


def test_opening_removes_what_a_dead_writer_left_but_not_what_a_live_one_writes(tmp_path):
    import fcntl

    Store(tmp_path).put(b"x")
    (tmp_path / ".incoming" / "dead").write_bytes(b"half")
    alive = tmp_path / ".incoming" / "alive"
    with alive.open("wb") as writing:
        fcntl.flock(writing, fcntl.LOCK_EX)
        Store(tmp_path)
        assert leftovers(tmp_path) == ["alive"]
    Store(tmp_path)
    assert leftovers(tmp_path) == []


def test_a_put_survives_openings_that_sweep_at_every_moment(tmp_path, monkeypatch):
    import fcntl

    store = Store(tmp_path)
    store.put(b"first")
    real, swept = fcntl.flock, []

    def swept_once(descriptor, how):
        if not swept:
            swept.append(True)
            Store(tmp_path)
            assert leftovers(tmp_path) == []
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", swept_once)
    assert store.fetch(store.put(b"second")) == b"second"
    assert swept


def test_many_threads_put_fetch_and_flush_the_same_blobs(url):
    store = Store(url)
    blobs = [bytes([n % 7]) * 5000 for n in range(60)]

    def one(blob):
        digest = store.put(blob)
        store.flush()
        return store.fetch(digest) == blob and Store(url).fetch(digest) == blob

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, blobs))


PUTTER = """
import sys
from counterpoise.store import Store
store = Store(sys.argv[1])
for n in range(200):
    blob = bytes([n]) * 2000
    assert store.fetch(store.put(blob)) == blob
store.flush()
"""


def test_many_processes_put_the_same_blobs(tmp_path):
    putters = [
        subprocess.Popen([sys.executable, "-c", PUTTER, str(tmp_path)], stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for putter in putters:
        assert putter.stderr is not None
        complaint = putter.stderr.read()
        putter.stderr.close()
        assert putter.wait() == 0, complaint
    store = Store(tmp_path)
    for n in range(200):
        assert store.fetch(hashlib.sha256(bytes([n]) * 2000).digest()) == bytes([n]) * 2000
    assert leftovers(tmp_path) == []


FORKER = """
import os, sys
from counterpoise.store import Store
store = Store(sys.argv[1])
for n in range(200): store.put(b"parent" + bytes([n]))
store.flush()
child = os.fork()
store.put(b"both")
store.flush()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_flushes_too(tmp_path):
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKER, str(tmp_path)], check=True, timeout=30
    )
