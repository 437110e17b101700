"""A clock that jumps makes no event seem to come from the future."""

from __future__ import annotations

import pytest

from stream_inference.clock import Clock

START_MS, HOUR_MS = 1_720_000_000_000, 3_600_000


@pytest.mark.parametrize(
    ("passed", "shown", "now"),
    [
        (HOUR_MS, HOUR_MS, HOUR_MS),
        (HOUR_MS, -9 * HOUR_MS, HOUR_MS),
        (HOUR_MS, 9 * HOUR_MS, 9 * HOUR_MS),
    ],
    ids=["no jump", "set back by ten hours", "set forward by eight hours"],
)
def test_never_behind(passed: int, shown: int, now: int) -> None:
    """The present is what the machine says, and at least the start and what has passed since."""
    times = {"wall": START_MS, "steady": 5}
    clock = Clock(lambda: times["wall"] * 1_000_000, lambda: times["steady"] * 1_000_000)
    times["wall"] += shown
    times["steady"] += passed
    assert clock.now_ms() == START_MS + now
