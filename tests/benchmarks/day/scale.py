"""Events per second at saturation: by videos, by users in flight, and by the size of a batch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.benchmarks.day import pictures
from tests.benchmarks.day.draining import drain, stop
from tests.benchmarks.day.ground import Ground
from tests.benchmarks.day.traffic import BURST, bursts, uniform
from tests.benchmarks.day.workers import start_worker
from tests.benchmarks.day.worlds import few, tiled
from tests.benchmarks.report import Report
from tests.benchmarks.world import LARGE, Size, make_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.benchmarks.day.draining import Cost
    from tests.benchmarks.world import World

IN_FLIGHT: Final = (1, 10, 100)
BATCHES: Final = (1, 4, 16, 64, 256, 512)
_USERS: Final = 1_000
_WARM_UP: Final = 200
_UNBOUNDED: Final = ("--max-batch-ms", "10000")


class Sizes(NamedTuple):
    """What is measured.

    Attributes
    ----------
    small, large
        Two worlds that are trained.
    times
        The third world: the large one, that many times.
    events
        In a backlog, with each of the three.
    """

    small: Size = Size(users=6_000, videos=1_000, events=400_000)
    large: Size = LARGE
    times: int = 10
    events: tuple[int, int, int] = (8_000, 6_000, 2_000)


def run(
    say: Callable[[str], None], sizes: Sizes | None = None, folder: Path | None = pictures.DOCS
) -> Report:
    """Measure how the cost grows; `say` is told what is being done."""
    sizes = sizes or Sizes()
    say("scale: training two models")
    large = few(make_world(sizes.large), _USERS)
    worlds = [few(make_world(sizes.small), _USERS), large, tiled(large, sizes.times)]
    found = {
        world.model.n_items: _in_flight(world, events, say)
        for world, events in zip(worlds, sizes.events, strict=True)
    }
    if folder:
        rates = {
            f"{live} in flight": [(float(n), costs[live].rate) for n, costs in found.items()]
            for live in IN_FLIGHT
        }
        (folder / "day-by-videos.svg").write_text(pictures.by_videos(rates))
    return Report(
        title="Draining what waits, by videos and users in flight: events/s (CPU µs an event)",
        conditions=[
            f"{large}; so was the small",
            f"one, and the large one is the middle one {sizes.times} times, with noise on its",
            f"factors; histories of {sizes.large.length} videos; so many users are live at a time,",
            f"{BURST} events each; the worker with its defaults; Kafka and Redis on the same cores",
        ],
        columns=("videos", *(f"{live} in flight" for live in IN_FLIGHT)),
        rows=[
            (f"{n:,}", *(f"{c.rate:,.0f} ({c.cpu_us:.0f})" for c in costs.values()))
            for n, costs in found.items()
        ],
        notes=[],
    )


def _in_flight(world: World, events: int, say: Callable[[str], None]) -> dict[int, Cost]:
    costs = {}
    with Ground(world) as ground:
        ground.publish("scale")
        ground.reset(["scale"])
        arm = start_worker(ground, "scale")
        ground.send(uniform(len(ground.world.users), _WARM_UP, 0))
        stop(ground, [arm])
        for live in IN_FLIGHT:
            say(f"scale: {world.model.n_items:,} videos, {live} users in flight")
            ground.reset(["scale"])
            ground.send(bursts(len(ground.world.users), events, live, live_at_once=live))
            costs[live] = drain(ground, arm, events)
    return costs


def run_batches(
    say: Callable[[str], None],
    size: Size = LARGE,
    events: int = 4_000,
    folder: Path | None = pictures.DOCS,
) -> Report:
    """Measure throughput against the size of a batch; `say` is told what is being done."""
    say(f"batches: training {size.videos:,} videos × {size.factors} factors")
    world = make_world(size)
    with Ground(world) as ground:
        costs = {most: _batch(ground, most, events, say) for most in BATCHES}
    if folder:
        points = [(float(most), cost.rate) for most, cost in costs.items()]
        (folder / "day-by-batch.svg").write_text(pictures.by_batch(points))
    return Report(
        title="Draining what waits, by the most events of a batch",
        conditions=[
            f"{world}; users drawn alike out of {len(world.users):,};",
            "no bound on the time of a batch; Kafka and Redis on the same cores; one round",
        ],
        columns=("events a batch", "events/s", "CPU µs an event", "ms a batch"),
        rows=[
            (
                f"{most}",
                f"{cost.rate:,.0f}",
                f"{cost.cpu_us:.0f}",
                f"{most * cost.wall_us / 1000:.0f}",
            )
            for most, cost in costs.items()
        ],
        notes=[],
    )


def _batch(ground: Ground, most: int, events: int, say: Callable[[str], None]) -> Cost:
    say(f"batches: at most {most} events")
    name = f"batch-{most}"
    draw = partial(uniform, len(ground.world.users))
    ground.create_topic(name)
    ground.publish(name)
    ground.reset([name])
    arm = start_worker(ground, name, ["--max-batch", str(most), *_UNBOUNDED], name)
    ground.send(draw(max(_WARM_UP, 4 * most), 0), name)
    stop(ground, [arm])
    few_events = max(min(events, 250 * most), 500)  # one by one takes long, and says it soon
    ground.send(draw(few_events, most), name)
    return drain(ground, arm, few_events)
