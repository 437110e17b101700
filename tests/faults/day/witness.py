"""A witness beside the workers: sees, by looking into Redis, when each event is reflected."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

from data.redis_connection import is_transient
from tests import oracle
from tests.builders import plain_history

if TYPE_CHECKING:
    from collections.abc import Iterable

    from data.user_store import UserStore
    from tests.faults.day.ledger import Entry, Ledger

    Plain = dict[str, Any]

_LOOK_S: Final = 0.1


def holds(history: oracle.History, event: Plain) -> bool:
    """Whether a history knows all that an event says: the event would change nothing."""
    video = event["video"]
    if (event["at"], video) <= history["mark"]:
        return True
    state = history["videos"].get(video)
    if state is None:
        return False
    changed = dict(state)
    oracle._note(changed, event)
    return changed == state


def histories_of(users: UserStore, names: Iterable[str]) -> dict[str, oracle.History]:
    """Read what Redis holds, in the oracle's form."""
    names = list(names)
    found = zip(names, users.read_many(names), strict=True)
    plain = {name: plain_history(stored.history) for name, stored in found}
    return {n: {"videos": p["videos"], "mark": p["mark"]} for n, p in plain.items()}


class Witness:
    """Looks several times a second which acknowledged events are reflected.

    Attributes
    ----------
    users
        Where it looks.
    seen
        When each event was first seen in Redis, by the monotonic clock, by its place in Kafka.
    """

    def __init__(self, ledger: Ledger, users: UserStore) -> None:
        self.seen: dict[tuple[int, int], float] = {}
        self._ledger = ledger
        self.users = users
        self._taken = 0
        self._pending: list[Entry] = []
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="witness", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK_S):
            new = self._ledger.entries[self._taken :]
            self._taken += len(new)
            self._pending += [entry for entry in new if entry.event is not None]
            try:
                self._look()
            except Exception as error:
                if not is_transient(error):  # else it is away; what it holds is seen later
                    raise

    def _look(self) -> None:
        asked = {entry.event["user"] for entry in self._pending if entry.event}
        if not asked:
            return
        histories, now = histories_of(self.users, asked), time.monotonic()
        left = []
        for entry in self._pending:
            if entry.event and holds(histories[entry.event["user"]], entry.event):
                self.seen[entry.place] = now
            else:
                left.append(entry)
        self._pending = left

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        self._thread.join()
