"""A world to measure in: a model trained on the synthetic sample, and viewers with histories."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from scipy.sparse import csr_matrix

from batch_training.merging.histories import merge_events
from batch_training.reading.load import LoadSettings, load_in_memory
from batch_training.training.settings import TrainSettings
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from data.confidence import ConfidenceParameters
from data.sources.sample import make_sample
from data.sources.table import Table
from data.up_next import known_videos
from data.user_history import UserHistory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_training.merging.histories import Histories
    from data.follow_ups import FollowUps
    from data.frozen_model import FrozenModel
    from data.scoring import Ragged


class Size(NamedTuple):
    """What to draw from the sample and to train; `length` is that of every history."""

    users: int
    videos: int
    events: int
    factors: int = 128
    iterations: int = 8
    length: int = 50


# Zipf leaves a few videos unseen; about 20,000 are learnt.
LARGE = Size(users=16_000, videos=20_006, events=960_000)
MOVIELENS_LIKE = Size(users=6_040, videos=3_706, events=1_000_000)


class World(NamedTuple):
    """A trained model and those users who have `Size.length` videos and more.

    Attributes
    ----------
    model
        Without a half-life and follow-ups, which `implicit` does not know.
    users, histories
        Ids, and the newest videos of each.
    regularization
        That the model was trained with.
    trained_on
        Stored values in the training matrix.
    follow_ups
        Those of the model.
    """

    size: Size
    model: FrozenModel
    users: list[str]
    histories: list[UserHistory]
    regularization: float
    trained_on: int
    follow_ups: FollowUps

    def __str__(self) -> str:
        """Say what was trained on what."""
        model = self.model
        condition = np.linalg.cond(model.gram)
        return (
            f"{model.n_items:,} videos × {model.n_factors} factors, trained by ALS "
            f"({self.size.iterations} iterations, λ = {self.regularization:g}, α = "
            f"{model.confidence.alpha:g}) on {self.trained_on:,} pairs of the synthetic sample "
            f"(12 topics, Zipf); condition of the gram {condition:.0f}"
        )


@cache
def make_world(size: Size) -> World:
    """Draw, train, and cut the histories to their newest videos; the same every time.

    The half-life is off, because `implicit` knows none.
    """
    histories = draw_histories(0, size)
    confidence = ConfidenceParameters(half_life=None)
    settings = TrainSettings(
        factors=size.factors, iterations=size.iterations, confidence=confidence, threads=1
    )
    learnt_from = training_set(histories, settings)
    model = freeze(fit(learnt_from.matrix, settings).item_factors, learnt_from, settings)
    cut = dict(_cut(histories, size.length))
    return World(
        size,
        replace(model, follow_ups=None),
        [*cut],
        [*cut.values()],
        settings.regularization,
        learnt_from.matrix.nnz,
        cast("FollowUps", model.follow_ups),
    )


def draw_histories(seed: int, size: Size) -> Histories:
    """Merge a synthetic sample of that size into whole histories."""
    frame = make_sample(seed, size.users, size.videos, size.events).interactions
    table = Table.of_frame("sample", frame)
    events, _ = load_in_memory(table, LoadSettings(), int(frame["at"].max()))
    return merge_events(events)


def _cut(histories: Histories, length: int) -> list[tuple[str, UserHistory]]:
    """Keep the newest videos of everybody who has enough of them."""
    return [
        (user, UserHistory(history.videos[-length:], history.states[-length:]))
        for user, history in histories.by_user()
        if len(history) >= length
    ]


class Batch(NamedTuple):
    """Some users in every form that a side may want, made before the clock runs.

    Attributes
    ----------
    known, confidence
        As `data.scoring` takes them.
    matrix
        The same stored values as `implicit` takes them, float32, shape (n_users, n_items).
    """

    users: Sequence[str]
    histories: Sequence[UserHistory]
    known: Ragged
    confidence: np.ndarray[tuple[int], np.dtype[np.float32]]
    matrix: csr_matrix[np.float32]


def first_users(world: World, count: int) -> Batch:
    """Take the first users of a world as one batch."""
    return batch_of(world.model, world.users[:count], world.histories[:count])


def batch_of(model: FrozenModel, users: Sequence[str], histories: Sequence[UserHistory]) -> Batch:
    """Put users into every form; the model is one without a half-life."""
    known, confidence, *_ = known_videos(model, histories)  # the preferences are all 1
    starts = np.concatenate([[0], known.ends]).astype(np.int32)
    matrix = csr_matrix((confidence, known.rows, starts), shape=(len(histories), model.n_items))
    return Batch(users, histories, known, confidence, matrix)
