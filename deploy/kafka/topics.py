"""The topics: what they must be like for the worker to use them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin._config import ConfigResource

from deploy.kafka.client import KafkaSetupError, KafkaUnavailableError, connect
from stream_inference.dead_letters import MAX_LETTER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deploy.kafka.client import Cluster
    from deploy.settings.kafka import TopicSettings

DAY_MS: Final = 86_400_000
KAFKAS_OWN_BYTES: Final = 1_048_588  # of the largest message, by default
_COPIES: Final = 3  # where there are so many brokers
ASK_S: Final = 10.0
_LOG: Final = logging.getLogger(__name__)


class Topic(NamedTuple):
    """What one topic is for.

    Attributes
    ----------
    name
        In Kafka.
    events
        Whether it is that of events; else it is that of dead letters.
    largest
        Bytes of the largest message that it has to take.
    """

    name: str
    events: bool
    largest: int

    @property
    def flag(self) -> str:
        """The option that names it."""
        return "--events-topic" if self.events else "--dead-letters-topic"


class Found(NamedTuple):
    """A topic that is there; ``settings`` are empty where they can't be seen."""

    topic: Topic
    partitions: int
    settings: Mapping[str, str]


def needed(settings: TopicSettings, max_event_bytes: int) -> tuple[Topic, Topic]:
    """Name the topics of events and of dead letters."""
    return (
        Topic(settings.events_topic, events=True, largest=max_event_bytes),
        Topic(settings.dead_letters_topic, events=False, largest=MAX_LETTER_BYTES),
    )


def check_topics(settings: TopicSettings, max_event_bytes: int) -> list[Found]:
    """Make sure that a worker can use both topics; warn of what a person should know.

    Raises
    ------
    KafkaUnavailableError
        If Kafka does not answer, or a topic is not there.
    KafkaSetupError
        If we are refused, or something would be lost in a topic.
    """
    topics = needed(settings, max_event_bytes)
    cluster = connect(settings.kafka, settings.security())
    check_there(cluster, topics)
    found = look(cluster, topics)
    for warning in (line for each in found for line in warnings(each)):
        _LOG.warning("%s", warning)
    if refused := [line for each in found for line in refusals(each)]:
        raise KafkaSetupError(" ".join(refused))
    return found


def check_there(cluster: Cluster, topics: Sequence[Topic]) -> None:
    """Make sure that the topics are there.

    Raises
    ------
    KafkaUnavailableError
        Saying how to create them.
    """
    if missing := [topic for topic in topics if topic.name not in cluster.partitions]:
        names = " and no topic ".join(topic.name for topic in missing)
        flags = " ".join(f"{topic.flag} {topic.name}" for topic in topics)
        raise KafkaUnavailableError(
            f"Kafka at {cluster.bootstrap} has no topic {names}. Create what is missing with: "
            f"upnext topics create --kafka {cluster.bootstrap} {flags} --partitions 4 "
            f"--replication {min(_COPIES, cluster.brokers)} --retention-days 7"
        )


def look(cluster: Cluster, topics: Sequence[Topic]) -> list[Found]:
    """See what those of the topics are like that are there."""
    there = [topic for topic in topics if topic.name in cluster.partitions]
    settings = _settings_of(cluster, [topic.name for topic in there])
    return [Found(t, cluster.partitions[t.name], settings.get(t.name, {})) for t in there]


def _settings_of(cluster: Cluster, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not cluster.manageable:
        _LOG.warning("this broker does not tell the settings of its topics: they go unchecked")
        return {}
    asked = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
    told: dict[str, dict[str, str]] = {}
    if not asked:
        return told
    for resource, answer in cluster.client.describe_configs(asked, request_timeout=ASK_S).items():
        try:
            entries = answer.result(ASK_S)
        except (KafkaException, TimeoutError) as error:
            why = error.args[0].str() if isinstance(error, KafkaException) else "no answer"
            _LOG.warning("the settings of topic %s go unchecked: %s", resource.name, why)
        else:
            told[resource.name] = {name: entry.value for name, entry in entries.items()}
    return told


def warnings(found: Found) -> Iterator[str]:
    """Tell what works, and may surprise."""
    topic, name = found.topic, found.topic.name
    if topic.events and found.partitions == 1:
        yield f"topic {name} has one partition: no second worker can share its events"
    kept_ms = int(found.settings.get("retention.ms", DAY_MS))
    if 0 <= kept_ms < DAY_MS:
        yield (
            f"topic {name} keeps its messages for {kept_ms / DAY_MS * 24:.2g} h "
            f"(retention.ms = {kept_ms}): what nobody has read by then is gone. Give it a day or "
            "more, as long as you may need to mend something"
        )
    largest = _largest(found)
    if topic.events and largest < topic.largest:
        yield (
            f"topic {name} takes messages of {largest} bytes (max.message.bytes), fewer than "
            f"max_event_bytes = {topic.largest}: larger events can't be sent"
        )


def refusals(found: Found) -> Iterator[str]:
    """Tell what would lose events, or stop the worker."""
    topic, name = found.topic, found.topic.name
    policy = found.settings.get("cleanup.policy", "delete")
    if policy != "delete":
        yield (
            f"Topic {name} has cleanup.policy = {policy}: Kafka would drop all but the last "
            "message of each key. Set it to delete, or name another topic with "
            f"{topic.flag}."
        )
    if not topic.events and _largest(found) < topic.largest:
        yield (
            f"Topic {name} takes messages of {_largest(found)} bytes (max.message.bytes); a dead "
            f"letter may need {topic.largest}, and the worker would wait for it. Raise the "
            f"setting, or name another topic with {topic.flag}."
        )


def _largest(found: Found) -> int:
    return int(found.settings.get("max.message.bytes", max(KAFKAS_OWN_BYTES, found.topic.largest)))
