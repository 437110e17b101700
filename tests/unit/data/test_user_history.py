"""A history merges: no order of arrival and no replay changes what it says."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.user_history import NO_MARK, Mark, UserHistory
from data.video_state import STATE, merge_pair, merge_states
from tests.builders import (
    VIDEOS,
    event,
    events,
    expected_history,
    history,
    interaction,
    plain_history,
)

Events = list[dict[str, Any]]
MANY = st.lists(events(), max_size=16)
BOUND = 3


def stacked(pairs: list[tuple[dict[str, Any], ...]], which: int) -> np.ndarray[Any, Any]:
    """Give the states after one event each, from one place of each tuple."""
    states = [UserHistory.of_event(interaction(group[which])).states for group in pairs]
    return np.concatenate([np.zeros(0, STATE), *states])


@given(st.lists(st.tuples(events(), events(), events()), max_size=8))
def test_states_merge_in_any_order(groups: list[tuple[dict[str, Any], ...]]) -> None:
    """Merging states is commutative, associative and idempotent to the byte."""
    a, b, c = (stacked(groups, which) for which in range(3))
    left = merge_states(merge_states(a, b), c)
    assert left.tobytes() == merge_states(a, merge_states(b, c)).tobytes()
    assert left.tobytes() == merge_states(c, merge_states(b, a)).tobytes()
    assert left.tobytes() == merge_states(left, b).tobytes()
    assert left.tobytes() == merge_states(left, left).tobytes()


@given(st.tuples(events(), events(), events()))
def test_states_merge_one_by_one_as_in_arrays(three: tuple[dict[str, Any], ...]) -> None:
    """Merging plain numbers gives what merging arrays gives."""
    a, b, c = (UserHistory.of_event(interaction(plain)).states for plain in three)
    [x], [y], [z] = a.tolist(), b.tolist(), c.tolist()
    assert [merge_pair(merge_pair(x, y), z)] == merge_states(merge_states(a, b), c).tolist()


@given(st.lists(events(), max_size=12), st.lists(events(), max_size=8), st.integers(1, 4))
def test_one_event_merges_as_a_history_does(first: Events, then: Events, limit: int) -> None:
    """The short way for a single event gives what the general way gives."""
    short = general = history(first, limit)
    for plain in then:
        one = UserHistory.of_event(interaction(plain))
        short, general = short.merge(one, limit), _merge_generally(general, one, limit)
        assert short == general


@given(
    st.lists(events(), max_size=8),
    st.lists(events(), min_size=1, max_size=8),
    st.sampled_from([1, 3, BOUND, 1_000]),
)
def test_events_at_once_are_events_in_turn(known: Events, fresh: Events, limit: int) -> None:
    """Several events merge to what they give one after the other, also past the bound."""
    kept = history(known, limit)
    at_once = kept.add_all([interaction(plain) for plain in fresh], limit)
    assert at_once == history(known + fresh, limit)
    assert at_once.add_all([interaction(plain) for plain in fresh], limit) is at_once


def _merge_generally(kept: UserHistory, one: UserHistory, limit: int) -> UserHistory:
    """Merge one event in company of all the other videos, which are there already."""
    others = [place for place, video in enumerate(kept.videos) if video not in one.videos]
    states = np.concatenate([kept.states[others], one.states])
    together = UserHistory([*(kept.videos[place] for place in others), *one.videos], states)
    return kept.merge(together, limit)


@given(MANY, MANY, MANY)
def test_histories_merge_in_any_order(first: Events, second: Events, third: Events) -> None:
    """While they fit, merging histories is commutative, associative and idempotent."""
    a, b, c = history(first), history(second), history(third)
    merged = a.merge(b).merge(c)
    assert merged == a.merge(b.merge(c)) == c.merge(b).merge(a) == history(first + second + third)
    assert merged.merge(b) is merged
    assert merged.merge(merged) is merged


@given(
    st.lists(events(), max_size=16).flatmap(lambda es: st.tuples(st.just(es), st.permutations(es)))
)
def test_order_of_arrival_does_not_matter(
    drawn: tuple[Events, Events],
) -> None:
    """While all videos fit, events give the same history in whatever order they arrive."""
    original, shuffled = drawn
    assert history(original, len(VIDEOS)) == history(shuffled, len(VIDEOS))


@given(st.lists(events(), max_size=16))
def test_short_ways_of_the_refresh_keep_the_bound(given_events: Events) -> None:
    """Merging into an empty history, or the same history again, lets go what is beyond it."""
    known, empty = history(given_events), UserHistory.empty()
    expected = UserHistory.of(known.videos, known.states, BOUND)
    assert empty.merge(known, BOUND) == expected
    assert known.merge(known, BOUND) == expected
    marked = UserHistory([], empty.states, Mark(6, "é"))
    kept = [
        video
        for video, row in zip(known.videos, known.states, strict=True)
        if (row["latest"], video) > marked.mark
    ]
    assert marked.merge(known).videos == kept
    assert marked.merge(known).mark == marked.mark


@given(st.lists(events(), max_size=30), st.integers(1, 4))
def test_replay_changes_nothing_past_the_bound(given_events: Events, limit: int) -> None:
    """Past the bound, any event that was processed before leaves the history as it is."""
    merged = UserHistory.empty()
    for number, plain in enumerate(given_events):
        merged = merged.add(interaction(plain), limit)
        for earlier in given_events[: number + 1]:
            assert merged.add(interaction(earlier), limit) is merged


@given(st.lists(events(), max_size=20), st.lists(events(), max_size=20))
def test_replay_changes_nothing_after_a_merge(seeded: Events, live: Events) -> None:
    """After two bounded histories merge, neither they nor their events change the outcome."""
    night, day = history(seeded, BOUND), history(live, BOUND)
    merged = day.merge(night, BOUND)
    assert merged.merge(night, BOUND) is merged
    assert merged.merge(day, BOUND) is merged
    for plain in seeded + live:
        assert merged.add(interaction(plain), BOUND) is merged


@given(st.lists(events(), max_size=30), st.sampled_from([1, 2, BOUND, 1_000]))
def test_history_equals_the_oracles(given_events: Events, limit: int) -> None:
    """Event by event, in any order and past the bound, the history is what the oracle says."""
    for end in range(len(given_events) + 1):
        part = given_events[:end]
        got = plain_history(history(part, limit))
        assert got == expected_history(part, limit)


@given(st.lists(events(), max_size=30))
def test_newest_time_is_never_forgotten(given_events: Events) -> None:
    """The newest time is that of the newest event, though its video was let go."""
    newest = max((plain["at"] for plain in given_events), default=0)
    assert history(given_events, BOUND).newest_at == newest


@given(MANY)
def test_states_of_one_evening_equal_event_by_event(given_events: Events) -> None:
    """Putting merged states in place at once gives what adding event by event gives."""
    by_video: dict[str, list[UserHistory]] = {}
    for plain in given_events:
        by_video.setdefault(plain["video"], []).append(UserHistory.of_event(interaction(plain)))
    states = [reduce(merge_states, [one.states for one in ones]) for ones in by_video.values()]
    at_once = UserHistory.of(list(by_video), np.concatenate([np.zeros(0, STATE), *states]))
    assert at_once == history(given_events)


def test_hidden_and_disliked_are_let_go_last() -> None:
    """An old hidden or disliked video outlives newer ones, until nothing else is left."""
    guarded = [event("h", "hide", 1), event("d", "dislike", 2)]
    newer = [event(video, "watch", at) for at, video in enumerate("xyz", start=3)]
    assert history(guarded + newer, BOUND).videos == ["h", "d", "z"]
    assert history(guarded + newer, BOUND).mark == (4, "y")
    assert history([*guarded, *newer, event("z", "hide", 9), event("n", "hide", 10)], 2).videos == [
        "z",
        "n",
    ]


def test_reaction_does_not_move_a_video() -> None:
    """A like that comes after newer watches leaves the video in its place."""
    watched = [event("a", at=1), event("b", at=2)]
    assert history([*watched, event("a", "like", 3)]).videos == ["a", "b"]
    assert history([*watched, event("a", "rating", 3)]).videos == ["b", "a"]


def test_tie_in_time_is_broken_by_id() -> None:
    """Videos of the same moment stand in the order of their ids, and the mark tells them apart."""
    same = [event(video, at=5) for video in ("b", "aa", "a", "é")]
    assert history(same).videos == ["a", "aa", "b", "é"]
    bounded = history(same, BOUND)
    assert bounded.mark == (5, "a")
    assert bounded.add(interaction(event("A", at=5)), BOUND) is bounded


def test_ignored_event_gives_back_the_same_object() -> None:
    """An event at the mark is ignored, so the caller sees by identity that nothing changed."""
    full = history([event(video, at=at) for at, video in enumerate("abcd", start=1)], BOUND)
    assert full.add(interaction(event("a", "like", 1)), BOUND) is full
    assert full.add(interaction(event("b", "like", 2)), BOUND) is not full


def test_empty_history() -> None:
    """Somebody who did nothing has no videos, no mark and no newest time."""
    empty = UserHistory.empty()
    assert (len(empty), empty.mark, empty.newest_at) == (0, NO_MARK, 0)
    assert UserHistory.from_bytes(empty.to_bytes()) == empty
    assert repr(empty).startswith("UserHistory(0 videos")
