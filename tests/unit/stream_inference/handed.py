"""An app to which fetches can be handed, without a broker."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import faust
from aiokafka.structs import ConsumerRecord
from faust.transport.consumer import Fetcher

from stream_inference.faust_worker.app import faust_app
from stream_inference.faust_worker.fetching import Fetched
from tests.builders import WORKER_SETTINGS

FIRST, SECOND = (faust.types.TP("events", partition) for partition in (0, 1))


def record(tp: Any, offset: int) -> Any:  # noqa: ANN401 - Faust has no types
    """Make a record as the Kafka client does."""
    return ConsumerRecord(tp.topic, tp.partition, offset, 1500, 0, b"k", b"v", None, 1, 1, [])


def records(*offsets: int) -> dict[Any, list[Any]]:
    """Make what a fetch brings of the first partition."""
    return {FIRST: [record(FIRST, offset) for offset in offsets]}


# Fetches at whose end a rebalance goes on, before and after the consumer has gone back.
BEFORE, AFTER = records(98), records(99)


class Handed:
    """An app that has two partitions, whose consumer hands over to one channel."""

    def __init__(self, room: int) -> None:
        self.app: Any = faust_app(WORKER_SETTINGS)
        self.app.consumer_generation_id = 7
        self.app.flow_control.resume()
        self.consumer: Any = self.app.consumer
        self.consumer.resume_flow()
        self.queue: Any = self.app.channel(maxsize=room).clone(is_iterator=True).queue
        channel = SimpleNamespace(queue=self.queue)
        topics: Any = self.app.topics
        topics._tp_index.update({FIRST: [channel], SECOND: [channel]})

    def close(self) -> None:
        """Close the event loop of the thread that would fetch."""
        self.consumer._thread.thread_loop.close()

    async def drain(self, *fetches: dict[Any, list[Any]]) -> None:
        """Let Faust's fetcher drain these, and stop."""
        fetcher = Fetcher(self.app)
        coming = iter(fetches)
        thread = self.consumer._thread

        async def getmany(**_: object) -> Fetched:
            fetch = next(coming, None)
            if fetch is None:
                fetcher._stopped.set()
            if fetch is AFTER:
                thread.times_back += 1
            if fetch in (BEFORE, AFTER):
                self.consumer.stop_flow()
                asyncio.get_running_loop().call_soon(end_rebalance, fetch is BEFORE)
            return fetch if isinstance(fetch, Fetched) else Fetched(fetch or {}, thread.times_back)

        def end_rebalance(went_back: bool) -> None:  # noqa: FBT001 - called by the event loop
            thread.times_back += went_back
            self.consumer.resume_flow()

        self.consumer._getmany = getmany
        self.consumer._set_active_tps({FIRST, SECOND})
        await self.consumer._drain_messages(fetcher)
