"""A night that is told to stop stops tidily, and says so."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.conftest import Histories
    from tests.faults.house import House
    from tests.faults.jobs import Jobs

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "verdict"),
    [
        ("Train on the older events", "fault"),
        ("Publish and activate, packet 15", "fault"),
        ("Write everybody's list, packet 6", "published"),
    ],
)
def test_a_signal_stops_it(
    new_houses: Callable[[int], list[House]],
    jobs: Jobs,
    histories: Histories,
    point: str,
    verdict: str,
) -> None:
    """It ends with 128 + n, without a traceback; lock and scratch are gone, the report is kept.

    What it left in Redis of an unfinished version goes when it is run again.
    """
    houses = new_houses(len(SIGNALS))
    before = [house.snapshot() for house in houses]
    nights = [
        house.night(jobs, histories.tonight, at=point, signal=number, ttl_s=60)
        for house, number in zip(houses, SIGNALS, strict=True)
    ]
    cases = zip(houses, nights, SIGNALS.items(), before, strict=True)
    for house, night, (number, name), was in cases:
        ended = night.ended()
        line = ended.line()
        assert (ended.status, line["exit_code"], line["verdict"]) == (128 + number,) * 2 + (
            verdict,
        )
        assert "was stopped by" in ended.err
        assert "Traceback" not in ended.err
        assert house.complaints(was) == []
        assert not house.client.exists(house.keys.lock)
        assert house.scratch() == []
        report = house.newest_report()
        assert report.verdict == verdict
        assert report.reasons == (f"The night was stopped by {name}.",)
    assert houses[0].night(jobs, histories.tonight).ended().status == 0
    assert houses[0].strays() == []


def test_nohup_is_heeded(house: House, jobs: Jobs, histories: Histories) -> None:
    """Where SIGHUP was ignored from the start, it stops nothing."""
    ignored, point = (int(signal.SIGHUP),), "Try it out"
    night = house.night(jobs, histories.tonight, at=point, signal=signal.SIGHUP, ignored=ignored)
    assert night.ended().line()["verdict"] == "published"
