"""The Kafka of one's own keeps what it was told, ends when told, and says what it lacks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient

from deploy.embedded.kafka import EmbeddedKafka, KafkaMissingError, KafkaStartError, find_jars
from tests.conftest import start_kafka

if TYPE_CHECKING:
    from pathlib import Path

OTHER_JARS = """#!/bin/sh
for word; do case $word in -DoutputDirectory=*) folder=${word#*=};; esac; done
/bin/mkdir "$folder"
echo "not what was asked for" >"$folder/kafka_2.13-4.1.0.jar"
echo "not asked for" >"$folder/surprise.jar"
"""


def partitions(bootstrap: str) -> dict[str, int]:
    """Count the partitions of each topic."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    topics = client.list_topics(timeout=10).topics
    return {name: len(topic.partitions) for name, topic in topics.items()}


def alive(pid: int) -> bool:
    """Tell whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.waits
def test_what_it_was_told_is_kept(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    """Topics are there after a kill and a start, and for `upnext kafka` in the same folder."""
    with EmbeddedKafka(keep_in=tmp_path) as first:
        first.create_topics({"one": 3, "two": 1})
        bootstrap, process = first.bootstrap, first.pid
        first.kill()
        assert not alive(process)
        first.start()
        assert (first.bootstrap, partitions(bootstrap)) == (bootstrap, {"one": 3, "two": 1})
        with pytest.raises(KafkaStartError, match=f"has its data in {tmp_path}"):
            EmbeddedKafka(keep_in=tmp_path)
        process = first.pid
    assert not alive(process)

    port = bootstrap.rpartition(":")[2]
    command = [sys.executable, "-m", "deploy.cli", "kafka", "--port", port]
    with subprocess.Popen(
        [*command, "--folder", tmp_path], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        lines = list(iter(running.stdout.readline, "Ctrl-C ends it; the data stay.\n"))
        assert f"Kafka listens on {bootstrap}.\n" in lines
        assert partitions(bootstrap) == {"one": 3, "two": 1}
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert f"another port, with --port {int(port) + 1}" in " ".join(second.stderr.split())
        running.send_signal(signal.SIGINT)
        assert (running.stdout.read(), running.wait(20)) == ("\nKafka has ended.\n", 0)


def test_other_jars_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jars that differ from the list are named, and none of them is kept."""
    for name in ("java", "mvn"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(OTHER_JARS)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
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
