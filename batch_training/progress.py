"""Progress: how the night tells what it is doing, whoever shows it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Progress(Protocol):
    """Is told what the night does; the roof draws it."""

    def stage(self, name: str) -> None:
        """Hear that a stage begins."""

    def step(self, done: int, total: int) -> None:
        """Hear how far the present stage has come."""


class Stages:
    """Announces stages and keeps their times.

    Attributes
    ----------
    progress
        Who is told.
    seconds
        Wall time of each stage that has ended.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Announce a stage, and measure it."""
        self.progress.stage(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)
