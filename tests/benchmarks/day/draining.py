"""Draining a backlog: a process that was stopped goes on until it is through."""

from __future__ import annotations

import statistics
import time
from signal import SIGCONT, SIGSTOP
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.benchmarks.day.processes import cpu_seconds
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.benchmarks.day.ground import Ground
    from tests.benchmarks.day.workers import Arm

_PATIENCE_S: Final = 240.0


class Cost(NamedTuple):
    """What draining a backlog took, for one event.

    Attributes
    ----------
    cpu_us, redis_us
        CPU time of the worker and of Redis, all threads of their processes.
    wall_us
        Wall time.
    """

    cpu_us: float
    redis_us: float
    wall_us: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return 1e6 / self.wall_us


def median(costs: Sequence[Cost]) -> Cost:
    """Give the median of each."""
    return Cost(*map(statistics.median, zip(*costs, strict=True)))


def stop(ground: Ground, arms: Iterable[Arm]) -> None:
    """Wait until all are through with what was sent so far, then stop them."""
    for arm in arms:
        _wait(ground, arm)
        arm.kill(SIGSTOP)


def drain(ground: Ground, arm: Arm, events: int) -> Cost:
    """Let a stopped one go on until it is through with that many, then stop it again."""
    pids = [ground.redis.pid, *(process.pid for process in arm.processes)]
    before, start = [cpu_seconds(pid) for pid in pids], time.perf_counter()
    arm.kill(SIGCONT)
    _wait(ground, arm)
    wall = time.perf_counter() - start
    redis, *own = (cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True))
    arm.kill(SIGSTOP)
    return Cost(*(1e6 * seconds / events for seconds in (sum(own), redis, wall)))


def _wait(ground: Ground, arm: Arm) -> None:
    logs = ", ".join(str(process.log) for process in arm.processes)
    sent = ground.sent[arm.topic]
    wait_until(lambda: arm.seen(sent), _PATIENCE_S, what=f"{sent:,} events, see {logs}")
