"""A night judges before it gives a model away, and gives none that is of no use."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from batch_training.evaluate import choose_unseen, evaluate_unseen
from batch_training.histories import merge_events
from batch_training.night import NightSettings, RefusedError, _refuse_if_worse, run_night
from batch_training.train import fit, freeze, training_set
from batch_training.train_settings import TrainSettings
from data.catalogue import Catalogue, Video
from data.confidence import ConfidenceParameters
from data.frozen_model import FrozenModel
from data.up_next import rank_histories
from tests.unit.nights import Silent, events_of, world

SETTINGS = NightSettings(
    train=TrainSettings(
        factors=8,
        iterations=4,
        regularization=5.0,
        threads=1,
        confidence=ConfidenceParameters(alpha=10.0),
    )
)


class Heard(Silent):
    """A progress that remembers."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.steps: dict[str, tuple[int, int]] = {}

    def stage(self, name: str) -> None:
        """Note the name."""
        self.stages.append(name)

    def step(self, done: int, total: int) -> None:
        """Note the last step of each stage."""
        self.steps[self.stages[-1]] = (done, total)


def test_a_night_learns_judges_and_tells() -> None:
    """The model knows every video, beats popularity, and its facts survive the bytes."""
    events, heard = events_of(world()), Heard()
    night = run_night(events, Catalogue(), SETTINGS, heard)
    served = night.figures.replay
    assert served["live"]["hit_rate"] > 1.5 * served["popularity"]["hit_rate"]
    unseen = night.figures.unseen
    assert unseen["model"]["ndcg@100"] > unseen["popularity"]["ndcg@100"]
    assert set(night.model.vocabulary.ids) == set(events.videos)
    facts = FrozenModel.from_bytes(night.model.to_bytes()).metadata
    assert facts["quality"]["replay"] == served
    assert facts["data"]["events"] == len(events)
    assert facts["data"]["newest_at"] == events.at[-1]
    assert msgspec.convert(facts["settings"], NightSettings) == SETTINGS
    assert list(night.seconds) == heard.stages
    assert heard.steps["Train on everything"] == (4, 4)


def test_unseen_users_are_not_trained_on() -> None:
    """Figures for unseen users are those of a model that was trained on the others alone."""
    histories = merge_events(events_of(world()))
    unseen = choose_unseen(histories, SETTINGS.unseen)
    learnt_from = training_set(histories.take(~unseen), SETTINGS.train.confidence)
    model = freeze(fit(learnt_from.matrix, SETTINGS.train), learnt_from, SETTINGS.train)
    scores = evaluate_unseen(model, histories.take(unseen), SETTINGS.unseen)
    night = run_night(events_of(world()), Catalogue(), SETTINGS, Silent())
    assert scores is not None
    assert night.figures.unseen == scores.figures()


def test_the_same_night_gives_the_same_model() -> None:
    """With the same events and seeds the model is the same to the byte."""
    one, two = (run_night(events_of(world()), Catalogue(), SETTINGS, Silent()) for _ in range(2))
    assert one.model.to_bytes() == two.model.to_bytes()


def test_histories_are_those_of_all_events() -> None:
    """What the refresh writes is the whole history, bounded as the model says."""
    events = events_of(world())
    settings = msgspec.structs.replace(SETTINGS, history_limit=10)
    night = run_night(events, Catalogue(), settings, Silent())
    assert dict(night.histories.by_user()) == dict(merge_events(events, 10).by_user())
    assert night.model.history_limit == 10


def test_blocked_videos_are_not_listed() -> None:
    """A video that the catalogue blocks is in no list, and no event is judged by it."""
    events = events_of(world())
    blocked = set(events.videos[::2])
    catalogue = Catalogue(Video(id=video, blocked=True) for video in blocked)
    night = run_night(events, catalogue, SETTINGS, Silent())
    histories = [history for _, history in night.histories.by_user()]
    rows = np.unique(rank_histories(night.model, histories, 20).rows)
    assert blocked.isdisjoint(night.model.vocabulary.ids[row] for row in rows[rows >= 0])


def without_taste() -> list[dict[str, Any]]:
    """Draw a world in which users take to what is popular, and nothing else."""
    random = np.random.default_rng(0)
    share = 1 / np.arange(1, 61)
    rows = []
    for user in range(80):
        videos = random.choice(60, 20, replace=False, p=share / share.sum())
        rows += [
            {"user": f"u{user}", "video": f"v{video}", "kind": "like"} for video in videos.tolist()
        ]
    times = 1 + random.permutation(len(rows))
    return [row | {"at": at} for row, at in zip(rows, times.tolist(), strict=True)]


def test_a_model_worse_than_popularity_is_refused() -> None:
    """Where there is no taste to learn, the night says that popularity does as well."""
    with pytest.raises(RefusedError, match=r"the popular videos in \d.*nothing is published"):
        run_night(events_of(without_taste()), Catalogue(), SETTINGS, Silent())


@pytest.mark.parametrize("hit_rate", [0.1, 0.2, float("nan")])
def test_no_better_than_popularity_is_not_good_enough(hit_rate: float) -> None:
    """Lists must be better than popularity, not as good; figures that are no numbers never are."""
    figures = {"live": {"hit_rate": hit_rate}, "popularity": {"hit_rate": 0.2}}
    with pytest.raises(RefusedError):
        _refuse_if_worse(100, figures)


def test_a_night_without_anything_to_judge_by_is_refused() -> None:
    """A history whose newest events say nothing about lists is too short."""
    with pytest.raises(RefusedError, match="longer history"):
        run_night(events_of(world()[:3]), Catalogue(), SETTINGS, Silent())


def test_a_training_that_breaks_is_refused() -> None:
    """Confidences so great that factors are no numbers give a refusal, not a model."""
    confidence = ConfidenceParameters(alpha=1e37)
    train = msgspec.structs.replace(SETTINGS.train, confidence=confidence)
    settings = msgspec.structs.replace(SETTINGS, train=train)
    with pytest.raises(RefusedError, match="no model that could be served"):
        run_night(events_of(world()), Catalogue(), settings, Silent())


@pytest.mark.parametrize(
    "wrong", [{"judged_share": 0.0}, {"judged_share": float("nan")}, {"history_limit": 0}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    """A setting out of range is an error that names it."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        NightSettings(**wrong)
