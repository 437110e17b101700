"""Train: fit a matrix factorisation with `implicit`, and freeze what the day needs of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from batch_training.training.device import ModelFitError, host_factors, pick_device, untrained
from batch_training.training.follow_ups import count_follow_ups, watched_in_order
from batch_training.training.matrix import pack, scale_of, stored_values, support
from batch_training.training.prior import prior
from batch_training.training.watch import EnoughError, Watch
from data.frozen_model import FrozenModel
from data.user_history import DEFAULT_LIMIT
from data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray

    from batch_training.merging.histories import Histories
    from batch_training.training.settings import TrainSettings
    from data.follow_ups import FollowUps
    from data.watch_scale import WatchScale


class FitError(RuntimeError):
    """Training gave something that is no model, such as NaN."""


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


class Fitted(NamedTuple):
    """What a fit gives.

    Attributes
    ----------
    item_factors
        ``Y``, float32, shape (n_items, k).
    iterations
        How many were done.
    stopped_early
        Whether that was because neither loss nor probe moved.
    loss, probe
        (iteration, value), for each look.
    device
        ``cpu``, or the name of the GPU.
    """

    item_factors: NDArray[np.float32]
    iterations: int
    stopped_early: bool
    loss: list[tuple[int, float]]
    probe: list[tuple[int, float]]
    device: str


def fit(
    matrix: csr_matrix[np.float32],
    settings: TrainSettings,
    on_iteration: Callable[[int, int], None] = lambda _done, _total: None,
    probe: Callable[[NDArray[np.float32]], float] | None = None,
) -> Fitted:
    """Fit by alternating least squares (Hu, Koren and Volinsky 2008).

    Parameters
    ----------
    matrix
        See `TrainingSet`.
    on_iteration
        Is told, after each iteration, how many are done and how many there are.
    probe
        Tells how good item factors, shape (n_items, k), are; more is better. It is asked every
        few iterations. Without one the fit never stops early.

    Raises
    ------
    FitError
        If there is nothing to learn from, or a number is not finite.
    batch_training.training.device.DeviceError
        If the settings ask for a GPU that can't be had.
    """
    _check_matrix(matrix, settings)
    device = pick_device(settings, *matrix.shape, matrix.nnz)
    asked = probe and (lambda factors: probe(_checked(factors, settings)))
    with threadpool_limits(1, "blas"):  # its threads would fight those of implicit for the cores
        model = untrained(settings, device)
        watch = Watch(model, settings, on_iteration, asked)
        try:
            model.fit(matrix, show_progress=False, callback=watch)
        except EnoughError:
            pass
        except ModelFitError as error:
            raise FitError(_no_numbers(settings)) from error
        factors = _checked(host_factors(model), settings)
    _check_none_lost(factors, matrix, settings)
    return Fitted(factors, watch.iterations, watch.stopped_early, watch.loss, watch.probed, device)


def _check_matrix(matrix: csr_matrix[np.float32], settings: TrainSettings) -> None:
    """Refuse what `implicit` on a GPU would make zeros of, or nothing."""
    if not matrix.nnz:
        msg = "there is nothing to learn from: no video was wanted by enough users"
        raise FitError(msg)
    if not np.isfinite(matrix.data).all():
        raise FitError(_no_numbers(settings))


def _checked(factors: NDArray[np.float32], settings: TrainSettings) -> NDArray[np.float32]:
    """Refuse factors that are not finite."""
    if not np.isfinite(factors).all():
        raise FitError(_no_numbers(settings))
    return factors


def _check_none_lost(
    factors: NDArray[np.float32], matrix: csr_matrix[np.float32], settings: TrainSettings
) -> None:
    """Refuse zeros for a video that somebody wanted: a GPU puts them where it met NaN."""
    zeros = np.flatnonzero(~factors.any(axis=1))
    if len(zeros) and np.isin(zeros, matrix.indices[matrix.data > 0]).any():
        raise FitError(_no_numbers(settings))


def _no_numbers(settings: TrainSettings) -> str:
    return (
        f"training met numbers that are none, or gave zeros for a video that users wanted; look "
        f"for extreme values in alpha, the weights or the regularization: {settings}"
    )


def freeze(
    item_factors: NDArray[np.float32],
    learnt_from: TrainingSet,
    settings: TrainSettings,
    blocked_ids: Collection[str] = (),
    history_limit: int = DEFAULT_LIMIT,
) -> FrozenModel:
    """Put together what the day needs.

    Parameters
    ----------
    item_factors
        What `fit` gave for the matrix of ``learnt_from``.
    blocked_ids
        Videos that must never be listed; those that are not in the vocabulary never are.

    Raises
    ------
    data.frozen_model.InvalidModelError
        If there is no video, or a number that is not finite.
    """
    vocabulary = learnt_from.vocabulary
    precise = item_factors.astype(np.float64)
    ridge = settings.regularization * np.eye(settings.factors)
    blocked = np.zeros(len(vocabulary), np.bool_)
    rows = vocabulary.rows(blocked_ids)
    blocked[rows[rows >= 0]] = True
    return FrozenModel(
        item_factors=item_factors,
        gram=precise.T @ precise + ridge,
        prior=learnt_from.prior,
        follow_ups=learnt_from.follow_ups,
        popularity=learnt_from.popularity.astype(np.float32),
        blocked=blocked,
        vocabulary=vocabulary,
        confidence=settings.confidence,
        watch_scale=learnt_from.watch_scale,
        history_limit=history_limit,
    )
