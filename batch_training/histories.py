"""Histories: every user's history as columns; the vectorised twin of `data.user_history`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from batch_training.events import DISLIKE, HIDE, LIKE, NEUTRAL, RATING, SHARE, WATCH
from data import video_state
from data.user_history import DEFAULT_LIMIT, NO_MARK, Mark, UserHistory
from data.video_state import STATE, place_times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from batch_training.events import Events


@dataclass(frozen=True, eq=False, kw_only=True)
class Histories:
    """Histories of all users, one user after the other, each ordered by place.

    Attributes
    ----------
    users, videos
        External ids by code, as in the `Events` that this was merged from.
    ends
        Shape (n_users,), int64: where each user's rows end.
    video
        Shape (total,), int32: codes.
    states
        Shape (total,), dtype `data.video_state.STATE`.
    mark_at, mark_video
        Shape (n_users,), int64 and int32: the greatest (time, video) let go; code -1 for none.
    """

    users: list[str]
    videos: list[str]
    ends: NDArray[np.int64]
    video: NDArray[np.int32]
    states: NDArray[np.void]
    mark_at: NDArray[np.int64]
    mark_video: NDArray[np.int32]

    def __len__(self) -> int:
        """Count the users; some may have nothing in their history."""
        return len(self.ends)

    def by_user(self) -> Iterator[tuple[str, UserHistory]]:
        """Give user id and history of everybody who has one, for the refresh."""
        for user in np.flatnonzero(self.lengths).tolist():
            yield self.users[user], self.history(user)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Videos of each user, shape (n_users,)."""
        return np.diff(self.ends, prepend=0)

    @property
    def user(self) -> NDArray[np.int64]:
        """User code of each row, shape (total,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def history(self, user: int) -> UserHistory:
        """Give one user's history in the form in which the day keeps it."""
        rows = slice(self.ends[user - 1] if user else 0, self.ends[user])
        videos = [self.videos[code] for code in self.video[rows].tolist()]
        mark_video = int(self.mark_video[user])
        mark = NO_MARK if mark_video < 0 else Mark(int(self.mark_at[user]), self.videos[mark_video])
        return UserHistory(videos, self.states[rows], mark)

    def take(self, which: NDArray[np.bool_]) -> Histories:
        """Choose some users; they are numbered anew, videos keep their codes."""
        rows = np.repeat(which, self.lengths)
        return Histories(
            users=[self.users[user] for user in np.flatnonzero(which).tolist()],
            videos=self.videos,
            ends=np.cumsum(self.lengths[which]),
            video=self.video[rows],
            states=self.states[rows],
            mark_at=self.mark_at[which],
            mark_video=self.mark_video[which],
        )


def merge_events(events: Events, limit: int = DEFAULT_LIMIT) -> Histories:
    """Merge all events into one history for each user.

    The same as adding them to a `UserHistory` one by one: in any order for a user with at most
    ``limit`` videos, in order of time for one with more.

    Parameters
    ----------
    events
        Valid events; their order doesn't matter.
    limit
        How many videos to keep of each user; hidden and disliked ones are let go last.
    """
    n_videos = len(events.videos)
    pair = events.user.astype(np.int64) * n_videos + events.video
    order = np.argsort(pair, kind="stable")
    pair = pair[order]
    starts = np.flatnonzero(np.diff(pair, prepend=-1))
    states = _merged_states(events.take(order), starts)
    user, video = np.divmod(pair[starts], max(n_videos, 1))
    spelling = _order_of_ids(events.videos)
    placed = np.lexsort((spelling[video], place_times(states), user))
    user, video, states = user[placed], video[placed], states[placed]
    gone = _let_go(user, states, len(events.users), limit)
    lost = np.flatnonzero(gone)
    lost = lost[np.lexsort((spelling[video[lost]], states["latest"][lost]))]
    mark_at = np.zeros(len(events.users), np.int64)
    mark_video = np.full(len(events.users), -1, np.int32)
    mark_at[user[lost]] = states["latest"][lost]  # of a user's several, the last is what stays
    mark_video[user[lost]] = video[lost]
    lengths = np.bincount(user[~gone], minlength=len(events.users))
    return Histories(
        users=events.users,
        videos=events.videos,
        ends=np.cumsum(lengths),
        video=video[~gone].astype(np.int32),
        states=states[~gone],
        mark_at=mark_at,
        mark_video=mark_video,
    )


def _merged_states(events: Events, starts: NDArray[np.int64]) -> NDArray[np.void]:
    """Merge events that are grouped by user and video; one state for each group.

    ``starts`` says where each group starts, shape (n_groups,).
    """
    states = np.zeros(len(starts), STATE)
    if not len(starts):
        return states
    at, kind = events.at, events.kind

    def greatest(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.maximum.reduceat(values, starts)

    def last(which: NDArray[np.bool_], values: NDArray[np.float64], name: str, time: str) -> None:
        """Last writer wins, the greater value where two wrote at once."""
        times = np.where(which, at, 0)
        states[time] = greatest(times)
        newest = which & (times == np.repeat(states[time], np.diff(starts, append=len(at))))
        states[name] = greatest(np.where(newest, values, 0))

    states["seen"] = greatest(np.where((kind == WATCH) | (kind == RATING), at, 0))
    states["earliest"] = np.minimum.reduceat(at, starts)
    states["latest"] = greatest(at)
    ratio = np.abs(events.watch_ratio)  # a -0.0 would differ from 0.0 in its bytes
    states["watch_ratio"] = greatest(np.where(kind == WATCH, ratio, 0))
    states["shared"] = greatest(kind == SHARE)
    states["hidden"] = greatest(kind == HIDE)
    last(kind == RATING, events.rating, "rating", "rated_at")
    reaction = np.select(
        [kind == LIKE, kind == DISLIKE], [video_state.LIKE, video_state.DISLIKE], 0
    )
    reacted = (kind == LIKE) | (kind == DISLIKE) | (kind == NEUTRAL)
    last(reacted, reaction, "reaction", "reacted_at")
    return states


def _order_of_ids(ids: list[str]) -> NDArray[np.int64]:
    """Place of each id among all, as strings sort; shape (len(ids),)."""
    places = np.empty(len(ids), np.int64)
    places[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    return places


def _let_go(
    user: NDArray[np.int64], states: NDArray[np.void], n_users: int, limit: int
) -> NDArray[np.bool_]:
    """Mark what is beyond the limit; rows are ordered by user and place."""
    lengths = np.bincount(user, minlength=n_users)
    guarded = states["hidden"] | (states["reaction"] == video_state.DISLIKE)
    order = np.lexsort((guarded, user))  # stable: by place among those that are alike
    turn = np.arange(len(user)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    gone = np.zeros(len(user), np.bool_)
    gone[order] = turn < np.repeat(lengths - limit, lengths)
    return gone
