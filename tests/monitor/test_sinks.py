"""Alerts reach whoever listens: signed, in order, again after a fault, none lost."""

import http.client
import http.server
import io
import json
import socket
import threading
import time

import pytest
from rich.console import Console
from streams import Script, opened, run
from worlds import block, branch

from counterpoise.core.errors import InputError, StorageError
from counterpoise.monitor.alert import Alert, Entity, Finding, Severity, Standing
from counterpoise.monitor.alert_book import AlertBook
from counterpoise.monitor.metrics import Metrics
from counterpoise.monitor.sinks.terminal import Terminal
from counterpoise.monitor.sinks.web import WebSink
from counterpoise.monitor.sinks.webhook import KEY, SIGNATURE, STAMP, Patience, Webhook, signature

BLOCKS = branch(21, 20)
SECRET = b"sixteen bytes or more"
QUICK = Patience(tries=3, pause=0.01, timeout=5)


class Receiver(http.server.ThreadingHTTPServer):
    """Takes what a webhook sends; answers as `answers` says, then with 200."""

    daemon_threads = True

    def __init__(self):
        self.taken, self.answers, self.tries = [], [], 0
        super().__init__(("127.0.0.1", 0), ReceiverHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/alerts"


class ReceiverHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        server.tries += 1
        status = server.answers.pop(0) if server.answers else 200
        if status == 200:
            server.taken.append((dict(self.headers), body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def hook(url, folder, **settings):
    settings.setdefault("patience", QUICK)
    return Webhook(url, SECRET, folder / "alerts.sqlite", folder / "dead.jsonl", **settings)


def book_of(folder):
    return AlertBook(folder / "alerts.sqlite")


def sequences(receiver):
    return [json.loads(body)["sequence"] for _, body in receiver.taken]


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


def test_every_event_is_sent_in_order_and_signed_over_time_and_body(tmp_path, receiver):
    sink = hook(receiver.url, tmp_path, clock=lambda: 1_700_000_000)
    alerts = run(tmp_path, Script([[one] for one in BLOCKS]), sinks=[sink])
    assert sequences(receiver) == list(range(1, len(alerts) + 1)) and len(alerts) > 5
    headers, body = receiver.taken[0]
    assert headers[STAMP] == "1700000000"
    assert headers[SIGNATURE] == signature(SECRET, "1700000000", body)
    assert headers[SIGNATURE] != signature(b"another secret of 16", "1700000000", body)
    assert headers[SIGNATURE] != signature(SECRET, "1700000001", body)
    assert len({one[KEY] for one, _ in receiver.taken}) == len(alerts)


def test_a_receiver_that_fails_for_a_while_gets_everything_in_order(tmp_path, receiver):
    receiver.answers = [503, 500, 200, 429, 200]
    sink = hook(receiver.url, tmp_path)
    alerts = run(tmp_path, Script([BLOCKS]), sinks=[sink])
    assert sequences(receiver) == list(range(1, len(alerts) + 1))
    assert sink.counts == {"delivered": len(alerts), "failed": 3}


def test_what_nobody_takes_is_put_aside_and_goes_out_when_somebody_does(tmp_path, receiver):
    book = AlertBook(tmp_path / "alerts.sqlite")
    alert = _alert(BLOCKS[0])
    receiver.answers = [500] * 3
    said = []
    sink = hook(receiver.url, tmp_path, say=said.append)
    sink.deliver(book)
    book.record(BLOCKS[0], [alert])
    sink.deliver(book)
    until(lambda: sink.counts.get("dead") == 1)
    book.record(BLOCKS[1], [_alert(BLOCKS[1])])
    sink.deliver(book)
    until(lambda: receiver.taken)
    assert sequences(receiver) == [2] and "put aside" in said[0]
    assert sink.resend() == (1, 0) and sequences(receiver) == [2, 1]
    assert sink.resend() == (0, 0)
    headers, body = receiver.taken[1]
    assert headers[SIGNATURE] == signature(SECRET, headers[STAMP], body)
    sink.close()
    book.close()


def test_what_is_refused_for_good_is_put_aside_at_once(tmp_path, receiver):
    receiver.answers = [403]
    book = AlertBook(tmp_path / "alerts.sqlite")
    sink = hook(receiver.url, tmp_path)
    sink.deliver(book)
    book.record(BLOCKS[0], [_alert(BLOCKS[0])])
    sink.deliver(book)
    until(lambda: sink.counts.get("dead") == 1)
    assert receiver.tries == 1
    (letter,) = map(json.loads, (tmp_path / "dead.jsonl").read_text().splitlines())
    assert letter["why"].startswith("refused: 403") and letter["event"]["sequence"] == 1
    receiver.answers = [403]
    assert sink.resend() == (0, 1)
    sink.close()
    book.close()


def test_a_receiver_that_is_away_holds_nothing_up_and_a_restart_sends_the_rest(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    patient = Patience(tries=50, pause=0.5, timeout=1)
    started = time.monotonic()
    alerts = run(tmp_path, Script([BLOCKS]), sinks=[hook(url, tmp_path, patience=patient)])
    assert time.monotonic() - started < 15 and len(alerts) > 5
    assert not (tmp_path / "dead.jsonl").exists()
    book = book_of(tmp_path)
    assert book.told(hook(url, tmp_path).name) == (0, "")
    book.close()


def test_a_new_webhook_is_told_of_what_comes_not_of_what_was(tmp_path, receiver):
    run(tmp_path, Script([BLOCKS[:10]]))
    run(tmp_path, Script([BLOCKS]), sinks=[hook(receiver.url, tmp_path)])
    book = book_of(tmp_path)
    first = sequences(receiver)[0]
    assert first > 1 and sequences(receiver) == list(range(first, book.last_event() + 1))
    book.close()


def test_a_dead_letter_that_cannot_be_written_stops_the_service(tmp_path, receiver):
    receiver.answers = [403] * 99
    sink = Webhook(receiver.url, SECRET, tmp_path / "alerts.sqlite", tmp_path, patience=QUICK)
    service = opened(tmp_path, Script([[one] for one in BLOCKS], slow=0.05), sinks=[sink])
    with pytest.raises(StorageError, match="dead-letter file"):
        service.run()
    service.close()


@pytest.mark.parametrize(
    ("url", "secret", "told"),
    [
        ("http://example.org/", SECRET, "by https, or to this machine"),
        ("ftp://example.org/", SECRET, "by https"),
        ("https://ann:pass@example.org/", SECRET, "password"),
        ("https://example.org/", b"short", "at least 16"),
    ],
)
def test_a_webhook_that_would_leak_is_refused(tmp_path, url, secret, told):
    with pytest.raises(InputError, match=told):
        Webhook(url, secret, tmp_path / "a", tmp_path / "b")


def _alert(one, text="why", who=()):
    entities = tuple(Entity(bytes([n]) * 20, "suspect", f"label {text}", "2023-01-01") for n in who)
    finding = Finding("rule", 1, Severity.HIGH, 900_000, (one.hash,), entities, (text,))
    return Alert(31337, one.number, one.hash, one.time, finding)


@pytest.fixture
def web(tmp_path):
    book = AlertBook(tmp_path / "alerts.sqlite")
    sink = WebSink("127.0.0.1", 0, tmp_path / "alerts.sqlite", Metrics(), clock=lambda: 99.0)
    yield book, sink
    sink.close()
    book.close()


def get(sink, path, **headers):
    connection = http.client.HTTPConnection(sink.url.removeprefix("http://"), timeout=10)
    connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    return connection, connection.getresponse()


def page(sink, path, **headers):
    connection, answer = get(sink, path, **headers)
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def events_of(answer, count):
    found = []
    while len(found) < count:
        line = answer.readline().decode().rstrip("\n")
        if line.startswith("id: "):
            found.append(int(line[4:]))
    return found


def test_a_stream_gives_what_comes_and_after_a_break_goes_on_where_it_was(web):
    book, sink = web
    book.record(BLOCKS[0], [_alert(BLOCKS[0])])
    connection, answer = get(sink, "/events")
    assert answer.getheader("Content-Type") == "text/event-stream"
    assert answer.readline() == b"retry: 2000\n"
    for one in BLOCKS[1:4]:
        book.record(one, [_alert(one)])
        sink.deliver(book)
    assert events_of(answer, 3) == [2, 3, 4]
    connection.close()
    for last, wanted in (("2", [3, 4]), ("0", [1, 2, 3, 4])):
        connection, answer = get(sink, "/events", Last_Event_ID=last)
        assert events_of(answer, len(wanted)) == wanted
        connection.close()


def test_an_event_holds_the_whole_alert(web):
    book, sink = web
    alert = _alert(BLOCKS[0], "line one\nid: 77\n\ndata: false")
    book.record(BLOCKS[0], [alert])
    connection, answer = get(sink, "/events?after=0")
    lines = [answer.readline().decode().rstrip("\n") for _ in range(6)]
    connection.close()
    assert lines[2:4] == ["id: 1", "event: raised"]
    assert json.loads(lines[4].removeprefix("data: "))["alert"] == alert.to_value()
    assert lines[5] == ""


@pytest.mark.parametrize("given", ["-1", "x", "1" * 40, "١"])
def test_an_event_number_that_is_none_is_refused(web, given):
    _, sink = web
    status, body = page(sink, "/events?after=" + (given if given.isascii() else "%D9%A1"))
    assert status == 400 and "is no number of an event" in body


def test_too_many_listeners_are_told_to_come_back(web, monkeypatch):
    _, sink = web
    sink.listeners = threading.BoundedSemaphore(1)
    connection, answer = get(sink, "/events")
    answer.readline()
    assert page(sink, "/events")[0] == 503
    connection.close()


def test_alerts_and_metrics_are_pages(web):
    book, sink = web
    rows = [_alert(BLOCKS[0])]
    sink.metrics.count_block(BLOCKS[0], _outcome(), book.record(BLOCKS[0], rows), 0.003, 90.0)
    status, body = page(sink, "/alerts?status=open")
    assert status == 200 and json.loads(body) == [rows[0].to_value()]
    assert page(sink, "/alerts?status=nope")[0] == 400
    status, body = page(sink, "/metrics")
    for line in (
        "counterpoise_monitor_blocks_total 1",
        'counterpoise_monitor_alerts{detector="rule",status="open"} 1',
        "counterpoise_monitor_alerts_raised_total 1",
        "counterpoise_monitor_seconds_since_block 9.000",
        'counterpoise_monitor_block_seconds_bucket{le="0.002"} 0',
        'counterpoise_monitor_block_seconds_bucket{le="0.005"} 1',
        "counterpoise_monitor_block_seconds_count 1",
    ):
        assert line in body.splitlines()
    names = [line.split()[2] for line in body.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    assert page(sink, "/other")[0] == 404


def _outcome():
    from counterpoise.monitor.watch import Outcome

    return Outcome((), (), 0, 0, 0)


def test_a_port_that_is_taken_is_said(web):
    _, sink = web
    with pytest.raises(InputError, match="cannot be served"):
        WebSink("127.0.0.1", int(sink.url.rpartition(":")[2]), sink.book_path, Metrics())


def test_the_terminal_shows_a_case_once_with_its_parties_and_no_control_characters(tmp_path):
    book, text = AlertBook(tmp_path / "alerts.sqlite"), io.StringIO()
    sink = Terminal(Console(file=text, width=200, soft_wrap=True))
    evil = "pay \x1b[2Jme\u202e"
    book.record(BLOCKS[0], [_alert(BLOCKS[0], evil, who=[1])])
    book.record(BLOCKS[1], [_alert(BLOCKS[1], "again", who=[1])])
    book.record(block(BLOCKS[0].hash, 1, [], salt=b"other"), [])
    sink.deliver(book)
    sink.deliver(book)
    shown = text.getvalue()
    assert "\x1b" not in shown and "\u202e" not in shown and "\\x1b[2Jme" in shown
    assert shown.count("new case") == 1 and "list of 2023-01-01" in shown
    assert "again" not in shown and "retracted" in shown
    assert len(shown.splitlines()) == 5
    book.close()


def test_what_people_decide_reaches_the_sinks_too(tmp_path, receiver):
    sink = hook(receiver.url, tmp_path)
    book = AlertBook(tmp_path / "alerts.sqlite")
    sink.deliver(book)
    alert = _alert(BLOCKS[0])
    book.record(BLOCKS[0], [alert])
    book.decide(alert.id.hex(), Standing.CLOSED, author="ann", date=1)
    sink.deliver(book)
    until(lambda: len(receiver.taken) == 2)
    told = [(v["event"], v["alert"]["status"]) for v in (json.loads(b) for _, b in receiver.taken)]
    assert told == [("raised", "open"), ("changed", "closed")]
    sink.close()
    book.close()
