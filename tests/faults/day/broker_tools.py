"""What a test asks of a broker, or does to it, beside producing."""

from __future__ import annotations

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.waiting import wait_until


def delete_topic(bootstrap: str, topic: str) -> None:
    """Delete a topic, and wait until it is gone."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for done in admin.delete_topics([topic]).values():
        done.result(10)
    wait_until(lambda: topic not in admin.list_topics(timeout=10).topics, what="it is gone")


def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """Tell where a group goes on in each partition; below 0 where it has committed nothing."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 0})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        places = [TopicPartition(topic, partition) for partition in partitions]
        return {place.partition: place.offset for place in consumer.committed(places, 10)}
    finally:
        consumer.close()
