"""One Kafka broker of this process's own (KRaft): on loopback, on a leash, ready in two seconds."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from deploy.embedded.kafka.jars import WHAT_TO_DO, KafkaMissingError, find_jars, find_java
from deploy.embedded.leash import Leashed
from deploy.embedded.redis_server import free_port
from deploy.kafka.client import wait_until_seen

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOST: Final = "127.0.0.1"
_CLUSTER: Final = "dXBuZXh0LWVtYmVkZGVkLQ"  # any 16 bytes in base64 will do
_JVM: Final = (
    "-Xmx256m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
_DATA: Final = "log"
_START_S: Final = 60.0
_ASK_S: Final = 10.0


class KafkaStartError(RuntimeError):
    """The broker does not run; the message holds its last words."""


class EmbeddedKafka:
    """A broker that is up from construction until `stop`.

    Parameters
    ----------
    keep_in
        A folder for topics and offsets, which stays the caller's. By default they last as long
        as this object, `kill` and `start` included.
    port
        Where it listens; a free one by default.
    properties
        Of the broker, beside or in place of those that it needs.

    Attributes
    ----------
    bootstrap
        ``host:port`` for clients.
    log
        File that takes what the broker says.

    Raises
    ------
    KafkaMissingError
        If there is no Java, or too old a one, or the jars can't be had.
    KafkaStartError
        If it does not answer.
    """

    def __init__(
        self,
        *,
        keep_in: Path | None = None,
        port: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self._command = [str(find_java()), *_JVM, "-cp", f"{find_jars()}/*"]
        self._scratch = None if keep_in else tempfile.TemporaryDirectory(prefix="upnext-kafka-")
        folder = keep_in or Path(self._scratch.name if self._scratch else "")
        folder.mkdir(parents=True, exist_ok=True)
        _check_unused(folder / _DATA)
        self.log = folder / "server.log"
        port = port or free_port()
        self.bootstrap = f"{_HOST}:{port}"
        self._properties = folder / "server.properties"
        settings = _settings(folder, port) | dict(properties or {})
        self._properties.write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
        self._format()
        self.start()

    def _format(self) -> None:
        """Make the folder a broker's, unless it is one already."""
        tool = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(self._properties)]
        command = [*self._command, *tool, "--standalone", "--ignore-formatted"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if "UnsupportedClassVersionError" in done.stderr:
            raise KafkaMissingError(f"{self._command[0]} is too old. {WHAT_TO_DO}")
        if done.returncode:
            raise KafkaStartError(f"Kafka can't use its folder:\n{done.stdout}{done.stderr}")

    @property
    def pid(self) -> int:
        """The broker's process id."""
        return self._process.pid

    def start(self) -> None:
        """Start the broker, after `kill` with all that it held; wait until it answers.

        Raises
        ------
        KafkaStartError
            If it does not answer.
        """
        command = [*self._command, "kafka.Kafka", str(self._properties)]
        self._process = Leashed(command, log=self.log)
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def _wait_until_it_answers(self) -> None:
        admin, deadline = self._admin(), time.monotonic() + _START_S
        while True:
            try:
                admin.list_topics(timeout=0.5)
            except KafkaException:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise KafkaStartError(
                        f"Kafka does not answer at {self.bootstrap}. Its last words, out of "
                        f"{self.log}:\n{self.last_words()}"
                    ) from None
            else:
                return

    def _admin(self) -> AdminClient:
        fast = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100, "log_level": 0}
        return AdminClient({"bootstrap.servers": self.bootstrap, **fast})

    def create_topics(self, partitions: Mapping[str, int]) -> None:
        """Create topics with so many partitions each; returns when they can be written to."""
        admin = self._admin()
        new = [NewTopic(topic, count, 1) for topic, count in partitions.items()]
        for done in admin.create_topics(new).values():
            done.result(_ASK_S)
        wait_until_seen(admin, partitions)

    def add_partitions(self, topic: str, total: int) -> None:
        """Let a topic grow to so many partitions."""
        admin = self._admin()  # must live until the answer is there
        for done in admin.create_partitions([NewPartitions(topic, total)]).values():
            done.result(_ASK_S)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Drop what stands before an offset, as a retention that ran out would."""
        admin, place = self._admin(), TopicPartition(topic, partition, before)
        for done in admin.delete_records([place]).values():
            done.result(_ASK_S)

    def kill(self) -> None:
        """End the broker with SIGKILL, as a crash would, and wait until it is gone."""
        self._process.kill(signal.SIGKILL)
        self._process.wait()
        self._process.close()

    def last_words(self) -> str:
        """Give the last lines that the broker wrote."""
        return self._process.log_tail()

    def wait(self) -> int:
        """Wait until the broker ends by itself; gives its exit status."""
        return self._process.wait()

    def stop(self) -> None:
        """End the broker, which can be started again; stopping twice does no harm."""
        self._process.close()

    def close(self) -> None:
        """End the broker and remove what was not to be kept; closing twice does no harm."""
        self.stop()
        if self._scratch:
            self._scratch.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_unused(data: Path) -> None:
    """Make sure that no broker is at work on these data: a second one would write among them."""
    lock = data / ".lock"  # the broker's own
    if not lock.exists():
        return
    with lock.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise KafkaStartError(
                f"A Kafka that runs has its data in {data.parent}. Use that one, or choose another "
                "folder."
            ) from None


def _settings(folder: Path, port: int) -> dict[str, str]:
    controller = free_port()
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://{_HOST}:{port},CONTROLLER://{_HOST}:{controller}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": f"{_HOST}:{controller}",
        "log.dirs": str(folder / _DATA),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "auto.create.topics.enable": "false",
        # A broker that was killed may register again after this long; Kafka's default is 9 s.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
    }
