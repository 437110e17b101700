"""A synthetic sample: viewers with tastes, videos with topics, all drawn from one seed.

It proves speed and robustness, never quality: that is claimed on real data only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from data.sources.data_set import DataSet
from data.sources.made_up import DAYS, HOUR_MS, START_MS, TOPICS, made_up_catalogue, names
from data.sources.table import COLUMNS, TEXT

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SITTINGS = 12  # occasions on which one user watches
_FAITH = 0.85  # how often a user watches a topic of their taste
_REACTIONS, _REPEATED, _LATE = 0.12, 0.005, 0.02  # shares of the rows


def make_sample(
    seed: int = 0, users: int = 2_000, videos: int = 1_000, events: int = 200_000
) -> DataSet:
    """Draw a sample: the same seed and sizes give the same sample.

    Every user likes one to three of twelve topics, and each sitting is about one of them. Within
    a topic popularity falls as 1 / rank (Zipf). Who watches what they like, and what is short,
    watches more of it; likes, shares, dislikes, hides and second thoughts follow from that.

    Parameters
    ----------
    seed
        Of all draws.
    users, videos, events
        How many; each at least 1. Some users and videos may end up without an event.

    Returns
    -------
    Rows in the order of arrival: 2 % come up to hours after they happened, 0.5 % twice.
    """
    rng = np.random.default_rng(seed)
    topics = rng.integers(len(TOPICS), size=videos)
    durations = np.clip(rng.lognormal(5.5, 0.9, videos), 20, 7200).round()
    reactions, repeated = int(events * _REACTIONS), int(events * _REPEATED)
    wanted = events - reactions - repeated
    watches = _draw_watches(rng, topics, durations, users, wanted + wanted // 2)
    again = watches.duplicated(["user", "video"])
    watches = watches.take(np.argsort(again, kind="stable")[:wanted])  # seen videos again last
    rows = pd.concat([watches, _draw_reactions(rng, watches, durations, reactions)])
    interactions = _in_order_of_arrival(rng, rows, repeated)
    interactions["user"] = names("u", users)[interactions["user"]]
    interactions["video"] = names("v", videos)[interactions["video"]]
    return DataSet(
        "synthetic sample",
        interactions.assign(rating=np.nan)[list(COLUMNS)].astype(dict.fromkeys(TEXT, object)),
        made_up_catalogue(rng, topics, durations),
        f"The sample is made up, from seed {seed}; its figures say nothing about quality.",
    )


def _draw_watches(
    rng: np.random.Generator,
    topics: NDArray[np.int64],
    durations: NDArray[np.float64],
    users: int,
    count: int,
) -> pd.DataFrame:
    """Draw who watched what, when, and how much of it; user and video are row numbers."""
    activity = rng.lognormal(0, 0.7, users)
    user = rng.choice(users, count, p=activity / activity.sum())
    sitting = rng.integers(_SITTINGS, size=count)
    tastes = rng.integers(len(TOPICS), size=(users, 3))
    topic = tastes[np.arange(users)[:, None], rng.integers(3, size=(users, _SITTINGS))]
    begins = START_MS + (rng.random((users, _SITTINGS)) * DAYS * 24 * HOUR_MS).astype(np.int64)
    faithful = rng.random(count) < _FAITH
    wanted = np.where(faithful, topic[user, sitting], rng.integers(len(TOPICS), size=count))
    video = _draw_videos(rng, topics, wanted)
    liked = (tastes[user] == topics[video][:, None]).any(axis=1)
    share = rng.beta(np.where(liked, 4, 1), 1 + durations[video] / 900)
    return pd.DataFrame(
        {
            "user": user,
            "video": video,
            "kind": "watch",
            "at": begins[user, sitting] + rng.integers(HOUR_MS, size=count),
            "watch_ratio": (share * rng.choice([1, 2], count, p=[0.97, 0.03])).round(3),
        }
    )


def _draw_videos(
    rng: np.random.Generator, topics: NDArray[np.int64], wanted: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Draw a video of each wanted topic, by Zipf; of any topic where that one has no videos."""
    order = np.lexsort((rng.random(len(topics)), topics))  # popularity knows nothing of ids
    bounds = np.searchsorted(topics[order], np.arange(len(TOPICS) + 1))
    ranks = np.arange(len(topics)) - bounds[topics[order]]
    cumulative = np.concatenate(([0.0], np.cumsum(1 / (1 + ranks))))
    low, high = cumulative[bounds[wanted]], cumulative[bounds[wanted + 1]]
    low, high = np.where(low < high, low, 0), np.where(low < high, high, cumulative[-1])
    drawn = low + (high - low) * rng.random(len(wanted))
    places = np.searchsorted(cumulative, drawn, side="right") - 1
    return order[np.minimum(places, len(topics) - 1)]


def _draw_reactions(
    rng: np.random.Generator, watches: pd.DataFrame, durations: NDArray[np.float64], count: int
) -> pd.DataFrame:
    """Draw what users said to some of what they watched, and how a few took it back later."""
    back = count // 20
    told = watches.take(rng.choice(len(watches), count - back, replace=False))
    pleased = told["watch_ratio"].to_numpy() > rng.uniform(0.1, 0.7, len(told))
    kinds = np.where(
        pleased,
        rng.choice(["like", "share"], len(told), p=[0.85, 0.15]),
        rng.choice(["dislike", "hide"], len(told), p=[0.8, 0.2]),
    )
    watched_ms = (durations[told["video"]] * 1000 * told["watch_ratio"]).astype(np.int64)
    pause = rng.integers(1_000, 20_000, size=len(told))
    told = told.assign(kind=kinds, at=told["at"] + watched_ms + pause, watch_ratio=np.nan)
    regretted = told.take(rng.choice(len(told), back, replace=False))
    later = regretted["at"] + rng.integers(1_000, HOUR_MS, size=back)
    return pd.concat([told, regretted.assign(kind="neutral", at=later)])


def _in_order_of_arrival(
    rng: np.random.Generator, rows: pd.DataFrame, repeated: int
) -> pd.DataFrame:
    """Send some rows twice and some late, as networks do."""
    twice = rows.take(rng.integers(len(rows), size=repeated))
    sent = pd.concat([rows, twice], ignore_index=True)
    late = rng.random(len(sent)) < _LATE
    delay = np.where(late, rng.exponential(HOUR_MS, len(sent)), 0)
    arrival = (sent["at"] + delay).to_numpy()
    return sent.take(np.argsort(arrival, kind="stable")).reset_index(drop=True)
