"""The processes that are measured: the worker, and what it is measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from data.heartbeats import Heartbeats
from data.redis_keys import RedisKeys
from tests.benchmarks.day import obvious_worker
from tests.benchmarks.day.ground import DEAD_LETTERS, EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from signal import Signals

    from deploy.embedded.leash import Leashed
    from tests.benchmarks.day.ground import Ground


class Arm(NamedTuple):
    """One kind of worker.

    Attributes
    ----------
    processes
        Usually one.
    counted
        Tells whether they are through with that many events since their start.
    topic
        Where they take their events from, the first one included.
    """

    processes: list[Leashed]
    counted: Callable[[int], bool]
    topic: str = EVENTS

    def seen(self, count: int) -> bool:
        """Whether they are through with that many events since their start."""
        for process in self.processes:
            if (status := process.poll()) is not None:
                raise RuntimeError(f"it ended with status {status}:\n{process.log_tail()}")
        return self.counted(count)

    def kill(self, number: Signals) -> None:
        """Send a signal to all."""
        for process in self.processes:
            process.kill(number)


def start_worker(
    ground: Ground, prefix: str, flags: Sequence[str] = (), topic: str = EVENTS, count: int = 1
) -> Arm:
    """Start the worker itself, or some that share the work; they need a model under the prefix."""
    options = {
        "kafka": ground.kafka.bootstrap,
        "redis-url": ground.redis.url,
        "events-topic": topic,
        "dead-letters-topic": DEAD_LETTERS,
        "redis-prefix": prefix,
        "group": prefix,
        "session-timeout-s": "90",  # it is stopped while others have their turn
        "poll-s": "0.2",
        "metrics-port": "0",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    processes = [
        ground.start(f"{prefix}-{number}", "deploy.cli", "worker", *words, *flags)
        for number in range(count)
    ]
    beats = Heartbeats(ground.client, RedisKeys(prefix))
    return Arm(processes, lambda seen: sum(b.events for b in beats.alive()) >= seen, topic)


def start_obvious(ground: Ground, counts: Iterable[int]) -> Arm:
    """Start the obvious worker."""
    model = ground.folder / "model.npz"
    obvious_worker.save(model, ground.world.model)
    return _start_counting(ground, "obvious_worker", [ground.redis.url, str(model)], counts)


def start_plain(ground: Ground, prefix: str, max_batch: int, counts: Iterable[int]) -> Arm:
    """Start a plain aiokafka loop around the worker's body."""
    options = [ground.redis.url, prefix, str(max_batch)]
    return _start_counting(ground, "plain_loop", options, counts)


def start_empty(ground: Ground, counts: Iterable[int]) -> Arm:
    """Start a Faust agent that does nothing."""
    return _start_counting(ground, "empty_agent", ["empty"], counts)


def _start_counting(ground: Ground, module: str, options: list[str], counts: Iterable[int]) -> Arm:
    words = [ground.kafka.bootstrap, EVENTS, *options, *map(str, counts)]
    process = ground.start(module, f"tests.benchmarks.day.{module}", *words)
    return Arm([process], lambda count: f"seen {count}\n" in process.log.read_text())
