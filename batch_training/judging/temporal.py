"""Temporal: one list for each user at the end of the training, and all that they took to after it.

The global split by time of the literature: everything is trained before a moment and tested after
it, so that nobody sees the future; unlike in the replay, lists don't follow the day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from batch_training.judging.cases import Cases, are_new
from data.scoring import Ragged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batch_training.events import Events
    from batch_training.merging.histories import Histories


class TemporalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How many users are looked at.

    Attributes
    ----------
    users
        Drawn at random; all of them if None.
    seed
        For the draw.
    """

    users: int | None = 5_000
    seed: int = 0


def temporal_cases(
    before: Histories, later: Events, first: NDArray[np.int64], settings: TemporalSettings
) -> Cases:
    """Give every user that took to something new their history at the end of the training.

    Parameters
    ----------
    before
        Histories as the candidate was trained on them.
    first
        See `batch_training.judging.replay.first_likes`.
    """
    chosen = np.unique(later.user[first])
    if settings.users is not None:
        chosen = np.random.default_rng(settings.seed).permutation(chosen)[: settings.users]
    drawn = first[np.isin(later.user[first], chosen)]
    drawn = drawn[are_new(before, later.user[drawn], later.video[drawn])]
    drawn = drawn[np.argsort(later.user[drawn], kind="stable")]
    users, counts = np.unique(later.user[drawn], return_counts=True)
    relevant = Ragged(np.cumsum(counts), later.video[drawn])
    histories = (before.history(user) for user in users.tolist())
    return Cases(users.astype(np.int64), relevant, histories)
