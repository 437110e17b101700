"""Screen: how far a search has come, while it runs."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

if TYPE_CHECKING:
    from rich.console import Console

    from batch_training.tuning.study import Standing, Stop


class Screen:
    """A bar with the best so far and the time left; a line for each gain where nothing moves.

    Parameters
    ----------
    stop
        When the search ends.
    metric
        What it judges by.
    """

    def __init__(self, console: Console, stop: Stop, metric: str) -> None:
        self._console, self._stop, self._metric = console, stop, metric
        self._start, self._first, self._best = time.monotonic(), -1, -math.inf
        self._bars = Progress(
            TextColumn("  Search"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bars.add_task("", total=stop.trials, told="")

    def show(self, standing: Standing) -> None:
        """Show how far the search has come."""
        if self._first < 0:
            self._first = standing.done
        best = "" if math.isnan(standing.best) else f"best {self._metric} {standing.best:.4f}"
        if not math.isnan(standing.defaults):
            best += f" (defaults {standing.defaults:.4f})"
        self._bars.update(
            self._task, completed=standing.done, told=f"{best}  {self._left(standing)}"
        )
        if not self._console.is_terminal and standing.best > self._best:
            self._console.print(f"  Trial {standing.done}: {best}", highlight=False)
            self._best = standing.best

    def _left(self, standing: Standing) -> str:
        """Say how long it may take from here on."""
        now, done = time.monotonic(), standing.done - self._first
        if not done:
            return ""
        by_trials = (self._stop.trials - standing.done) * (now - self._start) / done
        left = max(0, round(min(by_trials, self._stop.at - now)))
        return f"{left // 60}:{left % 60:02} left"

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()
