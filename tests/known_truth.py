"""How good lists are where the truth is known: on `data.sources.known_tastes`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from batch_training.merging.histories import merge_events
from batch_training.reading.load import LoadSettings, load_in_memory
from batch_training.training.settings import FollowUpSettings, PriorSettings, TrainSettings
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from data.sources.table import Table
from data.up_next import rank_histories
from data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from batch_training.merging.histories import Histories
    from data.confidence import ConfidenceParameters
    from data.frozen_model import FrozenModel
    from data.sources.known_tastes import KnownTastes

LENGTH = 10
TRAIN = TrainSettings(
    factors=16,
    iterations=10,
    regularization=30.0,
    device="cpu",
    check_every=0,
    prior=PriorSettings(weight=0.0),
    follow_ups=FollowUpSettings(weight=0.0),  # what comes after what is chance here
)


class Truth(NamedTuple):
    """Histories, the durations of their videos by code, and what each user thinks of each.

    The affinity has a row for each user and a column for each video of the histories.
    """

    histories: Histories
    durations: NDArray[np.float64]
    affinity: NDArray[np.float32]


def truth_of(known: KnownTastes, without: Collection[str] = ()) -> Truth:
    """Merge the data, without some kinds of interactions."""
    data_set = known.data_set
    kept = data_set.interactions[~data_set.interactions["kind"].isin(without)]
    table = Table.of_frame(data_set.name, kept)
    events, _ = load_in_memory(table, LoadSettings(), time.time_ns() // 1_000_000)
    histories = merge_events(events)
    users, videos = (_numbers(ids) for ids in (histories.users, histories.videos))
    durations = data_set.catalogue.durations(histories.videos)
    return Truth(histories, durations, known.affinity[np.ix_(users, videos)])


def _numbers(ids: Collection[str]) -> NDArray[np.int64]:
    return np.array([int(id_[1:]) - 1 for id_ in ids])


def trained(truth: Truth, confidence: ConfidenceParameters) -> FrozenModel:
    """Train on all that was done."""
    settings = msgspec.structs.replace(TRAIN, confidence=confidence)
    learnt_from = training_set(truth.histories, settings, durations=truth.durations)
    return freeze(fit(learnt_from.matrix, settings).item_factors, learnt_from, settings)


def met_tastes(truth: Truth, confidence: ConfidenceParameters) -> NDArray[np.float64]:
    """Tell how well each user's list meets their taste, shape (n_users,).

    The mean affinity of the ten listed videos, on a scale on which ten drawn from what the user
    hasn't seen have 0 and the best ten of it have 1.
    """
    histories, model = truth.histories, trained(truth, confidence)
    rows = rank_histories(model, [h for _, h in histories.by_user()], LENGTH).rows
    codes = Vocabulary(histories.videos).rows(model.vocabulary.ids)
    listed = np.take_along_axis(truth.affinity, codes[rows].astype(np.int64), axis=1).mean(axis=1)
    unseen = truth.affinity.astype(np.float64)
    unseen[histories.user, histories.video] = np.nan
    drawn = np.nanmean(unseen, axis=1)
    ordered = np.sort(np.where(np.isnan(unseen), -np.inf, unseen), axis=1)
    met: NDArray[np.float64] = (listed - drawn) / (ordered[:, -LENGTH:].mean(axis=1) - drawn)
    return met
