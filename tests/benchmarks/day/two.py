"""Two worker processes against one, on the same partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from data.heartbeats import Heartbeats
from data.redis_keys import RedisKeys
from tests.benchmarks.day.draining import drain, median, stop
from tests.benchmarks.day.ground import Ground
from tests.benchmarks.day.traffic import uniform
from tests.benchmarks.day.workers import start_worker
from tests.benchmarks.report import Report
from tests.benchmarks.world import LARGE, make_world
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.day.draining import Cost
    from tests.benchmarks.day.workers import Arm
    from tests.benchmarks.world import Size

_FLEETS: Final = {"one worker": 1, "two workers": 2}
_SOME: Final = 200


def run(
    say: Callable[[str], None], size: Size = LARGE, events: int = 12_000, rounds: int = 3
) -> Report:
    """Measure; `say` is told what is being done."""
    say(f"two: training {size.videos:,} videos × {size.factors} factors")
    world = make_world(size)
    costs: dict[str, list[Cost]] = {name: [] for name in _FLEETS}
    with Ground(world) as ground:
        arms = {}
        for name, count in _FLEETS.items():
            topic = prefix = f"fleet-{count}"
            ground.create_topic(topic)
            ground.publish(prefix)
            arms[name] = start_worker(ground, prefix, topic=topic, count=count)
            ground.reset([prefix])
            _wait_for_all(ground, arms[name], count)
        stop(ground, arms.values())
        for number in range(1, rounds + 1):
            for name, arm in arms.items():
                say(f"two: {name}, round {number} of {rounds}")
                ground.reset([arm.topic])
                ground.send(uniform(len(world.users), events, number), arm.topic)
                costs[name].append(drain(ground, arm, events))
    found = {name: median(taken) for name, taken in costs.items()}
    return Report(
        title=f"Draining {events:,} waiting events from 4 partitions, by one worker and by two",
        conditions=[
            f"{world}; users drawn alike; Kafka and Redis on",
            f"the same cores; median of {rounds} rounds by turns",
        ],
        columns=("", "events/s", "CPU µs an event", "Redis µs", "cores in use"),
        rows=[_row(name, cost) for name, cost in found.items()],
        notes=[f"times one worker: {_ratio(found):.2f}"],
    )


def _wait_for_all(ground: Ground, arm: Arm, count: int) -> None:
    """Send events until each has had some."""
    beats = Heartbeats(ground.client, RedisKeys(arm.topic))

    def all_had_some() -> bool:
        ground.send(uniform(len(ground.world.users), _SOME, 0), arm.topic)
        return sum(beat.events > 0 for beat in beats.alive()) == count

    wait_until(all_had_some, 60, what=f"{count} workers at work", poll=0.5)


def _row(name: str, cost: Cost) -> tuple[str, ...]:
    cores = (cost.cpu_us + cost.redis_us) / cost.wall_us
    return (
        name,
        f"{cost.rate:,.0f}",
        f"{cost.cpu_us:.0f}",
        f"{cost.redis_us:.0f}",
        f"{cores:.2f}",
    )


def _ratio(found: dict[str, Cost]) -> float:
    one, two = found.values()
    return two.rate / one.rate
