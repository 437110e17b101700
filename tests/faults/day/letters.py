"""Every dead letter of a topic, from its beginning."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import confluent_kafka
import msgspec

from stream_inference.dead_letters import DeadLetter
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Collection

_PATIENCE_S: Final = 60.0


class DeadLetters:
    """Reads a dead-letter topic on and on.

    Attributes
    ----------
    letters
        All that were read so far, by the place of their message in the topic of events.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.letters: dict[tuple[int, int], DeadLetter] = {}
        self._topic = topic
        self._settings = {
            "bootstrap.servers": bootstrap,
            "group.id": f"{topic}-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "log_level": 0,
            "reconnect.backoff.max.ms": 300,
        }
        self._begin()

    def _begin(self) -> None:
        self._consumer = confluent_kafka.Consumer(self._settings)
        self._consumer.assign([confluent_kafka.TopicPartition(self._topic, 0, 0)])

    def begin_again(self) -> None:
        """Read a topic that was made anew.

        It takes another consumer: one that knew the old topic on a broker that was started again
        finds the new one's leader outdated, and never reads it.
        """
        self.close()
        self._begin()

    def read(self) -> None:
        """Take up what has come."""
        with contextlib.suppress(confluent_kafka.KafkaException):  # away: later, then
            for message in self._consumer.consume(1000, 0.2):
                value = message.value()
                if message.error() is None and value is not None:
                    letter = msgspec.json.decode(value, type=DeadLetter)
                    self.letters[letter.partition, letter.offset] = letter

    def wait_for(self, places: Collection[tuple[int, int]]) -> None:
        """Read until the messages of these places have come."""

        def have_come() -> bool:
            self.read()
            return self.letters.keys() >= set(places)

        wait_until(have_come, _PATIENCE_S, what="dead letters")

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()
