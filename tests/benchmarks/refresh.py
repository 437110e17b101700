"""The refresh, Redis included, against `implicit` with its lists written by plain SETs."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from data.confidence import ConfidenceParameters
from data.frozen_model import ModelVersion
from data.interaction import Interaction
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from data.user_store import UserStore
from deploy.embedded.redis_server import EmbeddedRedis
from stream_inference.recommend import Serving, news_of
from stream_inference.refresh import refresh
from stream_inference.write_back import write_back
from tests.benchmarks.numerics import their_model
from tests.benchmarks.report import Report
from tests.benchmarks.world import LARGE, Size, batch_of, draw_histories, make_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_training.merging.histories import Histories
    from data.frozen_model import FrozenModel
    from data.redis_connection import Client
    from tests.benchmarks.world import World

LENGTH: Final = 20
WHO: Final = LARGE._replace(users=5_000, events=600_000)  # about 105 videos each
THEIR_BATCH: Final = 4096  # what served `implicit` best, out of 64 and its doubles up to here
ACTIVE: Final = 10  # one user of so many went on watching after the night had read its input
_WATCHED: Final = 5  # videos since then

# Names of the runners, as the table shows them.
THEIRS: Final = "implicit: recommend, SET"
EMPTY: Final = "UpNext: refresh, empty Redis"
USUAL: Final = "UpNext: refresh, everybody is there"
SERVED_EMPTY: Final = "  by the default half-life, empty Redis"
SERVED_USUAL: Final = "  by the default half-life, everybody is there"


class Cost(NamedTuple):
    """Seconds: CPU of this process, CPU of Redis, and wall."""

    own: float
    redis: float
    wall: float


class Side(NamedTuple):
    """One way to give everybody a list: what has to stand in Redis before, and the run itself."""

    prepare: Callable[[], object]
    run: Callable[[], object]


def run(say: Callable[[str], None], size: Size = LARGE, who: Size = WHO, rounds: int = 5) -> Report:
    """Measure; `say` is told what is being done."""
    with threadpool_limits(1), EmbeddedRedis() as server:
        say(f"refresh: training {size.videos:,} videos × {size.factors} factors")
        world, histories = make_world(size), draw_histories(1, who)
        client = connect(server.url)
        sides = _sides(client, world, histories)
        costs: dict[str, list[Cost]] = {name: [] for name in sides}
        for number in range(rounds + 1):
            for name, side in sides.items():
                costs[name].append(_cost(client, side))
            say(f"refresh: round {number} of {rounds}")
        found = agreement(client, sides, [user for user, _ in histories.by_user()])
        client.close()
    lengths = histories.lengths
    return Report(
        title=f"Refresh: CPU time for a user's list of {LENGTH} in Redis",
        conditions=[
            str(world),
            f"{len(lengths):,} users; videos of each: {lengths.mean():.0f} on average, 99th",
            f"percentile {np.quantile(lengths, 0.99):.0f}, {lengths.max()} at most",
            f"median of {rounds} rounds by turns; Redis on the same machine, 1 thread each",
            f"implicit: recalculate_user=True, num_threads=1, {THEIR_BATCH} users a call, the best",
            "of a sweep; a pipeline for each call; ids and scores in JSON; it keeps no histories",
            f"everybody is there: under the activation before, one of {ACTIVE} with {_WATCHED}",
            "videos more than the night knows; implicit knows no half-life, the default has one",
        ],
        columns=("", "CPU µs", "Redis's own µs", "users/s", "times less"),
        rows=_rows(costs, len(lengths)),
        notes=[f"lists: {found} of {len(lengths)} name the same videos in the same order"],
    )


def agreement(client: Client, sides: dict[str, Side], users: list[str]) -> int:
    """Count the lists in which both sides name the same videos in the same order."""
    keys, named = RedisKeys(), []
    for name in (THEIRS, EMPTY):
        sides[name].prepare()
        sides[name].run()
        lists = [
            json.loads(text or b"null") for text in client.mget([keys.up_next(u) for u in users])
        ]
        named.append([_videos(shown) for shown in lists])
    return sum(ours == theirs for ours, theirs in zip(*named, strict=True))


def _videos(shown: dict[str, Any] | list[tuple[str, float]]) -> list[str]:
    """Name the videos of a list as either side writes it."""
    if isinstance(shown, dict):
        return [item["id"] for item in shown["items"]]
    return [video for video, _ in shown]


def _sides(client: Client, world: World, histories: Histories) -> dict[str, Side]:
    """Set everything up; a model without a half-life is the same for both, and one is served."""
    same = world.model
    served = replace(same, confidence=ConfidenceParameters(), follow_ups=world.follow_ups)
    store = UserStore(client, RedisKeys())
    live = news_of(_watched_since(histories))

    def night(model: FrozenModel, activation: int) -> None:
        serving = Serving(model, ModelVersion("benchmark"), activation)
        refresh(store, serving, histories.by_user(), length=LENGTH)

    def day() -> None:
        client.flushall()
        night(same, 1)
        write_back(store, Serving(same, ModelVersion("benchmark"), 1), live, LENGTH)

    return {
        THEIRS: Side(client.flushall, _theirs(client, world, histories)),
        EMPTY: Side(client.flushall, lambda: night(same, 1)),
        USUAL: Side(day, lambda: night(same, 2)),
        SERVED_EMPTY: Side(client.flushall, lambda: night(served, 1)),
        SERVED_USUAL: Side(day, lambda: night(served, 2)),
    }


def _watched_since(histories: Histories) -> list[Interaction]:
    """Draw what some users watched after the night had read its input."""
    random = np.random.default_rng(0)
    known = list(histories.by_user())[::ACTIVE]
    return [
        Interaction(
            user=user,
            video=str(random.choice(histories.videos)),
            kind="watch",
            at=history.newest_at + 1 + number,
            watch_ratio=0.5,
        )
        for user, history in known
        for number in range(_WATCHED)
    ]


def _theirs(client: Client, world: World, histories: Histories) -> Callable[[], None]:
    """Set implicit up as well as it can be: everything that can be prepared is."""
    users, known = zip(*histories.by_user(), strict=True)
    matrix = batch_of(world.model, users, known).matrix
    names, ids = [RedisKeys().up_next(user) for user in users], world.model.vocabulary.ids
    model = their_model(world)

    def run() -> None:
        for first in range(0, len(names), THEIR_BATCH):
            some = names[first : first + THEIR_BATCH]
            rows, scores = model.recommend(
                np.arange(len(some)),
                matrix[first : first + THEIR_BATCH],
                N=LENGTH,
                filter_already_liked_items=True,
                recalculate_user=True,
            )
            with client.pipeline(transaction=False) as pipe:
                for name, row, score in zip(some, rows.tolist(), scores.tolist(), strict=True):
                    videos = [ids[r] for r in row]
                    pipe.set(name, msgspec.json.encode(list(zip(videos, score, strict=True))))
                pipe.execute()

    return run


def _cost(client: Client, side: Side) -> Cost:
    """Run one side once, on a Redis that is prepared for it."""
    side.prepare()
    before = (time.process_time(), _cpu_of_redis(client), time.perf_counter())
    side.run()
    after = (time.process_time(), _cpu_of_redis(client), time.perf_counter())
    return Cost(*(b - a for a, b in zip(before, after, strict=True)))


def _cpu_of_redis(client: Client) -> float:
    """Ask the server for the CPU seconds that it took so far."""
    told = client.info("cpu")
    return float(told["used_cpu_sys"]) + float(told["used_cpu_user"])


def _rows(costs: dict[str, list[Cost]], users: int) -> list[tuple[str, ...]]:
    """Lay the medians out; the first round doesn't count, it fills caches."""
    medians = {
        name: Cost(*(statistics.median(values) for values in zip(*taken[1:], strict=True)))
        for name, taken in costs.items()
    }
    return [
        (
            name,
            f"{cost.own / users * 1e6:.0f}",
            f"{cost.redis / users * 1e6:.0f}",
            f"{users / cost.wall:,.0f}",
            f"{medians[THEIRS].own / cost.own:.2f}×",
        )
        for name, cost in medians.items()
    ]
