"""What a search may move: what the data have a use for, and nobody has fixed."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.trial import FixedTrial

from batch_training.merging.histories import merge_events
from batch_training.training.flat import with_values
from batch_training.training.settings import TrainSettings
from batch_training.tuning.space import Space
from tests.builders import event
from tests.unit.nights import events_of, world

WATCHES = {"watch_floor", "watch_knee", "complete_weight", "skip_weight"}


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("rating",), {"rating_slope"}),
        (("watch",), WATCHES),
        (("like",), set()),
        (("rating", "like", "share"), {"rating_slope", "like_weight", "share_weight"}),
        (("like", "hide"), {"like_weight", "hide_weight"}),
        (("share", "dislike"), {"share_weight", "dislike_weight"}),
    ],
)
def test_only_what_the_data_speak_of_is_searched(
    kinds: tuple[str, ...], expected: set[str]
) -> None:
    """Weights of signals that are not there, or stand alone, are no parameters."""
    rows = [
        {"user": f"u{user}", "video": f"v{at}", "kind": kind, "at": 1 + at}
        | {"watch": {"watch_ratio": 1.0}, "rating": {"rating": 5.0}}.get(kind, {})
        for user in range(3)
        for at, kind in enumerate(kinds)
    ]
    space = Space.of(merge_events(events_of(rows)), TrainSettings())
    always = Space.of(merge_events(events_of([event()])), TrainSettings()).settings - WATCHES
    assert {p.name for p in space.parameters} - always == expected


def test_durations_are_searched_where_they_are_known() -> None:
    """How much of a watch gives way to its rank is a parameter only beside durations."""
    watched = merge_events(events_of([event("a"), event("b")]))
    for durations, expected in ((np.array([60.0, np.nan]), True), (np.full(2, np.nan), False)):
        space = Space.of(watched, TrainSettings(), durations=durations)
        assert ("duration_share" in space.settings) == expected


def test_what_is_given_is_not_searched() -> None:
    """A setting that a person gives is no parameter, and time is none where it is not known."""
    histories = merge_events(events_of(world()))
    names = Space.of(histories, TrainSettings(), ("alpha", "rating_weights")).settings
    assert not names & {"alpha", "rating_weights"}
    flat = Space.of(histories, TrainSettings(), in_time=False).settings
    assert not flat & {"half_life", "follow_weight"}
    assert "prior_weight" in flat


def test_a_part_that_is_off_for_good_is_not_searched() -> None:
    """With its weight given as 0, nothing of a part is a parameter."""
    histories = merge_events(events_of(world()))
    base = with_values(TrainSettings(), {"follow_weight": 0.0})
    names = Space.of(histories, base, ("follow_weight",)).settings
    assert not any(name.startswith("follow_") for name in names)
    assert "follow_window" in Space.of(histories, base).settings


@pytest.mark.parametrize("given", [{"watch_floor": 0.9}, {"watch_knee": 0.3}])
def test_the_curve_of_the_watches_keeps_its_order(given: dict[str, float]) -> None:
    """Whatever end of the curve is given, the other one is searched on its own side."""
    histories = merge_events(events_of([event()]))
    base = with_values(TrainSettings(), given | {"watch_floor": given.get("watch_floor", 0.1)})
    space = Space.of(histories, base, given)
    for share in (0.0, 1.0):
        ends = {p.name: p.low + share * (p.high - p.low) for p in space.parameters}
        with_values(
            base, {name: ends[name] for name in ends.keys() & WATCHES}
        )  # raises if they can't be used


def test_a_trial_of_the_defaults_is_the_defaults() -> None:
    """What a trial has to choose for the defaults leads to just these."""
    settings = TrainSettings()
    space = Space.of(merge_events(events_of(world())), settings)
    told = space.told(space.defaults)
    asked = {p: p.told(space.defaults[p.name]) for p in space.parameters}
    assert told == {p.name: value for p, value in asked.items()}
    values = space.ask(FixedTrial(told))
    values.pop("prior_half_life_days")  # 0 means what it says in days here
    assert with_values(settings, values) == settings
