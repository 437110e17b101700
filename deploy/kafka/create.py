"""Making the topics that are not there; what is there stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.cimpl import NewTopic

from deploy.kafka.client import KafkaSetupError, wait_until_seen
from deploy.kafka.topics import ASK_S, DAY_MS, KAFKAS_OWN_BYTES, look

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deploy.kafka.client import Cluster
    from deploy.kafka.topics import Found, Topic

_FOREVER: Final = -1


class Shape(NamedTuple):
    """How topics are made.

    Attributes
    ----------
    partitions
        Of the topic of events; that of dead letters has one.
    replication
        Copies of each; -1 leaves it to the broker.
    retention_days
        How long events are kept.
    dead_letters_days
        How long dead letters are kept.
    """

    partitions: int
    replication: int
    retention_days: float
    dead_letters_days: float

    def new(self, topic: Topic) -> NewTopic:
        """Put a topic into Kafka's words."""
        settings = {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_ms(topic)),
            "max.message.bytes": str(max(KAFKAS_OWN_BYTES, topic.largest)),
        }
        return NewTopic(topic.name, self.partitions_of(topic), self.replication, config=settings)

    def partitions_of(self, topic: Topic) -> int:
        """Give the number of partitions of one topic."""
        return self.partitions if topic.events else 1

    def retention_ms(self, topic: Topic) -> int:
        """Give the time for which one topic is kept, in ms."""
        return round(DAY_MS * (self.retention_days if topic.events else self.dead_letters_days))


def create_topics(cluster: Cluster, topics: Sequence[Topic], shape: Shape) -> list[str]:
    """Make the topics that are not there.

    Returns
    -------
    What was made, and what was found, a line each.

    Raises
    ------
    KafkaSetupError
        If Kafka refuses.
    """
    missing = [topic for topic in topics if topic.name not in cluster.partitions]
    made = [topic for topic in missing if _make(cluster, topic, shape)]
    wait_until_seen(cluster.client, [topic.name for topic in made])
    lines = [
        f"made   {described(topic, shape.partitions_of(topic), shape.retention_ms(topic))}"
        for topic in made
    ]
    for found in look(cluster, topics):
        lines.append(f"found  {shown(found)}")
        lines += [f"       {line}; it stays as it is" for line in _others(found, shape)]
    return lines


def _make(cluster: Cluster, topic: Topic, shape: Shape) -> bool:
    """Make a topic; False if somebody else was quicker."""
    new = shape.new(topic)
    (answer,) = cluster.client.create_topics([new], request_timeout=ASK_S).values()
    try:
        answer.result(ASK_S)
    except KafkaException as error:
        why = error.args[0]
        if why.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            cluster.partitions[topic.name] = new.num_partitions
            return False
        raise KafkaSetupError(
            f"Kafka at {cluster.bootstrap} does not make topic {topic.name}: {why.str()}. Try "
            "other --partitions, --replication or --retention-days, or let somebody create it "
            "who may."
        ) from error
    return True


def _others(found: Found, shape: Shape) -> Iterator[str]:
    """Tell in what a topic that was there differs from what was asked for."""
    asked = shape.partitions_of(found.topic)
    if found.partitions != asked:
        yield f"it has {found.partitions} partitions, not {asked}"
    kept, wanted = found.settings.get("retention.ms"), str(shape.retention_ms(found.topic))
    if kept is not None and kept != wanted:
        yield f"it is kept {_time(int(kept))}, not {_time(int(wanted))}"


def shown(found: Found) -> str:
    """Describe a topic that is there."""
    kept = found.settings.get("retention.ms")
    return described(found.topic, found.partitions, None if kept is None else int(kept))


def described(topic: Topic, partitions: int, kept_ms: int | None) -> str:
    """Describe a topic in a line."""
    line = f"{topic.name}: {partitions} partition{'s' if partitions > 1 else ''}"
    return line if kept_ms is None else f"{line}, kept {_time(kept_ms)}"


def _time(kept_ms: int) -> str:
    return "for ever" if kept_ms == _FOREVER else f"{kept_ms / DAY_MS:.3g} days"
