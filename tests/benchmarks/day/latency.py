"""From the producer's timestamp to the list that can be read in Redis, at a steady rate."""

from __future__ import annotations

import gc
import threading
import time
from collections import defaultdict, deque
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from data.redis_keys import RedisKeys
from data.user_store import UserStore
from deploy.kafka import EventSender
from tests.benchmarks.day import pictures
from tests.benchmarks.day.ground import EVENTS, Ground
from tests.benchmarks.day.traffic import BURST, LIVE, bursts, events
from tests.benchmarks.day.workers import start_worker
from tests.benchmarks.report import Report
from tests.benchmarks.world import LARGE, make_world
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import redis

    from data.interaction import Interaction
    from tests.benchmarks.world import Size, World

_PREFIX: Final = "latency"
_PATIENCE_S: Final = 120.0


class Load(NamedTuple):
    """Traffic of a steady rate.

    Attributes
    ----------
    rate
        Events a second.
    seconds
        How long.
    goals
        p50 and p99 in ms.
    """

    rate: int
    seconds: int
    goals: tuple[int, int]


LOADS: Final = (Load(20, 50, (6, 20)), Load(500, 20, (12, 50)))


class Seen(NamedTuple):
    """One event whose list was read: when it was sent, in s, and how long that took, in ms."""

    sent: float
    ms: float


class Reader(threading.Thread):
    """Reads the list of everybody who was sent for, as soon as Redis tells that it was written.

    Redis tells this thread (keyspace notifications), so that nothing is polled and the worker does
    nothing for it.

    Parameters
    ----------
    client
        Connection that returns bytes.
    ending
        Only users whose ids end like that are looked at.
    """

    def __init__(self, client: redis.Redis, ending: str = "") -> None:
        super().__init__(name="reader", daemon=True)
        client.config_set("notify-keyspace-events", "K$")
        self._store = UserStore(client, RedisKeys(_PREFIX))
        self._told = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # as it ships
        self._told.psubscribe(f"__keyspace@0__:{_PREFIX}:*{ending}}}:list")
        self._ending = ending
        self._sent: defaultdict[str, deque[tuple[int, float]]] = defaultdict(deque)
        self._ended = threading.Event()
        self._expected = 0
        self.seen: list[Seen] = []

    def expect(self, event: Interaction) -> None:
        """Wait for a list that knows this event, if it is of one who is looked at."""
        if event.user.endswith(self._ending):
            self._sent[event.user].append((event.at, time.time()))
            self._expected += 1

    def run(self) -> None:
        """Read until the end."""
        while not self._ended.is_set():
            if message := self._told.get_message(timeout=0.2):
                name = message["channel"].decode()
                self._read(name[name.index("{u:") + 3 : name.rindex("}")])

    def _read(self, user: str) -> None:
        (shown,), now = self._store.read_lists([user]), time.time()
        waiting = self._sent[user]
        while waiting and shown and waiting[0][0] <= shown.at:
            sent = waiting.popleft()[1]
            self.seen.append(Seen(sent, 1000 * (now - sent)))

    def all_seen(self) -> bool:
        """Whether every event was seen that was to be expected."""
        return len(self.seen) == self._expected

    def end(self) -> None:
        """Stop reading."""
        self._ended.set()
        self.join()
        self._told.close()


def run(
    say: Callable[[str], None],
    size: Size = LARGE,
    loads: Sequence[Load] = LOADS,
    burst: int = 20_000,
    warm_up: int = 20_000,
    folder: Path | None = pictures.DOCS,
) -> Report:
    """Measure; `say` is told what is being done, and pictures go into the folder."""
    say(f"latency: training {size.videos:,} videos × {size.factors} factors")
    world = make_world(size)
    with Ground(world) as ground:
        ground.publish(_PREFIX)
        ground.reset([_PREFIX])
        arm = start_worker(ground, _PREFIX)
        say(f"latency: {warm_up:,} events so that Kafka, a JVM, has compiled what it does often")
        _send(ground, bursts(len(world.users), warm_up, 0), rate=1_000)
        wait_until(lambda: arm.seen(warm_up), _PATIENCE_S, what="a start")
        steady = {}
        for load in loads:
            say(f"latency: {load.rate} events/s for {load.seconds} s")
            steady[load] = _measure(ground, load.rate, load.rate * load.seconds)
        say(f"latency: {burst:,} events at once")
        flood = _measure(ground, None, burst, ending="7")  # a reader of all would take a core
    if folder:
        (folder / "day-latency.svg").write_text(pictures.latencies(_named(steady)))
        (folder / "day-latency-over-time.svg").write_text(pictures.over_time(_named(steady)))
    return _report(world, steady, flood, burst)


