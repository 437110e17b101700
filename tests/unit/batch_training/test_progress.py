"""What each stage of a night took is told stage by stage, and nothing is told twice."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

from batch_training.progress import Stages
from tests.unit.nights import Silent

WORK_S = 0.05


def work() -> None:
    """Use some CPU time."""
    start = time.process_time()
    while time.process_time() - start < WORK_S:
        pass


def work_and_fail() -> None:
    """Use some CPU time for nothing."""
    work()
    raise ZeroDivisionError


def test_a_part_takes_its_time_out_of_its_stage() -> None:
    """The pieces of a part add up, and what they took is not told as the stage's too."""
    stages, start = Stages(Silent()), time.perf_counter()
    with stages.stage("whole"):
        work()
        for _ in range(3):
            with stages.part("part"):
                work()
    work()
    with stages.stage("next"):
        pass
    took = time.perf_counter() - start
    whole, part, after = stages.facts
    assert [whole.name, part.name, after.name] == ["whole", "part", "next"]
    assert 0.99 * WORK_S < whole.cpu_s < 2 * WORK_S
    assert 2.99 * WORK_S < part.cpu_s < 4 * WORK_S
    assert after.cpu_s < WORK_S
    assert whole.seconds + part.seconds + after.seconds < took


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak can't be forgotten")
def test_memory_is_told_of_the_part_that_used_it() -> None:
    """A part that needs much memory has a peak of its own, above that of the stage around it."""
    stages = Stages(Silent())
    with stages.stage("whole"):
        work()
        with stages.part("large"):
            np.ones(25_000_000)
        with stages.part("small"):
            work()
    whole, large, small = stages.facts
    assert large.peak_mib > max(whole.peak_mib, small.peak_mib) + 150


def test_a_stage_that_fails_is_told_too() -> None:
    """What a failed stage took is kept, and what comes later is not put down to it."""
    stages = Stages(Silent())
    with pytest.raises(ZeroDivisionError), stages.stage("failed"):
        work_and_fail()
    work()
    with stages.stage("report"):
        pass
    assert [stage.name for stage in stages.facts] == ["failed", "report"]
    assert stages.facts[0].cpu_s < 2 * WORK_S
