"""Forgetting: which events still count when a user's history holds no more than so many videos.

The day lets the oldest video go when a history is full, and when the user comes back to it, it
starts anew: what was known before is forgotten. Which events that concerns depends on their order,
so it can't be told from merged states; the users with too many videos are gone through one by one.
"""

from __future__ import annotations

from collections import OrderedDict
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from batch_training.events import HIDE, RATING, WATCH
from batch_training.merging.pairs import NO_REACTION, REACTIONS, sorted_by_time
from data.video_state import DISLIKE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batch_training.events import Events
    from batch_training.merging.pairs import Numbering, Pairs

_HIDDEN: Final = DISLIKE + 1  # counts as a reaction that no other takes back


class Steps(NamedTuple):
    """What happened, one thing after the other.

    Attributes
    ----------
    user
        Shape (n,), int64: codes.
    video
        Shape (n,), int64: place of the video's id among all.
    at
        Shape (n,), int64: ms UTC.
    moves
        Shape (n,), bool: whether it puts the video in the newest place.
    mood
        Shape (n,), int8: a reaction, `_HIDDEN`, or `NO_REACTION`.
    """

    user: NDArray[np.int64]
    video: NDArray[np.int64]
    at: NDArray[np.int64]
    moves: NDArray[np.bool_]
    mood: NDArray[np.int8]

    @classmethod
    def of_pairs(cls, pairs: Pairs, numbering: Numbering) -> Steps:
        """Let each pair of a history come in as one step."""
        states = pairs.states
        disliked = np.where(states["reaction"] == DISLIKE, DISLIKE, NO_REACTION)
        mood = np.where(states["hidden"], _HIDDEN, disliked).astype(np.int8)
        moves = np.zeros(len(mood), np.bool_)
        return cls(*numbering.split(pairs.key), states["latest"], moves, mood)

    @classmethod
    def of_events(cls, events: Events, numbering: Numbering) -> Steps:
        """Let each event be one step."""
        moves = (events.kind == WATCH) | (events.kind == RATING)
        mood = np.where(events.kind == HIDE, _HIDDEN, REACTIONS[events.kind]).astype(np.int8)
        video = numbering.place[events.video].astype(np.int64)
        return cls(events.user.astype(np.int64), video, events.at, moves, mood)


def still_count(before: Steps, later: Steps, n_videos: int, limit: int) -> NDArray[np.bool_]:
    """Tell which of all steps a history of at most ``limit`` videos still knows of.

    Later steps are taken in order of time, those of the same moment in order of the video's id,
    and of the same video reactions and hides last.

    Parameters
    ----------
    before
        Histories, ordered by user and place; all older than ``later``.
    later
        In any order.

    Returns
    -------
    Shape (len(before) + len(later),).
    """
    in_time = sorted_by_time(later.user, later.at, later.video, later.mood)
    n_before = len(before.user)
    order = np.concatenate([np.arange(n_before), in_time + n_before])
    order = order[np.argsort(np.concatenate([before.user, later.user])[order], kind="stable")]
    steps = Steps(
        *(
            np.concatenate([getattr(before, name), getattr(later, name)])[order]
            for name in Steps._fields
        )
    )
    counts = np.zeros(len(order), np.bool_)
    came_in = np.full(n_videos, len(order))
    for user in np.split(np.arange(len(order)), np.flatnonzero(np.diff(steps.user)) + 1):
        one = slice(user[0], user[-1] + 1)
        kept = _came_in(Steps._make(column[one] for column in steps), limit)
        videos = list(kept)
        came_in[videos] = list(kept.values())
        counts[order[one]] = came_in[steps.video[one]] <= np.arange(len(user))
        came_in[videos] = len(order)
    return counts


def _came_in(steps: Steps, limit: int) -> dict[int, int]:
    """Go through one user's steps, and tell at which of them each kept video came in."""
    came_in: dict[int, int] = {}
    places = _Places()
    free = places.free
    same = (np.diff(steps.at) == 0) & (np.diff(steps.video) == 0)
    columns = steps.video, steps.moves, steps.mood, np.append(False, same)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for step, (video, moves, mood, at_once) in enumerate(rows):
        if video not in came_in:
            if at_once:  # it was let go at this very moment: it is at the mark
                continue
            came_in[video] = free[video] = step
        elif moves:
            places.move(video, step)
        if mood != NO_REACTION:
            places.react(video, mood)
        if len(came_in) > limit:
            del came_in[free.popitem(last=False)[0] if free else places.pop_guarded()]
    return came_in


class _Places:
    """Which step gave each of a user's videos its place.

    Attributes
    ----------
    free
        In order of place.
    guarded
        Hidden and disliked ones, which are let go last; in any order.
    """

    def __init__(self) -> None:
        self.free: OrderedDict[int, int] = OrderedDict()
        self.guarded: dict[int, int] = {}
        self._hidden: set[int] = set()

    def move(self, video: int, step: int) -> None:
        """Give a video the newest place."""
        if video in self.free:
            self.free[video] = step
            self.free.move_to_end(video)
        else:
            self.guarded[video] = step

    def react(self, video: int, mood: int) -> None:
        """Guard a video from now on if it is hidden or disliked, or no longer if it is not."""
        if mood == _HIDDEN:
            self._hidden.add(video)
        if mood >= DISLIKE and video in self.free:
            self.guarded[video] = self.free.pop(video)
        elif mood < DISLIKE and video in self.guarded and video not in self._hidden:
            self.free[video] = self.guarded.pop(video)
            in_order = sorted(self.free.items(), key=itemgetter(1))
            self.free.clear()
            self.free.update(in_order)

    def pop_guarded(self) -> int:
        """Let the oldest of the guarded videos go."""
        video = min(self.guarded, key=self.guarded.__getitem__)
        del self.guarded[video]
        self._hidden.discard(video)
        return video
