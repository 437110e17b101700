"""All histories merged at once are those that events added one by one give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from batch_training.histories import merge_events
from tests.builders import event, events, history
from tests.unit.nights import events_of, world

if TYPE_CHECKING:
    import random

USERS = ("u", "uu", "v")
STREAM = st.lists(st.tuples(st.sampled_from(USERS), events()), min_size=1, max_size=40)


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


@given(
    st.permutations([event(f"v{n}", kind) for n, kind in enumerate(["watch", "hide"] * 5)]),
    st.integers(1, 9),
)
def test_past_the_bound_merging_is_adding_in_order_of_time(
    drawn: list[dict[str, Any]], limit: int
) -> None:
    """Hidden videos are let go last, and the mark is that of the last one let go."""
    rows = [row | {"at": at} for at, row in enumerate(drawn, start=5)]
    merged = merge_events(events_of(rows), limit).history(0)
    assert merged == history(rows, limit)
    assert len(merged) == limit


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
