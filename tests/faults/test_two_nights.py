"""Two nights never interleave."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.conftest import Histories
    from tests.faults.house import House
    from tests.faults.jobs import Jobs


def test_the_second_one_goes(house: House, jobs: Jobs, histories: Histories) -> None:
    """It ends with 5 and says who is at work; a dry run may run beside, and the first publishes."""
    point = "Train on everything"
    first = house.night(jobs, histories.tonight, at=point, ttl_s=5).is_at(point)
    before = house.dump()
    second = house.night(jobs, histories.tonight, ttl_s=5)
    dry = house.night(jobs, histories.tonight, "--dry-run")
    ended = second.ended()
    assert (ended.status, ended.line()["verdict"]) == (5, "locked")
    assert "Another night is running, since" in ended.err
    assert "Traceback" not in ended.err
    assert dry.ended().line()["verdict"] == "dry run"
    assert house.dump() == before
    first.go_on()
    assert first.ended().line()["version"] == house.served
    assert house.strays() == []


@pytest.mark.parametrize(
    "point",
    ["Train on everything", "Publish and activate, packet 15", "Publish and activate, packet 27"],
)
def test_one_that_slept_too_long_writes_nothing(
    house: House, jobs: Jobs, histories: Histories, point: str
) -> None:
    """While it was stopped another night took the lock; what that one published stays."""
    first = house.night(jobs, histories.tonight, at=point, signal=signal.SIGSTOP).is_stopped()
    assert house.night(jobs, histories.tonight).ended().line()["version"] == house.served
    after, left = house.snapshot(), house.strays()
    first.signal(signal.SIGCONT)
    ended = first.ended()
    assert (ended.status, ended.line()["verdict"]) == (1, "fault")
    assert "lost its lock" in ended.line()["reasons"][0]
    assert "Traceback" not in ended.err
    assert house.snapshot() == after
    assert all("scratch" in stray for stray in left)  # of the one that still sleeps
    assert house.strays() == []


def test_one_that_slept_while_it_wrote_lists_replaces_none(
    house: House, jobs: Jobs, histories: Histories
) -> None:
    """It goes on writing lists, and leaves those of the newer model in place."""
    point = "Write everybody's list, packet 6"
    first = house.night(jobs, histories.tonight, at=point, signal=signal.SIGSTOP).is_stopped()
    assert house.night(jobs, histories.tonight).ended().line()["version"] == house.served
    after = house.snapshot()
    first.signal(signal.SIGCONT)
    assert first.ended().line()["refreshed"]["list_is_newer"] > 0
    assert house.snapshot() == after
    assert house.strays() == []
