"""Growing: the histories of some users after those of the others, each within the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from batch_training.merging.forgetting import Steps, still_count
from batch_training.merging.pairs import (
    OPAQUE,
    Pairs,
    joined_pairs,
    merged_pairs,
    pairs_of,
    sorted_by_time,
)
from data.video_state import STATE, place_times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from batch_training.events import Events
    from batch_training.merging.pairs import Numbering


class Growing:
    """Columns of `batch_training.merging.histories.Histories` that grow in place.

    Putting parts together at the end instead would take all of their memory once more.

    Parameters
    ----------
    numbering
        How pairs are numbered.
    limit
        How many videos to keep of each user.
    mark_at, mark_video
        Marks of all users to start from, as in `Histories`; they are raised in place.
    """

    def __init__(
        self,
        numbering: Numbering,
        limit: int,
        mark_at: NDArray[np.int64],
        mark_video: NDArray[np.int32],
    ) -> None:
        self.lengths = np.zeros(len(mark_at), np.int64)
        self.video = np.zeros(0, np.int32)
        self.states = np.zeros(0, STATE)
        self.mark_at = mark_at
        self.mark_video = mark_video
        self._numbering = numbering
        self._limit = limit

    def too_many(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Tell which users have more videos than are kept; shape (n_users,)."""
        user, _ = self._numbering.split(pairs.key)
        return np.bincount(user, minlength=len(self.lengths)) > self._limit

    def bounded(self, pairs: Pairs, who: NDArray[np.bool_], before: Pairs, later: Events) -> Pairs:
        """Let the oldest videos of some users go, and raise their marks.

        Parameters
        ----------
        pairs
            Of these and other users, merged.
        who
            Shape (n_users,): who has too many.
        before, later
            What the pairs of these users were merged from; ``before`` is ordered by place.

        Returns
        -------
        The pairs that are kept, of all users, in any order.
        """
        steps = Steps.of_pairs(before, self._numbering), Steps.of_events(later, self._numbering)
        counts = still_count(*steps, len(self._numbering.code), self._limit)
        known, new = np.split(counts, [len(before.key)])
        for part, still in zip(steps, (known, new), strict=True):
            self._raise_marks(part.user[~still], part.at[~still], part.video[~still])
        user, _ = self._numbering.split(pairs.key)
        kept = merged_pairs(before.take(known), pairs_of(later.take(new), self._numbering))
        return joined_pairs(pairs.take(~who[user]), kept)

    def _raise_marks(
        self, user: NDArray[np.int64], at: NDArray[np.int64], video: NDArray[np.int64]
    ) -> None:
        """Raise the marks to the greatest (time, video) that each user lost."""
        order = sorted_by_time(user, at, video)
        last = order[np.diff(user[order], append=-1) != 0]
        user, at, video = user[last], at[last], video[last]
        code = self.mark_video[user]
        place = np.where(code < 0, -1, self._numbering.place[code])
        higher = (at > self.mark_at[user]) | ((at == self.mark_at[user]) & (video > place))
        self.mark_at[user[higher]] = at[higher]
        self.mark_video[user[higher]] = self._numbering.code[video[higher]]

    def add(self, pairs: Pairs) -> None:
        """Append the histories of users who come after all that are there; pairs in any order."""
        user, place = self._numbering.split(pairs.key)
        order = sorted_by_time(user, place_times(pairs.states), place)
        self.lengths += np.bincount(user, minlength=len(self.lengths))
        done = len(self.video)
        # Nothing else refers to these arrays yet, so they may move.
        self.video.resize(done + len(order), refcheck=False)
        self.states.resize(done + len(order), refcheck=False)
        self.video[done:] = self._numbering.code[place[order]]
        states = pairs.states.view(OPAQUE)
        np.take(states, order, out=self.states[done:].view(OPAQUE), mode="clip")


def turns(counts: NDArray[np.int64], at_once: int) -> Iterator[slice]:
    """Part all users into runs of at most ``at_once`` rows together, or of one user.

    Parameters
    ----------
    counts
        Shape (n_users,): rows of each user.
    """
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        done = ends[start - 1] if start else 0
        stop = int(np.searchsorted(ends, done + at_once, side="right"))
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start = stop
