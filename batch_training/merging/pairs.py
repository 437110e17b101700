"""Pairs: what is known of each user and video, merged many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from batch_training.events import DISLIKE, HIDE, LIKE, NEUTRAL, RATING, SHARE, WATCH
from data import video_state
from data.interaction import KINDS
from data.video_state import STATE, merge_states

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from batch_training.events import Events

OPAQUE: Final = np.dtype((np.void, STATE.itemsize))  # a state as nothing but bytes
NO_REACTION: Final = -1
# The reaction of each kind of event, by its code.
REACTIONS: Final = np.full(len(KINDS), NO_REACTION, np.int8)
REACTIONS[[NEUTRAL, LIKE, DISLIKE]] = video_state.NEUTRAL, video_state.LIKE, video_state.DISLIKE


class Pairs(NamedTuple):
    """States of users and videos.

    Attributes
    ----------
    key
        Shape (n,), int64: the user's code times the number of videos, plus the place of the
        video's id among all ids as strings sort.
    states
        Shape (n,), dtype `data.video_state.STATE`.
    """

    key: NDArray[np.int64]
    states: NDArray[np.void]

    def take(self, which: NDArray[np.integer] | NDArray[np.bool_]) -> Pairs:
        """Choose some pairs."""
        rows = np.arange(len(self.key))[which]
        return Pairs(self.key[rows], take_states(self.states, rows))


NO_PAIRS: Final = Pairs(np.zeros(0, np.int64), np.zeros(0, STATE))


class Numbering(NamedTuple):
    """How pairs are numbered; by id, so that the order of keys breaks ties in time.

    Attributes
    ----------
    place
        Shape (n_videos,), int32: place of each video's id among all, by code.
    code
        Shape (n_videos,), int32: the other way round.
    """

    place: NDArray[np.int32]
    code: NDArray[np.int32]

    @classmethod
    def of(cls, videos: Sequence[str]) -> Numbering:
        """Sort the ids."""
        code = np.array(sorted(range(len(videos)), key=videos.__getitem__), np.int32)
        place = np.empty_like(code)
        place[code] = np.arange(len(code), dtype=np.int32)
        return cls(place, code)

    def key(self, user: NDArray[np.integer], video: NDArray[np.int32]) -> NDArray[np.int64]:
        """Give the keys of pairs."""
        return user.astype(np.int64) * len(self.code) + self.place[video]

    def split(self, key: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the users' codes and the places of the videos' ids."""
        user, place = np.divmod(key, max(len(self.code), 1))
        return user, place


def pairs_of(events: Events, numbering: Numbering) -> Pairs:
    """Give the state after each single event; the twin of `data.video_state.event_state`."""
    kind, at = events.kind, events.at
    reaction = REACTIONS[kind]
    states = np.zeros(len(events), STATE)
    states["seen"] = np.where((kind == WATCH) | (kind == RATING), at, 0)
    states["earliest"] = states["latest"] = at
    ratio = np.abs(events.watch_ratio)  # a -0.0 would differ from 0.0 in its bytes
    states["watch_ratio"] = np.where(kind == WATCH, ratio, 0)
    states["rating"] = np.where(kind == RATING, events.rating, 0)
    states["rated_at"] = np.where(kind == RATING, at, 0)
    states["reaction"] = np.maximum(reaction, video_state.NEUTRAL)
    states["reacted_at"] = np.where(reaction == NO_REACTION, 0, at)
    states["shared"] = kind == SHARE
    states["hidden"] = kind == HIDE
    return Pairs(numbering.key(events.user, events.video), states)


def joined_pairs(*parts: Pairs) -> Pairs:
    """Put pairs one after the other."""
    key = np.concatenate([part.key for part in parts])
    states = np.concatenate([part.states.view(OPAQUE) for part in parts]).view(STATE)
    return Pairs(key, states)


def merged_pairs(*parts: Pairs) -> Pairs:
    """Merge the states of each pair; the result is sorted by key, and each key is there once."""
    key, states = joined_pairs(*parts)
    order = np.argsort(key)
    key = key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    sizes = np.diff(starts, append=len(key))
    single = Pairs(key[starts], take_states(states, order[starts]))
    several = sizes > 1
    if several.any():
        rows = np.repeat(several, sizes)
        merged = _halved(Pairs(key[rows], take_states(states, order[rows])))
        single.states.view(OPAQUE)[several] = merged.states.view(OPAQUE)
    return single


def _halved(pairs: Pairs) -> Pairs:
    """Merge each second state of a pair into the one before it, until every pair has one."""
    while True:
        first = np.diff(pairs.key, prepend=-1) != 0
        if first.all():
            return pairs
        starts = np.flatnonzero(first)
        turn = np.arange(len(first)) - np.repeat(starts, np.diff(starts, append=len(first)))
        second = np.flatnonzero(turn % 2)
        pairs.states.view(OPAQUE)[second - 1] = merge_states(
            take_states(pairs.states, second - 1), take_states(pairs.states, second)
        ).view(OPAQUE)
        pairs = pairs.take(turn % 2 == 0)


def take_states(states: NDArray[np.void], rows: NDArray[np.integer]) -> NDArray[np.void]:
    """Choose states by row; any other way numpy takes ten times as long."""
    chosen: NDArray[np.void] = np.take(states.view(OPAQUE), rows).view(STATE)
    return chosen


def sorted_by_time(
    user: NDArray[np.integer], at: NDArray[np.int64], *ties: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Order by user, then by time, then by ``ties``, the first of which decides first.

    Sorting by all at once takes ten times as long, and few events tie.
    """
    if not len(at):
        return np.zeros(0, np.int64)
    low, lowest = int(at.min()), int(user.min())
    span = int(at.max()) - low + 1
    if (int(user.max()) - lowest + 1) * span >= 1 << 63:  # would not fit: times far apart
        return np.lexsort((*reversed(ties), at, user))
    key = (user.astype(np.int64) - lowest) * span + (at - low)
    order = np.argsort(key)
    same = np.diff(key[order]) == 0
    tied = np.append(same, False) | np.append(False, same)
    rows = order[tied]
    order[tied] = rows[np.lexsort((*(tie[rows] for tie in reversed(ties)), key[rows]))]
    return order
