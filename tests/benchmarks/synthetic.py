"""A made-up history of any size: few users are busy, few videos popular, and tastes show.

It is drawn and written a batch at a time, so that memory doesn't grow with it. It proves speed and
size, never quality.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from batch_training.events import (
    COLUMNS,
    DISLIKE,
    HIDE,
    LIKE,
    NEUTRAL,
    RATING,
    SHARE,
    WATCH,
    Events,
)
from data.interaction import KINDS
from data.sources.made_up import START_MS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

TOPICS: Final = 40
TASTES: Final = 3  # topics of a user
DAYS: Final = 90
REACTIONS, REPEATED, LATE = 0.12, 0.005, 0.02  # shares of the rows

_BATCH: Final = 1_000_000  # rows
_FAITH: Final = 0.85  # how often a user watches a topic of their taste
_FLAT: Final = 10  # flattens the head of the popularity, so that few videos are watched again
_DAY_MS, _HOUR_MS, _MINUTE_MS = 86_400_000, 3_600_000, 60_000
_PLEASED, _DISPLEASED = (LIKE, SHARE, RATING), (DISLIKE, HIDE, RATING)
_HOW_OFTEN: Final = (0.75, 0.1, 0.15)  # of those kinds, in this order
_REGRETTED: Final = 0.05  # share of the reactions


class Size(NamedTuple):
    """How much to draw."""

    users: int
    videos: int
    events: int

    @classmethod
    def of(cls, events: int) -> Self:
        """Give as many users and videos as belong to so many events: 150,000 and 50,000 to 20 M."""
        return cls(users=events * 3 // 400, videos=events // 400, events=events)


def write_history(path: Path, size: Size, seed: int = 0) -> None:
    """Write a Parquet file of interactions, in the order in which they arrived."""
    with pq.ParquetWriter(path, _SCHEMA) as writer:
        for events in draw_batches(size, seed):
            writer.write_table(_table(events))


def draw_history(size: Size, seed: int = 0) -> Events:
    """Draw a history that memory can hold; see `draw_batches`."""
    batches = list(draw_batches(size, seed))
    return Events.joined(batches[0].users, batches[0].videos, batches)


def draw_batches(size: Size, seed: int = 0) -> Iterator[Events]:
    """Draw a history: the same seed and size give the same one.

    Activity is log-normal; popularity falls as 1 / (10 + rank) (Zipf and Mandelbrot) within each of
    40 topics, of which every user likes three. Who watches what they like watches more of it, and
    likes, ratings, dislikes and hides follow from that. 0.5 % of the rows come twice, 2 % late.

    Returns
    -------
    Batches that share their ids, in rough order of time, spread over 90 days.
    """
    rng = np.random.default_rng(seed)
    world = _World.draw(rng, size)
    count = -(-size.events // _BATCH)
    bounds = np.linspace(0, size.events, count + 1).astype(np.int64)
    times = START_MS + (bounds / size.events * DAYS * _DAY_MS).astype(np.int64)
    for batch in range(count):
        yield world.batch(rng, int(bounds[batch + 1] - bounds[batch]), *times[batch : batch + 2])


class _World(NamedTuple):
    """Who there is, and what they like.

    Attributes
    ----------
    activity, popularity
        Cumulative shares of the users, and of the ranks within a topic.
    tastes
        Shape (n_users, TASTES): topics.
    """

    users: list[str]
    videos: list[str]
    activity: NDArray[np.float64]
    popularity: NDArray[np.float64]
    tastes: NDArray[np.int64]

    @classmethod
    def draw(cls, rng: np.random.Generator, size: Size) -> Self:
        return cls(
            users=[f"user-{number}" for number in range(size.users)],
            videos=[f"video-{number}" for number in range(size.videos)],
            activity=_cumulative(rng.lognormal(0, 1, size.users)),
            popularity=_cumulative(1 / (_FLAT + np.arange(1, size.videos // TOPICS + 1))),
            tastes=rng.integers(TOPICS, size=(size.users, TASTES)),
        )

    def batch(self, rng: np.random.Generator, count: int, begin: int, end: int) -> Events:
        """Draw what happened between two moments, in the order of arrival."""
        user = np.searchsorted(self.activity, rng.random(count))
        topic = self.tastes[user, rng.integers(TASTES, size=count)]
        topic = np.where(rng.random(count) < _FAITH, topic, rng.integers(TOPICS, size=count))
        rank = np.searchsorted(self.popularity, rng.random(count))
        is_liked = (self.tastes[user] == topic[:, None]).any(axis=1)
        columns = {
            "user": user,
            "video": rank * TOPICS + topic,
            "kind": np.full(count, WATCH),
            "at": rng.integers(begin, end, size=count),
            "watch_ratio": (rng.random(count) ** np.where(is_liked, 0.4, 2.5)).round(3),
            "rating": np.full(count, np.nan),
        }
        _react(rng, columns)
        _repeat(rng, columns)
        delay = rng.exponential(_HOUR_MS, count) * (rng.random(count) < LATE)
        arrival = np.argsort(columns["at"] + delay, kind="stable")
        drawn = {name: columns[name][arrival].astype(kind) for name, kind in COLUMNS.items()}
        return Events(users=self.users, videos=self.videos, **drawn)


def _react(rng: np.random.Generator, columns: dict[str, NDArray[Any]]) -> None:
    """Let some rows be what users said to some of the others."""
    said, watched = _some(rng, len(columns["at"]), REACTIONS)
    is_pleased = columns["watch_ratio"][watched] > rng.uniform(0.1, 0.7, len(said))
    kind = np.where(
        is_pleased,
        rng.choice(_PLEASED, len(said), p=_HOW_OFTEN),
        rng.choice(_DISPLEASED, len(said), p=_HOW_OFTEN),
    )
    stars = rng.integers(1, 3, len(said)) + 3.0 * is_pleased
    kind = np.where(rng.random(len(said)) < _REGRETTED, NEUTRAL, kind)
    columns["kind"][said] = kind
    columns["user"][said] = columns["user"][watched]
    columns["video"][said] = columns["video"][watched]
    columns["at"][said] = columns["at"][watched] + rng.integers(_MINUTE_MS, size=len(said))
    columns["watch_ratio"][said] = np.nan
    columns["rating"][said] = np.where(kind == RATING, stars, np.nan)


def _repeat(rng: np.random.Generator, columns: dict[str, NDArray[Any]]) -> None:
    """Let some rows be sent twice."""
    again, sent = _some(rng, len(columns["at"]), REPEATED)
    for column in columns.values():
        column[again] = column[sent]


def _some(
    rng: np.random.Generator, count: int, share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw a share of the rows, and for each of them one of the rest."""
    chosen = rng.random(count) < share
    rest = np.flatnonzero(~chosen)
    return np.flatnonzero(chosen), rng.choice(rest, int(np.count_nonzero(chosen)))


def _cumulative(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the cumulative shares, the last of them 1."""
    sums = np.cumsum(weights)
    shares: NDArray[np.float64] = sums / sums[-1]
    return shares


_IDS: Final = pa.dictionary(pa.int32(), pa.string())
_SCHEMA: Final = pa.schema(
    {
        "user": _IDS,
        "video": _IDS,
        "kind": pa.dictionary(pa.int8(), pa.string()),
        "at": pa.int64(),
        "watch_ratio": pa.float64(),
        "rating": pa.float64(),
    }
)


def _table(events: Events) -> pa.Table:
    """Give events as a file holds them: ids for codes, nothing for NaN."""
    texts = {"user": events.users, "video": events.videos, "kind": KINDS}
    columns = [
        pa.DictionaryArray.from_arrays(getattr(events, name), pa.array(texts[name]))
        if name in texts
        else pa.array(getattr(events, name), from_pandas=True)
        for name in COLUMNS
    ]
    return pa.table(columns, schema=_SCHEMA)
