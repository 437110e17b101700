"""Made-up data whose truth is known: what each user would think of each video.

They show what a signal is worth, which real data can't: nobody knows there what was wanted. What
users do is biased as it is in life. They click on what looks good, which need not be good; who
isn't taken soon leaves; how much of a video is watched hangs on its duration; few say what they
think.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from data.sources.data_set import DataSet
from data.sources.made_up import DAYS, HOUR_MS, START_MS, TOPICS, made_up_catalogue, names
from data.sources.table import COLUMNS, TEXT

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIMENSIONS: Final = 6  # of a taste
_CLICKS_BY_TASTE: Final = 0.6  # weight of the affinity in a click, beside the looks with 1
_INTEREST_S: Final = 90.0  # median time that a video of ordinary affinity holds its viewer
_BY_AFFINITY, _BY_DURATION, _BY_CHANCE = 0.8, 0.3, 0.7  # how the log of that time varies
_LEAVING_S: Final = 4.0  # mean time after which leaves who isn't taken


class KnownTastes(NamedTuple):
    """Data and their truth.

    Attributes
    ----------
    data_set
        Watches, likes, dislikes and hides in order of time, with the durations.
    affinity
        What a user thinks of a video, of mean 0 and deviation 1; float32, shape
        (n_users, n_videos). User ``u1`` has row 0, video ``v1`` column 0.
    """

    data_set: DataSet
    affinity: NDArray[np.float32]


def make_known_tastes(
    seed: int = 0, users: int = 1_000, videos: int = 600, watches: int = 40
) -> KnownTastes:
    """Draw data: the same seed and sizes give the same.

    Parameters
    ----------
    seed
        Of all draws.
    users, videos
        How many; each at least 1.
    watches
        Videos that the median user watches, each once.
    """
    rng = np.random.default_rng(seed)
    topics = rng.integers(len(TOPICS), size=videos)
    durations = np.clip(rng.lognormal(5.0, 1.2, videos), 8, 7200).round()
    affinity = _affinity(rng, topics, users)
    seen = _clicks(rng, affinity, watches)
    felt = affinity[seen["user"], seen["video"]]
    watched = seen.assign(
        kind="watch",
        watch_ratio=_watch_ratio(rng, felt, durations[seen["video"]]),
        at=START_MS + rng.integers(DAYS * 24 * HOUR_MS, size=len(seen)),
    )
    rows = pd.concat([watched, _reactions(rng, watched, felt, durations)]).sort_values("at")
    rows["user"] = names("u", users)[rows["user"]]
    rows["video"] = names("v", videos)[rows["video"]]
    data_set = DataSet(
        "known tastes",
        rows.assign(rating=np.nan)[list(COLUMNS)].astype(dict.fromkeys(TEXT, object)),
        made_up_catalogue(rng, topics, durations),
        f"The data are made up, from seed {seed}, so that the truth is known.",
    )
    return KnownTastes(data_set, affinity)


def _affinity(
    rng: np.random.Generator, topics: NDArray[np.int64], users: int
) -> NDArray[np.float32]:
    """Draw tastes, and how good each video is for everybody."""
    topic = rng.normal(size=(len(TOPICS), _DIMENSIONS))[topics]
    videos = topic + 0.6 * rng.normal(size=topic.shape)
    quality = rng.normal(size=len(topics))
    affinity = rng.normal(size=(users, _DIMENSIONS)) @ videos.T + quality
    scaled: NDArray[np.float64] = (affinity - affinity.mean()) / affinity.std()
    return scaled.astype(np.float32)


def _clicks(rng: np.random.Generator, affinity: NDArray[np.float32], watches: int) -> pd.DataFrame:
    """Draw what each user watches: by looks, and a little by taste; as row numbers."""
    n_users, n_videos = affinity.shape
    appeal = rng.normal(size=n_videos) + _CLICKS_BY_TASTE * affinity
    order = np.argsort(-appeal - rng.gumbel(size=affinity.shape), axis=1)
    most = max(n_videos // 2, 1)  # so that something is left to list
    counts = np.clip(watches * rng.lognormal(0, 0.5, n_users), 1, most).astype(np.int64)
    chosen = np.arange(n_videos) < counts[:, None]
    return pd.DataFrame({"user": np.repeat(np.arange(n_users), counts), "video": order[chosen]})


def _watch_ratio(
    rng: np.random.Generator, felt: NDArray[np.float32], durations: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Draw how much is watched: until the interest is over or the video ends, or they leave."""
    interest = (
        np.log(_INTEREST_S)
        + _BY_AFFINITY * felt
        + _BY_DURATION * np.log(durations / np.median(durations))
        + _BY_CHANCE * rng.normal(size=len(felt))
    )
    leaves = rng.random(len(felt)) < _logistic(-1 - 1.5 * felt)
    seconds = np.where(leaves, rng.exponential(_LEAVING_S, len(felt)), np.exp(interest))
    ratio: NDArray[np.float64] = (np.minimum(seconds, durations) / durations).round(4)
    return ratio


def _reactions(
    rng: np.random.Generator,
    watched: pd.DataFrame,
    felt: NDArray[np.float32],
    durations: NDArray[np.float64],
) -> pd.DataFrame:
    """Draw what some say of what they watched, a while later."""
    shares = (
        ("like", 0.25 * _logistic(3 * felt - 3)),
        ("dislike", 0.25 * _logistic(-3 * felt - 3)),
        ("hide", 0.15 * _logistic(-3 * felt - 4.5)),
    )
    told = []
    for kind, share in shares:
        those = watched[rng.random(len(watched)) < share]
        pause = rng.integers(1_000, 20_000, size=len(those))
        lasted = (those["watch_ratio"] * durations[those["video"]] * 1000).astype(np.int64)
        told.append(those.assign(kind=kind, watch_ratio=np.nan, at=those["at"] + lasted + pause))
    return pd.concat(told)


def _logistic(x: NDArray[np.floating]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x.astype(np.float64)))
