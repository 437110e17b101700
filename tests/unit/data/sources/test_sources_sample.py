"""The synthetic sample: what it promises to those who train and show on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd
import pytest

from data.interaction import EventLimits, Interaction, Kind, check
from data.sources.made_up import TOPICS
from data.sources.sample import make_sample
from data.sources.table import COLUMNS

if TYPE_CHECKING:
    from data.sources.data_set import DataSet


@pytest.fixture(scope="module")
def sample() -> DataSet:
    """Give a sample of middling size."""
    return make_sample(seed=1, users=300, videos=400, events=20_000)


def test_the_seed_decides_everything() -> None:
    """The same seed gives the same sample, another seed another."""
    first, again, other = (make_sample(seed, 20, 30, 500) for seed in (1, 1, 2))

    pd.testing.assert_frame_equal(first.interactions, again.interactions)
    assert first.catalogue == again.catalogue
    assert not first.interactions.equals(other.interactions)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 2, 5), (1, 50, 200), (50, 1, 20)], ids=str)
def test_any_size_can_be_had(sizes: tuple[int, int, int]) -> None:
    """There are as many rows and videos as were asked for, down to one."""
    made = make_sample(0, *sizes)

    assert (len(made.catalogue), len(made.interactions)) == sizes[1:]


def test_every_row_is_a_valid_interaction(sample: DataSet) -> None:
    """No row would be refused, all kinds but ratings occur, and all videos are catalogued."""
    assert list(sample.interactions.columns) == list(COLUMNS)
    limits, now = EventLimits(), int(sample.interactions["at"].max())
    for row in sample.interactions.drop(columns="rating").to_dict("records"):
        ratio = None if pd.isna(row["watch_ratio"]) else row["watch_ratio"]
        check(
            Interaction(**{str(k): v for k, v in row.items()} | {"watch_ratio": ratio}), limits, now
        )
    assert set(sample.interactions["kind"]) == set(get_args(Kind)) - {"rating"}
    assert set(sample.interactions["video"]) <= set(sample.catalogue)


def test_arrival_is_as_untidy_as_on_a_network(sample: DataSet) -> None:
    """Some rows come twice, and some later than what happened after them."""
    assert sample.interactions.duplicated().sum() == 20_000 * 0.005
    overtaken = (sample.interactions["at"] < sample.interactions["at"].cummax()).mean()
    assert overtaken > 0.01


def test_watch_ratios_depend_on_taste_and_length(sample: DataSet) -> None:
    """Short videos are watched further, some more than once, and none below nothing."""
    ratios = sample.interactions["watch_ratio"]
    lengths = sample.interactions["video"].map(lambda video: sample.catalogue[video].duration)

    assert ratios.min() >= 0
    assert ratios.max() > 1
    assert ratios[lengths < 200].mean() > ratios[lengths > 600].mean() + 0.05


def test_popularity_has_a_long_tail_and_nothing_to_do_with_ids(sample: DataSet) -> None:
    """A tenth of the videos has a good part of the rows; low ids are no more popular."""
    counts = sample.interactions["video"].value_counts()

    assert 0.3 < counts.head(40).sum() / counts.sum() < 0.7
    numbers = counts.index.str.removeprefix("v").astype(int).to_numpy()
    assert abs(np.corrcoef(numbers, counts)[0, 1]) < 0.15


def test_videos_are_worth_showing(sample: DataSet) -> None:
    """Every video has a title of its own, a topic, a channel, a length and a date."""
    videos = sample.catalogue.values()

    assert len({video.title for video in videos}) == len(videos)
    assert {video.categories[0] for video in videos} == set(TOPICS)
    assert all(video.channel and video.duration and video.published for video in videos)


def test_taste_can_be_learned() -> None:
    """Neighbours find a user's newest video among ten at least twice as often as popularity."""
    rows = make_sample(seed=3, users=600, videos=400, events=40_000).interactions
    pairs = rows.sort_values("at").drop_duplicates(["user", "video"])
    users, videos = (
        pairs[name].astype("category").cat.codes.to_numpy() for name in ("user", "video")
    )
    newest = ~pairs.duplicated("user", keep="last").to_numpy()
    seen = np.zeros((users.max() + 1, videos.max() + 1))
    seen[users[~newest], videos[~newest]] = 1
    popularity = seen.sum(axis=0)
    neighbours = seen.T @ seen / np.sqrt(np.outer(popularity, popularity) + 1)

    def hit_rate(scores: np.ndarray) -> float:
        top = np.argsort(np.where(seen > 0, -np.inf, scores), axis=1)[:, -10:]
        return float((top[users[newest]] == videos[newest, None]).any(axis=1).mean())

    by_popularity = hit_rate(np.broadcast_to(popularity, seen.shape))
    assert hit_rate(seen @ neighbours) > 2 * by_popularity
