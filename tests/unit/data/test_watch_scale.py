"""How a watch ratio ranks among those of videos of like duration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.watch_scale import UNKNOWN, WatchScale, effective_ratio, watch_scale
from tests.builders import plain_scale
from tests.builders import watch_scale as drawn_scale
from tests.oracle_signals import effective_ratio as slow_ratio

TWO = WatchScale(
    np.array([1, 2, UNKNOWN], np.uint8), np.array([[0.5, 1.0, 1.0, 1.0], [0.1, 0.2, 0.3, 0.4]])
)


def ratio_of(video: int, ratio: float, share: float = 1.0) -> float:
    """Give what stands for one watch ratio."""
    [value] = effective_ratio(TWO, share, np.array([video]), np.array([ratio]))
    return float(value)


@given(
    st.integers(0, 1000),
    st.floats(0, 1),
    st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from([0.0, 0.25, 0.3, 1.0, 2.0, 1e300])),
        max_size=20,
    ),
)
def test_effective_ratios_equal_the_oracles(
    seed: int, share: float, watches: list[tuple[int, float]]
) -> None:
    """For any scale, share and watches, ties included, each ratio is the slow twin's."""
    scale = drawn_scale(np.random.default_rng(seed), 8)
    video, ratio = (np.array([w[i] for w in watches]) for i in (0, 1))
    got = effective_ratio(scale, share, video.astype(np.int64), ratio.astype(np.float64))
    expected = [slow_ratio(plain_scale(scale), share, *watch) for watch in watches]
    assert got.tolist() == pytest.approx(expected, rel=1e-12)


def test_rank_counts_not_the_ratio() -> None:
    """A third of a long video may be much, and the whole of a short one is what most watch."""
    assert ratio_of(1, 0.35) == 0.75
    assert ratio_of(0, 1.0) == (0.25 + 1) / 2
    assert ratio_of(0, 0.35) == 0.0


def test_share_lies_between_ratio_and_rank() -> None:
    """With half a share the value lies half way, and with none it is the ratio."""
    assert ratio_of(1, 0.35, share=0.5) == pytest.approx((0.35 + 0.75) / 2)
    assert ratio_of(1, 0.35, share=0.0) == 0.35


@pytest.mark.parametrize(("video", "ratio"), [(2, 0.35), (-1, 0.35), (0, 0.0)])
def test_what_has_no_rank_stays(video: int, ratio: float) -> None:
    """Without a known duration, and where nothing was watched, the ratio itself stands."""
    assert ratio_of(video, ratio) == ratio


def test_ratios_that_hang_on_duration_only_become_alike() -> None:
    """Where all watch alike but for the duration, ranks of short and of long videos are alike."""
    random = np.random.default_rng(0)
    durations = np.repeat([10.0, 1000.0], 20)
    video = random.integers(40, size=4_000)
    seconds = random.exponential(40.0, size=4_000)
    ratio = np.minimum(seconds / durations[video], 1.0)
    scale = watch_scale(durations, video, ratio)
    ranks = effective_ratio(scale, 1.0, video, ratio)
    short = video < 20
    assert ratio[short].mean() > 10 * ratio[~short].mean()
    assert ranks[short].mean() == pytest.approx(0.5, abs=0.01)
    assert ranks[~short].mean() == pytest.approx(0.5, abs=0.01)


def test_each_bucket_holds_as_many_watches() -> None:
    """Buckets rise with the duration and share the watches; an unwatched video has the nearest."""
    random = np.random.default_rng(0)
    durations = np.append(random.lognormal(5, 1, 500), [1e6, np.nan])
    video = random.integers(500, size=1_600)
    scale = watch_scale(durations, video, random.random(1_600) + 0.1)
    assert scale is not None
    assert (np.diff(scale.bucket[np.argsort(durations[:500])].astype(int)) >= 0).all()
    counts = np.bincount(scale.bucket[video])[1:]
    assert len(counts) == len(scale.knots) == 8
    assert counts.min() > 180
    assert (scale.bucket[500], scale.bucket[501]) == (8, UNKNOWN)
    assert scale.wrong(502) == ""


@pytest.mark.parametrize("durations", [[60.0] * 5, [60.0, 60.0, 60.0, 60.0, 61.0]])
def test_hardly_any_durations_make_a_scale_too(durations: list[float]) -> None:
    """Where nearly all last equally long, no bucket is empty and each known video has one."""
    video = np.arange(3_000) % 5
    scale = watch_scale(np.array(durations), video, np.linspace(0.1, 1, 3_000))
    assert scale is not None
    assert scale.wrong(5) == ""
    assert (scale.bucket > 0).all()
    assert set(scale.bucket.tolist()) == set(range(1, len(scale.knots) + 1))


def test_no_durations_no_scale() -> None:
    """Where no duration is known, or nothing was watched, there is no scale."""
    one = np.array([0])
    assert watch_scale(np.array([np.nan]), one, np.array([0.5])) is None
    assert watch_scale(np.array([60.0]), one, np.array([0.0])) is None
    assert effective_ratio(None, 1.0, one, np.array([0.5])).tolist() == [0.5]
