"""What one fetch takes from the Kafka client, and what a message becomes."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import IllegalStateError, OffsetOutOfRangeError

from stream_inference.faust_worker import worker
from stream_inference.faust_worker.app import faust_app
from tests.builders import WORKER_SETTINGS
from tests.unit.stream_inference.handed import FIRST, SECOND, Handed, record

if TYPE_CHECKING:
    from stream_inference.faust_worker.fetching import Fetched


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


def fetch(*buffers: Buffers) -> list[Fetched]:
    """Fetch from each, one after the other, as the thread does."""

    async def fetches() -> list[Fetched]:
        handed = Handed(room=1)
        take = handed.consumer._thread._fetch_records
        fetched = []
        for one in buffers:
            client, active = SimpleNamespace(_fetcher=one, _closed=False), {FIRST, SECOND}
            fetched.append(await take(client, active, timeout=1.0, max_records=1024))
        handed.close()
        return fetched

    return asyncio.run(fetches())


def test_a_backlog_keeps_nobody_waiting() -> None:
    """Beside a partition that lags far behind, another's events come by turns."""
    buffers = Buffers({FIRST: [record(FIRST, n) for n in range(9000)], SECOND: []})
    buffers.waiting[SECOND] = [record(SECOND, n) for n in range(3)]
    fetched = fetch(buffers, buffers)
    assert [r.offset for one in fetched for r in one.get(SECOND, [])] == [0, 1, 2]
    of_first = [r.offset for one in fetched for r in one[FIRST]]
    assert of_first == list(range(len(of_first)))
    assert all(1024 <= one.count < 1024 + 16 for one in fetched)


@pytest.mark.parametrize("part", ["value", "key", "headers"])
def test_large_events_come_a_few_at_a_time(part: str) -> None:
    """A fetch of large events ends after some megabytes."""
    much = b"x" * 100_000
    large = [
        replace(record(FIRST, n), **{part: [("h", much)] if part == "headers" else much})
        for n in range(1000)
    ]
    (fetched,) = fetch(Buffers({FIRST: large, SECOND: []}))
    assert fetched.count * len(much) < 2**22 + 16 * 100_000
    assert [r.offset for r in fetched[FIRST]] == list(range(fetched.count))


def test_an_error_loses_nothing_that_was_taken() -> None:
    """A partition's error, met after another's events were taken, waits for the next fetch."""
    buffers = Buffers({FIRST: [record(FIRST, n) for n in range(64)]})
    buffers.breaks = SECOND
    assert [r.offset for r in fetch(buffers)[0][FIRST]] == list(range(64))


def test_a_reset_is_told() -> None:
    """A fetch tells which partition goes on in front of where it was."""
    first = Buffers({FIRST: [record(FIRST, 7)], SECOND: [record(SECOND, 7)]})
    second = Buffers({FIRST: [record(FIRST, 3)], SECOND: [record(SECOND, 8)]})
    assert [one.were_reset for one in fetch(first, second)] == [set(), {FIRST}]


def test_a_late_way_back_is_given_up() -> None:
    """Whoever is on the way back until the next rebalance is over moves nothing any more."""

    async def late() -> tuple[int, list[Any]]:
        handed, seeks = Handed(room=1), []
        handed.close()
        state = SubscriptionState()
        state.subscribe({"events"})
        state.assign_from_subscribed({FIRST})

        async def committed(_: Any) -> int:  # noqa: ANN401 - as aiokafka
            state.assign_from_subscribed({FIRST, SECOND})
            return 5

        thread = handed.consumer._thread
        thread._consumer = SimpleNamespace(
            _subscription=state,
            assignment=state.assigned_partitions,
            committed=committed,
            seek=lambda *to: seeks.append(to),
        )
        with pytest.raises(IllegalStateError):
            await thread._go_back()
        return thread.times_back, seeks

    assert asyncio.run(late()) == (0, [])


def test_a_rebalance_that_meets_a_stop_leaves_the_client_alone() -> None:
    """The client is closed by its own thread only, which lets it leave the group."""

    async def closed() -> tuple[bool, list[str]]:
        handed, seen = Handed(room=1), list[str]()
        handed.close()

        async def close() -> None:
            seen.append("closed")

        part = SimpleNamespace(close=close)
        client = SimpleNamespace(_closed=False, _client=part, _coordinator=part)
        handed.consumer._thread._consumer = client
        handed.app._stopped.set()
        await handed.app._on_partitions_revoked(set())
        await asyncio.sleep(0.01)
        return client._closed, seen

    assert asyncio.run(closed()) == (False, [])


@pytest.mark.parametrize(("sent_ms", "sent_s"), [(1500, 1.5), (None, None)])
def test_message_of_a_record(sent_ms: int | None, sent_s: float | None) -> None:
    """A record's place, payload and key stay; old messages have no time of sending."""
    message = worker._message(replace(record(SECOND, 7), timestamp=sent_ms))
    assert message == (("events", 1, 7), b"v", b"k", sent_s)


def kafka_client(**changed: Any) -> Any:  # noqa: ANN401 - aiokafka has no types
    """Make the client of a worker whose settings are changed so; it is never started."""

    async def made() -> Any:  # noqa: ANN401 - as above
        app: Any = faust_app(msgspec.structs.replace(WORKER_SETTINGS, **changed))
        thread = app.consumer._thread
        thread.thread_loop.close()
        client = thread._create_worker_consumer(app.transport)
        await client.stop()
        return client

    return asyncio.run(made())


def test_fetch_settings() -> None:
    """A broker is asked to hold a fetch for as long as the settings say."""
    assert kafka_client(fetch_wait_ms=77)._fetch_max_wait_ms == 77


def test_a_long_wait_ends_no_membership() -> None:
    """A worker that has fetched nothing for a week, as Redis was away, is still in its group."""
    assert kafka_client()._max_poll_interval_ms > 7 * 86_400 * 1000
