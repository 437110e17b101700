"""The worker process: one agent that takes bytes and acknowledges what is in Redis.

Why it is built like this: Faust acknowledges an event whose agent raised, and acknowledges the
batches of `take` when it is stopped, so both would lose events. Here nothing is acknowledged
by itself; what fails for good is parked; and a bug of the loop ends the process with the batch
unacknowledged, so that it comes again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from data.heartbeats import Heartbeat, Heartbeats
from data.model_store import ModelStore
from data.redis_connection import TRANSIENT_ERRORS, connect
from data.redis_keys import RedisKeys
from data.user_store import UserStore
from stream_inference.batch_bound import BatchBound
from stream_inference.dead_letters import DeadLetter, Message, Origin
from stream_inference.faust_worker.app import faust_app
from stream_inference.faust_worker.backlog import Backlog
from stream_inference.faust_worker.membership import Membership
from stream_inference.faust_worker.partitions import Partitions
from stream_inference.hot_swap import HotSwap
from stream_inference.logs import facts
from stream_inference.metrics import Sources, WorkerMetrics, serve
from stream_inference.micro_batch import MicroBatches, Patience
from stream_inference.stopping import EXIT_BUG

if TYPE_CHECKING:
    from stream_inference.faust_worker.settings import WorkerSettings
    from stream_inference.logs import Logs
    from stream_inference.stopping import End

_COMMIT_S: Final = 3.0
_PARKED_S: Final = 5.0
_LOG: Final = logging.getLogger(__name__)


class Worker:
    """A Faust app with its one agent, its model, and its heartbeat.

    Attributes
    ----------
    in_hand
        Held while a batch is in hand.
    membership
        Its place in the group.
    """

    def __init__(self, settings: WorkerSettings, logs: Logs, end: End) -> None:
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
        self.app = faust_app(settings)
        self._partitions = Partitions(self.app, settings.events_topic)
        self.membership = Membership(self.app, settings, end)
        sources = Sources(self._batches, self._swap, logs, self._partitions.lag)
        self._metrics = WorkerMetrics(sources)
        self._dead_letters = self.app.topic(settings.dead_letters_topic, value_serializer="raw")
        self._events = self.app.topic(settings.events_topic, value_serializer="raw")
        self.app.agent(self._events, concurrency=1)(self._consume)
        self.app.task(self._pulse)

    async def _consume(self, stream: Any) -> None:  # noqa: ANN401 - Faust has no types
        """Take whatever is waiting, bring it into Redis, then acknowledge it in order."""
        backlog = Backlog(self.app, stream.channel.queue)
        try:
            await Patience(self._pulse_thread)(self._swap.poll)
            if self._swap.serving is None:
                _LOG.warning("no model (%s): histories are kept", self._swap.trouble or "none yet")
            async for fetched in stream.noack().events():
                backlog.add(fetched)
                while batch := backlog.take(self._batches.bound.events):
                    async with self.in_hand:
                        await self._handle([_message(record) for record in batch])
                        backlog.reflected()
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
        topic = self._settings.dead_letters_topic
        while True:
            try:
                sent = asyncio.ensure_future(self._send(letter))
                while not (await asyncio.wait({sent}, timeout=_PARKED_S))[0]:
                    _LOG.warning("topic %s takes no dead letter: is it there?", topic)
                sent.result()
            except Exception:  # noqa: BLE001 - whatever it is, the letter must not be lost
                _LOG.exception("can't write to topic %s; trying again", topic)
                await asyncio.sleep(1)
            else:
                return

    async def _send(self, letter: DeadLetter) -> None:
        await (await self._dead_letters.send(value=letter.to_bytes()))

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
        try:
            port = serve(self._metrics, host, wanted)
        except OSError as error:
            _LOG.warning("no metrics: can't listen at %s from port %d on: %s", host, wanted, error)
            return
        _LOG.info("metrics", extra=facts(address=f"http://{host}:{port}/metrics"))
        if port != wanted:
            _LOG.warning("the metrics have port %d, as %d is taken", port, wanted)


def _message(record: Any) -> Message:  # noqa: ANN401 - aiokafka has no types
    origin = Origin(record.topic, record.partition, record.offset)
    sent_ms = record.timestamp  # none in messages of before Kafka 0.10
    return Message(origin, record.value, record.key, None if sent_ms is None else sent_ms / 1000)
