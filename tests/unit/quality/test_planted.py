"""Each part of the model finds what was planted for it, and nothing where nothing was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from batch_training.merging.histories import merge_events
from batch_training.training.settings import PriorSettings, TrainSettings
from tests.planted import with_drifting_taste, with_fashion, with_fixed_taste, with_follow_ups
from tests.replaying import replayed, trained
from tests.unit.nights import events_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from batch_training.judgements import Interval

    World = Callable[..., list[dict[str, Any]]]

WORLDS = (with_follow_ups, with_drifting_taste, with_fashion, with_fixed_taste)
SETTINGS = TrainSettings(
    factors=16, iterations=6, regularization=5.0, prior=PriorSettings(weight=0.2), threads=1
)


def gains(world: World) -> dict[str, Interval]:
    """Say what each part alone adds to the hit rate of the factors."""
    past, later = events_of(world()).split(0.8)
    before = merge_events(past)
    model = trained(before, SETTINGS)
    factors = replace(model.flat, prior=0 * model.prior)
    models = {
        "factors": factors,
        "half-life": replace(factors, confidence=model.confidence),
        "prior": replace(factors, prior=model.prior),
        "follow-ups": replace(factors, follow_ups=model.follow_ups),
    }
    found = replayed(models, before, later)
    return {part: found.gain(part, over="factors") for part in models}


def test_planted_follow_ups_are_found() -> None:
    """Where episode follows upon episode, follow-ups find most of what the factors do not."""
    assert gains(with_follow_ups)["follow-ups"].low > 0.5  # of .10, the rise is .61 to .67


def test_planted_recency_is_found() -> None:
    """Where taste drifts, a half-life raises the hit rate, which is chance without one."""
    assert gains(with_drifting_taste)["half-life"].low > 0.08  # of .02, the rise is .12 to .15


def test_planted_fashion_is_found() -> None:
    """Where all turn to new videos, the prior doubles the hit rate of factors that know the old."""
    assert gains(with_fashion)["prior"].low > 0.025  # of .04, the rise is .04 to .06


def test_nothing_is_found_where_nothing_was_planted() -> None:
    """Where taste stays and the order says nothing, no part raises the hit rate for certain."""
    found = gains(with_fixed_taste)

    for part in ("half-life", "prior", "follow-ups"):  # highest: .005 of .07, of the follow-ups
        assert found[part].low <= 0.0
        assert found[part].high < 0.02


@pytest.mark.parametrize("world", WORLDS)
def test_worlds_are_what_they_promise(world: World) -> None:
    """Each is drawn by its seed, in order of time, and no user has one video or moment twice."""
    rows = world(seed=1, users=30)

    assert rows == world(seed=1, users=30) != world(seed=2, users=30)
    times = [row["at"] for row in rows]
    assert times == sorted(set(times))
    assert len({(row["user"], row["video"]) for row in rows}) == len(rows) == 30 * 48
