"""What the tests of the judge share: a small contest, and settings to judge it quickly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from batch_training.judging.judge import Contest, JudgeSettings
from batch_training.judging.unseen import UnseenSettings, choose_unseen
from batch_training.merging.histories import merge_events
from batch_training.training.settings import TrainSettings
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from tests.unit.nights import events_of

if TYPE_CHECKING:
    from batch_training.judgements import Judgement
    from batch_training.merging.histories import Histories
    from data.frozen_model import FrozenModel

TRAIN = TrainSettings(factors=8, iterations=4, regularization=5.0, threads=1)
SETTINGS = JudgeSettings(resamples=200)
REPLAY = msgspec.structs.replace(SETTINGS, protocols=("replay",))
EVERYBODY = ["candidate", "left_alone", "popularity", "recent_popularity", "item_knn", "ease"]


def trained(histories: Histories) -> FrozenModel:
    learnt_from = training_set(histories, TRAIN)
    return freeze(fit(learnt_from.matrix, TRAIN).item_factors, learnt_from, TRAIN)


def contest(rows: list[dict[str, Any]]) -> Contest:
    """Train on the first 80 % of some rows, without a tenth of the users."""
    past, later = events_of(rows).split(0.8)
    before = merge_events(past)
    unseen = choose_unseen(before, UnseenSettings())
    return Contest(trained(before.take(~unseen)), None, before, later, before.take(unseen))


def figures(judgement: Judgement) -> dict[str, dict[str, tuple[float, float, float]]]:
    return {
        way.name: {name: msgspec.structs.astuple(value) for name, value in way.figures.items()}
        for way in judgement.ways
    }
