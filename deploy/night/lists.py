"""Lists: wait for the workers, then give every user who was seen lately a list of the new model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from data.defaults import DEFAULT_LENGTH
from stream_inference.recommend import Serving
from stream_inference.refresh import refresh, workers_follow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from batch_training.merging.histories import Histories
    from batch_training.progress import Stages
    from data.frozen_model import FrozenModel
    from data.model_store import Active
    from data.user_history import UserHistory
    from deploy.stores import Stores
    from stream_inference.refresh import Refreshed

PATIENCE_S: Final = 60.0
_DAY_MS: Final = 86_400_000


def give_lists(
    stores: Stores,
    served: tuple[Active, FrozenModel],
    users: tuple[Histories, NDArray[np.bool_]],
    stages: Stages,
    *,
    length: int = DEFAULT_LENGTH,
) -> tuple[Refreshed, list[str]]:
    """Wait for the workers, then refresh the users that were chosen.

    Parameters
    ----------
    served
        What every live worker should hold by now.
    users
        Histories of all users, and who of them gets a list, see `seen_lately`.
    length
        Videos in a list.

    Returns
    -------
    What became of the users, and which workers don't follow, in sentences.
    """
    (active, model), (histories, chosen) = served, users
    with stages.stage("Wait for the workers to follow"):
        behind = workers_follow(stores.heartbeats, active.activation, PATIENCE_S)
    count = int(np.count_nonzero(chosen))
    with stages.stage("Write everybody's list"):
        done = refresh(
            stores.users,
            Serving(model, active.version, active.activation),
            _chosen(histories, chosen),
            lambda users: stages.progress.step(users, count),
            length=length,
        )
    return done, [f"worker {worker} does not follow" for worker in behind]


def seen_lately(histories: Histories, days: float, until_at: int) -> NDArray[np.bool_]:
    """Mark the users who did something in the days before the data end.

    Parameters
    ----------
    until_at
        When they end, in ms UTC; see `batch_training.reading.spool.Spool.until`.
    """
    newest = histories.mark_at.copy()  # what was let go may be newer than what was kept
    someone = histories.lengths > 0
    starts = (histories.ends - histories.lengths)[someone]
    if len(starts):
        latest = np.maximum.reduceat(histories.states["latest"], starts)
        newest[someone] = np.maximum(newest[someone], latest)
    lately: NDArray[np.bool_] = newest >= until_at - days * _DAY_MS
    return someone & lately


def _chosen(histories: Histories, which: NDArray[np.bool_]) -> Iterator[tuple[str, UserHistory]]:
    for user in np.flatnonzero(which).tolist():
        yield histories.users[user], histories.history(user)
