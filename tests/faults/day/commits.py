"""What a group has committed, one after the other, as Kafka itself notes it down.

Asking a group for its offsets now and then would miss a step back that is made good soon after.
Kafka keeps every commit in a topic of its own, in their order. It drops older ones only from
segments that it has closed, of 100 MB.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Place = tuple[str, int]

_TOPIC: Final = "__consumer_offsets"
_OF_OFFSETS: Final = (0, 1)  # versions of a key; others tell of a group's members
_ASK_S: Final = 30.0


class Commit(NamedTuple):
    """A commit of a group.

    Attributes
    ----------
    group
        Whose it is.
    place
        Topic and partition.
    offset
        Where it goes on from now on; None if it has forgotten where, as with a topic's end.
    """

    group: str
    place: Place
    offset: int | None


class StepBack(NamedTuple):
    """A commit that lies before the last one of its partition.

    Attributes
    ----------
    partition
        Of the topic of events.
    before, after
        Where the group went on until then, and from then on.
    """

    partition: int
    before: int
    after: int


def commits(bootstrap: str) -> Iterator[Commit]:
    """Give what all groups have committed so far, each group's in its order.

    Raises
    ------
    TimeoutError
        If the broker does not give it.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reads-commits",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
            "log_level": 0,
        }
    )
    try:
        left = set(consumer.list_topics(_TOPIC, timeout=_ASK_S).topics[_TOPIC].partitions)
        consumer.assign([TopicPartition(_TOPIC, number, OFFSET_BEGINNING) for number in left])
        while left:
            message = consumer.poll(_ASK_S)
            if message is None:
                raise TimeoutError(f"{bootstrap} does not give {_TOPIC}, partitions {left}")
            if (error := message.error()) is None:
                yield from _parsed(message.key() or b"", message.value())
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())
            else:
                raise KafkaException(error)
    finally:
        consumer.close()


def _parsed(key: bytes, value: bytes | None) -> Iterator[Commit]:
    """Read a record, if it tells of offsets."""
    data = BytesIO(key)
    if _number(data, 2) in _OF_OFFSETS:
        group, topic = (data.read(_number(data, 2)).decode() for _ in range(2))
        offset = None if value is None else _number(BytesIO(value[2:]), 8)
        yield Commit(group, (topic, _number(data, 4)), offset)


def _number(data: BytesIO, size: int) -> int:
    return int.from_bytes(data.read(size), "big", signed=True)


def steps_back(commits: Iterable[Commit], group: str) -> list[StepBack]:
    """Find where a group has gone back in a partition.

    Raises
    ------
    ValueError
        If it has committed nothing, which proves nothing.
    """
    found: list[StepBack] = []
    last: dict[Place, int | None] = {}
    for commit in commits:
        if commit.group != group:
            continue
        before = last.get(commit.place)
        if before is not None and commit.offset is not None and commit.offset < before:
            found.append(StepBack(commit.place[1], before, commit.offset))
        last[commit.place] = commit.offset
    if not last:
        raise ValueError(f"group {group} has committed nothing")
    return found
