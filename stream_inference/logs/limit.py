"""Bounded logs: a broker that is away makes the Kafka client write dozens of lines a second."""

from __future__ import annotations

import logging
import time
from typing import Final

_MAX_KINDS: Final = 1_000  # a library that fills in its messages itself makes endless kinds


class LogLimit(logging.Filter):
    """Lets so many lines of one kind through per period, and tells how many it held back.

    A kind is a logger and a message before its arguments are filled in.

    Parameters
    ----------
    lines
        How many lines of a kind may pass in a period.
    period_s
        Length of a period, in seconds.

    Attributes
    ----------
    held_back
        Lines that did not pass, since the start.
    """

    def __init__(self, lines: int = 5, period_s: float = 10.0) -> None:
        super().__init__()
        self._lines = lines
        self._period_s = period_s
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}
        self.held_back = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Count a line, and tell whether it may pass."""
        kind, now = (record.name, str(record.msg)), time.monotonic()
        start, count = self._seen.get(kind, (now, 0))
        if now - start > self._period_s:
            if count > self._lines:
                record.msg = f"{record.msg} ({count - self._lines} more such lines were held back)"
            start, count = now, 0
        if len(self._seen) >= _MAX_KINDS:
            self._seen.clear()
        self._seen[kind] = (start, count + 1)
        self.held_back += count >= self._lines
        return count < self._lines
