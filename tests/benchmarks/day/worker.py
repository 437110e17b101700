"""CPU time of the whole worker for an event, against the obvious worker and a plain loop."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from data.redis_keys import RedisKeys
from data.user_store import UserStore
from stream_inference.batch_bound import DEFAULT_MAX_BATCH
from tests.benchmarks.day import obvious_worker
from tests.benchmarks.day.draining import drain, median, stop
from tests.benchmarks.day.ground import Ground
from tests.benchmarks.day.traffic import BURST, LIVE, bursts, distinct_share, uniform
from tests.benchmarks.day.workers import start_empty, start_obvious, start_plain, start_worker
from tests.benchmarks.report import Report
from tests.benchmarks.world import LARGE, make_world

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.benchmarks.day.draining import Cost
    from tests.benchmarks.day.workers import Arm
    from tests.benchmarks.world import Size

    Draw = Callable[[int, int, int], list[int]]

OBVIOUS: Final = "the obvious worker"
PLAIN: Final = "plain aiokafka loop, our body"
OURS: Final = "the worker"
EMPTY: Final = "empty Faust agent"
FOLLOWING: Final = "the worker, with follow-ups"
_PREFIXES: Final = {PLAIN: "plain", OURS: "ours", FOLLOWING: "following"}
_WARM_UP: Final = 512  # events, after which every partition and every code path was met
_COMPARED: Final = 200  # users


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
    max_batch: int = DEFAULT_MAX_BATCH


def run(say: Callable[[str], None], size: Size = LARGE, plan: Plan | None = None) -> Report:
    """Measure; `say` is told what is being done."""
    plan = plan or Plan()
    say(f"worker: training {size.videos:,} videos × {size.factors} factors")
    world = make_world(size)
    with Ground(world) as ground:
        race = _Race(ground, plan, say)
        even = race.run([EMPTY, OBVIOUS, PLAIN, OURS, FOLLOWING], uniform)
        bursting = race.run([OBVIOUS, OURS], bursts)
    against_even = even[OBVIOUS].cpu_us / bursting[OURS].cpu_us
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
            f"the obvious worker even ÷ the worker in bursts: {against_even:.2f}",
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
        self._arms = _start(ground, plan)
        self.agreeing = ""
        ground.reset(_PREFIXES.values())
        ground.send(uniform(len(ground.world.users), _WARM_UP, 0))
        stop(ground, self._arms.values())

    def run(self, names: list[str], draw: Draw) -> dict[str, Cost]:
        """Give the median cost of each, over all rounds."""
        costs: dict[str, list[Cost]] = {name: [] for name in names}
        for number in range(1, self._plan.rounds + 1):
            self._ground.reset(_PREFIXES.values())
            self._ground.send(draw(len(self._ground.world.users), self._plan.events, number))
            for name in names[number % len(names) :] + names[: number % len(names)]:
                self._say(f"worker: round {number} of {self._plan.rounds}: {name}")
                costs[name].append(drain(self._ground, self._arms[name], self._plan.events))
            self.agreeing = self.agreeing or _agreeing(self._ground)
        return {name: median(taken) for name, taken in costs.items()}


def _start(ground: Ground, plan: Plan) -> dict[str, Arm]:
    counts = [_WARM_UP + number * plan.events for number in range(2 * plan.rounds + 1)]
    flags = ["--max-batch", str(plan.max_batch)]
    ground.publish(_PREFIXES[PLAIN])
    ground.publish(_PREFIXES[OURS])
    follow_ups = ground.world.follow_ups
    ground.publish(_PREFIXES[FOLLOWING], replace(ground.world.model, follow_ups=follow_ups))
    return {
        EMPTY: start_empty(ground, counts),
        OBVIOUS: start_obvious(ground, counts),
        PLAIN: start_plain(ground, _PREFIXES[PLAIN], plan.max_batch, counts),
        OURS: start_worker(ground, _PREFIXES[OURS], flags),
        FOLLOWING: start_worker(ground, _PREFIXES[FOLLOWING], flags),
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
            f"{cost.rate:,.0f}",
        )
        for name, cost in costs.items()
    ]


def _distinct(users: int, plan: Plan) -> list[str]:
    sizes = sorted({100, plan.max_batch, 256})
    drawn = bursts(users, plan.events, 1)
    shares = ", ".join(f"{distinct_share(drawn, size):.2f} in {size}" for size in sizes)
    return [f"users for each event in bursts, by the events of a batch: {shares}"]
