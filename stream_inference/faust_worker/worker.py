"""The worker process: one agent that takes bytes and acknowledges what is in Redis.

Why it is built like this: Faust acknowledges an event whose agent raised, and acknowledges the
batches of `take` when it is stopped, so both would lose events. Here nothing is acknowledged
by itself; what fails for good is parked; and a bug of the loop ends the process with the batch
unacknowledged, so that it comes again.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import faust
import uvloop
from threadpoolctl import threadpool_limits

from data.heartbeats import Heartbeat, Heartbeats
from data.model_store import ModelStore
from data.redis_connection import TRANSIENT_ERRORS, connect
from data.redis_keys import RedisKeys
from data.user_store import UserStore
from stream_inference.batch_bound import BatchBound
from stream_inference.dead_letters import DeadLetter, Message, Origin
from stream_inference.faust_worker import transport
from stream_inference.faust_worker.credentials import credentials
from stream_inference.faust_worker.partitions import Partitions
from stream_inference.hot_swap import HotSwap
from stream_inference.logs import facts
from stream_inference.metrics import Sources, WorkerMetrics, serve
from stream_inference.micro_batch import MicroBatches, Patience

if TYPE_CHECKING:
    import signal

    from stream_inference.faust_worker.settings import WorkerSettings
    from stream_inference.logs import Logs
    from stream_inference.stopping import Watchdog

EXIT_BUG: Final = 70
_COMMIT_S: Final = 3.0
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
    with tempfile.TemporaryDirectory(prefix="upnext-worker-") as folder:  # Faust insists on one
        worker = Worker(settings, folder, logs)
        worker.serve_metrics()
        process = _Process(worker, loop)
        watchdog.guard(lambda: loop.call_soon_threadsafe(process.begin_to_stop))
        process.execute_from_commandline()


class _Process(faust.Worker):
    """Faust's process, whose signals go to the watchdog."""

    def __init__(self, worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            worker.app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False
        )
        self._in_hand = worker.in_hand
        self.spinner = None  # it would steer the terminal

    def install_signal_handlers(self) -> None:
        """Leave them alone."""

    def begin_to_stop(self) -> None:
        """Stop after the batch in hand, as Faust does on SIGTERM."""
        self._on_sigterm()

    async def _stop_on_signal(self, number: signal.Signals) -> None:
        async with self._in_hand:
            await super()._stop_on_signal(number)

    def _shutdown_loop(self) -> None:
        """End what still runs; Faust would sleep for two seconds on the way."""
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()
        if self.crash_reason:
            raise self.crash_reason
        _LOG.info("stopped in order: all that is in Redis is acknowledged")


