"""A topic of a Kafka broker, by confluent-kafka."""

from __future__ import annotations

from typing import Any

from counterpoise.core.errors import InputError, MissingExtra, Unreachable
from counterpoise.monitor.sources.topic import OLDEST, Message

TIMEOUT = 10.0


class KafkaTopic:
    """One partition of a topic, assigned by hand: nobody takes it away, nothing is rebalanced.

    Parameters
    ----------
    servers :
        As in ``host:9092,other:9092``.
    group :
        Under this name the broker shows how far it was read.

    Raises
    ------
    MissingExtra :
        confluent-kafka is not installed.
    Unreachable :
        No broker answers.
    """

    def __init__(self, servers: str, topic: str, *, group: str = "counterpoise-monitor") -> None:
        try:
            import confluent_kafka
        except ModuleNotFoundError as missing:
            raise MissingExtra("confluent_kafka", extra="kafka") from missing
        self._kafka: Any = confluent_kafka
        self._servers, self.topic = servers, topic
        self._consumer: Any = confluent_kafka.Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "allow.auto.create.topics": False,
            }
        )

    def partitions(self) -> int:
        """How many partitions the topic has."""
        try:
            found = self._consumer.list_topics(self.topic, timeout=TIMEOUT).topics[self.topic]
        except self._kafka.KafkaException as failed:
            raise self._away(failed) from failed
        if found.error is not None:
            raise InputError(f"the broker at {self._servers}: {found.error.str()}")
        return len(found.partitions)

    def seek(self, offset: int) -> None:
        """Read from an offset on."""
        place = self._kafka.OFFSET_BEGINNING if offset == OLDEST else offset
        self._consumer.assign([self._kafka.TopicPartition(self.topic, 0, place)])

    def read(self, limit: int, seconds: float) -> list[Message]:
        """The next messages."""
        try:
            found = self._consumer.consume(limit, timeout=seconds)
        except self._kafka.KafkaException as failed:
            raise self._away(failed) from failed
        for one in found:
            if one.error() is not None and not one.error().retriable():
                raise self._away(one.error())
        return [Message(one.offset(), one.value() or b"") for one in found if one.error() is None]

    def commit(self, offset: int) -> None:
        """Tell the broker how far it was read; a broker that is away is not told."""
        place = self._kafka.TopicPartition(self.topic, 0, offset)
        self._consumer.commit(offsets=[place], asynchronous=True)

    def close(self) -> None:
        """Leave."""
        self._consumer.close()

    def _away(self, failed: object) -> Unreachable:
        return Unreachable(f"the broker at {self._servers} does not answer: {failed}")
