"""Steps back are found in what a real Kafka has noted down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.faults.day.broker_tools import delete_topic
from tests.faults.day.commits import Commit, StepBack, commits, steps_back
from tests.waiting import wait_until

if TYPE_CHECKING:
    from deploy.embedded.kafka import EmbeddedKafka


def commit(bootstrap: str, group: str, topic: str, *offsets: tuple[int, int]) -> None:
    """Commit offsets of partitions, one after the other, as a member that is alone may."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 0})
    try:
        for partition, offset in offsets:
            place = TopicPartition(topic, partition, offset)
            consumer.commit(offsets=[place], asynchronous=False)
    finally:
        consumer.close()


def test_a_step_back_is_found(kafka: EmbeddedKafka) -> None:
    """One step back among steps forward, of other partitions and of other groups, is named."""
    topic, group = "steps-back.events", "steps-back-ä"
    kafka.create_topics({topic: 2})
    commit(kafka.bootstrap, group, topic, (0, 5), (1, 3), (0, 300), (0, 300), (1, 4))
    assert steps_back(commits(kafka.bootstrap), group) == []
    commit(kafka.bootstrap, "another group", topic, (0, 1))
    commit(kafka.bootstrap, group, topic, (0, 299), (0, 299), (0, 301))
    assert steps_back(commits(kafka.bootstrap), group) == [StepBack(0, 300, 299)]
    with pytest.raises(ValueError, match="has committed nothing"):
        steps_back(commits(kafka.bootstrap), "a group that is not there")


def test_a_topic_made_anew(kafka: EmbeddedKafka) -> None:
    """A group that Kafka has made forget its place begins anew, which is no step back."""
    topic, group = "made-anew.events", "made-anew"
    kafka.create_topics({topic: 1})
    commit(kafka.bootstrap, group, topic, (0, 5))
    delete_topic(kafka.bootstrap, topic)
    forgotten = Commit(group, (topic, 0), None)
    wait_until(lambda: forgotten in commits(kafka.bootstrap), what="what Kafka forgets")
    kafka.create_topics({topic: 1})
    commit(kafka.bootstrap, group, topic, (0, 2), (0, 1))
    assert steps_back(commits(kafka.bootstrap), group) == [StepBack(0, 2, 1)]
