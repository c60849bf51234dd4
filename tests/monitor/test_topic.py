"""A topic of a broker is read in order, once in effect, through restarts on both sides."""

import importlib.util
import json
import os

import pytest
from streams import Every, opened, told
from test_service import NEVER

from counterpoise.core.errors import InputError, MissingExtra, StorageError, Unreachable
from counterpoise.monitor.engines.kafka import KafkaTopic
from counterpoise.monitor.sources.rows import RowSource, RowTerms
from counterpoise.monitor.sources.topic import OLDEST, Message, TopicRecords

PLACE = os.environ.get("COUNTERPOISE_TEST_BROKER", "127.0.0.1:9092")


class FakeBroker:
    """A topic in memory, as `Broker` wants it; it can lose old messages, and be away."""

    topic = "transfers"

    def __init__(self, values, *, count=1, away=(), oldest=0):
        self.values, self.count, self.away, self.oldest = list(values), count, set(away), oldest
        self.at, self.committed, self.calls = None, [], 0

    def partitions(self):
        return self.count

    def seek(self, offset):
        self.at = self.oldest if offset == OLDEST else max(offset, self.oldest)

    def read(self, limit, seconds):
        self.calls += 1
        if self.calls in self.away:
            raise Unreachable("the broker restarts")
        found = [Message(n, self.values[n]) for n in range(len(self.values))][self.at :][
            : min(limit, 7)
        ]
        self.at += len(found)
        return found

    def commit(self, offset):
        self.committed.append(offset)

    def close(self):
        self.at = None


def values(count):
    rows = [
        {"Timestamp": 1000 + 5 * n, "from": f"a{n % 7}", "to": f"b{n % 3}", "value": str(n + 1)}
        for n in range(count)
    ]
    return [json.dumps(row).encode() for row in rows]


def watch(home, broker, blocks, **settings):
    source = RowSource(TopicRecords(broker), RowTerms(), chain_id=31337)
    service = opened(home, source, detectors=[Every()], **settings)
    try:
        service.run(lambda: service.metrics.blocks >= blocks)
        return told(service.book), service.metrics.faults
    finally:
        service.close()


def test_messages_become_blocks_and_the_broker_is_told_how_far(tmp_path):
    broker = FakeBroker(values(60))
    events, _ = watch(tmp_path, broker, 20)
    assert len(events) >= 15 and broker.committed[-1] <= 60


def test_a_broker_that_restarts_loses_and_repeats_nothing(tmp_path):
    straight, _ = watch(tmp_path / "straight", FakeBroker(values(90)), 35)
    found, _ = watch(tmp_path / "home", FakeBroker(values(90), away={1, 3}), 35)
    assert found == straight


def test_a_watch_that_restarts_goes_on_at_its_own_place_whatever_was_committed(tmp_path):
    straight, _ = watch(tmp_path / "straight", FakeBroker(values(90)), 35)
    watch(tmp_path / "home", FakeBroker(values(90)), 9)
    found, _ = watch(tmp_path / "home", FakeBroker(values(90)), 35 - 9)
    assert found[: len(straight)] == straight[: len(found)]


def test_a_crash_before_the_state_is_written_repeats_no_alert(tmp_path):
    straight, _ = watch(tmp_path / "straight", FakeBroker(values(90)), 35)

    class Crashing(FakeBroker):
        def read(self, limit, seconds):
            if self.calls == 8:
                raise StorageError("pulled")
            return super().read(limit, seconds)

    with pytest.raises(StorageError):
        watch(tmp_path / "home", Crashing(values(90)), 99, rhythm=NEVER)
    found, _ = watch(tmp_path / "home", FakeBroker(values(90)), 35)
    assert found == straight


def test_messages_that_are_no_transfers_are_named_by_offset_and_counted(tmp_path):
    bad = [b"\xff", b"[1]", b'{"from": "a"}', b"7"]
    said = []
    broker = FakeBroker([*values(5), *bad, *values(30)[5:]])
    source = RowSource(TopicRecords(broker), RowTerms(), say=said.append)
    for _ in range(6):
        source.poll()
    assert source.faults == {"malformed rows": 4}
    assert [line.split(":")[0] for line in said] == [f"offset {n}" for n in (5, 6, 7, 8)]


def test_messages_that_the_broker_let_go_of_are_missed_aloud(tmp_path):
    watch(tmp_path, FakeBroker(values(60)), 10)
    with pytest.raises(InputError, match=r"begins at offset 40, offset \d\d was to come next"):
        watch(tmp_path, FakeBroker(values(60), oldest=40), 5)


def test_messages_may_name_their_blocks():
    rows = [json.loads(value) | {"block": 7 + n // 4} for n, value in enumerate(values(12))]
    broker = FakeBroker([*(json.dumps(row).encode() for row in rows), *values(1)])
    source = RowSource(TopicRecords(broker, by_block=True), RowTerms())
    blocks = [block for _ in range(4) for block in source.poll()]
    assert [(block.number, len(block.transactions)) for block in blocks] == [(7, 4), (8, 4)]
    assert source.faults == {"malformed rows": 1}


def test_a_topic_of_several_partitions_is_refused():
    with pytest.raises(InputError, match="has 3 partitions, one is wanted"):
        TopicRecords(FakeBroker([], count=3))


def test_without_the_engine_the_extra_is_named():
    if importlib.util.find_spec("confluent_kafka"):
        pytest.skip("skipped: confluent-kafka is installed")
    with pytest.raises(MissingExtra, match="confluent_kafka") as caught:
        KafkaTopic(PLACE, "transfers")
    assert "counterpoise[kafka]" in caught.value.hint


def test_a_real_broker_gives_what_was_written_to_it(tmp_path):
    kafka = pytest.importorskip("confluent_kafka", reason=f"skipped: needs a broker at {PLACE}")
    from confluent_kafka.admin import AdminClient, NewTopic

    name = f"counterpoise-{os.getpid()}"
    admin = AdminClient({"bootstrap.servers": PLACE})
    try:
        admin.list_topics(timeout=2)
    except kafka.KafkaException:
        pytest.skip(f"skipped: needs a broker at {PLACE}")
    admin.create_topics([NewTopic(name, 1)])[name].result()
    producer = kafka.Producer({"bootstrap.servers": PLACE})
    for value in values(60):
        producer.produce(name, value)
    producer.flush()
    straight, _ = watch(tmp_path / "straight", FakeBroker(values(60)), 20)
    found, _ = watch(tmp_path / "home", KafkaTopic(PLACE, name), 20)
    assert found == straight
