"""Histories: every user's history as columns; the vectorised twin of `data.user_history`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from batch_training.events import Events
from batch_training.merging.growing import Growing, turns
from batch_training.merging.pairs import (
    NO_PAIRS,
    Numbering,
    Pairs,
    merged_pairs,
    pairs_of,
    take_states,
)
from data.user_history import DEFAULT_LIMIT, NO_MARK, Mark, UserHistory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from batch_training.reading.spool import Spool

_AT_ONCE: Final = 1 << 20  # rows: what is worked on beside the histories themselves
_TURNS: Final = 8  # to go through a spool in, at most: each reads it anew
_WAITING: Final = 1 << 18  # rows: as many as this may always wait to be merged


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
            states=take_states(self.states, np.flatnonzero(rows)),
            mark_at=self.mark_at[which],
            mark_video=self.mark_video[which],
        )

    def merged(self, later: Events, limit: int = DEFAULT_LIMIT) -> Histories:
        """Let later events in, as the day would: in order of time.

        Parameters
        ----------
        later
            All later than anything in these histories; their order doesn't matter.
        limit
            How many videos to keep of each user; hidden and disliked ones are let go last.

        Raises
        ------
        ValueError
            If an event is not later, or codes don't mean the same.
        """
        self._check(later)
        numbering = Numbering.of(self.videos)
        growing = Growing(numbering, limit, self.mark_at.copy(), self.mark_video.copy())
        rows = self.lengths + np.bincount(later.user, minlength=len(self))
        for users in turns(rows, _AT_ONCE):
            new = later.take((users.start <= later.user) & (later.user < users.stop))
            known = self._pairs(users, numbering)
            pairs = merged_pairs(known, pairs_of(new, numbering))
            who = growing.too_many(pairs)
            if who.any():
                known = known.take(who[numbering.split(known.key)[0]])
                pairs = growing.bounded(pairs, who, known, new.take(who[new.user]))
            growing.add(pairs)
        return _grown(growing, self.users, self.videos)

    def _check(self, later: Events) -> None:
        """Refuse what would have to be merged in another order."""
        if later.users is not self.users or later.videos is not self.videos:
            raise ValueError("the later events must have the users and videos of these histories")
        newest = max(self.states["latest"].max(initial=0), self.mark_at.max(initial=0))
        if later.at.min(initial=newest + 1) <= newest:
            raise ValueError(f"the later events must all be after {newest}, the newest known")

    def _pairs(self, users: slice, numbering: Numbering) -> Pairs:
        """Give the rows of some users."""
        lengths = self.lengths[users]
        stop = self.ends[users.stop - 1]
        rows = slice(stop - lengths.sum(), stop)
        user = np.repeat(np.arange(users.start, users.stop), lengths)
        return Pairs(numbering.key(user, self.video[rows]), self.states[rows])


def merge_events(events: Events, limit: int = DEFAULT_LIMIT) -> Histories:
    """Merge all events into one history for each user.

    The same as adding them to a `UserHistory` one by one: in any order for a user with at most
    ``limit`` videos, in order of time (and of id, where times tie) for one with more.

    Parameters
    ----------
    events
        Valid events; their order doesn't matter.
    limit
        How many videos to keep of each user; hidden and disliked ones are let go last.
    """
    nothing = Growing(Numbering.of(events.videos), limit, *_no_marks(len(events.users)))
    return _grown(nothing, events.users, events.videos).merged(events, limit)


def gather(
    spool: Spool, cut_at: int | None, limit: int = DEFAULT_LIMIT, seed: int = 0
) -> tuple[Histories, Events]:
    """Merge the older events of a spool, and give the later ones.

    The users are taken in turns, and whenever twice as many rows wait as pairs are known, they are
    merged: memory follows the pairs, however many rows speak of them. Only the rows of users with
    more than ``limit`` videos are needed one by one, those of one turn at a time.

    Parameters
    ----------
    cut_at
        In ms UTC: the first moment that is later; None to merge everything.
    limit
        As for `merge_events`.
    seed
        For the order of later events of the same moment.

    Returns
    -------
    A history, maybe empty, for every user of the spool; and the later events, oldest first.
    """
    n_users = len(spool.users)
    counts, later = _parted(spool, cut_at)
    numbering = Numbering.of(spool.videos)
    growing = Growing(numbering, limit, *_no_marks(n_users))
    for users in turns(counts, max(_AT_ONCE, int(counts.sum()) // _TURNS)):
        chosen = np.zeros(n_users, np.bool_)
        chosen[users] = True
        older = _older(spool, cut_at, chosen)
        pairs = _compacted(pairs_of(events, numbering) for events in older)
        who = growing.too_many(pairs)
        if who.any():
            rows = Events.joined(spool.users, spool.videos, _older(spool, cut_at, who))
            pairs = growing.bounded(pairs, who, NO_PAIRS, rows)
        growing.add(pairs)
    return _grown(growing, spool.users, spool.videos), later.in_order(seed)


def _parted(spool: Spool, cut_at: int | None) -> tuple[NDArray[np.int64], Events]:
    """Count each user's older events, and collect the later ones."""
    counts = np.zeros(len(spool.users), np.int64)
    later = []
    for events in spool.batches():
        is_later = np.zeros(len(events), np.bool_) if cut_at is None else events.at >= cut_at
        counts += np.bincount(events.user[~is_later], minlength=len(counts))
        later.append(events.take(is_later))
    return counts, Events.joined(spool.users, spool.videos, later)


def _older(spool: Spool, cut_at: int | None, users: NDArray[np.bool_]) -> Iterator[Events]:
    """Give the older events of some users."""
    for events in spool.batches():
        which = users[events.user]
        yield events.take(which if cut_at is None else which & (events.at < cut_at))


def _compacted(parts: Iterable[Pairs]) -> Pairs:
    """Merge pairs, again and again lest they pile up; each time twice as many as are known."""
    known = NO_PAIRS
    waiting: list[Pairs] = []
    for part in parts:
        waiting.append(part)
        if sum(len(each.key) for each in waiting) >= max(_WAITING, 2 * len(known.key)):
            known = merged_pairs(known, *waiting)
            waiting = []
    return merged_pairs(known, *waiting)


def _no_marks(n_users: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    return np.zeros(n_users, np.int64), np.full(n_users, -1, np.int32)


def _grown(growing: Growing, users: list[str], videos: list[str]) -> Histories:
    return Histories(
        users=users,
        videos=videos,
        ends=np.cumsum(growing.lengths),
        video=growing.video,
        states=growing.states,
        mark_at=growing.mark_at,
        mark_video=growing.mark_video,
    )
