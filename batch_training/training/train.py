"""Train: fit a matrix factorisation with `implicit`, and freeze what the day needs of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from batch_training.training.device import ModelFitError, host_factors, pick_device, untrained
from batch_training.training.watch import EnoughError, Watch
from data.frozen_model import FrozenModel
from data.user_history import DEFAULT_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from batch_training.training.settings import TrainSettings
    from batch_training.training.training_set import TrainingSet


class FitError(RuntimeError):
    """Training gave something that is no model, such as NaN."""


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
