"""Intervals are as wide as the differences between users are great."""

from __future__ import annotations

import numpy as np
import pytest

from batch_training.judging.bootstrap import intervals

USERS = np.repeat(np.arange(300), 4)


def worths(seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Draw worths of lists; those of the same user have something in common."""
    random = np.random.default_rng(seed)
    return random.normal(size=300)[USERS] + random.normal(size=len(USERS))


def test_a_way_compared_with_itself_is_no_better() -> None:
    """Differences of nothing have an interval of exactly nothing."""
    found = intervals(worths()[:, None] - worths()[:, None], USERS)[0]
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)


def test_a_planted_difference_is_found() -> None:
    """A lead far smaller than what users differ by is certain where lists are paired."""
    base, lead = worths(), 0.02 + 0.1 * np.random.default_rng(9).normal(size=len(USERS))
    one, other, paired = intervals(np.column_stack([base, base + lead, lead]), USERS)
    assert other.low < one.high
    assert 0 < paired.low < paired.mean < paired.high
    assert paired.mean == pytest.approx(lead.mean())


def test_a_slow_twin_gives_the_same_bounds() -> None:
    """Means of users drawn one by one, with all of their lists, lie as far apart."""
    values = worths()
    random = np.random.default_rng(5)
    lists = {user: values[user == USERS] for user in range(300)}
    means = [
        np.concatenate([lists[user] for user in random.integers(0, 300, 300).tolist()]).mean()
        for _ in range(2_000)
    ]
    found = intervals(values[:, None], USERS, resamples=2_000)[0]
    assert (found.low, found.high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.012)
    alone = intervals(values[:, None], np.arange(len(values)), resamples=2_000)[0]
    assert alone.high - alone.low < 0.75 * (found.high - found.low)


def test_users_with_many_lists_weigh_more() -> None:
    """The mean is over lists, whoever they belong to, and draws keep a user's lists together."""
    found = intervals(np.array([[1.0], [1.0], [1.0], [0.0]]), np.array([7, 7, 7, 2]))[0]
    assert found.mean == 0.75
    assert (found.low, found.high) == (0.0, 1.0)


def test_the_same_seed_gives_the_same_interval() -> None:
    """Bounds are a matter of the seed, the mean is not; how many are drawn at once changes none."""
    values = worths()[:, None]
    one, other = intervals(values, USERS, 1)[0], intervals(values, USERS, 2)[0]
    assert intervals(values, USERS, 1)[0] == one
    assert one.mean == other.mean
    assert one.low != other.low


def test_one_user_has_no_interval() -> None:
    """Where nobody else could have been drawn the bounds are the mean."""
    found = intervals(np.array([[1.0], [0.0]]), np.array([3, 3]))[0]
    assert found.mean == found.low == found.high == 0.5
