"""Topics on a real Kafka: made where they lack, checked where they are there, never changed."""

from __future__ import annotations

import itertools
import logging
import shlex
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from typer.testing import CliRunner

from deploy.cli import app
from deploy.embedded.broker import EmbeddedBroker
from deploy.kafka import KafkaSetupError, KafkaUnavailableError, check_topics
from deploy.settings.kafka import TopicSettings

if TYPE_CHECKING:
    from deploy.embedded.kafka import EmbeddedKafka

LARGEST = 64 * 1024
NUMBERS = itertools.count()
Made = dict[str, str]


@pytest.fixture(autouse=True)
def no_settings(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, without settings from outside."""
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.delenv("UPNEXT_CONFIG", raising=False)


@pytest.fixture
def names(kafka: EmbeddedKafka) -> TopicSettings:
    """Name topics that nobody has used."""
    number = next(NUMBERS)
    return TopicSettings(
        kafka=kafka.bootstrap,
        events_topic=f"topics.{number}.events",
        dead_letters_topic=f"topics.{number}.dead",
    )


def upnext_topics(names: TopicSettings, *words: str) -> str:
    """Run `upnext topics`, which ends well, and give what it says."""
    topics = ["--events-topic", names.events_topic]
    topics += ["--dead-letters-topic", names.dead_letters_topic]
    ended = CliRunner().invoke(app, ["topics", *words, "--kafka", names.kafka, *topics])
    assert ended.exit_code == 0, ended.exception
    return ended.stdout


def make(names: TopicSettings, events: Made, dead: Made | None = None, partitions: int = 2) -> None:
    """Make both topics with these settings."""
    client = AdminClient({"bootstrap.servers": names.kafka, "log_level": 0})
    new = [
        NewTopic(names.events_topic, partitions, 1, config=events),
        NewTopic(names.dead_letters_topic, 1, 1, config=dead or {}),
    ]
    for done in client.create_topics(new).values():
        done.result(10)


def test_created_once(names: TopicSettings) -> None:
    """What lacks is made as asked; asked again, it is found, and what differs is told."""
    asked = ("create", "--partitions", "3", "--retention-days", "2")
    assert upnext_topics(names, *asked).splitlines() == [
        f"made   {names.events_topic}: 3 partitions, kept 2 days",
        f"made   {names.dead_letters_topic}: 1 partition, kept 30 days",
    ]
    found = [
        f"found  {names.events_topic}: 3 partitions, kept 2 days",
        f"found  {names.dead_letters_topic}: 1 partition, kept 30 days",
    ]
    assert upnext_topics(names, *asked).splitlines() == found
    assert upnext_topics(names, "create").splitlines() == [
        found[0],
        "       it has 3 partitions, not 4; it stays as it is",
        "       it is kept 2 days, not 7 days; it stays as it is",
        found[1],
    ]
    told = upnext_topics(names, "check").splitlines()
    assert told == [line.removeprefix("found  ") for line in found]


def test_created_topics_suit(names: TopicSettings, caplog: pytest.LogCaptureFixture) -> None:
    """The error about missing topics holds the command that makes such as need no warning."""
    with pytest.raises(KafkaUnavailableError) as caught:
        check_topics(names, LARGEST)
    command = shlex.split(str(caught.value).partition("upnext ")[2])
    ended = CliRunner().invoke(app, command)
    assert (ended.exit_code, ended.stdout.count("made ")) == (0, 2)
    check_topics(names, LARGEST)
    assert caplog.messages == []


def test_large_events_fit(names: TopicSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A topic is made for events as large as the settings allow."""
    largest = 3_000_000
    monkeypatch.setenv("UPNEXT_MAX_EVENT_BYTES", str(largest))
    upnext_topics(names, "create")
    (events, _) = check_topics(names, largest)
    assert int(events.settings["max.message.bytes"]) == largest


def test_refused_by_kafka(names: TopicSettings) -> None:
    """What Kafka refuses to make is told with its reason and the flags."""
    asked = ["topics", "create", "--kafka", names.kafka, "--events-topic", names.events_topic]
    ended = CliRunner().invoke(app, [*asked, "--replication", "3"])
    assert isinstance(ended.exception, KafkaSetupError)
    assert "eplication factor" in str(ended.exception)
    assert "--replication" in str(ended.exception)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"events": {"cleanup.policy": "compact"}}, "cleanup.policy = compact"),
        ({"events": {"cleanup.policy": "compact,delete"}}, "cleanup.policy = compact,delete"),
        ({"events": {}, "dead": {"cleanup.policy": "compact"}}, "--dead-letters-topic"),
        ({"events": {}, "dead": {"max.message.bytes": "90000"}}, "dead letter may need 98304"),
    ],
    ids=["compacted", "compacted and deleted", "compacted dead letters", "small dead letters"],
)
def test_refused_by_us(names: TopicSettings, made: dict[str, Any], said: str) -> None:
    """A topic in which something would be lost, or that would stop the worker, is refused."""
    make(names, **made)
    with pytest.raises(KafkaSetupError, match=said):
        check_topics(names, LARGEST)


def test_warned_of(names: TopicSettings, caplog: pytest.LogCaptureFixture) -> None:
    """One partition, a short memory and small messages are told, and the worker may start."""
    small = {"retention.ms": "3600000", "max.message.bytes": "1000"}
    make(names, small, {"retention.ms": "7200000"}, partitions=1)
    check_topics(names, LARGEST)
    told = " ".join(caplog.messages)
    assert len(caplog.messages) == 4
    for words in ("one partition", "for 1 h", "for 2 h", "max_event_bytes = 65536"):
        assert words in told


def test_mock_broker_is_not_asked(caplog: pytest.LogCaptureFixture) -> None:
    """A broker that can't tell its topics' settings is used, with one line that says so."""
    with EmbeddedBroker({"events": 2, "dead": 1}) as broker:
        names = TopicSettings(
            kafka=broker.bootstrap, events_topic="events", dead_letters_topic="dead"
        )
        check_topics(names, LARGEST)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "go unchecked" in caplog.messages[0]
