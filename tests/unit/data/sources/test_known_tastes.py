"""Made-up data whose truth is known: that they are what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.sources.known_tastes import KnownTastes, make_known_tastes


@pytest.fixture(scope="module")
def known() -> KnownTastes:
    """Give data of middling size."""
    return make_known_tastes(seed=1, users=300, videos=200, watches=30)


def felt(known: KnownTastes, rows: pd.DataFrame) -> float:
    """Give the mean affinity of some rows."""
    users, videos = (rows[name].str[1:].astype(int) - 1 for name in ("user", "video"))
    return float(known.affinity[users, videos].mean())


def test_the_seed_decides_everything() -> None:
    """The same seed gives the same data and truth, another seed others."""
    first, again, other = (make_known_tastes(seed, 30, 20, 5) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.data_set.interactions, again.data_set.interactions)
    assert first.data_set.catalogue == again.data_set.catalogue
    np.testing.assert_array_equal(first.affinity, again.affinity)
    assert not np.array_equal(first.affinity, other.affinity)


@pytest.mark.parametrize("sizes", [(1, 2, 1), (50, 2, 1), (2, 50, 500)], ids=str)
def test_any_size_leaves_something_to_list(sizes: tuple[int, int, int]) -> None:
    """Nobody watches more than half of the videos, and everybody one, each once, in order."""
    made = make_known_tastes(0, *sizes)
    rows = made.data_set.interactions
    watched = rows[rows["kind"] == "watch"]
    counts = watched.groupby("user")["video"].nunique()
    assert len(counts) == sizes[0]
    assert counts.max() <= sizes[1] // 2
    assert len(watched) == counts.sum()
    assert rows["at"].is_monotonic_increasing


def test_what_is_done_hangs_on_the_affinity(known: KnownTastes) -> None:
    """What is liked is felt to be better than what is watched, and what is hidden worst."""
    rows = known.data_set.interactions
    hidden, disliked, watched, liked = (
        felt(known, rows[rows["kind"] == kind]) for kind in ("hide", "dislike", "watch", "like")
    )
    assert max(hidden, disliked) < -0.5 < 0 < watched < liked - 0.5
    skipped = rows[rows["watch_ratio"] < 0.05]
    assert felt(known, skipped) < watched - 0.3


def test_watch_ratios_are_biased_by_duration(known: KnownTastes) -> None:
    """Short videos are mostly watched to their ends, long ones hardly ever."""
    rows, catalogue = known.data_set.interactions, known.data_set.catalogue
    rows = rows[rows["kind"] == "watch"]
    lasted = catalogue.durations(rows["video"])
    complete = (rows["watch_ratio"] >= 0.98).to_numpy()
    assert complete[lasted < 60].mean() > 0.5
    assert complete[lasted > 600].mean() < 0.1
    assert rows["watch_ratio"].between(0, 1).all()
