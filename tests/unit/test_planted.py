"""Each part of the model finds what was planted for it, and nothing where nothing was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from batch_training.merging.histories import merge_events
from batch_training.training.settings import TrainSettings
from tests.planted import with_drifting_taste, with_fixed_taste, with_follow_ups
from tests.replaying import replayed, trained
from tests.unit.nights import events_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from batch_training.night_report import Interval

    World = Callable[[], list[dict[str, Any]]]

SETTINGS = TrainSettings(factors=16, iterations=6, regularization=5.0, threads=1)


def gains(world: World) -> dict[str, Interval]:
    """Say what each part adds to the hit rate of the factors alone."""
    past, later = events_of(world()).split(0.8)
    before = merge_events(past)
    model = trained(before, SETTINGS)
    models = {
        "factors": model.flat,
        "half-life": replace(model, follow_ups=None),
        "follow-ups": replace(model.flat, follow_ups=model.follow_ups),
    }
    found = replayed(models, before, later)
    return {part: found.gain(part, over="factors") for part in ("half-life", "follow-ups")}


def test_planted_follow_ups_are_found() -> None:
    """Where episode follows upon episode, follow-ups raise the hit rate by half and more."""
    assert gains(with_follow_ups)["follow-ups"].low > 0.5  # .61 to .67


def test_planted_recency_is_found() -> None:
    """Where taste drifts, a half-life raises the hit rate, which is hardly more than chance."""
    assert gains(with_drifting_taste)["half-life"].low > 0.08  # .12 to .16


def test_nothing_is_found_where_nothing_was_planted() -> None:
    """Where taste stays and the order says nothing, neither part raises the hit rate."""
    found = gains(with_fixed_taste)

    assert found["follow-ups"].low <= 0.0 <= found["follow-ups"].high < 0.01  # -.003 to .001
    assert found["half-life"].high < 0.005  # -.020 to -.003


@pytest.mark.parametrize("world", [with_follow_ups, with_drifting_taste, with_fixed_taste])
def test_worlds_are_what_they_promise(world: Callable[..., list[dict[str, Any]]]) -> None:
    """Each is drawn by its seed, in order of time, and no user has one video or moment twice."""
    rows = world(seed=1, users=30)

    assert rows == world(seed=1, users=30) != world(seed=2, users=30)
    times = [row["at"] for row in rows]
    assert times == sorted(set(times))
    assert len({(row["user"], row["video"]) for row in rows}) == len(rows) == 30 * 48


def test_no_video_stands_out() -> None:
    """Whoever lists what is popular finds as little as by chance in every world."""
    for world in (with_follow_ups, with_drifting_taste, with_fixed_taste):
        counts = np.unique([row["video"] for row in world()], return_counts=True)[1]
        assert counts.max() < 4 * counts.mean()
