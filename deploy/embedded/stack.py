"""The whole stack on this machine: broker, Redis and one worker, gone when the parent is."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from data.redis_keys import RedisKeys
from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.leash import Leashed
from deploy.embedded.redis_server import EmbeddedRedis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.embedded.kafka import EmbeddedKafka

EVENTS: Final = "upnext.events"
DEAD_LETTERS: Final = "upnext.dead-letters"
# The mock broker doesn't wake a fetch when an event comes, so the fetch must not wait long.
_MOCK_FLAGS: Final = {"fetch-wait-ms": "3"}
WORKER_FLAGS: Final = {
    "poll-s": "0.2",
    "metrics-port": "0",  # several stacks may run on one machine
    "session-timeout-s": "6",
    "instance": "embedded",  # so that a worker that was killed takes up its partitions at once
}


_GRACE_S: Final = 3.0  # without broker and Redis a worker can't end in peace


class WorkerDiedError(RuntimeError):
    """The worker ended by itself; the message holds the end of its log."""


class EmbeddedStack:
    """Broker and Redis, started on construction; the worker starts on demand.

    Parameters
    ----------
    partitions
        Of the topic of events. The broker keeps 5 MiB of each, and drops the rest.
    worker_flags
        Options of ``upnext worker`` beside those that the stack needs.
    kafka
        A Kafka that runs, in place of the mock broker. It stays the caller's, so several stacks
        may share one: each has a group and topics of its own.

    Attributes
    ----------
    kafka
        Bootstrap servers.
    events_topic, dead_letters_topic, group
        What the worker is told.
    """

    def __init__(
        self,
        partitions: int = 8,
        worker_flags: Mapping[str, str] | None = None,
        kafka: EmbeddedKafka | None = None,
    ) -> None:
        self._flags = WORKER_FLAGS | ({} if kafka else _MOCK_FLAGS) | dict(worker_flags or {})
        own = f".{uuid.uuid4().hex[:8]}" if kafka else ""
        self.events_topic, self.dead_letters_topic = EVENTS + own, DEAD_LETTERS + own
        self.group = f"upnext{own}"
        self._mock: EmbeddedBroker | None = None
        self.worker: Leashed | None = None
        with ExitStack() as opened:
            self._folder = Path(tempfile.mkdtemp(prefix="upnext-"))
            # Does nothing but end with this process, however that ends; then the folder goes.
            idle = [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"]
            log = self._folder / "idle.log"
            opened.enter_context(Leashed(idle, log=log, scratch=self._folder, grace=0.1))
            self.redis = opened.enter_context(EmbeddedRedis())
            topics = {self.events_topic: partitions, self.dead_letters_topic: 1}
            if kafka is None:
                self._mock = opened.enter_context(EmbeddedBroker(topics))
                self.kafka = self._mock.bootstrap
            else:
                kafka.create_topics(topics)
                self.kafka = kafka.bootstrap
            opened.callback(self.stop_worker)
            self._opened = opened.pop_all()

    @property
    def worker_log(self) -> Path:
        """What the worker says."""
        return self._folder / "worker.log"

    @property
    def redis_url(self) -> str:
        """Where Redis is."""
        return self.redis.url

    def start_worker(self) -> Leashed:
        """Start a worker; the one before must have ended."""
        self.stop_worker()
        self.worker = Leashed(
            [sys.executable, "-m", "deploy.cli", *self.worker_words()],
            log=self.worker_log,
            env=self.worker_environment(),
            grace=_GRACE_S,
        )
        return self.worker

    def worker_words(self) -> list[str]:
        """Give the command line of a worker, after ``upnext``."""
        flags = self._flags | {
            "kafka": self.kafka,
            "redis-url": self.redis_url,
            "events-topic": self.events_topic,
            "dead-letters-topic": self.dead_letters_topic,
            "redis-prefix": RedisKeys().prefix,  # whatever this person's own settings say
            "group": self.group,
        }
        return ["worker", *(part for name, value in flags.items() for part in (f"--{name}", value))]

    def worker_environment(self) -> dict[str, str]:
        """Keep a person's own settings from the worker, and its files in our folder."""
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("UPNEXT_")}
        no_settings = self._folder / "no-settings.toml"
        no_settings.touch()
        return kept | {"TMPDIR": str(self._folder), "UPNEXT_CONFIG": str(no_settings)}

    def check_worker(self) -> None:
        """Make sure that the worker still runs.

        Raises
        ------
        WorkerDiedError
            If it ended by itself.
        """
        if self.worker is not None and (status := self.worker.poll()) is not None:
            msg = f"the worker ended by itself with status {status}:\n{self.worker.log_tail()}"
            raise WorkerDiedError(msg)

    def check_untrimmed(self) -> None:
        """Make sure that the mock broker has dropped no event; see `EmbeddedBroker`."""
        if self._mock is not None:
            self._mock.check_untrimmed()

    def stop_worker(self) -> None:
        """End the worker if there is one."""
        if self.worker is not None:
            self.worker.close()
            self.worker = None

    def close(self) -> None:
        """End everything and remove what it left on disk."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
