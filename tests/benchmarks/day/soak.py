"""A soak: whether a worker's memory stays where it is over a million events."""

from __future__ import annotations

import time
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from data.heartbeats import Heartbeats
from data.interaction import Interaction
from data.redis_keys import RedisKeys
from deploy.kafka import EventSender
from tests.benchmarks.day import pictures
from tests.benchmarks.day.ground import EVENTS, Ground
from tests.benchmarks.day.processes import memory
from tests.benchmarks.day.traffic import bursts
from tests.benchmarks.day.workers import start_worker
from tests.benchmarks.report import Report
from tests.benchmarks.world import Size, make_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.benchmarks.day.workers import Arm

_SMALL: Final = Size(users=3_000, videos=1_000, events=150_000, factors=64, iterations=4)
_OFTEN: Final = 20_000  # users who come back
_AHEAD: Final = 20_000  # events that may wait in Kafka
_PORTION: Final = 2_000
_MIB: Final = 2**20
_PREFIX: Final = "soak"
_SHOWN: Final = 10


class Moment(NamedTuple):
    """What was seen at one moment: events so far, seconds, and bytes of worker and Redis."""

    events: int
    second: float
    worker: int
    redis: int


def run(
    say: Callable[[str], None],
    size: Size = _SMALL,
    events: int = 1_000_000,
    seconds: float = 540,
    folder: Path | None = pictures.DOCS,
) -> Report:
    """Let a worker work; `say` is told how far it is."""
    say("soak: training a small model")
    with Ground(make_world(size)) as ground:
        ground.publish(_PREFIX)
        moments = _watch(ground, events, seconds, say)
    if folder:
        points = [(moment.events, moment.worker / _MIB) for moment in moments]
        (folder / "day-soak.svg").write_text(pictures.soak(points))
    start, end = _settled(moments, 1), _settled(moments, 9)
    return Report(
        title=f"A worker's memory over {moments[-1].events:,} events, MiB",
        conditions=[
            f"{size.videos:,} videos × {size.factors} factors; first {events // 2:,} users once",
            f"each, then bursts of {_OFTEN:,} users who come back (Zipf); sampled every second; it",
            f"ends after {events:,} events or {seconds:.0f} s; of the worker what is resident, of",
            "Redis what it uses",
        ],
        columns=("events", "s", "worker", "Redis"),
        rows=[
            (f"{m.events:,}", f"{m.second:.0f}", *(f"{n / _MIB:.0f}" for n in (m.worker, m.redis)))
            for m in _spread(moments)
        ],
        notes=[f"second tenth to last tenth, median: {start:.1f} to {end:.1f} MiB"],
    )


def _watch(ground: Ground, events: int, seconds: float, say: Callable[[str], None]) -> list[Moment]:
    arm = start_worker(ground, _PREFIX)
    beats = Heartbeats(ground.client, RedisKeys(_PREFIX))
    source, sent, start = _drawn(ground, events), 0, time.monotonic()
    moments: list[Moment] = []
    with EventSender(ground.kafka.bootstrap, EVENTS) as sender:
        while not moments or (moments[-1].events < events and moments[-1].second < seconds):
            seen = sum(beat.events for beat in beats.alive())
            while sent < min(events, seen + _AHEAD):
                for event in islice(source, _PORTION):
                    sender.send(event)
                    sent += 1
            moments.append(_moment(ground, arm, seen, time.monotonic() - start))
            say(f"soak: {seen:,} of {events:,} events, {moments[-1].worker / _MIB:.0f} MiB")
            _pause(arm)
    return [moment for moment in moments if moment.events]


def _pause(arm: Arm) -> None:
    """Wait a second, and see that it lives."""
    arm.seen(0)
    time.sleep(1)


def _moment(ground: Ground, arm: Arm, seen: int, second: float) -> Moment:
    used = int(ground.client.info("memory")["used_memory"])
    return Moment(seen, second, memory(arm.processes[0].pid), used)


def _drawn(ground: Ground, count: int) -> Iterator[Interaction]:
    """Draw watches of users who come once, then of users who come often."""
    random = np.random.default_rng(0)
    once = (f"once-{number}" for number in range(count // 2))
    often = (f"often-{user}" for user in bursts(_OFTEN, count - count // 2, 0))
    ids = ground.world.model.vocabulary.ids
    for user in chain(once, often):
        yield Interaction(
            user=user,
            video=ids[random.integers(len(ids))],
            kind="watch",
            at=time.time_ns() // 1_000_000,
            watch_ratio=0.5,
        )


def _spread(moments: list[Moment]) -> list[Moment]:
    """Take some moments, the last one among them."""
    places = np.linspace(0, len(moments) - 1, min(_SHOWN, len(moments)))
    return [moments[int(place)] for place in places]


def _settled(moments: list[Moment], tenth: int) -> float:
    """Give the median of the worker's MiB in one tenth of the moments, counted from 0."""
    part = np.array_split([moment.worker / _MIB for moment in moments], 10)[tenth]
    return float(np.median(part))
