"""Train: fit a matrix factorisation with `implicit`, and freeze what the day needs of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.recommender_base import ModelFitError
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from data.confidence import says_something, training_confidence
from data.frozen_model import FrozenModel
from data.user_history import DEFAULT_LIMIT
from data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray

    from batch_training.histories import Histories
    from batch_training.train_settings import TrainSettings
    from data.confidence import ConfidenceParameters


class FitError(RuntimeError):
    """Training gave something that is no model, such as NaN."""


class TrainingSet(NamedTuple):
    """What the factorisation learns from.

    Attributes
    ----------
    matrix
        Stored values, float32, shape (n_users, n_items), see `data.confidence`.
    vocabulary
        External id of each column: the videos of which somebody said something, in the order
        in which they first appeared, so that nothing depends on how an id is spelt.
    """

    matrix: csr_matrix[np.float32]
    vocabulary: Vocabulary


def training_set(histories: Histories, confidence: ConfidenceParameters) -> TrainingSet:
    """Turn histories into the matrix to factorise."""
    said = says_something(histories.states)
    codes, columns = np.unique(histories.video[said], return_inverse=True)
    values = training_confidence(histories.states[said], confidence)
    shape = (len(histories), len(codes))
    matrix = csr_matrix((values, (histories.user[said], columns)), shape=shape)
    return TrainingSet(matrix, Vocabulary(histories.videos[code] for code in codes.tolist()))


def fit(
    matrix: csr_matrix[np.float32],
    settings: TrainSettings,
    on_iteration: Callable[[int, int], None] = lambda _done, _total: None,
) -> NDArray[np.float32]:
    """Fit by alternating least squares (Hu, Koren and Volinsky 2008).

    The stored values are taken as they are (``alpha=1``): `implicit` on a GPU would ignore
    ``alpha`` in the fit, and apply it elsewhere.

    Parameters
    ----------
    matrix
        See `TrainingSet`.
    on_iteration
        Is told, after each iteration, how many are done and how many there are.

    Returns
    -------
    Item factors ``Y``, float32, shape (n_items, k).

    Raises
    ------
    FitError
        If a factor is not a number.
    """
    with threadpool_limits(1, "blas"):  # its threads would fight those of implicit for the cores
        model = AlternatingLeastSquares(
            factors=settings.factors,
            regularization=settings.regularization,
            alpha=1.0,
            iterations=settings.iterations,
            random_state=settings.seed,
            num_threads=settings.threads,
            use_gpu=False,
        )
        try:
            model.fit(
                matrix,
                show_progress=False,
                callback=lambda done, *_: on_iteration(done + 1, settings.iterations),
            )
        except ModelFitError as error:
            msg = (
                f"training gave factors that are no numbers ({error}); look for extreme values in "
                f"alpha, the weights or the regularization: {settings}"
            )
            raise FitError(msg) from error
    factors: NDArray[np.float32] = model.item_factors
    return factors


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
    matrix, vocabulary = learnt_from
    precise = item_factors.astype(np.float64)
    ridge = settings.regularization * np.eye(settings.factors)
    wanted = np.bincount(matrix.indices[matrix.data > 0], minlength=len(vocabulary))
    blocked = np.zeros(len(vocabulary), np.bool_)
    rows = vocabulary.rows(blocked_ids)
    blocked[rows[rows >= 0]] = True
    return FrozenModel(
        item_factors=item_factors,
        gram=precise.T @ precise + ridge,
        prior=np.zeros(len(vocabulary), np.float32),
        popularity=wanted.astype(np.float32),
        blocked=blocked,
        vocabulary=vocabulary,
        confidence=settings.confidence,
        history_limit=history_limit,
    )
