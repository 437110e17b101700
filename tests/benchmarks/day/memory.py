"""Memory of a worker that holds a large model, and while it swaps it for another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from data.heartbeats import Heartbeats
from data.redis_keys import RedisKeys
from tests.benchmarks.day.ground import Ground
from tests.benchmarks.day.processes import forget_greatest, greatest_memory, memory
from tests.benchmarks.day.traffic import uniform
from tests.benchmarks.day.workers import start_worker
from tests.benchmarks.day.worlds import few, tiled
from tests.benchmarks.report import Report
from tests.benchmarks.world import LARGE, make_world
from tests.builders import follow_ups
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from data.frozen_model import FrozenModel
    from tests.benchmarks.day.workers import Arm
    from tests.benchmarks.world import Size

_USERS: Final = 500
_FOLLOWERS: Final = 50  # of each video, as training keeps them
_MIB: Final = 2**20
_SPARE: Final = 200e6  # bytes
_PATIENCE_S: Final = 180.0


class Held(NamedTuple):
    """Bytes in memory: before a swap, at the worst moment of it, and after it."""

    before: int
    during: int
    after: int


def run(
    say: Callable[[str], None], size: Size = LARGE, times: int = 10, events: int = 1_500
) -> Report:
    """Measure; `say` is told what is being done."""
    say(f"memory: training {size.videos:,} videos × {size.factors} factors")
    world = tiled(few(make_world(size), _USERS), times)
    plain = world.model
    random = np.random.default_rng(0)
    following = replace(plain, follow_ups=follow_ups(random, plain.n_items, _FOLLOWERS))
    factors = plain.item_factors.nbytes
    rows = []
    with Ground(world) as ground:
        for name, model in (("no follow-ups", plain), (f"{_FOLLOWERS} follow-ups each", following)):
            say(f"memory: {plain.n_items:,} videos, {name}")
            rows.append(_row(name, factors, _swap(ground, model, events)))
    limits = [f"{(share * factors + _SPARE) / _MIB:,.0f}" for share in (2.5, 4.5, 2.5)]
    return Report(
        title=f"Memory of a worker with {plain.n_items:,} videos × {plain.n_factors} factors, MiB",
        conditions=[
            f"item factors of {factors / _MIB:.0f} MiB; what is resident after {events:,} events,",
            "the most until the next model serves, and what is after as many events again",
        ],
        columns=("", "before", "most during a swap", "after"),
        rows=[*rows, ("goal, at most", *limits)],
        notes=["goals: 2.5 × the factors + 200 MB, and 4.5 × the factors + 200 MB during a swap"],
    )


def _row(name: str, factors: int, held: Held) -> tuple[str, ...]:
    """Tell MiB, and what is beyond 200 MB as a multiple of the factors."""
    return name, *(f"{number / _MIB:,.0f} ({(number - _SPARE) / factors:.1f} ×)" for number in held)


def _swap(ground: Ground, model: FrozenModel, events: int) -> Held:
    topic = prefix = "plain" if model.follow_ups is None else "following"
    ground.create_topic(topic)
    ground.publish(prefix, model, "first")
    ground.reset([prefix])
    arm = start_worker(ground, prefix, topic=topic)
    (process,) = arm.processes
    _work(ground, arm, events)
    before = memory(process.pid)
    forget_greatest(process.pid)
    ground.publish(prefix, model, "second")
    beats = Heartbeats(ground.client, RedisKeys(prefix))

    def has_swapped() -> bool:
        return [beat.version for beat in beats.alive()] == ["second"]

    wait_until(has_swapped, _PATIENCE_S, what="a swap")
    during = greatest_memory(process.pid)
    _work(ground, arm, events)
    after = memory(process.pid)
    process.kill()
    return Held(before, during, after)


def _work(ground: Ground, arm: Arm, events: int) -> None:
    """Let it work on some events."""
    ground.send(uniform(len(ground.world.users), events, ground.sent[arm.topic]), arm.topic)
    sent = ground.sent[arm.topic]
    wait_until(lambda: arm.seen(sent), _PATIENCE_S, what=f"{sent:,} events")