def _report(
    world: World, steady: Mapping[Load, Sequence[Seen]], flood: Sequence[Seen], burst: int
) -> Report:
    """Lay out what was seen of each load, and of the burst."""
    return Report(
        title="From the producer's timestamp to the list that can be read in Redis, in ms",
        conditions=[
            f"{world}; the worker with its defaults, 4 partitions; {LIVE} users live",
            f"at a time, {BURST} events each; producer, Kafka, Redis, worker and reader share the",
            "cores; Redis tells the reader of each list that was written (keyspace notifications),",
            "and a list counts when it was read and knows the event; the worker has no part in it",
        ],
        columns=("", "events", "p50", "p90", "p99", "max", "goal p50", "goal p99"),
        rows=[
            *(_row(f"{load.rate} events/s", seen, load.goals) for load, seen in steady.items()),
            _row(f"{burst:,} at once", flood, None),
        ],
        notes=[*(_along(load, seen) for load, seen in steady.items()), _drained(flood, burst)],
    )


def _measure(ground: Ground, rate: int | None, count: int, ending: str = "") -> list[Seen]:
    """Send so many events at a rate, or all at once; gives them as they were seen."""
    reader = Reader(ground.client, ending)
    reader.start()
    gc.collect()
    gc.freeze()  # so that this process doesn't stop for it while it measures
    try:
        _send(ground, bursts(len(ground.world.users), count, count), rate, reader)
        wait_until(reader.all_seen, _PATIENCE_S, what="all lists to be seen")
    finally:
        gc.unfreeze()
        reader.end()
    return reader.seen


def _send(
    ground: Ground, drawn: list[int], rate: int | None = None, reader: Reader | None = None
) -> None:
    """Send each event at its time, none in a hurry to make up for another."""
    start = time.monotonic()
    with EventSender(ground.kafka.bootstrap, EVENTS) as sender:
        for number, event in enumerate(events(ground.world, drawn, 0)):
            if rate and (ahead := start + number / rate - time.monotonic()) > 0:
                time.sleep(ahead)
            now = msgspec.structs.replace(event, at=time.time_ns() // 1_000_000)
            if reader:
                reader.expect(now)
            sender.send(now)


def _row(name: str, seen: Sequence[Seen], goals: tuple[int, int] | None) -> tuple[str, ...]:
    taken = np.percentile([one.ms for one in seen], [50, 90, 99, 100])
    wanted = [f"≤ {goal}" for goal in goals] if goals else ["", ""]
    return name, f"{len(seen):,}", *(f"{ms:.1f}" for ms in taken), *wanted


def _named(steady: dict[Load, list[Seen]]) -> dict[str, list[tuple[float, float]]]:
    """Give each event's second since the first one, and its latency, by the name of the load."""
    return {
        f"{load.rate} events/s": [(one.sent - seen[0].sent, one.ms) for one in seen]
        for load, seen in steady.items()
    }


def _along(load: Load, seen: Sequence[Seen]) -> str:
    """Tell the medians of equal parts of the time: a sawtooth or a drift would show."""
    parts = np.array_split([one.ms for one in sorted(seen)], 10)
    medians = ", ".join(f"{np.median(part):.1f}" for part in parts)
    return f"{load.rate} events/s, median of each tenth of the time: {medians}"


def _drained(flood: Sequence[Seen], count: int) -> str:
    """Tell how the lists came that were made at saturation: in batches, one soon after another."""
    written = sorted(one.sent + one.ms / 1000 for one in flood)
    gaps = [after - before for before, after in pairwise(written)]
    took = written[-1] - min(one.sent for one in flood)
    return (
        f"at once: {count / took:,.0f} events/s; the lag grows to {took:.1f} s, and at most "
        f"{1000 * max(gaps):.0f} ms pass between one list and the next (of the users looked at)"
    )
