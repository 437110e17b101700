"""A stage: everything that one row of the table needs, shared with no other row."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Self

from deploy.embedded.redis_server import EmbeddedRedis
from tests.faults.day import checker
from tests.faults.day.broker_tools import committed
from tests.faults.day.crew import Crew, Worker
from tests.faults.day.flaws import ORDER
from tests.faults.day.ledger import Ledger, SteadyLoad, numbered
from tests.faults.day.letters import DeadLetters
from tests.faults.day.witness import Witness
from tests.integration.world import Stores, activate
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from data.frozen_model import FrozenModel
    from deploy.embedded.kafka.server import EmbeddedKafka
    from tests.faults.day.ledger import Entry
    from tests.integration.world import World

RATE: Final = 100.0  # events a second
SESSION_S: Final = 6  # the least that a broker allows by default
_PREFIX: Final = "upnext"
_ATTEMPTS: Final = 240
_NUMBERS: Final = count(1)


class Stage:
    """Topics of its own on a Kafka, a Redis of its own, supervised workers, and a producer.

    Parameters
    ----------
    kafka
        A broker, which other stages may use at the same time.
    world
        Models to be published; the first is active from the start.
    folder
        For logs and data; empty.
    partitions
        Of the topic of events.

    Attributes
    ----------
    redis, stores, ledger, letters, witness, crew
        The parts.
    redis_url
        Where workers that are started find Redis.
    model, active
        What the checker expects lists to be made with, see `activate`.
    began
        When the users' waits begin to count, by the monotonic clock: the workers were up.
    marks
        Moments, by the monotonic clock, from which recovery is measured, see `mark`.
    """

    def __init__(
        self, kafka: EmbeddedKafka, world: World, folder: Path, partitions: int = 4
    ) -> None:
        self.kafka, self.world, self.folder = kafka, world, folder
        self.name = f"stage{os.getpid()}-{next(_NUMBERS)}"
        self.events, self.dead_letters = f"{self.name}.events", f"{self.name}.dead-letters"
        self.marks: list[float] = []
        self._deleted: set[tuple[int, int]] = set()
        self.began = time.monotonic()
        kafka.create_topics({self.events: partitions, self.dead_letters: 1})
        with ExitStack() as opened:
            self.redis = opened.enter_context(EmbeddedRedis(keep_in=_made(folder / "redis")))
            self.redis_url = self.redis.url
            self.stores = self._open(opened)
            self.activate(world.model)
            self.ledger = Ledger(kafka.bootstrap, self.events)
            self.letters = DeadLetters(kafka.bootstrap, self.dead_letters)
            opened.callback(self.letters.close)
            self.witness = Witness(self.ledger, self._open(opened).users)
            opened.callback(self.witness.close)
            self.crew = Crew()
            opened.callback(self.crew.close)
            self._opened = opened.pop_all()
        self._numbered = numbered(next(_NUMBERS))

    def _open(self, opened: ExitStack) -> Stores:
        stores = Stores.at(self.redis_url, _PREFIX)
        opened.callback(stores.client.close)
        return stores

    def move_to(self, redis_url: str) -> None:
        """Look for everything in another Redis from now on, and serve the model there."""
        self.redis_url = redis_url
        self.stores = self._open(self._opened)
        self.witness.users = self._open(self._opened).users
        self.activate(self.model)

    def activate(self, model: FrozenModel) -> None:
        """Publish a model, serve it, and expect lists to be made with it."""
        self.model, self.active = model, activate(self.stores, model)

    def start_worker(
        self,
        name: str = "",
        *,
        static: bool = False,
        flaws: Sequence[str] = (),
        flags: Mapping[str, str] | None = None,
    ) -> Worker:
        """Start a worker that is started again whenever it ends by itself.

        Parameters
        ----------
        name
            Of its log.
        static
            Whether it is a static member of its group, under its name.
        flaws
            What is wrong in it; see `tests.faults.day.launcher`.
        flags
            Of ``upnext worker``, in place of or beside the stage's own.
        """
        name = name or f"worker{len(self.crew.workers) + 1}"
        settings = {
            "kafka": self.kafka.bootstrap,
            "redis-url": self.redis_url,
            "redis-prefix": _PREFIX,
            "events-topic": self.events,
            "dead-letters-topic": self.dead_letters,
            "group": self.name,
            "poll-s": "0.2",
            "session-timeout-s": str(SESSION_S),
            **({"instance": name} if static else {}),
            **(flags or {}),
        }
        return self.crew.add(Worker(name, self.folder, settings, flaws, self._environment()))

    def start_workers(self, number: int, **more: Any) -> list[Worker]:  # noqa: ANN401 - as above
        """Start several, and wait until events flow through all of them."""
        workers = [self.start_worker(**more) for _ in range(number)]
        self.wait_until_serving(workers)
        return workers

    def wait_until_serving(self, workers: Sequence[Worker]) -> None:
        """Send some events until each of these workers has been handed one."""
        for _ in range(_ATTEMPTS):
            with self.load(seconds=0.5):
                time.sleep(0.5)
            if all(worker.has_work for worker in workers):
                self.settle()
                self.began = time.monotonic()
                return
        raise TimeoutError("not every worker was handed an event:\n" + self.crew.log()[-4000:])

    def wait_for_log(self, words: str) -> None:
        """Wait until a worker has said something."""
        wait_until(lambda: words in self.crew.log(), 60, what=words, poll=0.2)

    def _environment(self) -> dict[str, str]:
        """Keep a person's own settings from the workers, and their files in our folder."""
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("UPNEXT_")}
        no_settings = self.folder / "no-settings.toml"
        no_settings.touch()
        return kept | {"TMPDIR": str(self.folder), "UPNEXT_CONFIG": str(no_settings)}

    def load(self, seconds: float, rate: float = RATE) -> SteadyLoad:
        """Give a steady load that, as a context, runs beside what is in the block."""
        return SteadyLoad(self.ledger, self._numbered, rate, seconds)

    def mark(self) -> None:
        """Say that a fault ends now (or, if it has no length, that it happens)."""
        self.marks.append(time.monotonic())

    def pending(self) -> int:
        """Count the acknowledged events that are neither reflected nor parked, as far as seen."""
        done = self.witness.seen.keys() | self.letters.letters.keys()
        return sum(entry.place not in done for entry in self.there())

    def settle(self, patience: float = 30.0) -> None:
        """Wait until every event is reflected or parked, or nothing has moved for `patience` s."""
        self.ledger.flush()
        left, deadline = -1, time.monotonic() + patience
        while time.monotonic() < deadline:
            self.letters.read()
            now = self.pending()
            if not now:
                return
            if now != left:
                left, deadline = now, time.monotonic() + patience

    def count(self, patience: float = 30.0) -> checker.Counts:
        """Settle, and let the checker count."""
        self.settle(patience)
        return checker.count(self)

    def order(self, flaw: str) -> None:
        """Let a flaw that waits for it happen, in whichever worker has the next batch."""
        (self.folder / ORDER.format(flaw)).touch()

    def delete_events(self) -> int:
        """Delete all events so far, as a retention that ran out would; give how many were unread.

        What the group has committed was read, so it is not excused from being in Redis.
        """
        entries, ends = list(self.ledger.entries), dict[int, int]()
        for entry in entries:
            ends[entry.partition] = max(ends.get(entry.partition, 0), entry.offset + 1)
        for partition, end in ends.items():
            self.kafka.delete_records(self.events, partition, end)
        read = self.committed()
        gone = {e.place for e in entries if e.offset >= read[e.partition]}
        self._deleted |= gone
        return len(gone - self.witness.seen.keys())

    def committed(self) -> dict[int, int]:
        """Tell where the group goes on in each partition; below 0 if nothing is committed."""
        return committed(self.kafka.bootstrap, self.name, self.events)

    def there(self) -> list[Entry]:
        """Give what workers could read: all but what was deleted and never seen in Redis."""
        gone = self._deleted - self.witness.seen.keys()
        return [entry for entry in self.ledger.entries if entry.place not in gone]

    def users_in_redis(self) -> set[str]:
        """Name every user who has a history."""
        keys = self.stores.client.scan_iter(f"{_PREFIX}:{{u:*}}:history", count=1000)
        return {key.decode().split("{u:")[1].split("}")[0] for key in keys}

    def close(self) -> None:
        """End all that it started."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
