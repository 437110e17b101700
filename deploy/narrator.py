"""The narrator: says in plain words what is being done, with progress bars."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

if TYPE_CHECKING:
    from rich.console import RenderableType


class Narrator:
    """Writes to the terminal; a `batch_training.progress.Progress`.

    Where the output is no terminal, each stage is one line when it ends, and nothing moves.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._name = ""
        self._start = 0.0

    def say(self, text: RenderableType = "") -> None:
        """Write a line or a table; the stage before it, if any, is over."""
        self.done()
        self.console.print(text, highlight=False)

    def stage(self, name: str) -> None:
        """Begin a stage."""
        self.done()
        self._name, self._start = name, time.perf_counter()
        if self.console.is_terminal:
            self._bars = Progress(
                TextColumn("  {task.description:<34}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self.console,
                transient=True,
            )
            self._task = self._bars.add_task(name, total=None)
            self._bars.start()

    def step(self, done: int, total: int) -> None:
        """Move the bar of the present stage."""
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=done, total=total)

    def done(self, more: str = "") -> None:
        """End the present stage, with a word on what came of it."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
        if self._name:
            seconds = f"{time.perf_counter() - self._start:6.1f} s"
            told = f"  {escape(self._name):<34}[dim]{seconds}[/]  {escape(more)}"
            self.console.print(told, highlight=False)
            self._name = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._name = ""
        if self._bars is not None:
            self._bars.stop()
