"""CPU time of the whole worker for an event, against the obvious worker and a plain loop."""

from __future__ import annotations

import json
import signal
import statistics
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from data.redis_keys import RedisKeys
from data.user_store import UserStore
from deploy.kafka import EventSender
from tests.benchmarks.day import obvious_worker
from tests.benchmarks.day.ground import EVENTS, Ground
from tests.benchmarks.day.processes import cpu_seconds
from tests.benchmarks.day.traffic import BURST, LIVE, bursts, distinct_share, events, uniform
from tests.benchmarks.report import Report
from tests.benchmarks.world import LARGE, make_world
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.benchmarks.day.ground import Arm
    from tests.benchmarks.world import Size

    Draw = Callable[[int, int, int], list[int]]

OBVIOUS: Final = "the obvious worker"
PLAIN: Final = "plain aiokafka loop, our body"
OURS: Final = "the worker"
EMPTY: Final = "empty Faust agent"
FOLLOWING: Final = "the worker, with follow-ups"
_PREFIXES: Final = {PLAIN: "plain", OURS: "ours", FOLLOWING: "following"}
_WARM_UP: Final = 512  # events, after which every partition and every code path was met
_PATIENCE_S: Final = 300.0
_COMPARED: Final = 200  # users


class Cost(NamedTuple):
    """What draining a backlog took, for one event.

    Attributes
    ----------
    cpu_us, redis_us
        CPU time of the worker's and of Redis's process, all threads.
    wall_us
        Wall time.
    """

    cpu_us: float
    redis_us: float
    wall_us: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is drained.

    Attributes
    ----------
    events, rounds
        Events of a backlog, and how often each worker drains one.
    max_batch
        Most events of a micro-batch.
    """

    events: int = 8_000
    rounds: int = 5
    max_batch: int = 256


def run(say: Callable[[str], None], size: Size = LARGE, plan: Plan | None = None) -> Report:
    """Measure; `say` is told what is being done."""
    plan = plan or Plan()
    say(f"worker: training {size.videos:,} videos × {size.factors} factors")
    world = make_world(size)
    with Ground(world) as ground:
        race = _Race(ground, plan, say)
        even = race.run([EMPTY, OBVIOUS, PLAIN, OURS, FOLLOWING], uniform)
        bursting = race.run([OBVIOUS, OURS], bursts)
    rows = [*_rows(even, "even"), *_rows(bursting, "in bursts")]
    return Report(
        title=f"Draining {plan.events:,} waiting events: CPU time of the process for an event",
        conditions=[
            f"{world}; {len(world.users):,} users with {size.length} watched videos",
            "each; no follow-ups but in the row that says so; Kafka and Redis on the same cores;",
            f"median of {plan.rounds} rounds, in each of which all drain the same events one after",
            f"the other; at most {plan.max_batch} events a batch; bursts: {LIVE} users live at a",
            f"time, {BURST} events each on average, drawn by Zipf with exponent 0.8",
        ],
        columns=("", "traffic", "CPU µs", "obvious ÷ this", "this ÷ plain", "Redis µs", "events/s"),
        rows=rows,
        notes=[
            "goals: obvious ÷ worker at least 3 even and 5 in bursts, worker ÷ plain at most 1.2",
            f"after the first round {race.agreeing} lists name the same videos in the same order,",
            "whether the obvious worker, the plain loop or the worker made them",
            *_distinct(len(world.users), plan),
        ],
    )


class _Race:
    """Everybody drains the same events by turns, stopped while others have theirs."""

    def __init__(self, ground: Ground, plan: Plan, say: Callable[[str], None]) -> None:
        self._ground = ground
        self._plan = plan
        self._say = say
        self._start_at = 1 + ground.newest_at
        self._sent = 0
        self.agreeing = ""
        self._arms = _start(ground, plan)
        ground.reset(_PREFIXES.values())
        self._send(uniform, _WARM_UP)
        for name, arm in self._arms.items():
            wait_until(lambda: arm.seen(_WARM_UP), _PATIENCE_S, what=name)  # noqa: B023 - called at once
            arm.process.kill(signal.SIGSTOP)

    def run(self, names: list[str], draw: Draw) -> dict[str, Cost]:
        """Give the median cost of each, over all rounds."""
        costs: dict[str, list[Cost]] = {name: [] for name in names}
        for number in range(1, self._plan.rounds + 1):
            self._ground.reset(_PREFIXES.values())
            self._send(draw, self._plan.events)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                self._say(f"worker: round {number} of {self._plan.rounds}: {name}")
                costs[name].append(self._drain(self._arms[name]))
            self.agreeing = self.agreeing or _agreeing(self._ground)
        return {
            name: Cost(*map(statistics.median, zip(*c, strict=True))) for name, c in costs.items()
        }

    def _send(self, draw: Draw, count: int) -> None:
        drawn = draw(len(self._ground.world.users), count, self._sent)
        with EventSender(self._ground.kafka.bootstrap, EVENTS) as sender:
            for event in events(self._ground.world, drawn, self._start_at + self._sent):
                sender.send(event)
        self._sent += count

    def _drain(self, arm: Arm) -> Cost:
        """Let a stopped process go on until it has seen all, then stop it again."""
        pids = (arm.process.pid, self._ground.redis.pid)
        before, start = [cpu_seconds(pid) for pid in pids], time.perf_counter()
        arm.process.kill(signal.SIGCONT)
        wait_until(
            lambda: arm.seen(self._sent),
            _PATIENCE_S,
            what=f"a drained backlog, see {arm.process.log}",
        )
        wall = time.perf_counter() - start
        taken = [cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True)]
        arm.process.kill(signal.SIGSTOP)
        return Cost(*(1e6 * seconds / self._plan.events for seconds in (*taken, wall)))


def _start(ground: Ground, plan: Plan) -> dict[str, Arm]:
    total = 2 * plan.rounds
    counts = [_WARM_UP + number * plan.events for number in range(total + 1)]
    flags = ["--max-batch", str(plan.max_batch)]
    following = replace(ground.world.model, follow_ups=ground.world.follow_ups)
    return {
        EMPTY: ground.start_empty(counts),
        OBVIOUS: ground.start_obvious(counts),
        PLAIN: ground.start_plain(_PREFIXES[PLAIN], plan.max_batch, counts),
        OURS: ground.start_worker(_PREFIXES[OURS], flags=flags),
        FOLLOWING: ground.start_worker(_PREFIXES[FOLLOWING], following, flags),
    }


def _agreeing(ground: Ground) -> str:
    """Tell how many lists name the same videos in the same order, whoever made them."""
    users = ground.world.users[:_COMPARED]
    theirs = ground.client.mget([obvious_worker.list_key(user) for user in users])
    lists = [[[item["id"] for item in json.loads(value or b"[]")] for value in theirs]]
    for name in (PLAIN, OURS):
        shown = UserStore(ground.client, RedisKeys(_PREFIXES[name])).read_lists(users)
        lists.append([[item.id for item in up_next.items] if up_next else [] for up_next in shown])
    made = [alike for alike in zip(*lists, strict=True) if any(alike)]
    return f"{sum(a == b == c for a, b, c in made)} of {len(made)}"


def _rows(costs: Mapping[str, Cost], traffic: str) -> list[tuple[str, ...]]:
    obvious, plain = costs[OBVIOUS].cpu_us, costs.get(PLAIN)
    return [
        (
            name,
            traffic,
            f"{cost.cpu_us:.0f}",
            f"{obvious / cost.cpu_us:.2f}",
            f"{cost.cpu_us / plain.cpu_us:.2f}" if plain else "",
            f"{cost.redis_us:.0f}",
            f"{1e6 / cost.wall_us:,.0f}",
        )
        for name, cost in costs.items()
    ]


def _distinct(users: int, plan: Plan) -> list[str]:
    sizes = sorted({100, plan.max_batch, 512})
    drawn = bursts(users, plan.events, 1)
    shares = ", ".join(f"{distinct_share(drawn, size):.2f} in {size}" for size in sizes)
    return [f"users for each event in bursts, by the events of a batch: {shares}"]
