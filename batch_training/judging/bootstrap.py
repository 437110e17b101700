"""Bootstrap: how far a mean over lists may be off, given that some users might not have come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.sparse import csr_array

from batch_training.judgements import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES: Final = 1_000
_BOUNDS: Final = (0.025, 0.975)
_DRAWN: Final = 1 << 20  # users drawn at once


def intervals(
    values: NDArray[np.float64],
    users: NDArray[np.integer],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[Interval]:
    """Give the mean of each column with its 95 % interval, by drawing users anew.

    Users are drawn with all of their lists (Efron's percentile bootstrap): one user's lists are
    alike, so that drawing lists would promise too much. All columns see the same draws, so the
    interval of a column of differences is that of a paired comparison.

    Parameters
    ----------
    values
        Shape (n_lists, m), n_lists at least 1.
    users
        Shape (n_lists,): whose list it is.

    Returns
    -------
    One for each column; of no width where there is only one user.
    """
    _, whose = np.unique(users, return_inverse=True)
    n_users = int(whose.max()) + 1
    whole = np.column_stack([np.ones(len(values)), values])
    sums = csr_array((np.ones(len(values)), (whose, np.arange(len(values))))) @ whole
    draw = np.random.default_rng(seed)
    step = max(1, _DRAWN // n_users)
    drawn = np.concatenate(
        [
            _times_drawn(draw, min(step, resamples - first), n_users) @ sums
            for first in range(0, resamples, step)
        ]
    )
    low, high = np.quantile(drawn[:, 1:] / drawn[:, :1], _BOUNDS, axis=0)
    columns = zip(values.mean(axis=0).tolist(), low.tolist(), high.tolist(), strict=True)
    return [Interval(*column) for column in columns]


def _times_drawn(draw: np.random.Generator, rounds: int, n_users: int) -> NDArray[np.float64]:
    """Draw as many users as there are, with replacement; shape (rounds, n_users)."""
    users = draw.integers(n_users, size=(rounds, n_users)) + n_users * np.arange(rounds)[:, None]
    times = np.bincount(users.ravel(), minlength=rounds * n_users)
    return times.reshape(rounds, n_users).astype(np.float64)
