"""The prior adds what was watched of late, and nothing where it has no weight."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_training.training.prior import prior
from batch_training.training.settings import PriorSettings

DAY_MS = 86_400_000
NOW_MS = 1_700_000_000_000
VIEWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), min_size=1, max_size=50)


@given(VIEWS, st.floats(0.1, 5), st.floats(0.5, 30))
def test_recent_views_as_the_slow_twin_counts_them(
    views: list[tuple[int, int]], weight: float, half_life: float
) -> None:
    """Each view fades with its days since the newest; the logarithm is scaled to the weight."""
    newest = min(days for _, days in views)
    recent = [0.0] * 6
    for video, days in views:
        recent[video] += 0.5 ** ((days - newest) / half_life)
    logs = [math.log(1 + value) for value in recent]
    column = np.array([video for video, _ in views], np.int32)
    at = NOW_MS - DAY_MS * np.array([days for _, days in views])
    found = prior(column, at, 6, PriorSettings(weight=weight, half_life_days=half_life))
    # The newest but one in ten thousand is looked at, which lies a little before the newest.
    assert found == pytest.approx([weight * log / max(logs) for log in logs], rel=0.02, abs=1e-6)


def test_what_is_watched_now_beats_what_was() -> None:
    """A video with few views today is above one with many views long ago."""
    column = np.repeat(np.array([0, 1], np.int32), [100, 10])
    at = np.where(column == 0, NOW_MS - 60 * DAY_MS, NOW_MS)
    old, new = prior(column, at, 2, PriorSettings(weight=1.0, half_life_days=5.0))
    assert new == 1.0
    assert old < 0.1


def test_half_life_out_of_the_data() -> None:
    """Without a half-life a view counts half when the newest tenth of all has come since."""
    column = np.arange(1_000, dtype=np.int32)
    at = NOW_MS + DAY_MS * np.arange(1_000)
    found = np.expm1(prior(column, at, 1_000, PriorSettings(weight=math.log(2))))
    assert found[899] == pytest.approx(0.5, abs=0.01)
    assert found[799] == pytest.approx(0.25, abs=0.01)


def test_a_clock_ahead_does_not_make_everything_old() -> None:
    """One view from a year ahead leaves the order of the others as it is."""
    column = np.append(np.arange(20_000) % 10, 3).astype(np.int32)
    at = NOW_MS - DAY_MS * (np.append(np.arange(20_000) % 10, 0))
    at[-1] += 365 * DAY_MS
    found = prior(column, at, 10, PriorSettings(weight=1.0, half_life_days=1.0))
    assert (np.diff(found) < -0.01).all()


def test_no_weight_no_prior() -> None:
    """With a weight of 0, and without any view, nothing is added."""
    views = np.zeros(3, np.int32), np.full(3, NOW_MS)
    assert not prior(*views, 4, PriorSettings()).any()
    assert not prior(views[0][:0], views[1][:0], 4, PriorSettings(weight=1.0)).any()
