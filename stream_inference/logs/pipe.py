"""A log that never blocks: a pipe that nobody reads costs lines, not the worker."""

from __future__ import annotations

import logging
import os
import queue
import select
import threading
from typing import Final

MAX_LINES: Final = 1_000  # that wait for a reader
_FLUSH_S: Final = 0.5


class Pipe(logging.Handler):
    """Hands lines to a thread of its own, which alone may wait for whoever reads them.

    While the reader is away, `MAX_LINES` lines wait and the others are dropped and counted. When
    it is back, a line says how many are missing.

    Parameters
    ----------
    fd
        File descriptor that takes the lines.

    Attributes
    ----------
    dropped
        Lines that were lost since the start.
    """

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd
        self._lines: queue.Queue[bytes] = queue.Queue(MAX_LINES)
        self.dropped = 0
        threading.Thread(target=self._write, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; never waits."""
        try:
            self._lines.put_nowait(f"{self.format(record)}\n".encode(errors="backslashreplace"))
        except queue.Full:
            self.dropped += 1
        except Exception:  # noqa: BLE001 - what a library logs may not be formatted; it goes on
            self.dropped += 1

    def flush(self) -> None:
        """Wait until everything is written, but not for a reader that is gone."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(lambda: not self._lines.unfinished_tasks, _FLUSH_S)

    def _write(self) -> None:
        told = 0
        while True:
            self._write_out(self._lines.get())
            if self._lines.empty() and (missing := self.dropped - told):
                told += missing
                self._write_out(self._about(missing))
            self._lines.task_done()

    def _about(self, missing: int) -> bytes:
        text = "%d lines are missing here: nobody read the log, or it could not be written"
        record = logging.LogRecord(
            __name__, logging.WARNING, __file__, 0, text, (missing,), exc_info=None
        )
        return f"{self.format(record)}\n".encode()

    def _write_out(self, line: bytes) -> None:
        """Write a line, and wait for the reader."""
        while line:
            try:
                line = line[os.write(self._fd, line) :]
            except BlockingIOError:  # whoever shares the pipe has made it so
                select.select([], [self._fd], [])
            except OSError:  # the reader is gone for good, or the disk is full
                self.dropped += 1
                return
