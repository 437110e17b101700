"""The present, for the bound on events of the future."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """A clock that never falls behind what has passed since the start.

    When the machine's clock is set back, events of the present would seem to come from the
    future, and be refused. When it is set forward, the bound is looser for as long as it is.

    Parameters
    ----------
    wall_ns
        The machine's clock, in ns UTC.
    steady_ns
        One that nobody can set.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._offset_ns = wall_ns() - steady_ns()

    def now_ms(self) -> int:
        """Tell the present, in ms UTC."""
        return max(self._wall_ns(), self._offset_ns + self._steady_ns()) // 1_000_000
