"""UserHistory: what one user did with each video, merged so that a replay changes nothing."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from data import history_bytes
from data.history_bytes import Unpacked
from data.video_state import DISLIKE, STATE, event_state, merge_pair, merge_states, place_times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from data.interaction import Interaction

DEFAULT_LIMIT: Final = 1_000
_SEEN, _EARLIEST, _LATEST = map((STATE.names or ()).index, ("seen", "earliest", "latest"))
_OPAQUE: Final = np.dtype((np.void, STATE.itemsize))  # a row as nothing but bytes


class Mark(NamedTuple):
    """The greatest (latest event time in ms, video id) that a history ever let go."""

    at: int
    video: str


NO_MARK: Final = Mark(0, "")


class UserHistory:
    """The newest videos of one user, ordered by place: oldest first.

    A place is the rank by (latest watch or rating, video id). Instances are never changed;
    `merge` and `add` return another one, or the same one when there was nothing new.

    Attributes
    ----------
    videos
        External video ids, length n.
    states
        Shape (n,), dtype `STATE`.
    mark
        The greatest (time, video id) ever let go; an event at or below it is ignored.
    """

    __slots__ = ("mark", "states", "videos")

    def __init__(self, videos: list[str], states: NDArray[np.void], mark: Mark = NO_MARK) -> None:
        self.videos = videos
        self.states = states
        self.mark = mark

    @classmethod
    def empty(cls) -> UserHistory:
        """History of somebody who did nothing yet."""
        return cls([], np.zeros(0, STATE))

    @classmethod
    def of_event(cls, event: Interaction) -> UserHistory:
        """History that holds a single event; its user id is the caller's concern."""
        return cls([event.video], np.array([event_state(event)], STATE))

    @classmethod
    def of(
        cls, videos: Sequence[str], states: NDArray[np.void], limit: int = DEFAULT_LIMIT
    ) -> UserHistory:
        """Put states of distinct videos, in any order, in their places and let the excess go."""
        return _placed(list(videos), states, NO_MARK, limit)

    def __len__(self) -> int:
        """Count the videos that are kept."""
        return len(self.videos)

    def __eq__(self, other: object) -> bool:
        """Compare videos, states and mark."""
        return (
            isinstance(other, UserHistory)
            and self.mark == other.mark
            and self.videos == other.videos
            and self.states.tobytes() == other.states.tobytes()
        )

    __hash__ = None  # type: ignore[assignment]  # holds an array, so it can't be a key

    def __repr__(self) -> str:
        """Name the size and the mark, not a thousand videos."""
        return f"UserHistory({len(self)} videos, mark={self.mark})"

    @property
    def newest_at(self) -> int:
        """Time of the newest event that is known, in ms UTC; 0 when there is none."""
        return max(int(self.states["latest"].max(initial=0)), self.mark.at)

    def add(self, event: Interaction, limit: int = DEFAULT_LIMIT) -> UserHistory:
        """Merge one event, see `merge`."""
        if len(self) > limit:
            return self.merge(UserHistory.of_event(event), limit)
        return self._merge_one(event.video, event_state(event), limit)

    def add_all(self, events: Sequence[Interaction], limit: int = DEFAULT_LIMIT) -> UserHistory:
        """Merge events, one after the other or, where that comes to the same, all at once."""
        if len(events) == 1 or self.mark != NO_MARK or len(self) + len(events) > limit:
            return reduce(lambda history, event: history.add(event, limit), events, self)
        states: dict[str, tuple[Any, ...]] = {}
        for event in events:
            state, known = event_state(event), states.get(event.video)
            states[event.video] = state if known is None else merge_pair(known, state)
        new = UserHistory.of([*states], np.array([*states.values()], STATE), limit)
        return self.merge(new, limit)

    def merge(self, other: UserHistory, limit: int = DEFAULT_LIMIT) -> UserHistory:
        """Merge what another history of the same user knows.

        While both together hold at most ``limit`` videos this is commutative, associative and
        idempotent. Beyond that, old videos are let go and the mark rises; what lies at or below
        the mark is ignored from then on, so a replay never changes a history that already holds it.

        Parameters
        ----------
        other
            For example one event, or the history that the night computed.
        limit
            How many videos to keep; hidden and disliked ones are let go last.
        """
        if len(other) == 1 and other.mark <= self.mark and len(self) <= limit:
            return self._merge_one(other.videos[0], _row(other.states, 0), limit)
        if len(self) <= limit and self == other:  # the usual refresh
            return self
        if not self.videos and self.mark == NO_MARK:  # the refresh of an empty Redis
            return _bounded(other.videos, other.states, other.mark, limit)
        videos, states = other._above(self.mark)
        index = {video: place for place, video in enumerate(self.videos)}
        at = np.fromiter((index.get(v, -1) for v in videos), np.int64, len(videos))
        new = at < 0
        merged = joined(self.states, _take(states, new)).copy()
        if not new.all():
            both = at[~new]
            pairs = merge_states(_take(self.states, both), _take(states, ~new))
            merged.view(_OPAQUE)[both] = pairs.view(_OPAQUE)
        added = [video for video, is_new in zip(videos, new, strict=True) if is_new]
        result = _placed(self.videos + added, merged, max(self.mark, other.mark), limit)
        return self if result == self else result

    def _merge_one(self, video: str, state: tuple[Any, ...], limit: int) -> UserHistory:
        """`merge` for a single event, the daily bread: only the row of its video is worked on."""
        videos, states = self.videos, self.states
        if (state[_LATEST], video) <= self.mark:
            return self
        if video in videos:
            place = videos.index(video)
            known = _row(states, place)
            state = merge_pair(known, state)
            if state == known:
                return self
            videos = videos[:place] + videos[place + 1 :]
            states = joined(states[:place], states[place + 1 :])
        place = _place_among(videos, states, state, video)
        row = np.array([state], STATE)
        if place == len(videos):
            return _bounded([*videos, video], joined(states, row), self.mark, limit)
        videos = [*videos[:place], video, *videos[place:]]
        return _bounded(videos, joined(states[:place], row, states[place:]), self.mark, limit)

    def _above(self, mark: Mark) -> tuple[list[str], NDArray[np.void]]:
        """Videos and states that are newer than ``mark``."""
        if mark == NO_MARK:
            return self.videos, self.states
        latest = self.states["latest"].tolist()
        keep = [i for i, video in enumerate(self.videos) if (latest[i], video) > mark]
        return [self.videos[i] for i in keep], _take(self.states, np.array(keep, np.int64))

    def to_bytes(self) -> bytes:
        """Pack, see `data.history_bytes`."""
        return history_bytes.pack(Unpacked(*self.mark, self.videos, self.states))

    @classmethod
    def from_bytes(cls, data: bytes) -> UserHistory:
        """Unpack what `to_bytes` wrote.

        Raises
        ------
        ValueError
            If the bytes are not a history of a format that this release reads.
        """
        at, video, videos, states = history_bytes.unpack(data)
        return cls(videos, states, Mark(at, video))