class Worker:
    """A Faust app with its one agent, its model, and its heartbeat.

    Attributes
    ----------
    in_hand
        Held while a batch is in hand.
    """

    def __init__(self, settings: WorkerSettings, folder: str, logs: Logs) -> None:
        client = connect(settings.redis_url, patient=False)  # it waits by itself
        keys = RedisKeys(settings.redis_prefix)
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self._settings = settings
        self._heartbeats = Heartbeats(client, keys)
        self._swap = HotSwap(ModelStore(client, keys))
        store = UserStore(client, keys, ttl_s=settings.ttl_s)
        self._batches = MicroBatches(
            store,
            self._swap,
            settings.limits,
            self._park,
            settings.list_length,
            BatchBound(settings.max_batch, settings.max_batch_ms / 1000),
        )
        self._pulse_thread = ThreadPoolExecutor(1, thread_name_prefix="pulse")
        self.in_hand = asyncio.Lock()
        self.app = faust_app(settings, folder)
        self._partitions = Partitions(self.app, settings.events_topic)
        sources = Sources(self._batches, self._swap, logs, self._partitions.lag)
        self._metrics = WorkerMetrics(sources)
        self._dead_letters = self.app.topic(settings.dead_letters_topic, value_serializer="raw")
        self._events = self.app.topic(settings.events_topic, value_serializer="raw")
        self.app.agent(self._events, concurrency=1)(self._consume)
        self.app.task(self._pulse)

    async def _consume(self, stream: Any) -> None:  # noqa: ANN401 - Faust has no types
        """Take whatever is waiting, bring it into Redis, then acknowledge it in order."""
        queue = stream.channel.queue
        try:
            await Patience(self._pulse_thread)(self._swap.poll)
            if self._swap.serving is None:
                _LOG.warning("no model (%s): histories are kept", self._swap.trouble or "none yet")
            async for event in stream.noack().events():
                room = self._batches.bound.events - 1
                batch = [event, *transport.take_waiting(self.app, queue, room)]
                async with self.in_hand:
                    await self._handle([_message(e.message) for e in batch])
                    for done in batch:
                        done.ack()
        except Exception:  # noqa: BLE001 - Faust would acknowledge what an agent raised on
            _LOG.exception("a bug in the worker: it ends, and what it held is delivered again")
            await self._commit()
            logging.shutdown()
            os._exit(EXIT_BUG)

    async def _commit(self) -> None:
        """Commit what is acknowledged, else a bug that comes back soon would undo it each time."""
        try:
            await asyncio.wait_for(self.app.consumer.commit(), _COMMIT_S)
        except Exception:  # noqa: BLE001 - then it is delivered again, which does no harm
            _LOG.exception("what was acknowledged is not committed, and is delivered again")

    async def _handle(self, messages: list[Message]) -> None:
        """Bring a batch into Redis, and count it."""
        start = time.monotonic()
        await self._batches.handle(messages)
        self._metrics.batch(messages, time.monotonic() - start)
        self._partitions.done(messages)

    async def _park(self, letter: DeadLetter) -> None:
        """Write a dead letter; wait as long as it takes until the broker has it."""
        while True:
            try:
                await (await self._dead_letters.send(value=letter.to_bytes()))
            except Exception:  # noqa: BLE001 - whatever it is, the letter must not be lost
                _LOG.exception("can't write to %s; trying again", self._dead_letters)
                await asyncio.sleep(1)
            else:
                return

    async def _pulse(self) -> None:
        """Follow the model pointer and report, every few seconds, as long as the worker lives."""
        loop = asyncio.get_running_loop()
        try:
            while not self.app.should_stop:
                try:
                    await loop.run_in_executor(self._pulse_thread, self._beat)
                except TRANSIENT_ERRORS as error:
                    _LOG.warning("no heartbeat, Redis can't take it: %s", error)
                except Exception:  # noqa: BLE001 - a missing heartbeat must not stop the worker
                    _LOG.exception("no heartbeat")
                await self.app.sleep(self._settings.poll_s)
        finally:  # comes after a beat that is under way, and the process waits for it
            self._pulse_thread.submit(self._heartbeats.stop, self.name)

    def _beat(self) -> None:
        self._swap.poll()
        serving = self._swap.serving
        self._heartbeats.beat(
            Heartbeat(
                worker=self.name,
                version=serving.version if serving else None,
                activation=serving.activation if serving else 0,
                trouble=self._swap.trouble,
                lag=sum(events or 0 for events in self._partitions.lag().values()),
                events=self._batches.events,
                dead_letters=self._batches.dead_letters,
                lost_races=self._batches.lost_races,
                other_keys=self._batches.other_keys,
            )
        )
        self._metrics.beat()

    def serve_metrics(self) -> None:
        """Let Prometheus ask, and say where; a port that is taken stops nobody."""
        host, wanted = self._settings.metrics_host, self._settings.metrics_port
        if not wanted:
            return
        port = serve(self._metrics, host, wanted)
        if port is None:
            _LOG.warning("no metrics: no port is free at %s from %d on", host, wanted)
            return
        _LOG.info("metrics", extra=facts(address=f"http://{host}:{port}/metrics"))
        if port != wanted:
            _LOG.warning("the metrics have port %d, as %d is taken", port, wanted)


def faust_app(settings: WorkerSettings, folder: str) -> faust.App:
    """Make Faust's application as the recipe needs it; the folder is for what Faust keeps."""
    transport.register(settings.fetch_wait_ms)
    return faust.App(
        settings.group,
        broker=[f"{transport.SCHEME}://{server.strip()}" for server in settings.kafka.split(",")],
        broker_credentials=credentials(settings.security),
        store="memory://",
        datadir=folder,
        env={},  # else variables named as Faust's settings would override what is said here
        key_serializer="raw",
        value_serializer="raw",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        stream_wait_empty=False,  # safe because acknowledging is ours; else a stop could hang
        broker_commit_interval=1.0,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=min(2.0, settings.session_timeout_s / 3),
        consumer_group_instance_id=settings.instance,
        consumer_metadata_max_age_ms=10_000,  # added partitions are found soon, not after 5 min
    )


def _message(message: Any) -> Message:  # noqa: ANN401 - Faust has no types
    origin = Origin(message.topic, message.partition, message.offset)
    return Message(origin, message.value, message.key, message.timestamp)
