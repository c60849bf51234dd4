"""The verbs of the room do what they say, and fail in one sentence."""

import json
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from counterpoise.core.errors import InputError
from counterpoise.monitor.alert_book import AlertBook
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.cli import monitor
from counterpoise.monitor.names import address_of
from counterpoise.monitor.opening import Wanted, home_of, scales_of

HEADER = "time,from,to,amount\n"


@pytest.fixture
def transfers(tmp_path):
    """A file in which one account sends alike sums to many new ones: sybil and laundering."""
    rows = [f"{1_700_000_000 + 60 * n},acc{n % 9},acc{(n * 7) % 11},{1000 + n}" for n in range(300)]
    rows += [f"{1_700_020_000 + 30 * n},hub,fresh{n},500000" for n in range(40)]
    rows += [f"{1_700_030_000 + 30 * n},fresh{n},out,499000" for n in range(40)]
    path = tmp_path / "transfers.csv"
    path.write_text(HEADER + "\n".join(rows) + "\nbad,a,b,c\n")
    return path


def call(*words):
    done = CliRunner().invoke(monitor, [str(word) for word in words], catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_a_file_is_replayed_and_its_alerts_are_listed_shown_and_decided(transfers, tmp_path):
    home = tmp_path / "home"
    done = call("replay", transfers, "--home", home, "--json")
    record = json.loads(done.stdout)
    assert record["transactions"] == 380 and record["faults"] == {"malformed rows": 1}
    assert record["raised"] == record["open"] > 0
    assert "line 382: the time 'bad' is none; left out" in done.stderr
    listed = json.loads(call("alerts", "--home", home, "--json", "--limit", 1000).stdout)
    assert len(listed) == record["raised"]
    name = listed[0]["id"]
    assert name[:10] in call("alerts", "--home", home).stdout
    shown = call("show", name[:16], "--home", home).stdout
    assert name in shown and "why " in shown and "case " in shown
    assert json.loads(call("show", name, "--home", home, "--json").stdout)["digest"]
    call("ack", name[:16], "--home", home, "--author", "ann")
    assert (
        "is closed"
        in call(
            "close", name[:16], "--home", home, "--author", "ann", "--false", "--note", "payroll"
        ).stdout
    )
    closed = call("alerts", "--home", home, "--status", "closed", "--json").stdout
    assert [one["id"] for one in json.loads(closed)] == [name]
    cases = json.loads(call("alerts", "--home", home, "--cases", "--json").stdout)
    assert sum(len(case["alerts"]) for case in cases) == record["raised"] and len(cases) >= 1
    book = AlertBook(home / "alerts.sqlite")
    assert [(one.author, one.true, one.note) for one in book.feedback()] == [
        ("ann", False, "payroll")
    ]
    book.close()


def test_a_replay_again_in_the_same_folder_raises_nothing_twice(transfers, tmp_path):
    first = json.loads(call("replay", transfers, "--home", tmp_path / "h", "--json").stdout)
    again = json.loads(call("replay", transfers, "--home", tmp_path / "h", "--json").stdout)
    assert again["raised"] == 0 and again["blocks"] == 0 and again["open"] == first["open"]


def test_the_terminal_tells_what_was_not_looked_at(transfers):
    shown = call("replay", transfers, "--detect", "sybil").stdout
    assert "1 malformed rows" in shown and "searches cut by a limit" in shown


def test_only_the_detectors_that_are_named_run_and_a_budget_holds_one(transfers):
    words = ["replay", transfers, "--json", "--detect", "laundering", "--detect", "sybil"]
    all_of = json.loads(call(*words).stdout)
    held = json.loads(call(*words, "--budget", "sybil=1").stdout)
    assert held["raised"] <= all_of["raised"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "--source", "rpc"], "the source rpc is not named"),
        (["run", "--source", "local"], "the source local is not named"),
        (["run", "--source", "csv"], "no file is named"),
        (["run", "--source", "kafka"], "no topic is named"),
        (["replay", "FILE", "--detect", "ghosts"], "there is no 'ghosts'"),
        (["replay", "FILE", "--scale", "coin"], "'coin' is no scale"),
        (["replay", "FILE", "--budget", "sybil=x"], "'sybil=x' is no budget"),
        (["replay", "FILE", "--serve", "here"], "'here' is no place to serve"),
        (["run", "--source", "csv", "--file", "FILE", "--log", "ann"], "the log of a network"),
        (["run", "--source", "csv", "--file", "FILE", "--webhook", "https://x.org"], "no secret"),
        (["alerts"], "one watch is wanted"),
        (["alerts", "--home", "nowhere"], "there is no alert book"),
        (["replay", "nowhere.csv"], "cannot be read"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(transfers, tmp_path, words, told):
    words = [str(transfers) if word == "FILE" else word for word in words]
    if words[0] == "run":
        words += ["--home", str(tmp_path / "home")]
    with pytest.raises(InputError, match=told) as caught:
        call(*words)
    assert caught.value.hint or told in ("cannot be read", "there is no alert book")


def test_scales_are_read_by_name_and_by_address():
    token = "0x" + "0c" * 20
    found = scales_of(["coin=1000", f"{token}=5", "Euro=2"], {NATIVE: 1})
    assert found == {NATIVE: 1000, b"\x0c" * 20: 5, address_of("Euro"): 2}


def test_each_source_has_a_folder_of_its_own(tmp_path):
    places = {home_of(Wanted("rpc", url=url)) for url in ("http://a", "http://b")}
    assert len(places) == 2
    assert home_of(Wanted("local", state=tmp_path)) == tmp_path / "monitor"


def _blocks_in(book):
    if not book.exists():
        return 0
    db = sqlite3.connect(book, timeout=10)
    try:
        return db.execute("select count(*) from branch").fetchone()[0]
    except sqlite3.OperationalError:  # the tables are not there yet
        return 0
    finally:
        db.close()


def test_a_signal_stops_a_watch_which_writes_its_state_and_goes_on_later(tmp_path):
    rows = [f"{1_700_000_000 + n},a{n % 50},b{n % 7},{n + 1}" for n in range(12_000)]
    path = tmp_path / "long.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n")
    home = tmp_path / "home"
    command = [sys.executable, "-m", "counterpoise", "monitor", "run", "--source", "csv"]
    command += ["--file", str(path), "--home", str(home), "--json", "--detect", "sybil"]
    command += ["--detect", "timing"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while _blocks_in(home / "alerts.sqlite") < 5 and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    first = json.loads(out)
    rest = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=120).stdout)
    assert first["transactions"] + rest["transactions"] == 12_000
    assert first["blocks"] > 0 and rest["newest_block"] > 900


def test_the_kernels_are_made_ready():
    assert "the kernels are ready" in call("warm-up").stdout
