"""Faust's Kafka transport, with some changes.

- The fetch wait can be set; Faust hard-codes 1.5 s.
- Events of transactions are read when they are committed, and never when they are aborted.
- After a rebalance a partition of which nothing is committed is read from its beginning.
- What one fetch brought goes to the agent in one go. Faust hands each event over by itself, in a
  race of four asyncio tasks against being suspended or stopped, and takes note of each that is
  acknowledged: most of what it costs to receive one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Final

import faust
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver

from stream_inference.faust_worker.answers import translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiokafka import AIOKafkaConsumer
    from faust.types import TP

SCHEME: Final = "upnext"
_FETCH_S: Final = 1.0
_LOG: Final = logging.getLogger(__name__)


class Fetched(dict[Any, list[Any]]):
    """What a fetch brought, by partition.

    Attributes
    ----------
    times_back
        How often the consumer had gone back to what is committed when this left its buffers.
    """

    def __init__(self, records: Mapping[Any, list[Any]], times_back: int) -> None:
        super().__init__(records)
        self.times_back = times_back


class Thread(driver.AIOKafkaConsumerThread):
    """The thread that fetches; a process has one.

    Attributes
    ----------
    times_back
        How often it went back to what is committed.
    """

    fetch_wait_ms: ClassVar[int] = 1500

    def __post_init__(self) -> None:
        super().__post_init__()
        self.times_back = 0
        self._fetched: dict[TP, int] = {}  # the last offset of each partition

    async def on_start(self) -> None:
        """Start the client, and let it understand its group's coordinator."""
        await super().on_start()
        translate(self._ensure_consumer()._coordinator)  # noqa: SLF001 - there is no public way

    async def getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ANN401, ASYNC109 - as in Faust
        """Fetch, and take note of how far."""
        records = await super().getmany(active_partitions, timeout)
        self._fetched |= {tp: found[-1].offset for tp, found in records.items() if found}
        return records

    def lag(self, tp: TP, start: int) -> int | None:
        """Count offsets from here on that can be read, as Kafka said with the last fetch.

        What stands behind the last event that was fetched, and was read, is no event: Kafka
        marks the end of a transaction by an offset of its own.
        """
        place = self._ensure_consumer()._subscription.subscription.assignment.state_value(tp)  # noqa: SLF001 - there is no public way
        if self._fetched.get(tp, -1) < start and place.has_valid_position:
            start = max(start, place.position)
        return None if place.lso is None else max(0, place.lso - start)

    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401 - Faust's own types
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = self.fetch_wait_ms  # noqa: SLF001 - there is no public way
        # An event of a transaction that was aborted never happened.
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - as above
        return consumer

    def on_crash(self, msg: str, *fmt: Any, **_: Any) -> None:  # noqa: ANN401 - as in mode
        """Log it, in place of printing it past the log."""
        _LOG.exception(msg.format(*fmt))

    async def seek_to_committed(self) -> Any:  # noqa: ANN401 - as above
        """Go back, in a rebalance, to what is committed."""
        return await self.call_thread(self._go_back)

    async def _go_back(self) -> dict[Any, int | None]:
        committed = await go_back(self._ensure_consumer())
        self.times_back += 1
        return committed

    async def _fetch_records(self, *args: Any, **more: Any) -> Fetched:  # noqa: ANN401 - as above
        return Fetched(await super()._fetch_records(*args, **more), self.times_back)


async def go_back(consumer: AIOKafkaConsumer) -> dict[Any, int | None]:
    """Go back to what is committed, and where nothing is to the beginning; gives the former.

    aiokafka's own way leaves a partition where it is as long as nothing is committed, so its
    first events would be lost. And it goes back with one partition after the other, while a fetch
    may take what comes of the first.
    """
    committed = {tp: await consumer.committed(tp) for tp in consumer.assignment()}
    new = [tp for tp, offset in committed.items() if not offset]
    first = await consumer.beginning_offsets(new) if new else {}
    for tp in committed.keys() & consumer.assignment():  # from here on nothing comes between
        consumer.seek(tp, committed[tp] or first[tp])
    return committed


