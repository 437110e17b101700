"""How many events a micro-batch may hold, so that making its lists takes no longer than a bound."""

from __future__ import annotations

from typing import Final

DEFAULT_MAX_BATCH: Final = 1024
DEFAULT_MAX_BATCH_S: Final = 0.1
_FIRST: Final = 16


class BatchBound:
    """A bound in events that follows what a list costs.

    Only the numerics count. A slow Redis takes as long for one user as for many, so smaller
    batches would make it worse.

    Parameters
    ----------
    most
        Events that a batch never exceeds.
    seconds
        Bound on the numerics of one batch.

    Attributes
    ----------
    events
        How many the next batch may hold, at least 1.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self.events = min(_FIRST, most)

    def learn(self, lists: int, seconds: float) -> None:
        """Take note of what the lists of a batch took; a list of few costs more than one of many.

        The bound at most doubles, as a batch says little of one that is many times as large.
        """
        if lists:
            affordable = int(self._seconds * lists / max(seconds, 1e-9))
            self.events = max(1, min(affordable, 2 * self.events, self._most))
