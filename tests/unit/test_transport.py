"""The handing-over of messages: at once where that is possible, in Faust's race where not."""

from __future__ import annotations

import asyncio
from inspect import CORO_CLOSED, getcoroutinestate
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from mode import Service

from stream_inference.faust_worker.app import faust_app
from stream_inference.faust_worker.transport import Eager, take_waiting
from tests.builders import WORKER_SETTINGS


class Consumer(Eager, Service):
    """A service that hands over as ours does."""


async def note(seen: list[str], what: str, wait: asyncio.Event | None = None) -> str:
    """Take note, now or when something has happened."""
    if wait is not None:
        await wait.wait()
    seen.append(what)
    return what


def test_done_at_once() -> None:
    """What needn't wait is done without a single task, and what it was raced against is closed."""

    async def race() -> tuple[list[str], Any, int]:
        seen: list[str] = []
        before = len(asyncio.all_tasks())
        never = asyncio.Event().wait()
        result = await Consumer().wait_first(note(seen, "first"), never)
        assert getcoroutinestate(never) == CORO_CLOSED
        return seen, result, len(asyncio.all_tasks()) - before

    seen, result, tasks = asyncio.run(race())
    assert (seen, result.results, result.stopped, tasks) == (["first"], ["first"], False, 0)


def test_goes_on_where_it_began() -> None:
    """What has to wait is begun once, and goes on when what it waits for has come."""

    async def race() -> tuple[list[str], Any]:
        seen: list[str] = []
        happens = asyncio.Event()

        async def twice() -> str:
            seen.append("begun")
            await asyncio.sleep(0)
            return await note(seen, "ended", happens)

        asyncio.get_running_loop().call_later(0.01, happens.set)
        return seen, await Consumer().wait_first(twice(), asyncio.Event().wait())

    seen, result = asyncio.run(race())
    assert (seen, result.results) == (["begun", "ended"], ["ended"])


def test_is_left_when_the_other_comes_first() -> None:
    """What waits in vain is cancelled when the other event comes, as at a rebalance."""

    async def race() -> tuple[list[str], list[str]]:
        seen: list[str] = []
        suspended = asyncio.Event()

        async def in_vain() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        asyncio.get_running_loop().call_later(0.01, suspended.set)
        result = await Consumer().wait_first(in_vain(), suspended.wait())
        await asyncio.sleep(0)
        return seen, [str(r) for r in result.results]

    assert asyncio.run(race()) == (["cancelled"], ["True"])


def test_errors_come_through() -> None:
    """An error is raised, whether it comes at once or after a wait."""

    async def fail(after: float | None) -> None:
        if after is not None:
            await asyncio.sleep(after)
        raise ValueError("broken")

    async def race(after: float | None) -> None:
        await Consumer().wait_first(fail(after), asyncio.Event().wait())

    for after in (None, 0.01):
        with pytest.raises(ValueError, match="broken"):
            asyncio.run(race(after))


def test_takes_what_waits() -> None:
    """Events are taken in order and no more than asked for, without those of before a rebalance."""
    app = SimpleNamespace(consumer_generation_id=2)
    queue: asyncio.Queue[Any] = asyncio.Queue()
    for number, generation in enumerate([2, 1, 2, 2, 1, 2]):
        queue.put_nowait(
            SimpleNamespace(number=number, message=SimpleNamespace(generation_id=generation))
        )
    taken = [[event.number for event in take_waiting(app, queue, most)] for most in (0, 2, 9, 9)]
    assert taken == [[], [0, 2], [3, 5], []]


def test_fetch_wait() -> None:
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
