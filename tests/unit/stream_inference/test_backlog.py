"""What waits for the agent, and what is acknowledged of it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream_inference.faust_worker.backlog import Backlog
from stream_inference.faust_worker.fetching import Fetched
from tests.unit.stream_inference.handed import FIRST, SECOND, Handed, record, records


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


def test_a_commit_under_way_leaves_nothing_out() -> None:
    """What is acknowledged while a commit is under way is committed by the next one."""

    async def commits() -> list[dict[Any, int]]:
        handed, seen = Handed(room=1), []
        consumer, answers = handed.consumer, asyncio.Event()

        async def commit(offsets: dict[Any, int]) -> bool:
            seen.append(offsets)
            await answers.wait()
            return True

        consumer._commit_offsets = lambda offsets, **_: commit(offsets)
        consumer.reflected({FIRST: 4})
        first = asyncio.ensure_future(consumer.commit())
        await asyncio.sleep(0.01)
        consumer.reflected({FIRST: 9})
        second = asyncio.ensure_future(consumer.commit())
        await asyncio.sleep(0.01)
        answers.set()
        await asyncio.wait_for(asyncio.gather(first, second), 5)
        handed.close()
        return seen

    assert asyncio.run(commits()) == [{FIRST: 5}, {FIRST: 10}]


def test_commits_again_from_where_kafka_reset_it() -> None:
    """Where Kafka has lost what is committed, what is reflected since then is committed."""

    async def commits() -> list[dict[Any, int]]:
        handed, seen = Handed(room=4), []
        consumer = handed.consumer
        backlog = Backlog(handed.app, handed.queue)
        reset = Fetched(records(0, 1), 0)
        reset.were_reset.add(FIRST)
        await handed.drain(records(999), reset)
        for most in (1, 2):  # what was taken before is committed when the new is handed over
            backlog.take(most)
            backlog.reflected()
            seen.append(consumer._filter_committable_offsets({FIRST}))
            consumer._committed_offset.update(seen[-1])
        handed.close()
        return seen

    assert asyncio.run(commits()) == [{FIRST: 1000}, {FIRST: 2}]


def test_a_commit_that_outlasts_a_reset_does_not_hide_it() -> None:
    """A commit that began before Kafka lost what is committed changes nothing of that."""

    async def commits() -> list[dict[Any, int]]:
        handed, seen = Handed(room=4), []
        consumer, answers = handed.consumer, asyncio.Event()

        async def commit(offsets: dict[Any, int]) -> bool:
            seen.append(offsets)
            await answers.wait()
            consumer._committed_offset.update(offsets)
            return True

        consumer._commit_offsets = lambda offsets, **_: commit(offsets)
        backlog = Backlog(handed.app, handed.queue)
        reset = Fetched(records(0, 1), 0)
        reset.were_reset.add(FIRST)
        consumer._committed_offset[FIRST] = 900
        consumer.reflected({FIRST: 999})
        first = asyncio.ensure_future(consumer.commit())
        await asyncio.sleep(0.01)
        await handed.drain(reset)
        backlog.take(2)
        backlog.reflected()
        answers.set()
        await asyncio.wait_for(asyncio.gather(first, consumer.commit()), 5)
        handed.close()
        return seen

    assert asyncio.run(commits()) == [{FIRST: 1000}, {FIRST: 2}]


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
