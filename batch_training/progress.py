"""Progress: how the night tells what it is doing, whoever shows it, and what each stage took."""

from __future__ import annotations

import resource
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from batch_training.night_report import StageFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROC: Final = Path("/proc/self")


class Progress(Protocol):
    """Is told what the night does; the roof draws it."""

    def stage(self, name: str) -> None:
        """Hear that a stage begins."""

    def step(self, done: int, total: int) -> None:
        """Hear how far the present stage has come."""

    def done(self, more: str = "") -> None:
        """Hear that the present stage is over, and what came of it."""


class Stages:
    """Announces stages, and keeps what each took.

    Attributes
    ----------
    progress
        Who is told.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self._open: list[str] = []
        self._costs: dict[str, _Cost] = {}
        self._clocks = _clocks()
        _forget_peak()

    @property
    def facts(self) -> list[StageFacts]:
        """What each stage took so far, in the order in which they began."""
        return [
            StageFacts(name, round(cost.seconds, 3), round(cost.peak_mib, 1), round(cost.cpu_s, 3))
            for name, cost in self._costs.items()
        ]

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Announce a stage, and measure it."""
        self.progress.stage(name)
        with self.part(name):
            yield

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure a part of a stage as one of its own; it may come in several pieces."""
        self._charge()
        self._open.append(name)
        self._costs.setdefault(name, _Cost())
        try:
            yield
        finally:
            self._charge()
            self._open.pop()

    def _charge(self) -> None:
        """Put what was used since the last call down to the innermost stage that is open."""
        then, self._clocks = self._clocks, _clocks()
        if self._open:
            cost = self._costs[self._open[-1]]
            cost.seconds += self._clocks[0] - then[0]
            cost.cpu_s += self._clocks[1] - then[1]
            cost.peak_mib = max(cost.peak_mib, _peak_mib())
        _forget_peak()


@dataclass
class _Cost:
    """What a stage took so far: wall and CPU seconds, and the greatest memory in MiB."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    peak_mib: float = 0.0


def _clocks() -> tuple[float, float]:
    """Tell wall time, and CPU time of all threads."""
    return time.perf_counter(), time.process_time()


def _forget_peak() -> None:
    """Let the kernel count the greatest memory anew, where it can."""
    with suppress(OSError):  # elsewhere than on Linux, a stage's peak includes those before it
        (_PROC / "clear_refs").write_text("5")


def _peak_mib() -> float:
    """Greatest resident memory since `_forget_peak`, in MiB."""
    with suppress(OSError, StopIteration):
        lines = (_PROC / "status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    in_bytes = sys.platform == "darwin"
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if in_bytes else 1024)
