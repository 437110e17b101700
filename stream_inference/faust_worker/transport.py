"""Faust's Kafka transport, with some changes.

- The fetch wait can be set; Faust hard-codes 1.5 s.
- Events of transactions are read when they are committed, and never when they are aborted.
- After a rebalance a partition of which nothing is committed is read from its beginning.
- A message that can be handed over at once is. Faust runs each handing-over in a race of four
  asyncio tasks, against being suspended or stopped meanwhile: half of what it costs to receive
  an event. Here the race is run only for one that has to wait.
- A message goes to our one agent as it is. Faust looks up codecs and settings for each.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

import faust
from faust.transport import conductor
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from mode.services import WaitResults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from aiokafka import AIOKafkaConsumer
    from faust.types import TP

    Race = Callable[..., Awaitable[WaitResults]]
    HandOver = Callable[[Any], Awaitable[None]]

SCHEME: Final = "upnext"
_LOG: Final = logging.getLogger(__name__)


class Thread(driver.AIOKafkaConsumerThread):
    """The thread that fetches; a process has one."""

    fetch_wait_ms: ClassVar[int] = 1500

    def __post_init__(self) -> None:
        super().__post_init__()
        self._fetched: dict[TP, int] = {}  # the last offset of each partition

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
        return await self.call_thread(go_back, self._ensure_consumer())


async def go_back(consumer: AIOKafkaConsumer) -> dict[Any, int | None]:
    """Go back to what is committed, and where nothing is to the beginning; gives the former.

    Faust does so because it throws away what it is handed while a rebalance goes on. aiokafka
    leaves a partition where it is as long as nothing is committed, so its first events would be
    lost.
    """
    committed: dict[Any, int | None] = await consumer.seek_to_committed()
    new = {tp for tp, offset in committed.items() if not offset} & consumer.assignment()
    if new:
        await consumer.seek_to_beginning(*new)
    return committed


class Eager:
    """Hands a message over at once where that is possible; to be mixed into a `mode.Service`."""

    async def wait_first(self, *waits: Any, timeout: Any = None) -> WaitResults:  # noqa: ANN401, ASYNC109 - as in mode.Service
        """Begin the first; race it against the others only if it isn't done with that."""
        race: Race = super().wait_first  # type: ignore[misc]  # of the service
        first, *others = waits
        if not isinstance(first, Coroutine):
            return await race(*waits, timeout=timeout)
        try:
            begun = _Begun(first, first.send(None))
        except BaseException as ended:
            for other in others:
                if isinstance(other, Coroutine):
                    other.close()
            if isinstance(ended, StopIteration):
                return WaitResults([first], [ended.value], False)  # noqa: FBT003 - a named tuple
            raise
        return await race(begun, *others, timeout=timeout)


class _Begun:
    """A coroutine that has run up to its first wait, for somebody else to go on with."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits_for: object) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    answer = yield waits_for
                except BaseException as error:  # noqa: BLE001 - it is the coroutine's to handle
                    waits_for = self._coroutine.throw(error)
                else:
                    waits_for = self._coroutine.send(answer)
        except StopIteration as ended:
            return ended.value


class Consumer(Eager, driver.Consumer):
    """A consumer that fetches in our thread."""

    def _new_consumer_thread(self) -> Thread:
        return Thread(self, loop=self.loop, beacon=self.beacon)


class Conductor(conductor.Conductor):
    """Hands messages to the agents of a topic."""

    def _build_handler(self, tp: Any, channels: Any) -> HandOver:  # noqa: ANN401 - Faust's own types
        if len(channels) != 1:
            handler: HandOver = super()._build_handler(tp, channels)
            return handler
        app, may_go_on = self.app, self.app.flow_control.acquire
        pause = partial(app.consumer.on_buffer_full, tp)
        go_on = partial(app.consumer.on_buffer_drop, tp)

        async def hand_over(message: Any) -> None:  # noqa: ANN401 - as above
            await may_go_on()
            (channel,) = channels
            message.incref()
            event = faust.Event(app, message.key, message.value, message.headers, message)
            if channel.queue.full():
                # A rebalance cancels what waits for room: it comes again. In a task of its own, as
                # else whoever brings the messages would be cancelled with it.
                await asyncio.wait([asyncio.ensure_future(channel.put(event))])
                return
            queue = channel.queue
            queue.put_nowait_enhanced(event, on_pressure_high=pause, on_pressure_drop=go_on)

        return hand_over


class Transport(driver.Transport):
    """The transport behind the scheme `SCHEME`."""


Transport.Consumer = Consumer
Transport.Conductor = Conductor


def take_waiting(app: Any, queue: Any, most: int) -> list[Any]:  # noqa: ANN401 - Faust has no types
    """Take the events that wait in a stream's queue, at most so many.

    Faust's own iteration goes through its event loop for each event, which is half of what is
    left of its cost. As there, what was fetched before a rebalance is left out: whoever has its
    partition now gets it again.
    """
    taken: list[Any] = []
    while len(taken) < most and not queue.empty():
        event = queue.get_nowait()
        if event.message.generation_id == app.consumer_generation_id:
            taken.append(event)
    return taken


def register(fetch_wait_ms: int) -> None:
    """Make the scheme known to Faust, and let the broker hold a fetch for that long."""
    Thread.fetch_wait_ms = fetch_wait_ms
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