def _placed(videos: list[str], states: NDArray[np.void], mark: Mark, limit: int) -> UserHistory:
    """Order by place and let the excess go."""
    times = place_times(states)
    if (times[1:] <= times[:-1]).any():
        keys = times.tolist()
        order = sorted(range(len(videos)), key=lambda i: (keys[i], videos[i]))
        videos, states = [videos[i] for i in order], _take(states, np.array(order, np.int64))
    return _bounded(videos, states, mark, limit)


def _place_among(
    videos: list[str], states: NDArray[np.void], state: tuple[Any, ...], video: str
) -> int:
    """Find where a video belongs among others; most are the newest."""
    time = state[_SEEN] or state[_EARLIEST]
    if not videos:
        return 0
    newest = _row(states, -1)
    if (newest[_SEEN] or newest[_EARLIEST], videos[-1]) < (time, video):
        return len(videos)
    times = place_times(states)
    place = int(times.searchsorted(time))
    while place < len(videos) and times[place] == time and videos[place] < video:
        place += 1
    return place


def _bounded(videos: list[str], states: NDArray[np.void], mark: Mark, limit: int) -> UserHistory:
    """Let the oldest beyond ``limit`` go, hidden and disliked ones last, and raise the mark."""
    if len(videos) <= limit:
        return UserHistory(videos, states, mark)
    guarded = states["hidden"] | (states["reaction"] == DISLIKE)
    excess = len(videos) - limit
    order = np.argsort(guarded, kind="stable") if guarded[:excess].any() else None
    gone = range(excess) if order is None else order[:excess].tolist()
    mark = max(mark, *(Mark(int(states["latest"][i]), videos[i]) for i in gone))
    if order is None:  # the usual one
        return UserHistory(videos[excess:], states[excess:], mark)
    keep = np.sort(order[excess:])
    return UserHistory([videos[i] for i in keep.tolist()], _take(states, keep), mark)


def _take(states: NDArray[np.void], which: NDArray[np.generic]) -> NDArray[np.void]:
    """Choose rows; numpy would copy field by field, which takes ten times as long."""
    chosen: NDArray[np.void] = states.view(_OPAQUE)[which].view(STATE)
    return chosen


def _row(states: NDArray[np.void], place: int) -> tuple[Any, ...]:
    row: Any = states.item(place)
    return tuple(row)


def joined(*parts: NDArray[np.void]) -> NDArray[np.void]:
    """Put rows one after the other, not to be written to; numpy would take four times as long."""
    return np.frombuffer(b"".join([part.tobytes() for part in parts]), STATE)
