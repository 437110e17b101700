"""The handing-over of a message to the agent, with the queue that Faust gives it."""

from __future__ import annotations

import asyncio
from typing import Any

import faust
from faust.types.tuples import ConsumerMessage

from stream_inference.faust_worker.app import faust_app
from tests.builders import WORKER_SETTINGS

TP = faust.types.TP("events", 0)


def message(offset: int) -> ConsumerMessage:
    """Make a message as the consumer does."""
    return ConsumerMessage(
        "events", 0, offset, 1.5, 0, [("h", b"x")], b"k", b"v", None, 1, 1, TP, generation_id=7
    )


class Handed:
    """An app whose conductor hands messages of one partition to one channel."""

    def __init__(self, room: int) -> None:
        self.app = faust_app(WORKER_SETTINGS)
        self.app.flow_control.resume()
        self.channel: Any = self.app.channel(maxsize=room).clone(is_iterator=True)
        conductor: Any = self.app.topics
        self.hand_over = conductor._build_handler(TP, {self.channel})
        consumer: Any = self.app.consumer
        self._consumer, self.paused = consumer, consumer._buffered_partitions

    def close(self) -> None:
        """Close the event loop of the thread that would fetch."""
        self._consumer._thread.thread_loop.close()


def test_message_stays_as_it_is() -> None:
    """An event has the very bytes of its message, which waits for one acknowledgement."""

    async def hand() -> Any:  # noqa: ANN401 - Faust has no types
        handed = Handed(room=10)
        await handed.hand_over(message(3))
        handed.close()
        return handed.channel.queue.get_nowait()

    event = asyncio.run(hand())
    assert (event.key, event.value, event.headers) == (b"k", b"v", {"h": b"x"})
    assert (event.message.offset, event.message.refcount, event.message.acked) == (3, 1, False)


def test_partition_pauses_while_the_queue_is_nearly_full() -> None:
    """A queue that fills up pauses its partition, and lets it go on when it is drained."""

    async def hand() -> list[bool]:
        handed = Handed(room=10)
        paused = []
        for offset in range(10):
            await handed.hand_over(message(offset))
        paused.append(TP in handed.paused)
        while not handed.channel.queue.empty():
            handed.channel.queue.get_nowait()
        await handed.hand_over(message(10))
        handed.channel.queue.get_nowait()
        paused.append(TP in handed.paused)
        handed.close()
        return paused

    assert asyncio.run(hand()) == [True, False]


def test_rebalance_drops_what_waits_for_room() -> None:
    """A rebalance drops the message that waits for a full queue, and ends nobody."""

    async def hand() -> int:
        handed = Handed(room=1)
        await handed.hand_over(message(0))
        waiting = asyncio.ensure_future(handed.hand_over(message(1)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        handed.channel.queue.clear()  # as `FlowControlEvent.clear` does it
        handed.close()
        await asyncio.wait_for(waiting, 5)
        size: int = handed.channel.queue.qsize()
        return size

    assert asyncio.run(hand()) == 0


def test_full_queue_is_waited_for() -> None:
    """Nothing is dropped when the queue is full: the message is handed over when there is room."""

    async def hand() -> tuple[bool, list[int]]:
        handed = Handed(room=1)
        await handed.hand_over(message(0))
        waiting = asyncio.ensure_future(handed.hand_over(message(1)))
        await asyncio.sleep(0)
        done = waiting.done()
        first = await handed.channel.queue.get()
        await waiting
        second = await handed.channel.queue.get()
        handed.close()
        return done, [event.message.offset for event in (first, second)]

    assert asyncio.run(hand()) == (False, [0, 1])
