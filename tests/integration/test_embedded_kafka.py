"""The Kafka of one's own keeps what it was told, ends when told, and says what it lacks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient

from deploy.embedded.kafka import EmbeddedKafka, KafkaMissingError, find_jars
from tests.conftest import start_kafka

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER_JARS = """#!/bin/sh
for word; do case $word in -DoutputDirectory=*) folder=${word#*=};; esac; done
/bin/mkdir "$folder"
echo "not what was asked for" >"$folder/kafka_2.13-4.1.0.jar"
echo "not asked for" >"$folder/surprise.jar"
"""


@pytest.fixture
def own_kafka(kafka: EmbeddedKafka) -> Iterator[EmbeddedKafka]:
    """Give a broker that a test may kill, where there can be one."""
    with EmbeddedKafka() as running:
        yield running


def partitions(kafka: EmbeddedKafka) -> dict[str, int]:
    """Count the partitions of each topic."""
    client = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    topics = client.list_topics(timeout=10).topics
    return {name: len(topic.partitions) for name, topic in topics.items()}


def alive(pid: int) -> bool:
    """Tell whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_topics_outlive_a_kill_and_stop_ends_it(own_kafka: EmbeddedKafka) -> None:
    """After a kill and a start all topics are there at the same address; stop ends the process."""
    own_kafka.create_topics({"one": 3, "two": 1})
    bootstrap, first = own_kafka.bootstrap, own_kafka.pid
    own_kafka.kill()
    assert not alive(first)
    own_kafka.start()
    assert (own_kafka.bootstrap, partitions(own_kafka)) == (bootstrap, {"one": 3, "two": 1})
    second = own_kafka.pid
    own_kafka.stop()
    assert not alive(second)


def test_other_jars_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jars that differ from the list are named, and none of them is kept."""
    maven = tmp_path / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text(OTHER_JARS)
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(maven.parent))
    with pytest.raises(KafkaMissingError, match=r"kafka_2\.13-4\.1\.0\.jar.*surprise\.jar"):
        find_jars(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java, or without Maven and jars, the error says what to install."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(KafkaMissingError, match=r"no java .*apt install openjdk-17-jre-headless"):
        EmbeddedKafka()
    with pytest.raises(KafkaMissingError, match=r"no mvn .*apt install .*maven"):
        find_jars(tmp_path)


def test_missing_kafka_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java a test on Kafka is skipped with the reason, and fails in CI."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no real Kafka: There is no java"):
        start_kafka()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(KafkaMissingError):
        start_kafka()
