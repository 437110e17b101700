"""Traffic of a day: whose events come one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from data.interaction import Interaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.world import World

LIVE: Final = 200  # users in the middle of a burst at any time
BURST: Final = 5  # events of a burst, on average
_ZIPF: Final = 0.8


def uniform(users: int, count: int, seed: int) -> list[int]:
    """Draw users alike: the worst case for a worker that takes events of one user together."""
    drawn: list[int] = np.random.default_rng(seed).integers(users, size=count).tolist()
    return drawn


def bursts(users: int, count: int, seed: int, live_at_once: int = LIVE) -> list[int]:
    """Draw what people do: some are live at a time, a few events each, and some come often."""
    random = np.random.default_rng(seed)
    weights = np.arange(1, users + 1, dtype=np.float64) ** -_ZIPF
    newcomers = iter(
        random.choice(users, size=count + live_at_once, p=weights / weights.sum()).tolist()
    )
    live = [next(newcomers) for _ in range(live_at_once)]
    turns = random.integers(live_at_once, size=count).tolist()
    leaves = (random.random(count) < 1 / BURST).tolist()
    drawn = []
    for turn, is_last in zip(turns, leaves, strict=True):
        drawn.append(live[turn])
        if is_last:
            live[turn] = next(newcomers)
    return drawn


def distinct_share(drawn: list[int], batch: int) -> float:
    """Tell how many users there are for each event, in batches of that many."""
    parts = [drawn[first : first + batch] for first in range(0, len(drawn), batch)]
    return sum(len(set(part)) for part in parts) / len(drawn)


def events(world: World, drawn: list[int], start: int) -> Iterator[Interaction]:
    """Let each user watch a random video, each watch a moment later than the one before."""
    random = np.random.default_rng(start)
    videos = random.integers(world.model.n_items, size=len(drawn)).tolist()
    for number, (user, video) in enumerate(zip(drawn, videos, strict=True)):
        yield Interaction(
            user=world.users[user],
            video=world.model.vocabulary.ids[video],
            kind="watch",
            at=start + number,
            watch_ratio=0.5,
        )
