"""The handing-over of what a fetch brought to the agent, with the queue that Faust gives it."""

from __future__ import annotations

import asyncio
import time
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka.consumer.fetcher import OffsetResetStrategy
from aiokafka.consumer.subscription_state import SubscriptionState
from faust.transport.consumer import Fetcher

from stream_inference.faust_worker.backlog import Backlog
from tests.unit.stream_inference.handed import AFTER, BEFORE, FIRST, SECOND, Handed, record, records


def test_one_event_for_a_fetch() -> None:
    """What a fetch brought comes as one event, with the records as they are, in their order."""

    async def hand() -> Any:  # noqa: ANN401 - Faust has no types
        handed = Handed(room=2)
        brought = {SECOND: [record(SECOND, 9)], **records(3, 4)}
        await handed.drain(brought)
        handed.close()
        assert handed.queue.qsize() == 1
        return handed.queue.get_nowait()

    event = asyncio.run(hand())
    assert [(r.partition, r.offset, r.value) for r in event.value] == [
        (1, 9, b"v"),
        (0, 3, b"v"),
        (0, 4, b"v"),
    ]
    assert event.message.generation_id == 7


def test_rebalance_during_a_fetch() -> None:
    """What was taken before the consumer went back is left, what came after it is not."""

    async def hand() -> list[int]:
        handed = Handed(room=2)
        await handed.drain(BEFORE, AFTER)
        handed.close()
        return [r.offset for r in handed.queue.get_nowait().value]

    assert asyncio.run(hand()) == [99]


def test_left_when_the_partition_is_gone() -> None:
    """What comes of a partition that another worker has by now is left, the rest is not."""

    async def hand() -> list[int]:
        handed = Handed(room=2)
        gone = faust.types.TP("events", 5)
        await handed.drain({gone: [record(gone, 1)]}, {gone: [record(gone, 2)], **records(3)})
        handed.close()
        return [r.offset for r in handed.queue.get_nowait().value]

    assert asyncio.run(hand()) == [3]


@pytest.mark.parametrize("taken", [0, 1])
def test_rebalance_leaves_no_hole(taken: int) -> None:
    """What waits for room when a rebalance empties the queue is left, even if room came before."""

    async def hand() -> int:
        handed = Handed(room=1)
        backlog = Backlog(handed.app, handed.queue)
        draining = asyncio.ensure_future(handed.drain(records(0), records(1), records(2)))
        while not handed.queue.full():  # noqa: ASYNC110 - a queue tells nobody that it is full
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)  # the second one waits for room by now
        if taken:
            assert backlog.take(1)
        handed.consumer.stop_flow()  # as Faust does it, in the same turn of the event loop
        handed.queue.clear()
        await asyncio.sleep(0.01)
        empty = handed.queue.empty()
        handed.consumer._thread.times_back += 1
        handed.consumer.resume_flow()
        await asyncio.wait_for(draining, 5)
        handed.close()
        assert empty
        later: int = handed.queue.get_nowait().value[0].offset
        return later

    assert asyncio.run(hand()) == 2


def test_nothing_comes_while_the_consumer_goes_back() -> None:
    """What is taken after the consumer went back waits until Faust has emptied the queues."""

    async def hand() -> list[int]:
        handed = Handed(room=4)
        seeks = asyncio.Event()

        async def seek() -> dict[Any, int]:
            handed.consumer._thread.times_back += 1
            await seeks.wait()
            return {}

        handed.consumer._thread.seek_to_committed = seek
        going = asyncio.ensure_future(handed.consumer.perform_seek())  # the flow goes on, as
        await asyncio.sleep(0)  # the seek of a rebalance before has ended within this one
        draining = asyncio.ensure_future(handed.drain(records(5)))
        await asyncio.sleep(0.01)
        seeks.set()
        await going
        handed.queue.clear()  # as `FlowControlEvent.resume` does it
        handed.consumer.resume_flow()
        await asyncio.wait_for(draining, 5)
        handed.close()
        return [r.offset for r in handed.queue.get_nowait().value]

    assert asyncio.run(hand()) == [5]


def test_no_answer_ends_before_faust_loses_patience() -> None:
    """The way back ends with an error when Kafka does not answer, before Faust gives up."""

    async def go_back() -> bool:
        handed = Handed(room=1)
        handed.close()
        handed.app.conf.broker_request_timeout = 0.05
        handed.consumer._thread.seek_to_committed = asyncio.Event().wait
        with pytest.raises(TimeoutError, match="has not told where"):
            await asyncio.wait_for(handed.consumer.perform_seek(), 5)
        flows: bool = handed.consumer.flow_active
        return flows

    assert not asyncio.run(go_back())


def test_a_reset_is_no_reason_to_end() -> None:
    """Faust's look at all partitions comes through while one of them is reset."""

    async def look() -> None:
        handed = Handed(room=1)
        handed.close()
        state = SubscriptionState()
        state.subscribe({"events"})
        state.assign_from_subscribed({FIRST})
        place = state.subscription.assignment.state_value(FIRST)
        place.timestamp, place.highwater = 1000 * time.time(), 5
        place.await_reset(OffsetResetStrategy.EARLIEST)
        handed.consumer._thread._consumer = SimpleNamespace(
            _fetcher=SimpleNamespace(_subscriptions=state), assignment=state.assigned_partitions
        )
        handed.consumer._thread.time_started = 0.0
        await handed.consumer.verify_all_partitions_active()

    asyncio.run(look())


def test_full_queue_is_waited_for() -> None:
    """Nothing is dropped when the queue is full: it is handed over when there is room."""

    async def hand() -> list[int]:
        handed = Handed(room=1)
        draining = asyncio.ensure_future(handed.drain(*[records(n) for n in range(5)]))
        backlog = Backlog(handed.app, handed.queue)
        seen: list[int] = []
        while len(seen) < 5:
            await asyncio.sleep(0)
            seen += [r.offset for r in backlog.take(1)]
        await draining
        handed.close()
        return seen

    assert asyncio.run(hand()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("stops", [True, False])
def test_stop_amid_a_rebalance(stops: bool) -> None:  # noqa: FBT001 - a case
    """A fetcher that is cancelled ends in order if it is to stop; else Faust hears of it."""

    async def stop() -> None:
        handed = Handed(room=1)
        handed.close()
        fetcher = Fetcher(handed.app)
        handed.consumer._getmany = lambda **_: asyncio.Event().wait()  # nothing comes
        handed.consumer._set_active_tps({FIRST, SECOND})
        draining = asyncio.ensure_future(handed.consumer._drain_messages(fetcher))
        await asyncio.sleep(0.01)
        if stops:
            fetcher._stopped.set()
        draining.cancel()
        await draining

    with nullcontext() if stops else pytest.raises(asyncio.CancelledError):
        asyncio.run(stop())


def test_stop_amid_a_full_queue() -> None:
    """What waits for room when the worker is stopped is left, and the fetcher ends in order."""

    async def stop() -> list[int]:
        handed = Handed(room=1)
        draining = asyncio.ensure_future(handed.drain(records(0), records(1)))
        await asyncio.sleep(0.01)  # the second one waits for room by now
        assert not draining.done()
        handed.consumer._stopped.set()
        handed.consumer.stop_flow()
        await asyncio.wait_for(draining, 5)
        handed.close()
        return [r.offset for r in handed.queue.get_nowait().value]

    assert asyncio.run(stop()) == [0]
