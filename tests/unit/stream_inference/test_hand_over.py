"""The handing-over of what a fetch brought to the agent, with the queue that Faust gives it."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import faust
import msgspec
import pytest
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord
from faust.transport.consumer import Fetcher
from hypothesis import example, given
from hypothesis import strategies as st

from stream_inference.faust_worker.app import faust_app
from stream_inference.faust_worker.backlog import Backlog
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
            return Fetched(fetch or {}, thread.times_back)

        def end_rebalance(went_back: bool) -> None:  # noqa: FBT001 - called by the event loop
            thread.times_back += went_back
            self.consumer.resume_flow()

        self.consumer._getmany = getmany
        self.consumer._set_active_tps({FIRST, SECOND})
        await self.consumer._drain_messages(fetcher)


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


def test_commits_behind_the_last_reflected() -> None:
    """What is committed stands behind the last event reflected, and never goes back."""

    async def commits() -> list[dict[Any, int]]:
        handed = Handed(room=4)
        consumer, seen = handed.consumer, []
        backlog = Backlog(handed.app, handed.queue)
        await handed.drain(records(4), {**records(9), SECOND: [record(SECOND, 0)]}, records(8))
        for most in (1, 2, 1, 1):
            backlog.take(most)
            backlog.reflected()
            offsets = consumer._filter_committable_offsets({FIRST, SECOND})
            consumer._committed_offset.update(offsets)
            seen.append(offsets)
        handed.close()
        return seen

    assert asyncio.run(commits()) == [{FIRST: 5}, {FIRST: 10, SECOND: 1}, {}, {}]


@pytest.mark.parametrize("how_far", ["begun", "over"])
def test_a_rebalance_forgets_what_is_in_hand(how_far: str) -> None:
    """What was taken before a rebalance is not acknowledged after it has begun."""

    async def commits() -> dict[Any, int]:
        handed = Handed(room=4)
        backlog = Backlog(handed.app, handed.queue)
        await handed.drain(records(4))
        assert backlog.take(1)
        if how_far == "begun":
            handed.consumer.stop_flow()
        else:
            handed.app.consumer_generation_id += 1
        backlog.reflected()
        offsets: dict[Any, int] = handed.consumer._filter_committable_offsets({FIRST})
        handed.close()
        return offsets

    assert asyncio.run(commits()) == {}


class Buffers:
    """The client's buffers: what stands first is given first, as aiokafka does."""

    def __init__(self, waiting: dict[Any, list[Any]]) -> None:
        self.waiting = waiting
        self.breaks: Any = None
        self._subscriptions = SimpleNamespace(fetch_context=nullcontext)
        self._closed = False

    async def fetched_records(self, partitions: set[Any], **asked: Any) -> dict[Any, list[Any]]:  # noqa: ANN401 - as aiokafka
        """Give at most so many."""
        given, max_records = {}, asked["max_records"]
        for tp in partitions if len(partitions) == 1 else list(self.waiting):
            if tp == self.breaks:
                self.breaks = None
                raise OffsetOutOfRangeError({tp: 1})
            given[tp] = self.waiting[tp][:max_records]
            self.waiting[tp] = self.waiting[tp][max_records:]
            max_records -= len(given[tp])
        return {tp: found for tp, found in given.items() if found}


def fetch(buffers: Buffers, times: int = 1) -> list[Fetched]:
    """Fetch, as the thread does."""

    async def fetches() -> list[Fetched]:
        handed = Handed(room=1)
        take = handed.consumer._thread._fetch_records
        client, active = SimpleNamespace(_fetcher=buffers, _closed=False), {FIRST, SECOND}
        fetched = [await take(client, active, timeout=1.0, max_records=1024) for _ in range(times)]
        handed.close()
        return fetched

    return asyncio.run(fetches())


def test_a_backlog_keeps_nobody_waiting() -> None:
    """Beside a partition that lags far behind, another's events come by turns."""
    buffers = Buffers({FIRST: [record(FIRST, n) for n in range(9000)], SECOND: []})
    buffers.waiting[SECOND] = [record(SECOND, n) for n in range(3)]
    fetched = fetch(buffers, 2)
    assert [r.offset for one in fetched for r in one.get(SECOND, [])] == [0, 1, 2]
    of_first = [r.offset for one in fetched for r in one[FIRST]]
    assert of_first == list(range(len(of_first)))
    assert all(1024 <= one.count < 1024 + 16 for one in fetched)


def test_large_events_come_a_few_at_a_time() -> None:
    """A fetch of large events ends after some megabytes."""
    large = [replace(record(FIRST, n), value=b"x" * 100_000) for n in range(1000)]
    (fetched,) = fetch(Buffers({FIRST: large, SECOND: []}))
    assert fetched.size < 2**22 + 16 * 100_000
    assert [r.offset for r in fetched[FIRST]] == list(range(fetched.count))


def test_an_error_loses_nothing_that_was_taken() -> None:
    """A partition's error, met after another's events were taken, waits for the next fetch."""
    buffers = Buffers({FIRST: [record(FIRST, n) for n in range(64)]})
    buffers.breaks = SECOND
    assert [r.offset for r in fetch(buffers)[0][FIRST]] == list(range(64))


FETCH = st.tuples(st.just("fetch"), st.integers(0, 5))
STEPS = st.lists(
    FETCH
    | st.tuples(st.just("late"), st.integers(0, 5))
    | st.tuples(st.just("take"), st.integers(0, 7))
    | st.tuples(st.just("rebalance"), st.just(0))
)


@given(STEPS)
@example([("fetch", 3), ("take", 1), ("rebalance", 0), ("take", 2)])
def test_backlog(steps: list[tuple[str, int]]) -> None:
    """All of this generation is taken once and in order, no more than asked for, no other."""
    consumer = SimpleNamespace(looks_again=asyncio.Event())
    app = SimpleNamespace(consumer_generation_id=1, consumer=consumer)
    queue: asyncio.Queue[Any] = asyncio.Queue()
    backlog = Backlog(app, queue)
    waiting: list[int] = []
    number = 0
    for what, count in steps:
        if what in {"fetch", "late"}:
            brought = list(range(number, number + count))
            number += count
            generation = app.consumer_generation_id - (what == "late")
            message = SimpleNamespace(generation_id=generation)
            queue.put_nowait(SimpleNamespace(value=brought, message=message))
            waiting += brought if what == "fetch" else []
        elif what == "rebalance":
            app.consumer_generation_id += 1
            waiting = []
        else:
            assert backlog.take(count) == waiting[:count]
            waiting = waiting[count:]


def test_fetch_settings() -> None:
    """A broker is asked to hold a fetch for as long as the settings say."""
    settings = msgspec.structs.replace(WORKER_SETTINGS, fetch_wait_ms=77)

    async def asked() -> int:
        app: Any = faust_app(settings)
        thread = app.consumer._thread
        thread.thread_loop.close()  # it is never started
        kafka = thread._create_worker_consumer(app.transport)
        await kafka.stop()
        wait: int = kafka._fetch_max_wait_ms
        return wait

    assert asyncio.run(asked()) == 77
