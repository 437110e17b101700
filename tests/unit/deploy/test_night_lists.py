"""Who gets a list after a night: those who were seen lately."""

from __future__ import annotations

import math

import pytest

from batch_training.merging.histories import merge_events
from deploy.night.lists import seen_lately
from tests.builders import NOW_MS, event
from tests.unit.nights import events_of

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("days", "seen"), [(math.inf, ["a", "b", "c"]), (2.0, ["b", "c"]), (1.9, ["c"]), (0.0, ["c"])]
)
def test_seen_lately(days: float, seen: list[str]) -> None:
    """Days are counted back from the end of the data, and the bound belongs to them."""
    rows = [event("v", user="a", at=1), event("w", user="a", at=8 * DAY_MS - 1)]
    rows += [event("v", user="b", at=8 * DAY_MS), event("v", user="c", at=10 * DAY_MS)]
    histories = merge_events(events_of(rows))
    lately = seen_lately(histories, days, 10 * DAY_MS).tolist()
    found = [user for user, late in zip(histories.users, lately, strict=True) if late]
    assert sorted(found) == seen


def test_what_was_let_go_was_seen_too() -> None:
    """A user whose newest event was of a video that was let go since was there all the same."""
    rows = [event(f"v{n}", at=n + 1) for n in range(3)]
    rows += [event("v0", "like", at=50), event("other", user="x", at=60)]
    histories = merge_events(events_of(rows), limit=2)
    assert seen_lately(histories, 20 / DAY_MS, 60).all()


def test_nobody() -> None:
    """Where there is nobody, nobody was seen."""
    nobody = merge_events(events_of([event("v", at=1)]).take(slice(0)))
    assert not seen_lately(nobody, 30.0, NOW_MS).any()


def test_a_clock_that_goes_ahead_sends_nobody_away() -> None:
    """Whoever was seen at the end of the data is seen, though an event claims to be of later."""
    rows = [event("v", user="a", at=NOW_MS - 1), event("v", user="b", at=NOW_MS + DAY_MS)]
    assert seen_lately(merge_events(events_of(rows)), 0.5, NOW_MS).all()
