"""Defaults that hang on the shape of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from batch_training.training.settings import TrainSettings

if TYPE_CHECKING:
    from batch_training.merging.histories import Histories

_USERS: Final = 6_000  # with so many the regularization is that of `TrainSettings`
_POWER: Final = 0.3


def for_data(histories: Histories) -> TrainSettings:
    """Give the settings to train with where a person gives none.

    The regularization grows with the number of users who did something, by the power of 0.3: with
    few users it must be small, or the factors of most videos shrink to nothing. On
    seven samples of users and videos (180 to 6,000 users, 100 to 3,600 videos), the best
    regularization of each followed their number; density and the length of histories told less.

    Parameters
    ----------
    histories
        What the model will be trained on.
    """
    users = max(1, int(np.count_nonzero(histories.lengths)))
    plain = TrainSettings()
    scaled = plain.regularization * (users / _USERS) ** _POWER
    return TrainSettings(regularization=float(f"{scaled:.2g}"))
