"""The partitions of this worker: which came and went, where it goes on, how far it is behind."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from stream_inference.logs import facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import faust
    from faust.types import TP

    from stream_inference.dead_letters import Message

_ASK_S: Final = 10.0
_LOG: Final = logging.getLogger(__name__)


class _Place(NamedTuple):
    """Where a group was in a partition, and what Kafka has of it."""

    committed: int | None
    first: int
    end: int

    @property
    def start(self) -> int:
        """Where the worker goes on."""
        if self.committed is None or not self.first <= self.committed <= self.end:
            return self.first
        return self.committed

    def tell(self, partition: int) -> None:
        """Log it."""
        lag = self.end - self.start
        if self.committed is None:
            _LOG.info(
                "partition %d: from the beginning, offset %d (lag %d)", partition, self.start, lag
            )
        elif self.committed == self.start:
            _LOG.info("partition %d: goes on at offset %d (lag %d)", partition, self.start, lag)
        else:
            _LOG.error(
                "partition %d: Kafka does not have offset %d, where the group was; it goes on at "
                "offset %d (lag %d)",
                *(partition, self.committed, self.start, lag),
            )


class Partitions:
    """Follows the rebalances of the topic of events.

    Parameters
    ----------
    app
        Whose partitions.
    topic
        The topic of events.
    """

    def __init__(self, app: faust.App, topic: str) -> None:
        self._app = app
        self._topic = topic
        self._mine: frozenset[TP] = frozenset()
        self._next: dict[int, int] = {}  # by partition: first offset that is not reflected
        app.on_partitions_assigned.connect(self._assigned)

    def done(self, messages: Sequence[Message]) -> None:
        """Take note of messages that are reflected."""
        self._next |= {m.origin.partition: m.origin.offset + 1 for m in messages}

    def lag(self) -> dict[int, int | None]:
        """Count what is not reflected, as far as Kafka has told; None while unknown."""
        return {tp.partition: self._lag_of(tp) for tp in sorted(self._mine)}

    def _lag_of(self, tp: TP) -> int | None:
        start = self._next.get(tp.partition)
        if start is None:
            return None
        kafka: Any = self._app.consumer
        try:
            lag: int | None = kafka._thread.lag(tp, start)  # noqa: SLF001 - Faust has no public way
        except Exception:  # noqa: BLE001 - the client has lost the partition or is not there yet
            return None
        return lag

    async def _assigned(self, _app: Any, /, *args: Any, **_more: Any) -> None:  # noqa: ANN401 - so says Faust
        """Tell what a rebalance has changed; where it goes on is told when Kafka has answered."""
        assigned: set[TP] = args[0]
        mine = frozenset(tp for tp in assigned if tp.topic == self._topic)
        came, went = mine - self._mine, self._mine - mine
        for tp in went:
            self._next.pop(tp.partition, None)
        self._mine = mine
        told = facts(came=_numbers(came), went=_numbers(went), has=_numbers(mine))
        _LOG.info("partitions after a rebalance", extra=told)
        if not mine:
            _LOG.warning("no partition is left for this worker: there are more workers than those")
        self._app.add_future(self._tell_places(sorted(came)))

    async def _tell_places(self, came: Sequence[TP]) -> None:
        """Ask beside the calls that wait for the client: two that hang would hold all others up."""
        kafka: Any = self._app.consumer
        thread = kafka._thread  # noqa: SLF001 - Faust has no public way
        asked = _places(thread._ensure_consumer(), came)  # noqa: SLF001 - as above
        answer = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked, thread.thread_loop))
        try:
            places = await asyncio.wait_for(answer, _ASK_S)
        except Exception as error:  # noqa: BLE001 - it is only told
            _LOG.warning("Kafka does not tell where this worker goes on: %r", error)
            return
        for tp, place in places.items():
            # A batch that was in hand when the partition left has its old place noted.
            self._next[tp.partition] = max(place.start, self._next.get(tp.partition, 0))
            place.tell(tp.partition)


async def _places(client: Any, came: Sequence[TP]) -> dict[TP, _Place]:  # noqa: ANN401 - aiokafka has no types
    first, end = await client.beginning_offsets(came), await client.end_offsets(came)
    return {tp: _Place(await client.committed(tp), first[tp], end[tp]) for tp in came}


def _numbers(partitions: frozenset[TP]) -> str:
    return ",".join(str(tp.partition) for tp in sorted(partitions)) or "none"
