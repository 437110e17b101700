"""A night learns from all events, and tells how it judged itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from batch_training.judging.judge import Contest, JudgeSettings, judge
from batch_training.judging.unseen import UnseenSettings, choose_unseen
from batch_training.merging.histories import merge_events
from batch_training.night_settings import NightSettings
from batch_training.progress import Stages
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from data.catalogue import Catalogue, Video
from data.confidence import ConfidenceParameters
from data.frozen_model import FrozenModel
from data.up_next import rank_histories
from data.watch_scale import UNKNOWN
from tests.unit.night_runs import SETTINGS, Heard, changed, run
from tests.unit.nights import events_of, world

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batch_training.merging.histories import Histories


def test_a_night_learns_judges_and_tells() -> None:
    """The model knows every video, beats popularity, and its facts survive the bytes."""
    events, heard = events_of(world()), Heard()
    stages = Stages(heard)
    night, report = run(events, stages=stages)
    replayed = report.judgements[0]
    candidate, popularity = replayed.ways[0], replayed.way("popularity")
    assert popularity is not None
    assert candidate.figures["hit_rate@10"].mean > 1.5 * popularity.figures["hit_rate@10"].mean
    assert [judgement.protocol for judgement in report.judgements] == [
        "replay",
        "temporal",
        "unseen",
    ]
    assert set(night.model.vocabulary.ids) == set(events.videos)
    facts = FrozenModel.from_bytes(night.model.to_bytes()).metadata
    told = candidate.figures["hit_rate@10"].mean
    assert facts["quality"]["replay"]["candidate"]["hit_rate@10"] == told
    assert msgspec.convert(facts["settings"], NightSettings) == SETTINGS
    announced = [stage.name for stage in stages.facts if stage.name != "Judge the baselines"]
    assert announced == heard.stages
    assert heard.steps["Train on everything"] == (4, 4)
    assert len(report.sample_users) == 6
    assert report.ladder is not None
    assert report.ladder.cases == report.judgements[0].cases < SETTINGS.judge.ladder_cases


def test_judged_is_what_was_trained_on_the_older_events() -> None:
    """Replay and split by time judge a model of all users' older events."""
    events = events_of(world())
    _, report = run(events)
    past, later = events.split(SETTINGS.judged_share)
    before = merge_events(past)
    contest = Contest(trained(before), None, before, later)
    settings = JudgeSettings(protocols=("replay", "temporal"))
    assert judge(contest, settings).judgements == report.judgements[:2]


def test_unseen_users_are_not_trained_on() -> None:
    """The third judgement is of a model of its own, which those users were kept from."""
    events = events_of(world())
    _, report = run(events)
    past, later = events.split(SETTINGS.judged_share)
    before = merge_events(past)
    unseen = choose_unseen(before, UnseenSettings())
    contest = Contest(trained(before, unseen), None, before, later, before.take(unseen))
    judged = judge(contest, JudgeSettings(protocols=("unseen",)))
    assert judged.judgements[0].ways == report.judgements[2].ways
    assert 0 < judged.judgements[0].users <= 12


def test_unseen_users_of_large_data_are_of_a_part() -> None:
    """Where there are many pairs, the fit for the unseen users is of some users only."""
    settings = msgspec.structs.replace(SETTINGS, unseen_pairs=1_000)
    _, report = run(events_of(world()), settings)
    assert 0 < report.judgements[2].users <= 5


def trained(before: Histories, without: NDArray[np.bool_] | None = None) -> FrozenModel:
    """Train as the night does."""
    learnt_from = training_set(before, SETTINGS.train, without=without)
    fitted = fit(learnt_from.matrix, SETTINGS.train)
    return freeze(fitted.item_factors, learnt_from, SETTINGS.train)


def test_the_same_night_gives_the_same_model() -> None:
    """With the same events and seeds the model is the same to the last digit."""
    one, two = (run(events_of(world()))[0].model for _ in range(2))
    np.testing.assert_array_equal(one.item_factors, two.item_factors)


def test_histories_are_those_of_all_events() -> None:
    """What the refresh writes is the whole history, bounded as the model says."""
    events = events_of(world())
    night, _ = run(events, msgspec.structs.replace(SETTINGS, history_limit=10))
    assert dict(night.histories.by_user()) == dict(merge_events(events, 10).by_user())
    assert night.model.history_limit == 10


def test_durations_of_the_catalogue_travel_with_the_model() -> None:
    """Where durations count and are known, the model carries the scale of its own videos."""
    rows = [row | {"kind": "watch", "watch_ratio": row["rating"] / 5} for row in world()]
    events = events_of([{k: v for k, v in row.items() if k != "rating"} for row in rows])
    catalogue = Catalogue(Video(id=v, duration=60.0 * int(v[1:])) for v in events.videos[1:])
    night, _ = run(events, catalogue=catalogue)
    scale, ids = night.model.watch_scale, night.model.vocabulary.ids
    assert scale is not None
    order = np.argsort([int(video[1:]) for video in ids])
    known = scale.bucket[order][scale.bucket[order] != UNKNOWN]
    assert (np.diff(known.astype(int)) >= 0).all()
    assert [ids[row] for row in np.flatnonzero(scale.bucket == UNKNOWN)] == events.videos[:1]
    deaf = changed(confidence=ConfidenceParameters(duration_share=0.0))
    assert run(events, deaf, catalogue=catalogue)[0].model.watch_scale is None
    assert run(events)[0].model.watch_scale is None


def test_blocked_videos_are_not_listed() -> None:
    """A video that the catalogue blocks is in no list, and no event is judged by it."""
    events = events_of(world())
    blocked = set(events.videos[::2])
    catalogue = Catalogue(Video(id=video, blocked=True) for video in blocked)
    night, report = run(events, catalogue=catalogue)
    histories = [history for _, history in night.histories.by_user()]
    rows = np.unique(rank_histories(night.model, histories, 20).rows)
    assert blocked.isdisjoint(night.model.vocabulary.ids[row] for row in rows[rows >= 0])
    assert blocked.isdisjoint(video for user in report.sample_users for video in user.after)


@pytest.mark.parametrize(
    "wrong",
    [
        {"judged_share": 0.0},
        {"judged_share": float("nan")},
        {"history_limit": 0},
        {"window_events": 0},
        {"min_support": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    """A setting out of range is an error that names it."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        NightSettings(**wrong)
