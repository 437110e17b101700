"""Prior: what many watched of late is likelier to be watched next, by anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batch_training.training.settings import PriorSettings

_DAY_MS: Final = 86_400_000
_HASTY: Final = 0.9999  # share of the views that are not from clocks that go ahead
RECENT: Final = 0.1  # share of the views that is recent where no half-life is given


def prior(
    column: NDArray[np.int32], at: NDArray[np.int64], n_items: int, settings: PriorSettings
) -> NDArray[np.float32]:
    """Give what is added to the score of each video, float32, shape (n_items,).

    It is the logarithm of recent views, where a view counts half for each half-life that has
    passed since, up to the newest; scaled so that the greatest is ``settings.weight``.

    Parameters
    ----------
    column, at
        Shape (n,): the video of each view, and when it was, in ms UTC.
    """
    if not settings.weight or not len(at):
        return np.zeros(n_items, np.float32)
    oldest, newest = np.quantile(at, [1 - RECENT, _HASTY])
    half_life_ms = settings.half_life_days * _DAY_MS or max(newest - oldest, 1.0)
    recent = np.exp2(np.minimum(at - newest, 0) / half_life_ms)
    views = np.log1p(np.bincount(column, recent, minlength=n_items))
    scaled: NDArray[np.float32] = (settings.weight * views / views.max()).astype(np.float32)
    return scaled
