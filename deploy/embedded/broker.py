"""A Kafka broker inside this process: librdkafka's mock cluster, out of confluent-kafka's wheel.

Good for a demo and for tests that need topics, groups and an outage. It is not Kafka:

- All is kept in memory. A partition holds at most 5 MiB (a batch of one message takes some 70
  bytes more than the message) and 100,000 batches; beyond that the oldest are dropped in silence,
  so give a topic partitions enough and ask `check_untrimmed`.
- Topics can't be created over the wire, messages can't be looked up by time, time stamps are not
  kept, and there is no TLS.
- A fetch that finds nothing is answered only when its wait is over, even if a message comes in
  before: consumers should ask with a short wait (some 20 ms).
- It ends with the process that made it.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Self

import confluent_kafka
from confluent_kafka import cimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTITION_BYTES = 5 * 1024 * 1024
"""How many bytes of batches a partition holds."""
PARTITION_BATCHES = 100_000
"""How many batches a partition holds."""

_ALL_BROKERS = -1
_PRODUCER = 0
_ERROR_BYTES = 512
_FUNCTIONS = {  # name: (result, arguments)
    "rd_kafka_conf_new": (ctypes.c_void_p, []),
    "rd_kafka_conf_set": (
        ctypes.c_int,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t],
    ),
    "rd_kafka_new": (
        ctypes.c_void_p,
        [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t],
    ),
    "rd_kafka_destroy": (None, [ctypes.c_void_p]),
    "rd_kafka_mock_cluster_new": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
    "rd_kafka_mock_cluster_destroy": (None, [ctypes.c_void_p]),
    "rd_kafka_mock_cluster_bootstraps": (ctypes.c_char_p, [ctypes.c_void_p]),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [ctypes.c_void_p, ctypes.c_int32]),
    "rd_kafka_mock_topic_create": (
        ctypes.c_int,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int],
    ),
    "rd_kafka_mock_broker_set_down": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32]),
    "rd_kafka_mock_broker_set_up": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32]),
}


class TrimmedError(RuntimeError):
    """The broker dropped messages because a partition was full."""


class EmbeddedBroker:
    """A broker on this machine's loopback, on a free port, up from construction until `close`.

    Parameters
    ----------
    topics
        The number of partitions of each topic.
    rebalance_delay_ms
        How long the first member of a group waits for others before it is given its partitions.
    log_level
        How much librdkafka writes to standard error about the broker, as in syslog: 3 for errors.

    Raises
    ------
    RuntimeError
        If confluent-kafka brings no mock cluster, or it can't be started.
    """

    def __init__(
        self, topics: Mapping[str, int], *, rebalance_delay_ms: int = 100, log_level: int = 3
    ) -> None:
        self._lib = _library()
        self._handle = self._client(log_level)
        self._cluster = self._lib.rd_kafka_mock_cluster_new(self._handle, 1)
        if not self._cluster:
            self._lib.rd_kafka_destroy(self._handle)
            raise RuntimeError("The embedded broker can't be started: is loopback up?")
        self.bootstrap: str = self._lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self._lib.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, rebalance_delay_ms)
        for topic, partitions in topics.items():
            self._lib.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1)

    def _client(self, log_level: int) -> int:
        configuration = self._lib.rd_kafka_conf_new()
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        self._lib.rd_kafka_conf_set(
            configuration, b"log_level", str(log_level).encode(), error, _ERROR_BYTES
        )
        handle = self._lib.rd_kafka_new(_PRODUCER, configuration, error, _ERROR_BYTES)
        if not handle:
            raise RuntimeError(f"The embedded broker can't be started: {error.value.decode()}")
        return int(handle)

    def set_down(self) -> None:
        """Cut every connection and refuse new ones, as if the broker had gone; its data stays."""
        self._lib.rd_kafka_mock_broker_set_down(self._cluster, _ALL_BROKERS)

    def set_up(self) -> None:
        """End what `set_down` began."""
        self._lib.rd_kafka_mock_broker_set_up(self._cluster, _ALL_BROKERS)

    def check_untrimmed(self, timeout: float = 10.0) -> None:
        """Make sure that no topic has lost a message to a full partition.

        Raises
        ------
        TrimmedError
            Naming the partitions that have, and how many messages.
        """
        consumer = confluent_kafka.Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": "check-untrimmed", "log_level": 3}
        )
        try:
            trimmed = _trimmed(consumer, timeout)
        finally:
            consumer.close()
        if trimmed:
            raise TrimmedError(
                "The embedded broker dropped the oldest messages of "
                + ", ".join(f"{place} ({count:,})" for place, count in trimmed.items())
                + f": a partition holds {PARTITION_BYTES:,} bytes or {PARTITION_BATCHES:,} batches"
                " at most. Give the topic more partitions, or use a real Kafka."
            )

    def close(self) -> None:
        """End the broker and let its data go; closing twice does no harm."""
        if self._cluster:
            self._lib.rd_kafka_mock_cluster_destroy(self._cluster)
            self._lib.rd_kafka_destroy(self._handle)
            self._cluster = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _library() -> ctypes.CDLL:
    # Asking the wheel's own extension reaches the librdkafka that it is linked with, wherever
    # the wheel keeps that: a path would differ by system.
    library = ctypes.CDLL(cimpl.__file__)
    for name, (result, arguments) in _FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise RuntimeError(
                f"The embedded broker needs {name}, which this confluent-kafka"
                f" ({confluent_kafka.__version__}) does not offer. Install it from a wheel"
                " (pip install --only-binary confluent-kafka), or name a real Kafka."
            ) from None
        function.restype, function.argtypes = result, arguments
    return library


def _trimmed(consumer: confluent_kafka.Consumer, timeout: float) -> dict[str, int]:
    """Give the number of dropped messages by `topic[partition]`, where there are any."""
    topics = consumer.list_topics(timeout=timeout).topics
    low = {}
    for topic, metadata in topics.items():
        for partition in metadata.partitions:
            place = confluent_kafka.TopicPartition(topic, partition)
            low[f"{topic}[{partition}]"] = consumer.get_watermark_offsets(place, timeout)[0]
    return {place: offset for place, offset in low.items() if offset > 0}
