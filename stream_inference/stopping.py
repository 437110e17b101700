"""A stop that always ends: a watchdog beside the event loop, which may hang."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Final, NoReturn

EXIT_GAVE_UP: Final = 1
EXIT_BUG: Final = 70
EXIT_UNFINISHED: Final = 75
EXIT_REFUSED: Final = 78
End = Callable[[str, int], NoReturn]
"""Ends the process: why, and with which status."""
_SIGNALS: Final = {signal.SIGTERM, signal.SIGINT}
_LOG: Final = logging.getLogger(__name__)


class Watchdog:
    """Takes SIGTERM and SIGINT in a thread of its own and sees to it that the process ends.

    The first signal begins a stop in order; when that is not over after the grace time, or a
    second signal comes, the process ends at once. What it had in hand is then not acknowledged,
    so it is delivered again: nothing is lost. Make it before any other thread is started, in the
    libraries too, or block the two signals before: threads inherit what is blocked, and a thread
    without that may get a signal in the watchdog's place.

    Parameters
    ----------
    grace_s
        Seconds for a stop in order.
    last_words
        Called before the process ends; brings the log out, without waiting for long.
    """

    def __init__(self, grace_s: float, last_words: Callable[[], None]) -> None:
        self._grace_s = grace_s
        self._last_words = last_words
        self._stop: Callable[[], object] | None = None
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def guard(self, stop: Callable[[], object]) -> None:
        """From now on a signal begins a stop by calling this, from the watchdog's thread.

        Before that there is nothing to finish, and a signal ends the process at once.
        """
        self._stop = stop

    def _watch(self) -> None:
        name = signal.Signals(signal.sigwait(_SIGNALS)).name
        if self._stop is None:
            self.end(f"{name} during the start: nothing was begun", 0)
        _LOG.info("%s: stops after the batch in hand, within %g s", name, self._grace_s)
        timer = threading.Timer(self._grace_s, self.end, (self._late(), EXIT_UNFINISHED))
        timer.daemon = True
        timer.start()
        self._stop()
        again = signal.Signals(signal.sigwait(_SIGNALS))
        self.end(f"{again.name} again: what it held is delivered again", 128 + again)

    def _late(self) -> str:
        return (
            f"no end in order within {self._grace_s:g} s: what was not acknowledged is delivered "
            "again"
        )

    def end(self, why: str, status: int) -> NoReturn:
        """End the process at once, from any thread, with a last line in the log."""
        _LOG.log(logging.ERROR if status else logging.INFO, "ends with status %d: %s", status, why)
        self._last_words()
        os._exit(status)
