"""Replay: judge by what the day would have served, event by event.

For each later event in which a user takes to a video, every way makes the list of the moment from
what the user did before it, never anything after, and the list should hold the video.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pandas as pd

from batch_training.events import LIKE, RATING, SHARE, WATCH
from batch_training.judging.cases import Cases, are_new
from batch_training.merging.histories import merge_events
from data.scoring import Ragged
from data.user_history import UserHistory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from batch_training.events import Events
    from batch_training.merging.histories import Histories


class LikedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """When an event says that the user took to the video, as a like and a share always do.

    Attributes
    ----------
    rating, watch_ratio
        From here on.
    """

    rating: float = 4.0
    watch_ratio: float = 0.5


class ReplaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the later events is looked at.

    Attributes
    ----------
    budget
        How many events, drawn at random; all of them if None.
    seed
        For the draw.
    """

    budget: int | None = 12_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        if self.budget is not None and self.budget < 1:
            msg = f"budget = {self.budget} must be at least 1"
            raise ValueError(msg)


def first_likes(
    later: Events, listable: NDArray[np.int32], liked: LikedSettings
) -> NDArray[np.int64]:
    """Find the later events in which a user takes to a video at first sight.

    Parameters
    ----------
    listable
        Codes of the videos that count.

    Returns
    -------
    Places of those events; what was in the history before is not looked at.
    """
    e = later
    likes = (e.kind == LIKE) | (e.kind == SHARE)
    likes |= (e.kind == RATING) & (e.rating >= liked.rating)
    likes |= (e.kind == WATCH) & (e.watch_ratio >= liked.watch_ratio)
    counts = np.zeros(len(e.videos), np.bool_)
    counts[listable] = True
    pair = pd.Series(e.user.astype(np.int64) * len(e.videos) + e.video)
    return np.flatnonzero(likes & counts[e.video] & ~pair.duplicated().to_numpy())


def draw_targets(
    before: Histories, later: Events, first: NDArray[np.int64], settings: ReplaySettings
) -> NDArray[np.int64]:
    """Draw events of videos that are new to their users; ordered by user, then by time.

    Parameters
    ----------
    first
        See `first_likes`.
    """
    budget = len(first) if settings.budget is None else settings.budget
    order = np.random.default_rng(settings.seed).permutation(first)
    chosen, step = np.zeros(0, np.int64), max(1, budget)
    for at in range(0, len(order), step):  # so that no more is looked up than it takes
        part = order[at : at + step]
        part = part[are_new(before, later.user[part], later.video[part])]
        chosen = np.concatenate([chosen, part])[:budget]
        if len(chosen) == budget:
            break
    return chosen[np.lexsort((chosen, later.user[chosen]))]


def replay_cases(before: Histories, later: Events, targets: NDArray[np.int64], limit: int) -> Cases:
    """Give, for each target, the history of the moment before it, and its video.

    Parameters
    ----------
    before
        Histories as the candidate was trained on them.
    later
        What came after; users and videos have the same codes as in ``before``.
    targets
        See `draw_targets`.
    limit
        How many videos of a user are kept.
    """
    if before.videos is not later.videos or before.users is not later.users:
        msg = "the histories and the later events must be of the same events, split in two"
        raise ValueError(msg)
    relevant = Ragged(np.arange(1, len(targets) + 1), later.video[targets])
    moments = _moments(before, later, targets, limit)
    return Cases(later.user[targets].astype(np.int64), relevant, moments)


def _moments(
    before: Histories, later: Events, targets: NDArray[np.int64], limit: int
) -> Iterator[UserHistory]:
    """Give the history of the user at the moment before each target."""
    since = _since(later, targets, limit)
    last, history = -1, UserHistory.empty()
    for number, user in enumerate(later.user[targets].tolist()):
        history = history if user == last else before.history(user)
        history = history.merge(since.history(number), limit)
        last = user
        yield history


def _since(later: Events, targets: NDArray[np.int64], limit: int) -> Histories:
    """Merge, for each target, what its user did from the target before it (inclusive) on."""
    order = np.argsort(later.user, kind="stable")
    is_target = np.zeros(len(later), np.bool_)
    is_target[targets] = True
    number = np.cumsum(is_target[order])  # of the next target in this order
    comes = number < len(targets)
    order, number = order[comes], number[comes]
    users = later.user[targets]
    same_user = users[number] == later.user[order]
    events = replace(
        later.take(order[same_user]),
        users=[later.users[user] for user in users.tolist()],
        user=number[same_user].astype(np.int32),
    )
    return merge_events(events, limit)
