"""Nothing is broken: many random events through the real stack, against the oracle's replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tests.faults.day.table import Outcome, row, took_effect
from tests.integration.world import LIMIT, NOW_MS, traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.day.stage import Stage

    Plain = dict[str, Any]

_EACH: Final = 125  # events of a user: more than a history holds


@row(
    "nothing is broken, 50,000 events",
    promise="every history and every list is the oracle's",
    how="random events of all kinds, twice, late, of unknown videos; 2 workers on 4 partitions",
    runs=1,
)
def many_events(stage: Stage) -> Outcome:
    """Compare everybody's history and list."""
    return replay_everything(stage, 50_000)


@row(
    "nothing is broken, 2,000 events",
    promise="every history and every list is the oracle's",
    how="as above, fewer",
    runs=1,
    quick=True,
)
def some_events(stage: Stage) -> Outcome:
    """Compare everybody's history and list, in a moment."""
    return replay_everything(stage, 2_000)


@row(
    "a user with 100,000 events",
    promise="the newest videos are kept, the oldest go first; history and list are the oracle's",
    how="watches as fast as Kafka takes them: of 50,000 videos once, of 157 again and again;"
    " each tenth is late",
    runs=1,
)
def busy_user(stage: Stage) -> Outcome:
    """Let one user send more than a thousand times of what a history holds."""
    stage.start_workers(2)
    for event in _busy(100_000):
        stage.ledger.send(event)
    counts = stage.count(60)
    (stored,) = stage.stores.users.read_many(["busy"])
    kept = stored.history.videos
    new = sum(video.startswith("new") for video in kept)
    told = f"{len(kept)} videos are kept, {new} of them of those that came once"
    return Outcome(counts, took_effect(told, happened=len(kept) == LIMIT and new > 0))


def _busy(number: int) -> Iterator[Plain]:
    random = np.random.default_rng(number)
    for place in range(number):
        late = 0 if place % 10 else int(random.integers(100))
        yield {
            "user": "busy",
            "video": f"v{random.integers(1, 158)}" if place % 2 else f"new-{place}",
            "kind": "watch",
            "at": NOW_MS + 1000 * (place - late),
            "watch_ratio": round(float(random.random()), 3),
        }


def replay_everything(stage: Stage, number: int) -> Outcome:
    """Send random events as fast as the broker takes them, and count."""
    stage.start_workers(2)
    users = [f"random{user}" for user in range(number // _EACH)]
    for event in traffic(users, number, seed=number):
        stage.ledger.send(event)
    counts = stage.count(60)
    full = sum(len(stored.history) == LIMIT for stored in stage.stores.users.read_many(users))
    told = f"{len(users)} users, of whom {full} have a full history"
    return Outcome(counts, took_effect(told, happened=full > 0))
