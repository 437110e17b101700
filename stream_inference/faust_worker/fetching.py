"""The thread that fetches from Kafka: Faust's, with some changes.

- The fetch wait can be set; Faust hard-codes 1.5 s.
- Events of transactions are read when they are committed, and never when they are aborted.
- After a rebalance a partition of which nothing is committed is read from its beginning.
- What one fetch brings is bounded in bytes, and no partition waits for another's whole backlog.
- It alone closes its client, and commits only by its present place in the group.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Final

from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver

from stream_inference.faust_worker.answers import translate
from stream_inference.faust_worker.offsets import commit_as_a_member, go_back

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faust.types import TP

_PIECE: Final = 16  # events that are taken before the bounds are looked at
_MOST_BYTES: Final = 2**22  # that one fetch takes; only the last piece may go beyond
_LOG: Final = logging.getLogger(__name__)


class Fetched(dict[Any, list[Any]]):
    """What a fetch brought, by partition.

    Attributes
    ----------
    times_back
        How often the consumer had gone back to what is committed when this left its buffers.
    count, size
        Events, and the bytes of what they say, and of their keys and headers.
    were_reset
        Partitions that begin in front of where they were, as Kafka has lost what was there.
    """

    def __init__(self, records: Mapping[Any, list[Any]], times_back: int) -> None:
        super().__init__()
        self.times_back = times_back
        self.count = self.size = 0
        self.were_reset: set[TP] = set()
        self.add(records)

    def add(self, records: Mapping[Any, list[Any]]) -> None:
        """Add what stands behind it."""
        for tp, found in records.items():
            self.setdefault(tp, []).extend(found)
            self.count += len(found)
            self.size += sum(map(_size, found))


class Thread(driver.AIOKafkaConsumerThread):
    """The thread that fetches; a process has one.

    Attributes
    ----------
    times_back
        How often it went back to what is committed.
    """

    fetch_wait_ms: ClassVar[int] = 1500

    def __post_init__(self) -> None:
        super().__post_init__()
        self.times_back = 0
        self._turn = 0  # which partition is the first
        self._fetched: dict[TP, int] = {}  # of each partition the last offset, or what is committed

    async def on_start(self) -> None:
        """Start the client, and let it understand its group's coordinator."""
        await super().on_start()
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - there is no public way
        translate(coordinator)
        commit_as_a_member(coordinator, self.app)

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

    def close(self) -> None:
        """Leave it to the end of the thread, which closes the client in order.

        Faust calls this when a rebalance meets a stop. It would close the client from another
        event loop, and half of it at that: a worker that leads the group then waits for ever, and
        none leaves the group, which waits until its session is over.
        """

    async def seek_to_committed(self) -> Any:  # noqa: ANN401 - as above
        """Go back, in a rebalance, to what is committed."""
        return await self.call_thread(self._go_back)

    async def _go_back(self) -> dict[Any, int | None]:
        committed = await go_back(self._ensure_consumer())
        self.times_back += 1
        self._fetched |= {tp: (offset or 0) - 1 for tp, offset in committed.items()}
        return committed

    async def _fetch_records(self, *args: Any, **more: Any) -> Fetched:  # noqa: ANN401 - as above
        """Take what is buffered, or wait for something.

        Bounded in bytes too, as a thousand events of a megabyte would be a gigabyte. Each
        partition is the first by turns, as aiokafka would give all that it has of one that lags
        far behind before it comes to the next.
        """
        consumer, active = args
        most, take = more["max_records"], super()._fetch_records
        more["max_records"] = min(_PIECE, most)
        taken = Fetched(await take(consumer, active, **more), self.times_back)
        more["timeout"] = 0
        turns = deque(sorted(active) if taken else ())
        turns.rotate(-self._turn)
        self._turn += 1
        while turns and taken.count < most and taken.size < _MOST_BYTES:
            try:
                found = await take(consumer, {turns[0]}, **more)
            except KafkaError:  # the next fetch meets it again; what is taken must not be lost
                break
            if taken.times_back != self.times_back:
                taken = Fetched({}, self.times_back)
            if found:
                taken.add(found)
            else:
                turns.popleft()
        self._note(taken)
        return taken

    def _note(self, taken: Fetched) -> None:
        """Take note of how far it came, and of what stands in front of where a partition was."""
        for tp, found in taken.items():
            if found[0].offset <= self._fetched.get(tp, -1):
                taken.were_reset.add(tp)
            self._fetched[tp] = found[-1].offset


def _size(record: Any) -> int:  # noqa: ANN401 - aiokafka has no types
    size = len(record.value or b"") + len(record.key or b"")
    if record.headers:
        size += sum(len(name) + len(value or b"") for name, value in record.headers)
    return size
