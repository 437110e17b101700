"""The process: what is set up once, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import TYPE_CHECKING, Final

import faust
import uvloop
from threadpoolctl import threadpool_limits

from stream_inference.faust_worker.worker import Worker
from stream_inference.stopping import EXIT_GAVE_UP, EXIT_UNFINISHED

if TYPE_CHECKING:
    import signal

    from stream_inference.faust_worker.settings import WorkerSettings
    from stream_inference.logs import Logs
    from stream_inference.stopping import End, Watchdog

_SILENCE_S: Final = 5.0  # more than twice the time between heartbeats
_LOG: Final = logging.getLogger(__name__)


def run(settings: WorkerSettings, logs: Logs, watchdog: Watchdog) -> None:
    """Work until the watchdog says that it is over; ends the process."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # Lists and histories are made by the thousand and are never part of a cycle: at its default
    # the collector would take a tenth of the time to find nothing.
    gc.set_threshold(50_000)
    threadpool_limits(1)  # BLAS's own threads wait by spinning; another core is for another worker
    worker = Worker(settings, logs, watchdog.end)
    worker.serve_metrics()
    process = _Process(worker, loop, watchdog.end)
    watchdog.guard(lambda: loop.call_soon_threadsafe(process.begin_to_stop))
    process.execute_from_commandline()


class _Process(faust.Worker):
    """Faust's process, whose signals go to the watchdog."""

    def __init__(self, worker: Worker, loop: asyncio.AbstractEventLoop, end: End) -> None:
        super().__init__(
            worker.app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False
        )
        self._worker = worker
        self._end = end
        self._watching = loop.create_task(worker.membership.watch())
        self.spinner = None  # it would steer the terminal

    def install_signal_handlers(self) -> None:
        """Leave them alone."""

    def begin_to_stop(self) -> None:
        """Stop after the batch in hand, as Faust does on SIGTERM."""
        self._on_sigterm()

    async def _stop_on_signal(self, number: signal.Signals) -> None:
        alone = asyncio.ensure_future(self._end_without_kafka())
        async with self._worker.in_hand:
            await super()._stop_on_signal(number)
        alone.cancel()

    async def _end_without_kafka(self) -> None:
        """Wait for no broker that is away: without one nothing can be acknowledged."""
        silent_s = self._worker.membership.silent_s
        while (left := _SILENCE_S - silent_s()) > 0:  # noqa: ASYNC110 - only time ends silence
            await asyncio.sleep(left)
        self._end(
            f"Kafka has not answered for {_SILENCE_S:g} s (it is away, or waits for another "
            "worker): what was not acknowledged is delivered again",
            EXIT_UNFINISHED,
        )

    def _crash(self, reason: BaseException) -> None:
        """End at once: what is left of Faust may hang, and nothing is lost."""
        self._end(f"Faust gave up ({reason!r}); start the worker again", EXIT_GAVE_UP)

    def _shutdown_loop(self) -> None:
        """End what still runs; Faust would sleep for two seconds on the way."""
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()
        _LOG.info("stopped in order: all that is in Redis is acknowledged")
