"""Logs of a worker: one line for one fact, rate-limited, and never in the way of the work."""

from __future__ import annotations

import logging
import threading
from typing import Final, Literal

from stream_inference.logs.limit import LogLimit
from stream_inference.logs.lines import JsonLines, TextLines, facts
from stream_inference.logs.pipe import Pipe

__all__ = ["LogFormat", "Logs", "facts", "set_up"]

LogFormat = Literal["text", "json"]
_LOG: Final = logging.getLogger(__name__)
_TALKATIVE: Final = ("upnext", "data", "stream_inference")


class Logs:
    """The log of this process, and what of it got lost.

    Parameters
    ----------
    log_format
        ``text`` for people, ``json`` for programs.
    fd
        Where it is written.
    """

    def __init__(self, log_format: LogFormat = "text", fd: int = 2) -> None:
        self._limit = LogLimit()
        self._pipe = Pipe(fd)
        self._pipe.setFormatter(JsonLines() if log_format == "json" else TextLines())
        self._pipe.addFilter(self._limit)
        logging.basicConfig(level=logging.WARNING, handlers=[self._pipe], force=True)

    @property
    def held_back(self) -> int:
        """Lines that were too many of their kind."""
        return self._limit.held_back

    @property
    def dropped(self) -> int:
        """Lines that nobody read in time."""
        return self._pipe.dropped

    def flush(self) -> None:
        """Wait a moment until what was logged is written; not for a reader that is gone."""
        self._pipe.flush()


def set_up(log_format: LogFormat = "text") -> Logs:
    """Log to standard error: all of our own from INFO on, of the libraries from WARNING on."""
    logs = Logs(log_format)
    for wing in _TALKATIVE:
        logging.getLogger(wing).setLevel(logging.INFO)
    for of_faust in ("app", "transport"):  # its own lines in our modules' names
        logging.getLogger(f"stream_inference.faust_worker.{of_faust}").setLevel(logging.WARNING)
    # All it says at INFO is that events were deleted in Kafka before this worker could read them.
    logging.getLogger("aiokafka.consumer.fetcher").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_ended
    return logs


def _thread_ended(ended: threading.ExceptHookArgs) -> None:
    """Log what ends a thread, which Python would write past the log."""
    error = ended.exc_value
    name = ended.thread.name if ended.thread else "?"
    _LOG.error("thread %s ended by %s", name, ended.exc_type.__name__, exc_info=error)
