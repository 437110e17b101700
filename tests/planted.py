"""Small worlds with a known answer: what comes next follows from the last video, or few, or taste.

Each is a list of likes in order of time, as plain dictionaries, the same for the same seed. All
videos are as popular as one another, so that nothing else is to be learnt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tests.builders import NOW_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Watch = Callable[[np.random.Generator, int], Iterator[int]]

TOPICS: Final = 12
_EACH: Final = 50  # videos of a topic, or episodes of a series
_RUN: Final = 8  # videos until the user goes on to something else
_CHANCE: Final = 1 / 3  # share of what users of a fixed taste watch beside it


def with_follow_ups(seed: int = 0, users: int = 200, each: int = 48) -> list[dict[str, Any]]:
    """Let episode follow upon episode: a run of one series, from anywhere in it, then another.

    What is liked says which series, but only the last episode says which comes next.
    """
    return _world(seed, users, each, _episodes)


def with_drifting_taste(seed: int = 0, users: int = 200, each: int = 48) -> list[dict[str, Any]]:
    """Let taste drift: a run of one topic in any order, then another.

    The last few videos say the topic, which is all that can be known of the next.
    """
    return _world(seed, users, each, _drifting)


def with_fixed_taste(seed: int = 0, users: int = 200, each: int = 48) -> list[dict[str, Any]]:
    """Let each user like three topics for good, in random order, a third of it by chance.

    The last videos say no more than any others, rather less, and nothing follows upon anything.
    """
    return _world(seed, users, each, _faithful)


def _world(seed: int, users: int, each: int, watch: Watch) -> list[dict[str, Any]]:
    """Spread what every user watches over the same time, each in the given order."""
    random = np.random.default_rng(seed)
    times = NOW_MS - 1_000 * random.permutation(users * each).reshape(users, each)
    rows = [
        {"user": f"u{user}", "video": f"v{video}", "kind": "like", "at": at}
        for user in range(users)
        for video, at in zip(watch(random, each), np.sort(times[user]).tolist(), strict=True)
    ]
    return sorted(rows, key=lambda row: row["at"])


def _episodes(random: np.random.Generator, count: int) -> Iterator[int]:
    """Watch runs of different series; no episode twice."""
    for series in random.permutation(TOPICS)[: -(-count // _RUN)].tolist():
        first = int(random.integers(_EACH - _RUN + 1))
        yield from range(series * _EACH + first, series * _EACH + first + _RUN)


def _drifting(random: np.random.Generator, count: int) -> Iterator[int]:
    """Watch runs of different topics; no video twice."""
    for topic in random.permutation(TOPICS)[: -(-count // _RUN)].tolist():
        yield from (topic * _EACH + random.choice(_EACH, _RUN, replace=False)).tolist()


def _faithful(random: np.random.Generator, count: int) -> Iterator[int]:
    """Watch three topics, and anything, mixed; no video twice."""
    tastes = random.permutation(TOPICS)[:3]
    liked = np.isin(np.arange(TOPICS * _EACH) // _EACH, tastes)
    share = np.where(liked, (1 - _CHANCE) / liked.sum(), _CHANCE / (~liked).sum())
    yield from random.choice(TOPICS * _EACH, count, replace=False, p=share).tolist()
