"""Histories gathered from a spool are those that events added one by one give."""

from __future__ import annotations

import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_training.events import COLUMNS, Events
from batch_training.merging import histories
from batch_training.merging.histories import gather, merge_events
from tests.builders import event, history
from tests.unit.batch_training.merging.test_histories import BUSY, STREAM, one_by_one
from tests.unit.nights import events_of, plain, world
from tests.unit.spools import same_events, spool_of

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

TINY = 7  # rows
CUTS = st.none() | st.integers(1, 13)  # times are drawn from 1 to 12
USERS, VIDEOS = 100, 200


@contextmanager
def many_turns() -> Iterator[None]:
    """Let a handful of rows be as much as is worked on at once, so that few events need turns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histories, "_AT_ONCE", TINY)
        patch.setattr(histories, "_WAITING", TINY)
        yield


@given(STREAM | BUSY, st.integers(1, 5) | st.just(1_000), CUTS, st.integers(1, 20), st.randoms())
def test_gathering_is_adding_one_by_one(
    drawn: list[tuple[str, dict[str, Any]]],
    limit: int,
    cut_at: int | None,
    batch: int,
    shuffler: random.Random,
) -> None:
    """Any batches, order, duplicates and cut give what the day gives: before the cut, and after."""
    rows = [plain | {"user": user} for user, plain in drawn]
    older = [row for row in rows if cut_at is None or row["at"] < cut_at]
    written = rows + shuffler.choices(rows, k=len(rows) // 2)
    events = events_of(written)
    events = events.take(np.array(shuffler.sample(range(len(events)), len(events))))
    with many_turns(), spool_of(events, batch) as spool:
        before, later = gather(spool, cut_at, limit)
        everything = before.merged(later, limit)
    assert dict(before.by_user()) == one_by_one(older, limit)
    assert before.users is later.users
    assert len(before) == len(events.users)
    assert len(later) == sum(row not in older for row in written)
    assert dict(everything.by_user()) == one_by_one(rows, limit)
    assert np.array_equal(everything.states, merge_events(events, limit).states)


def test_later_events_are_in_order_of_time() -> None:
    """They are oldest first, those of a moment in an order that the seed decides."""
    events = events_of([event(f"v{n % 100}", at=n // 100 + 1) for n in range(500)])
    with spool_of(events, 64) as spool:
        _, later = gather(spool, 3, 1_000, seed=1)
        _, again = gather(spool, 3, 1_000, seed=1)
        _, other = gather(spool, 3, 1_000, seed=2)
    assert later.at.tolist() == sorted([3, 4, 5] * 100)
    assert same_events(later, again)
    assert not same_events(later, other)
    assert sorted(map(str, plain(later))) == sorted(map(str, plain(other)))
    assert sorted(later.video[:100]) == list(range(100)) != later.video[:100].tolist()


def test_all_users_have_a_history() -> None:
    """Who appears only later is there, empty; with the later events nobody is."""
    events = events_of([event(user="a", at=1), event(user="b", at=9)])
    with spool_of(events) as spool:
        before, later = gather(spool, 5)
    assert before.lengths.tolist() == [1, 0]
    assert before.merged(later).lengths.tolist() == [1, 1]


def test_nothing_before_the_cut_is_no_history() -> None:
    """If all is later, the histories are empty and the events are all there."""
    events = events_of(world(users=3))
    with spool_of(events) as spool:
        before, later = gather(spool, 1)
    assert not before.lengths.any()
    assert len(later) == len(events)


def test_events_that_are_not_later_are_refused() -> None:
    """An event of the very moment of the newest one known can't be merged after it."""
    events = events_of([event("a", at=5), event("b", at=5), event("c", at=6)])
    before = merge_events(events.take(slice(1)))
    with pytest.raises(ValueError, match="after 5"):
        before.merged(events.take(slice(1, None)))


def test_a_mark_counts_as_known() -> None:
    """An event as old as one that was let go is refused, too, though no state knows that time."""
    events = events_of([event("a", "hide", at=5), event("b", at=9), event("b", "like", at=9)])
    before = merge_events(events.take(slice(2)), limit=1)
    assert before.history(0).newest_at == 9 > before.states["latest"].max()
    with pytest.raises(ValueError, match="after 9"):
        before.merged(events.take(slice(2, None)))


@pytest.mark.parametrize("at", [5, 9])
def test_a_mark_never_falls(at: int) -> None:
    """Letting go what is older than the mark, or as old with a lower id, leaves the mark alone."""
    rows = [event("a", "hide", at=5), event("c", at=at), event("d", "hide", at=10)]
    events = events_of(rows)
    before = merge_events(events.take(events.at < 10), limit=1)
    merged = before.merged(events.take(events.at == 10), limit=1)
    assert merged.history(0) == history(rows, limit=1)
    assert merged.history(0).mark == (at, "c")


def test_events_with_other_codes_are_refused() -> None:
    """The same ids in another list may have other codes."""
    rows = [event("a", at=5)]
    with pytest.raises(ValueError, match="users and videos"):
        merge_events(events_of(rows)).merged(events_of(rows))


def peak_of(work: Callable[[], object]) -> int:
    """Measure how many bytes some work takes at its peak."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def rows_of_few_pairs(rows: int) -> Events:
    """Draw watches of a hundred users and two hundred videos."""
    random = np.random.default_rng(0)
    columns = {name: np.zeros(rows, kind) for name, kind in COLUMNS.items()}
    columns["user"][:] = random.integers(0, USERS, rows)
    columns["video"][:] = random.integers(0, VIDEOS, rows)
    columns["at"][:] = random.integers(1, 1 << 40, rows)
    users, videos = [f"u{n}" for n in range(USERS)], [f"v{n}" for n in range(VIDEOS)]
    return Events(users=users, videos=videos, **columns)


@pytest.mark.slow
def test_memory_follows_pairs_not_rows() -> None:
    """Twice the rows of the same 20,000 pairs take no more memory; merged at once, they would."""
    once, twice = (rows_of_few_pairs(rows) for rows in (400_000, 800_000))
    with spool_of(once, 1 << 16) as few, spool_of(twice, 1 << 16) as many:
        needed = peak_of(lambda: gather(many, None))
        assert needed < 1.1 * peak_of(lambda: gather(few, None))
        assert 2 * needed < peak_of(lambda: merge_events(many.events()))
