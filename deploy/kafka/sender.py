"""EventSender: events sent as the contract says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Self

from confluent_kafka import Producer

from data.interaction import encode
from deploy.kafka.client import KafkaUnavailableError, client_settings
from stream_inference.kafka_security import NO_SECURITY, KafkaSecurity

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

    from data.interaction import Interaction

_FLUSH_S: Final = 30.0


class EventSender:
    """Send events as the sender's contract says: key = user id, header ``sent_at`` in ms UTC.

    Parameters
    ----------
    bootstrap
        Kafka's bootstrap servers, ``host:port[,host:port]``.
    topic
        Topic of live events.
    security
        How Kafka is reached.
    """

    def __init__(self, bootstrap: str, topic: str, security: KafkaSecurity = NO_SECURITY) -> None:
        self._topic = topic
        self._producer = Producer(client_settings(bootstrap, security) | {"linger.ms": 0})
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
