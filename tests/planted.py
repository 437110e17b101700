"""Small worlds with a known answer: what is next hangs on the last video, a few, fashion or taste.

Each is a list of likes in order of time, as plain dictionaries, the same for the same seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tests.builders import NOW_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Watch = Callable[[np.random.Generator, NDArray[np.float64]], Iterator[int]]

_TOPICS: Final = 12
_EACH: Final = 50  # videos of a topic, or episodes of a series
_RUN: Final = 8  # videos until a user goes on to something else
_CHANCE: Final = 1 / 3  # share of what users of a fixed taste watch beside it
_NEW: Final = 60  # videos that nobody watches before ...
_TURN: Final = 0.7  # ... this share of time has passed, and everybody after


def with_follow_ups(seed: int = 0, users: int = 200, each: int = 48) -> list[dict[str, Any]]:
    """Let episode follow upon episode: a run of one series, from anywhere in it, then another.

    All that was liked says which series, but only the last episode says which comes next.
    """
    return _world(seed, users, each, _episodes)


def with_drifting_taste(seed: int = 0, users: int = 200, each: int = 48) -> list[dict[str, Any]]:
    """Let taste drift: a run of one topic in any order, then another.

    The last few videos say the topic, which is all that can be known of the next.
    """
    return _world(seed, users, each, _drifting)


def with_fashion(seed: int = 0, users: int = 200, each: int = 48) -> list[dict[str, Any]]:
    """Let everybody turn from old videos to a few new ones; which of them is chance."""
    return _world(seed, users, each, _fashionable)


def with_fixed_taste(seed: int = 0, users: int = 200, each: int = 48) -> list[dict[str, Any]]:
    """Let each user like two topics for good, in random order, a third of it by chance.

    The last videos say no more than any others, rather less; nothing follows upon anything, and
    nothing is more in fashion than it was.
    """
    return _world(seed, users, each, _faithful)


def _world(seed: int, users: int, each: int, watch: Watch) -> list[dict[str, Any]]:
    """Spread what every user watches over the same time, each in the given order."""
    random = np.random.default_rng(seed)
    places = np.sort(random.permutation(users * each).reshape(users, each), axis=1)
    rows = [
        {"user": f"u{user}", "video": f"v{video}", "kind": "like", "at": NOW_MS + 1_000 * place}
        for user in range(users)
        for video, place in zip(
            watch(random, places[user] / places.size), places[user].tolist(), strict=True
        )
    ]
    return sorted(rows, key=lambda row: row["at"])


def _episodes(random: np.random.Generator, when: NDArray[np.float64]) -> Iterator[int]:
    """Watch runs of different series; no episode twice."""
    for series in random.permutation(_TOPICS)[: len(when) // _RUN].tolist():
        first = series * _EACH + int(random.integers(_EACH - _RUN + 1))
        yield from range(first, first + _RUN)


def _drifting(random: np.random.Generator, when: NDArray[np.float64]) -> Iterator[int]:
    """Watch runs of different topics; no video twice."""
    for topic in random.permutation(_TOPICS)[: len(when) // _RUN].tolist():
        yield from (topic * _EACH + random.choice(_EACH, _RUN, replace=False)).tolist()


def _fashionable(random: np.random.Generator, when: NDArray[np.float64]) -> Iterator[int]:
    """Watch the old videos, then the new ones; no video twice."""
    old = int(np.count_nonzero(when < _TURN))
    yield from random.choice(_TOPICS * _EACH - _NEW, old, replace=False).tolist()
    yield from (_TOPICS * _EACH - 1 - random.permutation(_NEW)[: len(when) - old]).tolist()


def _faithful(random: np.random.Generator, when: NDArray[np.float64]) -> Iterator[int]:
    """Watch two topics, and anything, mixed; no video twice."""
    tastes = random.permutation(_TOPICS)[:2]
    liked = np.isin(np.arange(_TOPICS * _EACH) // _EACH, tastes)
    share = np.where(liked, (1 - _CHANCE) / liked.sum(), _CHANCE / (~liked).sum())
    yield from random.choice(_TOPICS * _EACH, len(when), replace=False, p=share).tolist()