class Consumer(driver.Consumer):
    """A consumer that fetches in our thread, and hands over what a fetch brought in one go."""

    def _new_consumer_thread(self) -> Thread:
        return Thread(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: Any) -> None:  # noqa: ANN401 - Faust's own types
        """Fetch and hand over until the fetcher is stopped.

        At the end of a rebalance the consumer goes back to what is committed. What it took
        before is left, as it comes again: handed over, it would be acknowledged before events
        that stand in front of it.
        """
        may_go_on: Any = self.can_resume_flow
        thread: Any = self._thread
        try:
            while not (self.should_stop or fetcher.should_stop):
                fetched: Any = (await self._wait_next_records(_FETCH_S))[0]
                if not self.flow_active:
                    await self.wait(may_go_on)
                if fetched and fetched.times_back == thread.times_back:
                    await self._hand_over(fetched)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise

    async def _hand_over(self, records: Mapping[TP, list[Any]]) -> None:
        """Give our one agent all of it as one event, when there is room."""
        topics: Any = self.app.topics
        channels = topics._tp_index  # noqa: SLF001 - there is no public way
        mine = {tp: found for tp, found in records.items() if tp in channels}
        if not mine:
            return
        last = next(reversed(mine))
        (channel,) = channels[last]
        message = self._to_message(last, mine[last][-1])
        message.tracked = True  # acknowledging is ours
        event = faust.Event(self.app, None, list(chain(*mine.values())), None, message)
        if not channel.queue.full():
            channel.queue.put_nowait(event)
            return
        # A rebalance cancels what waits for room: it comes again. In a task of its own, as else
        # the fetcher would be cancelled with it.
        await asyncio.wait([asyncio.ensure_future(channel.queue.put(event))])

    def reflected(self, offsets: Mapping[TP, int]) -> None:
        """Take note of the last event of each partition that is in Redis with all before it."""
        self._acked.update({tp: [offset] for tp, offset in offsets.items()})
        now = time.monotonic()
        self.app.monitor.stream_inbound_time.update(dict.fromkeys(offsets, now))

    def _new_offset(self, tp: TP) -> int | None:
        """Give the offset to commit."""
        last: list[int] = self._acked[tp]
        return last[-1] + 1 if last else None


class Transport(driver.Transport):
    """The transport behind the scheme `SCHEME`."""


Transport.Consumer = Consumer


class Backlog:
    """What was handed over and is not yet in hand.

    As in Faust, what was fetched before a rebalance is left out: whoever has its partition now
    gets it again.

    Parameters
    ----------
    app
        Faust's application.
    queue
        Holds what fetches brought, an event for each.
    """

    def __init__(self, app: Any, queue: Any) -> None:  # noqa: ANN401 - Faust has no types
        self._app = app
        self._queue = queue
        self._generation: int | None = None
        self._records: list[Any] = []

    def add(self, fetched: Any) -> None:  # noqa: ANN401 - Faust has no types
        """Add what a fetch brought."""
        now = self._app.consumer_generation_id
        if fetched.message.generation_id == now:
            self._records = [*(self._records if self._generation == now else ()), *fetched.value]
            self._generation = now

    def take(self, most: int) -> list[Any]:
        """Take what waits, in order and at most so many, of this and later fetches."""
        while len(self._records) < most and not self._queue.empty():
            self.add(self._queue.get_nowait())
        if self._generation != self._app.consumer_generation_id:
            self._records = []
        taken, self._records = self._records[:most], self._records[most:]
        return taken


def register(fetch_wait_ms: int) -> None:
    """Make the scheme known to Faust, and let the broker hold a fetch for that long."""
    Thread.fetch_wait_ms = fetch_wait_ms
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
