"""Rebalances that meet what they hardly ever meet, and workers that can't stand it.

What makes them meet changes nothing but when things happen, and waits for `Stage.order`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import faust
from faust.transport.drivers import aiokafka as driver

from stream_inference.faust_worker import app
from stream_inference.faust_worker.backlog import Backlog
from stream_inference.faust_worker.transport import Consumer
from tests.faults.day.flaws import ORDER

if TYPE_CHECKING:
    from collections.abc import Callable

MET_FULL: Final = "race: a rebalance begins as a full queue gets room"
SEEKS: Final = "race: a seek goes on until the next rebalance"
MET_SEEK: Final = "race: a seek ended within the next rebalance"
SOUGHT: Final = "race: a rebalance is over, what its seek gave has come"
LATE_S: Final = 1.5  # longer than Faust rests when it may fetch from no partition


def small_fetches(events: str) -> None:
    """Take so few events at most with one fetch, so that few fill the queue."""
    assert "_FETCHED" in vars(app), "fetches are bounded in another way now: mend this"
    vars(app)["_FETCHED"] = int(events)


def meets_full_queue(_: str) -> None:
    """Begin a rebalance in the very turn of the event loop in which a full queue gets room.

    That is right before whoever waits for the room can take it.
    """
    begin, take = faust.App._on_partitions_revoked, Backlog.take
    held: list[asyncio.Future[None]] = []

    async def begin_then(self: Any, revoked: Any) -> None:  # noqa: ANN401 - Faust has no types
        if _is_ordered(meets_full_queue):
            held.append(asyncio.get_running_loop().create_future())
            await held[0]
        await begin(self, revoked)

    def take_then(self: Any, most: int) -> Any:  # noqa: ANN401 - as above
        waits = any(not waiter.done() for waiter in self._app.consumer.looks_again._waiters)
        if held and waits and self._queue.full() and len(self._records) < most:
            held.pop().set_result(None)
            _say(MET_FULL)
        return take(self, most)

    faust.App._on_partitions_revoked = begin_then  # type: ignore[method-assign]  # when, not what
    Backlog.take = take_then  # type: ignore[method-assign]  # as above


def seek_outlasts(_: str) -> None:
    """Let a seek end after the next rebalance has begun; what any seek gives comes late."""
    begin, seek = faust.App._on_partitions_revoked, Consumer.seek_to_committed
    held: list[asyncio.Future[None]] = []

    async def begin_and_let_go(self: Any, revoked: Any) -> None:  # noqa: ANN401 - as above
        await begin(self, revoked)
        if held:
            held.pop().set_result(None)

    async def seek_long(self: Any) -> Any:  # noqa: ANN401 - as above
        committed = await seek(self)
        if _is_ordered(seek_outlasts):
            held.append(asyncio.get_running_loop().create_future())
            _say(SEEKS)
            await held[0]
            _say(MET_SEEK)
        await asyncio.sleep(LATE_S)
        return committed

    faust.App._on_partitions_revoked = begin_and_let_go  # type: ignore[method-assign]  # as above
    Consumer.seek_to_committed = seek_long  # type: ignore[method-assign]  # as above


def tells_of_seeks(_: str) -> None:
    """Say when a rebalance is over; the worker's own log leaves lines out when many are alike."""
    seek = Consumer.seek_to_committed

    async def seek_and_tell(self: Any) -> Any:  # noqa: ANN401 - as above
        committed = await seek(self)
        _say(SOUGHT)
        return committed

    Consumer.seek_to_committed = seek_and_tell  # type: ignore[method-assign]  # as above


def _is_ordered(race: Callable[[str], None]) -> bool:
    with contextlib.suppress(FileNotFoundError):
        Path(tempfile.gettempdir(), ORDER.format(race.__name__)).unlink()
        return True
    return False


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)  # noqa: T201 - the proof


def seeks_amid_the_flow(_: str) -> None:
    """Go back to what is committed as Faust does, while what is fetched is handed over."""
    Consumer.seek_to_committed = driver.Consumer.seek_to_committed  # type: ignore[method-assign]  # a flaw


RACES: Final[dict[str, Callable[[str], None]]] = {
    race.__name__: race
    for race in (
        small_fetches,
        seeks_amid_the_flow,
        meets_full_queue,
        seek_outlasts,
        tells_of_seeks,
    )
}
