"""Where a worker goes on after a rebalance, on a real Kafka."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

import confluent_kafka
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream_inference.faust_worker.offsets import go_back

if TYPE_CHECKING:
    from deploy.embedded.kafka import EmbeddedKafka

TOPIC = "going-back"


def test_nothing_that_was_fetched_is_skipped(kafka: EmbeddedKafka) -> None:
    """It is read again from what is committed on, and from the start where nothing is."""
    kafka.create_topics({TOPIC: 3})
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    for partition in (0, 1):
        for number in range(5):
            producer.produce(TOPIC, value=bytes([number]), partition=partition)
    assert producer.flush(20) == 0
    assert asyncio.run(read_twice(kafka.bootstrap)) == {0: [3, 4], 1: [0, 1, 2, 3, 4]}


async def read_twice(bootstrap: str) -> dict[int, list[int]]:
    """Read everything, commit something of one partition, go back, and read again."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=TOPIC,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    places = [TopicPartition(TOPIC, partition) for partition in range(3)]
    await consumer.start()
    try:
        consumer.assign(places)
        await read(consumer, 10)
        await consumer.commit({places[0]: 3})
        consumer.beginning_offsets = never  # a leader is away
        back = await asyncio.wait_for(go_back(consumer), 20)
        assert back == {places[0]: 3, places[1]: None, places[2]: None}
        return await read(consumer, 7)
    finally:
        await consumer.stop()


async def never(*_: object) -> NoReturn:
    """Give no answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def read(consumer: AIOKafkaConsumer, number: int) -> dict[int, list[int]]:
    """Read so many messages; gives their offsets by partition."""
    seen: dict[int, list[int]] = {}
    while sum(map(len, seen.values())) < number:
        found = await asyncio.wait_for(consumer.getmany(timeout_ms=1000), 20)
        assert found, f"nothing more after {seen}"
        for place, records in found.items():
            seen.setdefault(place.partition, []).extend(record.offset for record in records)
    return seen
