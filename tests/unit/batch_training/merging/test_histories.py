"""All histories merged at once are those that events added one by one give."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from batch_training.merging.histories import merge_events
from tests.builders import KINDS, event, events, expected_history, history, plain_history
from tests.unit.nights import events_of, world

if TYPE_CHECKING:
    from data.user_history import UserHistory

USERS = ("u", "uu", "v")
# Of the same moment and video, what the day would have to be given last.
MOODS = {"neutral": 1, "like": 2, "dislike": 3, "hide": 4}
STREAM = st.lists(st.tuples(st.sampled_from(USERS), events()), min_size=1, max_size=40)


def busy_stream(seed: int) -> list[tuple[str, dict[str, Any]]]:
    """Draw what two users did with a few videos: a small history is always full."""
    chance = random.Random(seed)
    kinds = [*KINDS, "watch", "hide", "dislike"]
    latest = chance.choice([12, 40])  # so that many tie, or few
    return [
        (
            chance.choice("uv"),
            event(chance.choice("abcdef"), chance.choice(kinds), chance.randint(1, latest)),
        )
        for _ in range(chance.randint(10, 60))
    ]


BUSY = st.builds(busy_stream, st.integers(0, 1 << 32))


def in_time(row: dict[str, Any]) -> tuple[int, str, int]:
    """Tell when it is an event's turn."""
    return row["at"], row["video"], MOODS.get(row["kind"], 0)


def one_by_one(rows: list[dict[str, Any]], limit: int = 1_000) -> dict[str, UserHistory]:
    """Add events to each user's history as the day does, in order of time."""
    ordered = sorted(rows, key=in_time)
    return {
        user: history((row for row in ordered if row["user"] == user), limit)
        for user in {row["user"] for row in rows}
    }


@given(STREAM, st.randoms())
def test_merging_all_is_adding_one_by_one(
    drawn: list[tuple[str, dict[str, Any]]], shuffler: random.Random
) -> None:
    """While a user's videos fit, the result is the same to the byte, in any order of arrival."""
    rows = [plain | {"user": user} for user, plain in drawn]
    merged = dict(merge_events(events_of(rows)).by_user())
    shuffler.shuffle(rows)
    assert merged == {
        user: history([row for row in rows if row["user"] == user])
        for user in {row["user"] for row in rows}
    }


@given(BUSY, st.integers(1, 4), st.randoms())
def test_past_the_bound_merging_is_adding_in_order_of_time(
    drawn: list[tuple[str, dict[str, Any]]], limit: int, shuffler: random.Random
) -> None:
    """Beyond the limit, too, the result is that of the day, whatever the order in the file."""
    rows = [plain | {"user": user} for user, plain in drawn]
    shuffler.shuffle(rows)
    assert dict(merge_events(events_of(rows), limit).by_user()) == one_by_one(rows, limit)


@given(BUSY, st.integers(1, 4), st.integers(1, 20))
def test_later_events_are_added_to_what_is_known(
    drawn: list[tuple[str, dict[str, Any]]], limit: int, cut_at: int
) -> None:
    """Histories and what came after them give the histories of both, and stay as they were."""
    rows = [plain | {"user": user} for user, plain in drawn]
    events = events_of(rows)
    before = merge_events(events.take(events.at < cut_at), limit)
    known = dict(before.by_user())
    merged = before.merged(events.take(events.at >= cut_at), limit)
    assert dict(merged.by_user()) == one_by_one(rows, limit)
    assert dict(before.by_user()) == known


@given(BUSY, st.integers(1, 4))
def test_past_the_bound_merging_agrees_with_the_oracle(
    drawn: list[tuple[str, dict[str, Any]]], limit: int
) -> None:
    """The slow twin, which shares nothing with the code, comes to the same histories."""
    rows = [plain | {"user": user} for user, plain in drawn]
    for user, merged in merge_events(events_of(rows), limit).by_user():
        own = sorted((row for row in rows if row["user"] == user), key=in_time)
        assert plain_history(merged) == expected_history(own, limit)


@given(
    st.permutations([event(f"v{n}", kind) for n, kind in enumerate(["watch", "hide"] * 5)]),
    st.integers(1, 9),
)
def test_hidden_videos_are_let_go_last(drawn: list[dict[str, Any]], limit: int) -> None:
    """Of five watched and five hidden videos, the hidden ones stay."""
    rows = [row | {"at": at} for at, row in enumerate(drawn, start=5)]
    merged = merge_events(events_of(rows), limit).history(0)
    assert merged == history(rows, limit)
    assert merged.states["hidden"].sum() == min(limit, 5)


def test_a_video_that_comes_back_starts_anew() -> None:
    """What was known of a video is forgotten when it is let go, as by day."""
    rows = [event("a", at=1, watch_ratio=3.0), event("b", at=2), event("a", at=3)]
    merged = merge_events(events_of(rows), limit=1).history(0)
    assert merged == history(rows, limit=1)
    assert merged.mark == (2, "b")
    assert merged.states["watch_ratio"].tolist() == [1.0]
    assert merged.states["earliest"].tolist() == [3]


def test_what_was_let_go_at_once_stays_away() -> None:
    """A second event of that video and moment is at the mark, so it is ignored."""
    rows = [event("a", "hide", at=5), event("b", at=9), event("b", "hide", at=9)]
    merged = merge_events(events_of(rows), limit=1).history(0)
    assert merged == history(rows, limit=1)
    assert (merged.videos, merged.mark) == (["a"], (9, "b"))


def test_the_mark_breaks_ties_by_id() -> None:
    """Of videos let go at the same time, the mark names the one whose id sorts last."""
    rows = [event(video, at=7) for video in ("b", "c", "a")] + [event("z", at=9)]
    merged = merge_events(events_of(rows), limit=1).history(0)
    assert merged == history(rows, limit=1)
    assert merged.mark == (7, "c")


def test_the_mark_is_the_latest_event_of_any_kind() -> None:
    """A late reaction to a video that was let go counts for the mark, though not for its place."""
    rows = [event("c", at=3), event("c", "like", at=7), event("a", at=7), event("z", at=9)]
    merged = merge_events(events_of(rows), limit=1).history(0)
    assert merged == history(rows, limit=1)
    assert merged.mark == (7, "c")


def test_a_negative_zero_is_a_zero() -> None:
    """A watch ratio of -0.0 gives the same bytes as by day."""
    rows = [event(watch_ratio=-0.0)]
    merged = merge_events(events_of(rows)).history(0)
    assert (
        merged.to_bytes()
        == history(rows).to_bytes()
        == history([event(watch_ratio=0.0)]).to_bytes()
    )


def test_users_can_be_chosen() -> None:
    """Chosen users keep their histories and get new numbers."""
    merged = merge_events(events_of(world(users=7)), limit=20)
    which = np.array([True, False, True, True, False, False, True])
    chosen = merged.take(which)
    assert dict(chosen.by_user()) == {
        user: found for user, found in merged.by_user() if which[merged.users.index(user)]
    }
    assert chosen.history(1) == merged.history(2)


def test_users_without_events_have_empty_histories() -> None:
    """Who appears only later is there, empty, and is not counted among those with a history."""
    before, _ = events_of([event(user="a", at=1), event(user="b", at=2)]).split(0.5)
    merged = merge_events(before)
    assert len(merged) == 2
    assert len(merged.history(1)) == 0
    assert [user for user, _ in merged.by_user()] == ["a"]


def test_no_events_give_no_histories() -> None:
    """Nothing merges to nothing."""
    nothing, _ = events_of([event()]).split(0.0)
    assert dict(merge_events(nothing).by_user()) == {}
