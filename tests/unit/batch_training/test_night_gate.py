"""A night gives away no model that is worse than the one that is served, or of no use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from batch_training.night import RefusedError
from batch_training.progress import Stages
from batch_training.training.settings import FollowUpSettings
from data.frozen_model import FrozenModel
from tests.unit.night_runs import SETTINGS, Heard, changed, run
from tests.unit.nights import events_of, without_taste, world

if TYPE_CHECKING:
    from batch_training.events import Events


def test_serving_model_itself_is_compared_with_on_news() -> None:
    """Where enough came after the serving model's data, it is judged beside the candidate."""
    events = events_of(world())
    past, later = events.split(0.92)
    serving, _ = run(past)
    served = tell(serving.model, past)
    _, report = run(events, serving=served)
    assert report.gate is not None
    assert "itself" in report.gate.compared_with
    assert report.judgements[0].from_at == later.at[0]
    assert report.judgements[0].way("serving") is not None


def test_settings_of_the_serving_model_are_trained_anew() -> None:
    """Where too little came after its data, other settings are judged on the older events."""
    events = events_of(world())
    serving, _ = run(events)
    heard = Heard()
    _, report = run(events, changed(factors=9), Stages(heard), serving=tell(serving.model, events))
    assert "Train the serving model's settings" in heard.stages
    assert report.judgements[0].way("serving") is not None


def test_same_settings_and_no_news_leave_only_the_figures() -> None:
    """With nothing new and nothing changed the night says what it compared with."""
    events = events_of(world())
    serving, _ = run(events)
    _, report = run(events, serving=tell(serving.model, events))
    assert report.gate is not None
    assert "figures of its own night" in report.gate.compared_with
    assert report.judgements[0].way("serving") is None


@pytest.mark.parametrize("other", [{}, {"factors": 9}])
def test_ruined_data_are_refused_though_the_rival_learns_from_them(
    other: dict[str, int],
) -> None:
    """Where the serving model can't be judged itself, a great fall of the hit rate is a refusal."""
    rows = world()
    served = tell(run(events_of(rows))[0].model, events_of(rows))
    random = np.random.default_rng(0)
    videos = [f"v{int(n) ** 2 // 120}" for n in random.integers(0, 120, len(rows))]
    ruined = [row | {"video": video} for row, video in zip(rows, videos, strict=True)]
    with pytest.raises(RefusedError, match="max_fall"):
        run(events_of(ruined), changed(**other), serving=served)


def test_a_shorter_history_is_told() -> None:
    """Another history_limit is not said to be the same settings."""
    events = events_of(world())
    served = tell(run(events)[0].model, events)
    shorter = msgspec.structs.replace(SETTINGS, history_limit=20)
    _, report = run(events, shorter, serving=served)
    assert report.gate is not None
    assert "but for its history_limit of 1,000" in report.gate.compared_with


def test_a_worse_candidate_is_refused_unless_forced() -> None:
    """Settings much worse than the serving model's don't pass; force writes who and why."""
    events = events_of(world())
    served = tell(run(events)[0].model, events)
    worse = changed(regularization=1e6, follow_ups=FollowUpSettings(weight=0))
    with pytest.raises(RefusedError) as caught:
        run(events, worse, serving=served)
    assert "serving model" in str(caught.value)
    night, report = run(
        events, worse, serving=served, forced_by="somebody@here", forced_why="to see"
    )
    assert report.gate is not None
    assert report.gate.reasons == tuple(caught.value.reasons)
    told = night.model.metadata["gate"]
    assert (told["forced_by"], told["forced_why"]) == ("somebody@here", "to see")


def test_force_leaves_no_trace_where_nothing_is_refused() -> None:
    """A good candidate isn't said to have been forced."""
    _, report = run(events_of(world()), forced_by="somebody@here", forced_why="in case")
    assert report.gate is not None
    assert (report.gate.reasons, report.gate.forced_by) == ((), "")


def tell(model: FrozenModel, events: Events) -> FrozenModel:
    """Send a model through its bytes; it tells until when its data went."""
    assert model.metadata["until_at"] == events.at[-1]
    return FrozenModel.from_bytes(model.to_bytes())


def test_a_model_worse_than_popularity_is_refused() -> None:
    """Where there is no taste to learn, the night says that popularity does as well."""
    with pytest.raises(RefusedError, match=r"the popular videos in \d"):
        run(events_of(without_taste()))


def test_a_night_without_anything_to_judge_by_is_refused() -> None:
    """A history whose newest events say nothing about lists is too short."""
    with pytest.raises(RefusedError, match="longer history"):
        run(events_of(world()[:3]))


def test_a_training_that_breaks_is_refused() -> None:
    """A regularization so great that all factors are zeros gives a refusal, not a model."""
    with pytest.raises(RefusedError, match="no model that could be served"):
        run(events_of(world()), changed(regularization=1e38))
