"""Kafka from the roof: is it there, and events sent to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Self

from confluent_kafka import KafkaException, Producer

from data.interaction import encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from confluent_kafka import KafkaError, Message

    from data.interaction import Interaction

_PATIENCE_S: Final = 5.0
_FLUSH_S: Final = 30.0


class KafkaUnavailableError(RuntimeError):
    """Kafka can't be reached, or lacks a topic; the message says what to do."""


class EventSender:
    """Send events as the sender's contract says: key = user id, header ``sent_at`` in ms UTC.

    Parameters
    ----------
    bootstrap
        Kafka's bootstrap servers, ``host:port[,host:port]``.
    topic
        Topic of live events.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._producer = _producer(bootstrap)
        self._failed: list[KafkaError] = []

    def send(self, event: Interaction) -> None:
        """Send one event; waits while the local queue is full."""
        self.send_bytes(encode(event), event.user.encode())

    def send_bytes(self, payload: bytes, key: bytes | None = None) -> None:
        """Send a payload as it is, whatever it says."""
        headers: dict[str, str | bytes | None] = {"sent_at": str(time.time_ns() // 1_000_000)}
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    value=payload,
                    key=key,
                    headers=headers,
                    on_delivery=self._delivered,
                )
                self._producer.poll(0)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed.append(error)

    def close(self) -> None:
        """Wait until every event is with the broker.

        Raises
        ------
        KafkaUnavailableError
            If some could not be delivered, with how many and why.
        """
        left = self._producer.flush(_FLUSH_S)
        if left or self._failed:
            why = self._failed[0] if self._failed else f"no answer within {_FLUSH_S:g} s"
            msg = f"{left + len(self._failed)} events were not taken by Kafka: {why}"
            raise KafkaUnavailableError(msg)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_kafka(bootstrap: str, topics: Iterable[str]) -> dict[str, int]:
    """Make sure that a broker answers and has these topics; gives their partitions.

    Raises
    ------
    KafkaUnavailableError
        Saying what to start or to create.
    """
    try:
        there = _producer(bootstrap).list_topics(timeout=_PATIENCE_S).topics
    except KafkaException as error:
        msg = (
            f"Kafka at {bootstrap} does not answer: {error.args[0].str()}. Start one there, or "
            "name another one with --kafka, UPNEXT_KAFKA, or kafka in upnext.toml."
        )
        raise KafkaUnavailableError(msg) from error
    for topic in topics:
        if topic not in there:
            msg = (
                f"Kafka at {bootstrap} has no topic {topic}. Create it, for example with "
                f"kafka-topics.sh --bootstrap-server {bootstrap} --create --topic {topic} "
                "--partitions 4"
            )
            raise KafkaUnavailableError(msg)
    return {topic: len(there[topic].partitions) for topic in topics}


def _producer(bootstrap: str) -> Producer:
    """Make a producer that says nothing by itself: errors are reported once, by us."""
    return Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 0})
