"""Training set: all that is learnt from histories, but the factors themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from batch_training.training.follow_ups import count_follow_ups, watched_in_order
from batch_training.training.matrix import pack, scale_of, stored_values, support
from batch_training.training.prior import prior
from data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batch_training.merging.histories import Histories
    from batch_training.training.settings import TrainSettings
    from data.follow_ups import FollowUps
    from data.watch_scale import WatchScale


class TrainingSet(NamedTuple):
    """What the factorisation learns from.

    Attributes
    ----------
    matrix
        Stored values, float32, shape (n_users, n_items), see `data.confidence`. Every user of the
        histories has a row; it is empty for who is left out.
    vocabulary
        External id of each column: the videos that enough users wanted, in the order of their
        codes, so that nothing depends on how an id is spelt.
    popularity
        How many users wanted each video, shape (n_items,).
    prior
        See `batch_training.training.prior`, float32, shape (n_items,).
    follow_ups
        See `batch_training.training.follow_ups`; None for none.
    left_out
        How many videos and users are left out, by reason.
    watch_scale
        Its videos numbered by column; None where durations don't count, or aren't known.
    """

    matrix: csr_matrix[np.float32]
    vocabulary: Vocabulary
    popularity: NDArray[np.int64]
    prior: NDArray[np.float32]
    follow_ups: FollowUps | None
    left_out: dict[str, int]
    watch_scale: WatchScale | None = None


def training_set(
    histories: Histories,
    settings: TrainSettings,
    min_support: int = 1,
    without: NDArray[np.bool_] | None = None,
    durations: NDArray[np.float64] | None = None,
) -> TrainingSet:
    """Turn histories into the matrix to factorise, and count what is frozen beside the factors.

    Parameters
    ----------
    min_support
        A video that fewer users wanted is left out; at least 1, as a video that nobody wanted
        can't be recommended.
    without
        Shape (n_users,): users to leave out.
    durations
        Shape (n_videos,): by code, in s; NaN where not known.
    """
    n_users = len(histories)
    confidence = settings.confidence
    scale = scale_of(histories, durations, without) if confidence.duration_share else None
    values = stored_values(histories, confidence, without, scale)
    said, wanted = support(histories, values)
    kept = wanted >= max(min_support, 1)
    column = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    n_items = int(kept.sum())
    follow_ups, recent = _in_time(histories, values > 0, column, n_items, settings)
    columns, starts = pack(histories, values, column)
    matrix = csr_matrix((values[: starts[-1]], columns, starts), shape=(n_users, n_items))
    matrix.sort_indices()  # the order in a history hangs on how ids are spelt
    concerned = histories.lengths > 0 if without is None else (histories.lengths > 0) & ~without
    left_out = {
        "video with too little support": int(np.count_nonzero(said & ~kept)),
        "user without anything": int(np.count_nonzero(concerned & (np.diff(starts) == 0))),
    }
    vocabulary = Vocabulary(histories.videos[code] for code in np.flatnonzero(kept).tolist())
    said_why = {reason: count for reason, count in left_out.items() if count}
    popularity, scale = wanted[kept], scale and scale.of(kept)
    return TrainingSet(matrix, vocabulary, popularity, recent, follow_ups, said_why, scale)


def _in_time(
    histories: Histories,
    is_wanted: NDArray[np.bool_],
    column: NDArray[np.int32],
    n_items: int,
    settings: TrainSettings,
) -> tuple[FollowUps | None, NDArray[np.float32]]:
    """Give the follow-ups and the prior."""
    if not settings.follow_ups.weight and not settings.prior.weight:
        return None, np.zeros(n_items, np.float32)
    order = watched_in_order(histories, column, is_wanted, settings.seed)
    follow_ups = count_follow_ups(order, n_items, settings.follow_ups)
    return follow_ups, prior(order.column, order.at, n_items, settings.prior)
