"""What waits for the agent."""

from __future__ import annotations

from typing import Any

from faust.types import TP


class Backlog:
    """What was handed over and is not yet in hand.

    As in Faust, what was fetched before a rebalance is left out: whoever has its partition now
    gets it again.

    Parameters
    ----------
    app
        Faust's application.
    queue
        Holds what fetches brought, an event for each.
    """

    def __init__(self, app: Any, queue: Any) -> None:  # noqa: ANN401 - Faust has no types
        self._app = app
        self._queue = queue
        self._generation: int | None = None
        self._records: list[Any] = []
        self._taken: list[Any] = []

    def add(self, fetched: Any) -> None:  # noqa: ANN401 - Faust has no types
        """Add what a fetch brought."""
        now = self._app.consumer_generation_id
        if fetched.message.generation_id == now:
            self._records = [*(self._records if self._generation == now else ()), *fetched.value]
            self._generation = now

    def take(self, most: int) -> list[Any]:
        """Take what waits, in order and at most so many, of this and later fetches."""
        while len(self._records) < most and not self._queue.empty():
            self.add(self._queue.get_nowait())
        self._app.consumer.looks_again.set()
        if self._generation != self._app.consumer_generation_id:
            self._records = []
        self._taken, self._records = self._records[:most], self._records[most:]
        return self._taken

    def reflected(self) -> None:
        """Acknowledge what was taken last, now that it is in Redis.

        Not after a rebalance has begun: a partition that comes back later may be further by then.
        """
        consumer = self._app.consumer
        if consumer.flow_active and self._generation == self._app.consumer_generation_id:
            last = {(r.topic, r.partition): r.offset for r in self._taken}
            consumer.reflected({TP(*place): offset for place, offset in last.items()})
