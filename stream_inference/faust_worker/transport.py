"""Faust's Kafka transport, which hands over what one fetch brought in one go.

Faust hands each event over by itself, in a race of four asyncio tasks against being suspended or
stopped, and takes note of each that is acknowledged: most of what it costs to receive one.
"""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import faust
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver

from stream_inference.faust_worker.fetching import Thread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faust.types import TP

SCHEME: Final = "upnext"
_FETCH_S: Final = 1.0
_PATIENT: Final = 0.9  # how much of Faust's patience with a broker is ours


class Consumer(driver.Consumer):
    """A consumer that fetches in our thread, and hands over what a fetch brought in one go.

    Attributes
    ----------
    looks_again
        Set when there may be room for more, or none is needed any more.
    """

    def __init__(self, *args: Any, **more: Any) -> None:  # noqa: ANN401 - Faust's own types
        super().__init__(*args, **more)
        self.looks_again = asyncio.Event()
        self._were_reset: set[TP] = set()

    def _new_consumer_thread(self) -> Thread:
        return Thread(self, loop=self.loop, beacon=self.beacon)

    def stop_flow(self) -> None:
        """Begin a rebalance."""
        super().stop_flow()
        self.looks_again.set()

    def resume_flow(self) -> None:
        """End a rebalance."""
        super().resume_flow()
        self.looks_again.set()

    async def seek_to_committed(self) -> Any:  # noqa: ANN401 - Faust's own types
        """Go back to what is committed; nothing is handed over before Faust resumes the flow.

        A seek may end within the next rebalance. Faust then resumes the flow too early, and
        empties the queues later, when what is in them does not come again.

        Raises
        ------
        TimeoutError
            Before Faust loses patience: it would wait for no further rebalance, without a word.
        """
        self.stop_flow()
        patience_s = _PATIENT * self.app.conf.broker_request_timeout
        try:
            return await asyncio.wait_for(super().seek_to_committed(), patience_s)
        except TimeoutError as error:
            told = f"for {patience_s:g} s Kafka has not told where the group goes on"
            raise TimeoutError(told) from error

    async def _drain_messages(self, fetcher: Any) -> None:  # noqa: ANN401 - Faust's own types
        """Fetch and hand over until the fetcher is stopped."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                if fetched := (await self._wait_next_records(_FETCH_S))[0]:
                    await self._hand_over(fetched)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not fetcher.should_stop:  # else Faust would take it for a crash, amid a rebalance
                raise

    async def _hand_over(self, fetched: Any) -> None:  # noqa: ANN401 - Faust's own types
        """Give our one agent all of it as one event, when there is room.

        At the end of a rebalance the consumer goes back to what is committed. What it took
        before is left, as it comes again: handed over, it would be acknowledged before events
        that stand in front of it.
        """
        topics: Any = self.app.topics
        channels = topics._tp_index  # noqa: SLF001 - there is no public way
        has_room = await self._wait_for_room(channels)
        mine = {tp: found for tp, found in fetched.items() if tp in channels}
        thread: Any = self._thread
        if has_room and mine and fetched.times_back == thread.times_back:
            last = next(reversed(mine))
            message = self._to_message(last, mine[last][-1])
            message.tracked = True  # acknowledging is ours
            self._were_reset |= fetched.were_reset
            event = faust.Event(self.app, None, list(chain(*mine.values())), None, message)
            (channel,) = channels[last]
            channel.queue.put_nowait(event)

    async def _wait_for_room(self, channels: Any) -> bool:  # noqa: ANN401 - Faust's own types
        """Wait until no rebalance goes on, and the queues have room; no if it is stopped before.

        From here on to the queue nothing may be awaited. Faust empties the queues when a
        rebalance begins: what would be put into one after that has lost what stood before it.
        """
        may_go_on: Any = self.can_resume_flow
        while not self.should_stop:
            if not self.flow_active:
                await self.wait(may_go_on)
            elif any(channel.queue.full() for of_one in channels.values() for channel in of_one):
                self.looks_again.clear()
                await self.looks_again.wait()
            else:
                return True
        return False

    def reflected(self, offsets: Mapping[TP, int]) -> None:
        """Take note of the last event of each partition that is in Redis with all before it."""
        self._acked.update({tp: [offset] for tp, offset in offsets.items()})

    def _should_commit(self, tp: TP, offset: int) -> bool:
        """Tell whether to commit this: what is new, and what Kafka was reset to.

        Faust commits nothing in front of what is committed. Where Kafka has lost that, new events
        would be skipped after the next rebalance. It is looked at here, where no other commit is
        under way: one that began before the reset, and ends after, notes down its own offset.
        """
        if tp in self._were_reset and offset < (self._committed_offset[tp] or 0):
            self._were_reset.remove(tp)
            return True
        should: bool = super()._should_commit(tp, offset)
        return should

    async def verify_all_partitions_active(self) -> None:
        """Verify nothing: Faust would end over a partition that Kafka is about to reset.

        It only warns, of streams that are slow by settings that nobody can set here.
        """

    async def maybe_wait_for_commit_to_finish(self) -> bool:
        """Wait until no commit is under way.

        Faust would take that one for the one that is asked for, and leave out what was
        acknowledged since it began: of a worker that is stopped, the last second.
        """
        while under_way := self._commit_fut:
            await asyncio.wait([under_way])
        return False

    def _new_offset(self, tp: TP) -> int | None:
        """Give the offset to commit."""
        last: list[int] = self._acked[tp]
        return last[-1] + 1 if last else None


class Transport(driver.Transport):
    """The transport behind the scheme `SCHEME`."""


Transport.Consumer = Consumer


def register(fetch_wait_ms: int) -> None:
    """Make the scheme known to Faust, and let the broker hold a fetch for that long."""
    Thread.fetch_wait_ms = fetch_wait_ms
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
