"""A producer that keeps a ledger of what the broker acknowledged, and a steady load through it."""

from __future__ import annotations

import threading
import time
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import confluent_kafka

from data.interaction import encode
from tests.builders import interaction
from tests.integration.world import NOW_MS, traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    Plain = dict[str, Any]

_COHORT: Final = 40  # users who are active at the same time
_EACH: Final = 1000  # events of a cohort: so few that nobody's history is full
_PACE_S: Final = 0.02
_GIVE_UP_S: Final = 120
_PRODUCER: Final = {
    "linger.ms": 0,
    "log_level": 0,
    # In order and once each, however often the broker goes away in between.
    "enable.idempotence": True,
    "message.timeout.ms": _GIVE_UP_S * 1000,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 300,
    "topic.metadata.refresh.interval.ms": 1000,  # new partitions are used soon
}


class Entry(NamedTuple):
    """A message that the broker acknowledged.

    Attributes
    ----------
    partition, offset
        Where it stands.
    sent_at
        When it was handed to the producer, by the monotonic clock.
    event
        What it says; None for a payload that no worker can use.
    """

    partition: int
    offset: int
    sent_at: float
    event: Plain | None

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the topic."""
        return self.partition, self.offset


def numbered(seed: int = 0) -> Iterator[Plain]:
    """Draw events without end: a few users at a time, none of whom fills a history."""
    for cohort in count():
        users = [f"user{seed}-{cohort}-{number}" for number in range(_COHORT)]
        start = NOW_MS + cohort * _EACH * 1000
        yield from traffic(users, _EACH, seed * 1000 + cohort, start)


class Ledger:
    """Sends, and remembers what the broker acknowledged.

    Attributes
    ----------
    entries
        In the order of acknowledgement; it only grows.
    refused
        Messages that the broker did not take, with why; a run that has some proves nothing.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, **_PRODUCER})
        self.entries: list[Entry] = []
        self.refused: list[str] = []
        self.sent = 0

    @property
    def unacknowledged(self) -> int:
        """How many messages wait for the broker."""
        return self.sent - len(self.entries) - len(self.refused)

    def send(self, event: Plain) -> None:
        """Send one event."""
        self.send_bytes(encode(interaction(event)), event["user"].encode(), event)

    def send_bytes(
        self, payload: bytes | None, key: bytes | None = None, event: Plain | None = None
    ) -> None:
        """Send a payload as it is; `event` is what a worker should make of it, None for nothing."""
        sent_at = time.monotonic()

        def delivered(
            error: confluent_kafka.KafkaError | None, message: confluent_kafka.Message
        ) -> None:
            partition, offset = message.partition(), message.offset()
            if error is not None or partition is None or offset is None:
                self.refused.append(str(error))
            else:
                self.entries.append(Entry(partition, offset, sent_at, event))

        self._producer.produce(self._topic, value=payload, key=key, on_delivery=delivered)
        self.sent += 1
        self._producer.poll(0)

    def poll(self) -> None:
        """Take up acknowledgements that have come."""
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until the broker has acknowledged everything."""
        left = self._producer.flush(_GIVE_UP_S)
        assert not left, f"{left} events were never acknowledged"
        assert not self.refused, self.refused[:3]


class SteadyLoad(threading.Thread):
    """Sends so many events a second until it is stopped, or `seconds` are over.

    As a context it starts, and at the end waits until all are acknowledged.
    """

    def __init__(
        self, ledger: Ledger, events: Iterator[Plain], rate: float, seconds: float
    ) -> None:
        super().__init__(name="steady-load", daemon=True)
        self._ledger = ledger
        self._events = islice(events, int(rate * seconds))
        self._rate = rate
        self._stopped = threading.Event()

    def run(self) -> None:
        """Send what is due, then pause for a moment."""
        began = time.monotonic()
        for sent, event in enumerate(self._events):
            while sent > (time.monotonic() - began) * self._rate:
                self._ledger.poll()
                if self._stopped.wait(_PACE_S):
                    return
            self._ledger.send(event)

    def stop(self) -> None:
        """Send no more, and wait until all that was sent is acknowledged."""
        self._stopped.set()
        self.join()
        self._ledger.flush()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
