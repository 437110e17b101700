"""The worker against an empty Faust agent: CPU time for an event, while both drain a backlog."""

from __future__ import annotations

import os
import signal
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from data.catalogue import Catalogue
from data.frozen_model import ModelVersion
from data.heartbeats import Heartbeats
from data.interaction import Interaction
from data.model_store import ModelStore
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from data.user_store import UserStore
from deploy.embedded.leash import Leashed
from deploy.embedded.stack import EVENTS, EmbeddedStack
from deploy.kafka import EventSender
from stream_inference.recommend import Serving
from stream_inference.refresh import refresh
from tests.benchmarks.report import Report
from tests.benchmarks.world import LARGE, MOVIELENS_LIKE, Size, make_world
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.world import World

PARTITIONS: Final = 4
WARM_UP: Final = 256  # events, after which every partition and every code path was met
_PATIENCE_S: Final = 300.0
# A stopped process sends no heartbeats, and must not lose its partitions for it.
_FLAGS: Final = {"session-timeout-s": "60", "fetch-wait-ms": "20", "poll-s": "0.1"}


class Cost(NamedTuple):
    """What draining a backlog took, for one event: CPU µs of all threads, and wall µs."""

    cpu_us: float
    wall_us: float


def run(
    say: Callable[[str], None],
    sizes: tuple[Size, ...] = (LARGE, MOVIELENS_LIKE),
    events: int = 20_000,
    rounds: int = 3,
) -> Report:
    """Measure; `say` is told what is being done."""
    rows, conditions, notes = [], [], []
    for size in sizes:
        say(f"worker: training {size.videos:,} videos × {size.factors} factors")
        world = make_world(size)
        costs = []
        for number in range(1, rounds + 1):
            say(f"worker: {size.videos:,} videos, round {number} of {rounds}")
            costs.append(_round(world, events, number))
        empty, full = (_median([pair[side] for pair in costs]) for side in (0, 1))
        name = f"{world.model.n_items:,} × {world.model.n_factors}"
        rows += [
            _row("empty Faust agent", name, empty, empty),
            _row("the worker", name, full, empty),
        ]
        conditions.append(str(world))
        notes.append(f"{len(world.users):,} users, drawn alike, have {size.length} videos each")
    return Report(
        title=f"Draining {events:,} waiting events: CPU time of the process for an event",
        conditions=[
            *conditions,
            f"embedded broker, {PARTITIONS} partitions, and Redis, all on the same cores; median",
            f"of {rounds} rounds, in each of which both drain the same events one after the other",
        ],
        columns=("", "model", "CPU µs", "× empty", "events/s"),
        rows=rows,
        notes=notes,
    )


def _median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


def _row(name: str, model: str, cost: Cost, empty: Cost) -> tuple[str, ...]:
    ratio = f"{cost.cpu_us / empty.cpu_us:.1f}"
    return name, model, f"{cost.cpu_us:.0f}", ratio, f"{1e6 / cost.wall_us:,.0f}"


def _round(world: World, events: int, seed: int) -> tuple[Cost, Cost]:
    """Let the empty agent, then the worker drain the same backlog."""
    total = WARM_UP + events
    with ExitStack() as opened:
        stack = opened.enter_context(EmbeddedStack(PARTITIONS, _FLAGS))
        folder = Path(opened.enter_context(TemporaryDirectory(prefix="upnext-benchmark-")))
        _fill(stack.redis_url, world)
        heartbeats = Heartbeats(connect(stack.redis_url), RedisKeys())
        empty = opened.enter_context(_start_empty(stack.kafka, folder / "empty.log", total))
        worker = stack.start_worker()
        drawn = _draw(world, total, seed)
        with EventSender(stack.kafka, EVENTS) as sender:
            for _ in range(WARM_UP):
                sender.send(next(drawn))

        def empty_saw(count: int) -> bool:
            return f"seen {count}\n" in empty.log.read_text()

        def worker_saw(count: int) -> bool:
            stack.check_worker()
            return sum(beat.events for beat in heartbeats.alive()) >= count

        wait_until(lambda: empty_saw(WARM_UP) and worker_saw(WARM_UP), _PATIENCE_S, what="a start")
        for process in (empty, worker):
            process.kill(signal.SIGSTOP)
        with EventSender(stack.kafka, EVENTS) as sender:
            for event in drawn:
                sender.send(event)
        return (
            _drain(empty, lambda: empty_saw(total), events),
            _drain(worker, lambda: worker_saw(total), events),
        )


def _fill(redis_url: str, world: World) -> None:
    """Publish and activate the model, and write everybody's history."""
    client, keys = connect(redis_url), RedisKeys()
    models, version = ModelStore(client, keys), ModelVersion("benchmark")
    models.publish(version, world.model, Catalogue([]))
    active = models.activate(version)
    serving = Serving(world.model, version, active.activation)
    refresh(UserStore(client, keys), serving, zip(world.users, world.histories, strict=True))


def _start_empty(bootstrap: str, log: Path, total: int) -> Leashed:
    command = [sys.executable, "-m", "tests.benchmarks.empty_agent"]
    return Leashed([*command, bootstrap, EVENTS, "empty-agent", str(WARM_UP), str(total)], log=log)


def _draw(world: World, count: int, seed: int) -> Iterator[Interaction]:
    """Draw watches of random users and videos, each a moment later than the one before."""
    random = np.random.default_rng(seed)
    users = random.integers(len(world.users), size=count).tolist()
    videos = random.integers(world.model.n_items, size=count).tolist()
    start = 1 + max(history.newest_at for history in world.histories)
    for number, (user, video) in enumerate(zip(users, videos, strict=True)):
        yield Interaction(
            user=world.users[user],
            video=world.model.vocabulary.ids[video],
            kind="watch",
            at=start + number,
            watch_ratio=0.5,
        )


def _drain(process: Leashed, is_done: Callable[[], bool], events: int) -> Cost:
    """Let a stopped process go on until it is done, then stop it again."""
    cpu, wall = _cpu_seconds(process.pid), time.perf_counter()
    process.kill(signal.SIGCONT)
    wait_until(is_done, _PATIENCE_S, what="the backlog to be drained")
    cpu, wall = _cpu_seconds(process.pid) - cpu, time.perf_counter() - wall
    process.kill(signal.SIGTERM)
    return Cost(cpu / events * 1e6, wall / events * 1e6)


def _cpu_seconds(pid: int) -> float:
    """Read the CPU time of all threads of a process, ended ones too; Linux only."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        raise OSError("the worker's benchmark reads CPU times from /proc, which only Linux has")
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
