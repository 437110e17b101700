"""A soak, `make soak`: whether a worker's memory stays where it is over a million users."""

from __future__ import annotations

import argparse
import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from rich.console import Console

from data.heartbeats import Heartbeats
from data.interaction import Interaction
from data.redis_keys import RedisKeys
from deploy.kafka import EventSender
from tests.benchmarks.day import pictures
from tests.benchmarks.day.ground import EVENTS, Ground
from tests.benchmarks.day.processes import memory
from tests.benchmarks.day.workers import start_worker
from tests.benchmarks.report import Report, machine, markdown_of, table_of
from tests.benchmarks.world import LARGE, Size, make_world
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.benchmarks.day.workers import Arm

_AHEAD: Final = 20_000  # events that may wait in Kafka
_PORTION: Final = 2_000
_MIB: Final = 2**20
_PREFIX: Final = "soak"
_SHOWN: Final = 10
_MOST: Final = 8.0  # bytes for an event: not even a pointer to it is kept
_ENOUGH: Final = 500_000  # events; fewer say nothing of a few bytes for each
_STUCK_S: Final = 60.0  # without a single event
_PICTURE: Final = pictures.DOCS / "soak.svg"  # of a soak that went well


class Moment(NamedTuple):
    """What was seen at one moment: events so far, seconds, and bytes of worker and Redis."""

    events: int
    second: float
    worker: int
    redis: int


class Soak(NamedTuple):
    """What a soak came to.

    Attributes
    ----------
    moments
        One a second.
    users
        Who are in Redis at the end, of those who came.
    """

    moments: list[Moment]
    users: int

    @property
    def growth(self) -> float:
        """Bytes that the worker grew by for an event: last fifth against second fifth, medians."""
        _, early, *_, late = np.array_split(np.array([m[:3] for m in self.moments]), 5)
        (first, _, low), (last, _, high) = np.median(early, axis=0), np.median(late, axis=0)
        return float((high - low) / (last - first))

    @property
    def is_flat(self) -> bool:
        """Whether so little grew that nothing can be kept for each event; of enough events."""
        return self.moments[-1].events >= _ENOUGH and self.growth < _MOST

    @property
    def verdict(self) -> str:
        """Say whether it is flat, and by what."""
        if self.moments[-1].events < _ENOUGH:
            return f"fewer than {_ENOUGH:,} events can't tell whether it is flat"
        grown = f"from the second to the last fifth it grew by {self.growth:.1f} bytes an event"
        return f"{'flat' if self.is_flat else 'NOT FLAT'}: {grown}; below {_MOST:g} is flat"


def run(say: Callable[[str], None], events: int, size: Size = LARGE) -> tuple[Report, Soak]:
    """Let a worker work on all events, however long it takes."""
    say(f"training {size.videos:,} videos × {size.factors} factors")
    with Ground(make_world(size)) as ground:
        ground.publish(_PREFIX)
        soak = _watch(ground, events, say)
    return _report(soak, size), soak


def _watch(ground: Ground, events: int, say: Callable[[str], None]) -> Soak:
    arm = start_worker(ground, _PREFIX)
    beats = Heartbeats(ground.client, RedisKeys(_PREFIX))
    wait_until(beats.alive, _STUCK_S, what="a heartbeat of the worker")
    keys, source, sent = ground.client.dbsize(), _drawn(ground), 0
    start = moved = time.monotonic()
    moments = [_moment(ground, arm, 0, 0.0)]
    with EventSender(ground.kafka.bootstrap, EVENTS) as sender:
        while (seen := moments[-1].events) < events:
            while sent < min(events, seen + _AHEAD):
                for event in islice(source, min(_PORTION, events - sent)):
                    sender.send(event)
                    sent += 1
            time.sleep(1)
            arm.seen(0)  # it lives
            now = time.monotonic()
            moments.append(_moment(ground, arm, sum(b.events for b in beats.alive()), now - start))
            moved = now if moments[-1].events > seen else moved
            if now - moved > _STUCK_S:
                log = arm.processes[0].log
                raise TimeoutError(f"no event for {_STUCK_S:.0f} s after {seen:,}, see {log}")
            say(_progress(moments[-1], events))
    users = (int(ground.client.dbsize()) - int(keys)) // 2  # a history and a list each
    return Soak(moments, users)


def _progress(moment: Moment, events: int) -> str:
    rate = moment.events / moment.second
    left = f"{(events - moment.events) / rate:.0f} s left" if rate else "waiting"
    sizes = f"worker {moment.worker / _MIB:.0f} MiB, Redis {moment.redis / _MIB:.0f} MiB"
    return f"{moment.events:,} of {events:,} events, {rate:,.0f} a second, {left}; {sizes}"


def _moment(ground: Ground, arm: Arm, seen: int, second: float) -> Moment:
    used = int(ground.client.info("memory")["used_memory"])
    return Moment(seen, second, memory(arm.processes[0].pid), used)


def _drawn(ground: Ground) -> Iterator[Interaction]:
    """Let users without end come, each once, to watch a video."""
    random, number = np.random.default_rng(0), 0
    ids = ground.world.model.vocabulary.ids
    while True:
        yield Interaction(
            user=f"once-{(number := number + 1)}",
            video=ids[random.integers(len(ids))],
            kind="watch",
            at=time.time_ns() // 1_000_000,
            watch_ratio=0.5,
        )


def _report(soak: Soak, size: Size) -> Report:
    last = soak.moments[-1]
    return Report(
        title=f"A worker's memory over {last.events:,} events, MiB",
        conditions=[
            f"{size.videos:,} videos × {size.factors} factors; {last.events:,} users once each, in",
            f"{last.second:,.0f} s; {soak.users:,} users in Redis in the end; looked at every",
            "second; of the worker what is resident, of Redis what it uses",
        ],
        columns=("events", "s", "worker", "Redis"),
        rows=[
            (f"{m.events:,}", f"{m.second:.0f}", *(f"{n / _MIB:.0f}" for n in (m.worker, m.redis)))
            for m in _spread(soak.moments)
        ],
        notes=[soak.verdict],
    )


def _spread(moments: list[Moment]) -> list[Moment]:
    """Take some moments, the last one among them."""
    places = np.linspace(0, len(moments) - 1, min(_SHOWN, len(moments)))
    return [moments[int(place)] for place in places]


def main(arguments: Sequence[str] | None = None) -> None:
    """Be the command: progress goes to stderr, a line at a time, and the table to stdout."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="each of a user of its own")
    parser.add_argument("--markdown", action="store_true", help="print a table for a page")
    options = parser.parse_args(arguments)
    out = Console(soft_wrap=True)
    out.print(f"{machine()}\n", highlight=False)
    report, soak = run(
        lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201 - a command
        options.events,
    )
    if options.markdown:
        out.print(markdown_of(report), highlight=False, markup=False)
    else:
        out.print(table_of(report))
    if found := _complaint(soak, options.events):
        sys.exit(f"{found}; {_PICTURE} is left as it was")
    if soak.is_flat:
        points = [(moment.events, moment.worker / _MIB) for moment in soak.moments]
        _PICTURE.write_text(pictures.soak(points))


def _complaint(soak: Soak, events: int) -> str:
    """Say what is wrong with a soak; nothing if all is well, as far as it can tell."""
    if events >= _ENOUGH and not soak.is_flat:
        return "the worker's memory is not flat"
    if soak.users != events:
        return f"{events:,} users came, {soak.users:,} are in Redis"
    return ""


if __name__ == "__main__":
    main()
