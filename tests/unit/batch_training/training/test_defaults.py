"""The defaults hang on the shape of the data, and on nothing else."""

from __future__ import annotations

import pytest

from batch_training.merging.histories import merge_events
from batch_training.training.defaults import for_data
from batch_training.training.settings import TrainSettings
from tests.builders import event
from tests.unit.nights import events_of, renamed


@pytest.mark.parametrize(("users", "expected"), [(1, 5.1), (200, 25.0), (6_000, 70.0)])
def test_few_users_need_little_regularization(users: int, expected: float) -> None:
    """The regularization grows with the users, and all else is the plain settings'."""
    histories = merge_events(events_of([event(user=f"u{user}") for user in range(users)]))
    assert for_data(histories) == TrainSettings(regularization=expected)


def test_names_tell_nothing() -> None:
    """Other names for users and videos give the same defaults."""
    rows = [event(f"v{n % 7}", user=f"u{n}") for n in range(50)]
    one, other = (for_data(merge_events(events_of(given))) for given in (rows, renamed(rows)))
    assert one == other


def test_users_without_anything_do_not_count() -> None:
    """Only users with a history count; data without any still get settings."""
    events = events_of([event(user=f"u{user}", at=1_000 + user) for user in range(300)])
    half = merge_events(events.take(slice(150)))
    assert len(half) == 300
    assert for_data(half) == for_data(
        merge_events(events_of([event(user=f"u{u}") for u in range(150)]))
    )
    assert for_data(merge_events(events.take(slice(0)))).regularization > 0
