"""Let several models make the lists of one replay, and compare them in pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from batch_training.judging.bootstrap import intervals
from batch_training.judging.cases import make_lists
from batch_training.judging.peer_fits import popular
from batch_training.judging.replay import (
    LikedSettings,
    ReplaySettings,
    draw_targets,
    first_likes,
    replay_cases,
)
from batch_training.judging.ways import LeftAlone, ModelWay
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from batch_training.events import Events
    from batch_training.judgements import Interval
    from batch_training.merging.histories import Histories
    from batch_training.training.settings import TrainSettings
    from data.frozen_model import FrozenModel

ALL = ReplaySettings(budget=None)
LENGTH = 10


class Replayed(NamedTuple):
    """What came of a replay.

    Attributes
    ----------
    events
        Which of the later events counted, shape (n,).
    users
        Whose they are, shape (n,).
    places
        By the name of a way: where its list had the video, shape (n,); -1 for nowhere.
    """

    events: NDArray[np.int64]
    users: NDArray[np.int32]
    places: Mapping[str, NDArray[np.int64]]

    def rate(self, name: str) -> float:
        """Give the hit rate at 10."""
        return float((self.places[name] >= 0).mean())

    def gain(self, name: str, over: str) -> Interval:
        """Give one hit rate less another, with the 95 % interval of the paired difference."""
        hits = [(self.places[way] >= 0).astype(np.float64) for way in (name, over)]
        return intervals((hits[0] - hits[1])[:, None], self.users)[0]


def replayed(
    models: Mapping[str, FrozenModel],
    before: Histories,
    later: Events,
    settings: ReplaySettings = ALL,
) -> Replayed:
    """Let models, the first one's lists of the night, and popularity make the lists.

    Parameters
    ----------
    models
        By the name of the way; all know the same videos.
    """
    videos = Vocabulary(before.videos)
    live = [ModelWay.of(name, model, videos, ()) for name, model in models.items()]
    first = live[0]
    listable = np.sort(first.listable)
    targets = draw_targets(before, later, first_likes(later, listable, LikedSettings()), settings)
    cases = replay_cases(before, later, targets, first.model.history_limit)
    known = first.codes >= 0
    counts = first.model.popularity[known].astype(np.int64)
    peer = popular("popularity", first.codes[known], counts, listable)
    lists = make_lists([*live, LeftAlone(first, before), peer], cases, videos, LENGTH)
    places = {name: _places(made, cases.relevant.rows) for name, made in lists.items()}
    return Replayed(targets, later.user[targets], places)


def _places(lists: NDArray[np.int32], wanted: NDArray[np.int32]) -> NDArray[np.int64]:
    """Where in each list the video stands that was wanted."""
    hits = lists == wanted[:, None]
    return np.where(hits.any(axis=1), hits.argmax(axis=1), -1)


def trained(histories: Histories, settings: TrainSettings) -> FrozenModel:
    """Fit and freeze."""
    learnt_from = training_set(histories, settings)
    return freeze(fit(learnt_from.matrix, settings).item_factors, learnt_from, settings)
