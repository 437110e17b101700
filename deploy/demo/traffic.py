"""Traffic: replay events as live traffic, and see when each list knows of them.

A user's next event is sent when the user's list knows the last one; many users are on the way
at once.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from data.interaction import Interaction
    from data.up_next import UpNext
    from data.user_store import UserStore
    from deploy.kafka import EventSender


_REST_S: Final = 0.0003  # between looks at Redis, longer the more lists there are to read


class Arrival(NamedTuple):
    """One event that a list now knows.

    Attributes
    ----------
    event
        What was sent.
    place
        Where its video stood in the list that was served before, from 0; None for nowhere.
    before, after
        The user's lists.
    latency_s
        From producing the event to reading a list from Redis that knows it.
    """

    event: Interaction
    place: int | None
    before: UpNext | None
    after: UpNext
    latency_s: float


class _OnItsWay(NamedTuple):
    event: Interaction
    sent_at: float
    before: UpNext | None


class LateListError(RuntimeError):
    """A list did not learn of an event in time."""


class Traffic:
    """Send events in order for each user, and wait for the lists.

    Parameters
    ----------
    sender
        Sends to Kafka.
    store
        Reads lists from Redis.
    events
        In order of time; of one user no two at the same moment.
    patience_s
        How long a list may take to know of an event, before it is an error.
    """

    def __init__(
        self,
        sender: EventSender,
        store: UserStore,
        events: Iterable[Interaction],
        patience_s: float = 120.0,
    ) -> None:
        self._sender = sender
        self._store = store
        self._patience_s = patience_s
        self._queues: dict[str, deque[Interaction]] = {}
        for event in events:
            self._queues.setdefault(event.user, deque()).append(event)
        self._next = [(queue[0].at, user) for user, queue in self._queues.items()]
        heapq.heapify(self._next)
        self._lists: dict[str, UpNext | None] = {}
        self._under_way: dict[str, _OnItsWay] = {}

    def run(
        self,
        on_arrival: Callable[[Arrival], None],
        *,
        in_flight: int = 256,
        count: int | None = None,
        per_second: float | None = None,
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        """Send some or all of what is left, and wait until the lists know all that was sent.

        Parameters
        ----------
        on_arrival
            Is told of each event when its list knows it.
        in_flight
            Most users on the way at once.
        count
            Most events to send; all that are left if None.
        per_second
            Pace in events per second; as fast as the lists follow if None.
        on_wait
            Called between looks at Redis.

        Raises
        ------
        LateListError
            If a list doesn't learn of an event within the patience.
        """
        start, sent = time.perf_counter(), 0
        while True:
            due = float("inf") if per_second is None else (time.perf_counter() - start) * per_second
            while (
                self._next
                and len(self._under_way) < in_flight
                and sent < due
                and (count is None or sent < count)
            ):
                self._send_next()
                sent += 1
            if self._under_way:
                self._look(on_arrival)
            elif not self._next or sent == count:
                return
            on_wait()
            time.sleep(_REST_S * (1 + len(self._under_way) / 4))

    def _send_next(self) -> None:
        """Send the earliest event of those users whose lists know all that was sent."""
        _, user = heapq.heappop(self._next)
        if user not in self._lists:
            (self._lists[user],) = self._store.read_lists([user])
        event = self._queues[user].popleft()
        self._under_way[user] = _OnItsWay(event, time.perf_counter(), self._lists[user])
        self._sender.send(event)

    def _look(self, on_arrival: Callable[[Arrival], None]) -> None:
        """Read the lists that are waited for."""
        users = list(self._under_way)
        lists = self._store.read_lists(users)
        now = time.perf_counter()
        for user, shown in zip(users, lists, strict=True):
            event, sent_at, before = self._under_way[user]
            if shown is not None and shown.at >= event.at:
                del self._under_way[user]
                self._lists[user] = shown
                if self._queues[user]:
                    heapq.heappush(self._next, (self._queues[user][0].at, user))
                on_arrival(Arrival(event, _place(event, before), before, shown, now - sent_at))
            elif now - sent_at > self._patience_s:
                msg = (
                    f"after {self._patience_s:g} s the list of {user!r} does not know "
                    f"of its event at {event.at}"
                )
                raise LateListError(msg)


def _place(event: Interaction, before: UpNext | None) -> int | None:
    ids = [item.id for item in before.items] if before is not None else []
    return ids.index(event.video) if event.video in ids else None
