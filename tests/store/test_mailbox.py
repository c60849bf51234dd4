"""Messages between processes: whole or not at all, the first wins, names stay inside."""

import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from counterpoise.core.errors import InputError, StorageError
from counterpoise.store import Mailbox

TOPIC = "job-1/round-3/commit"


@pytest.fixture(params=["folder", "memory"])
def url(request, tmp_path):
    """One of the places a mailbox can be; each empty."""
    return tmp_path / "mail" if request.param == "folder" else f"memory://{secrets.token_hex(8)}"


def test_the_first_message_of_a_name_stays(url):
    assert Mailbox(url).post(TOPIC, "clinic", b"first")
    assert not Mailbox(url).post(TOPIC, "clinic", b"second")
    assert Mailbox(url).read(TOPIC, "clinic") == b"first"


def test_a_topic_lists_its_own_messages_in_order(url):
    mailbox = Mailbox(url)
    for name in ("zurich", "budapest", "0x00ff", "a.b_c-d", "clinic.message"):
        mailbox.post(TOPIC, name, b"")
    mailbox.post("job-1/round-3", "commit", b"a message named as a topic is")
    mailbox.post("job-1/round-3/reveal", "other", b"")
    assert mailbox.list(TOPIC) == ["0x00ff", "a.b_c-d", "budapest", "clinic.message", "zurich"]
    assert mailbox.list("job-1/round-3") == ["commit"]
    assert mailbox.list("job-2") == []
    assert mailbox.read("job-1/round-3", "commit") == b"a message named as a topic is"


def test_a_missing_message_is_an_error(url):
    with pytest.raises(InputError, match="nothing is kept"):
        Mailbox(url).read(TOPIC, "nobody")


@pytest.mark.parametrize(
    "topic",
    ["", "/", "/etc", "..", "job/..", "job/../../etc", "job//a", "job/", "Job", "jöb", "a b", "a.b",
     "-a", "a\n", "a\0", ".incoming", "/".join("a" * 9), "a" * 65],
)  # fmt: skip
def test_a_topic_that_could_lead_elsewhere_is_refused(url, topic):
    mailbox = Mailbox(url)
    for call in (mailbox.list, lambda t: mailbox.post(t, "n", b""), lambda t: mailbox.read(t, "n")):
        with pytest.raises(InputError, match="topic"):
            call(topic)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc/passwd", ".x", "A", "ä", "a\n", "a\0b", "a" * 128]
)
def test_a_name_that_could_lead_elsewhere_is_refused(url, name):
    mailbox = Mailbox(url)
    with pytest.raises(InputError, match="name"):
        mailbox.post(TOPIC, name, b"")
    with pytest.raises(InputError, match="name"):
        mailbox.read(TOPIC, name)


def test_a_message_over_the_limit_is_neither_posted_nor_read(url):
    Mailbox(url).post(TOPIC, "long", bytes(101))
    small = Mailbox(url, max_bytes=100)
    with pytest.raises(InputError, match="at most 100"):
        small.read(TOPIC, "long")
    with pytest.raises(InputError, match="at most 100"):
        small.post(TOPIC, "longer", bytes(101))
    assert small.post(TOPIC, "fits", bytes(100))
    assert small.read(TOPIC, "fits") == bytes(100)


def test_files_that_are_no_messages_are_not_listed(tmp_path):
    mailbox = Mailbox(tmp_path)
    mailbox.post(TOPIC, "clinic", b"")
    (tmp_path / TOPIC / "stray").write_bytes(b"")
    (tmp_path / TOPIC / "UPPER.message").write_bytes(b"")
    (tmp_path / TOPIC / "folder.message").mkdir()
    (tmp_path / TOPIC / "link.message").symlink_to("/etc/hostname")
    assert mailbox.list(TOPIC) == ["clinic"]
    with pytest.raises(InputError, match="link"):
        mailbox.read(TOPIC, "link")


def test_of_many_threads_one_wins(url):
    def post(n):
        return n if Mailbox(url).post(TOPIC, "contested", str(n).encode()) else None

    with ThreadPoolExecutor(8) as pool:
        winners = [n for n in pool.map(post, range(40)) if n is not None]
    assert [str(n).encode() for n in winners] == [Mailbox(url).read(TOPIC, "contested")]


POSTER = """
import sys
from counterpoise.store import Mailbox
mailbox = Mailbox(sys.argv[1])
sys.stdin.readline()
print(*(n for n in range(60) if mailbox.post("race", f"m{n}", sys.argv[2].encode() * 9000)))
"""


def test_of_many_processes_exactly_one_wins_each_name(tmp_path):
    posters = [
        subprocess.Popen(
            [sys.executable, "-c", POSTER, str(tmp_path), letter],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for letter in "abc"
    ]  # fmt: skip
    for poster in posters:
        poster.stdin.write("go\n")
        poster.stdin.flush()
    won = {}
    for letter, poster in zip("abc", posters, strict=True):
        for name in poster.communicate()[0].split():
            assert name not in won
            won[name] = letter
    assert set(won) == {str(n) for n in range(60)}
    for name, letter in won.items():
        assert Mailbox(tmp_path).read("race", f"m{name}") == letter.encode() * 9000


def test_a_full_disk_leaves_no_message_and_no_leftover(tmp_path, monkeypatch):
    import os

    mailbox = Mailbox(tmp_path)
    mailbox.post(TOPIC, "before", b"intact")

    def full(*_):
        raise OSError(28, "No space left on device")

    for call in ("write", "fsync", "link"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, full)
            with pytest.raises(StorageError, match="No space left"):
                mailbox.post(TOPIC, "after", b"lost")
        assert mailbox.list(TOPIC) == ["before"]
        assert list((tmp_path / ".incoming").iterdir()) == []
    assert mailbox.post(TOPIC, "after", b"again")


def test_a_message_is_durable_before_post_returns(tmp_path, monkeypatch):
    import os

    synced = []
    real = os.fsync

    def recorded(descriptor):
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    Mailbox(tmp_path).post("topic", "message", b"x")
    file = tmp_path / "topic" / "message.message"
    assert synced[0] == file.stat().st_ino
    assert {file.parent.stat().st_ino, tmp_path.stat().st_ino} <= set(synced[1:])
