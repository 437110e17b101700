"""Refresh: after an activation, write the history and list of every user that the night knows."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from data.defaults import DEFAULT_LENGTH
from stream_inference.write_back import write_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from data.heartbeats import Heartbeats
    from data.user_history import UserHistory
    from data.user_store import UserStore
    from stream_inference.recommend import Serving

BATCH: Final = 256


class Refreshed(NamedTuple):
    """What a refresh did.

    Attributes
    ----------
    written, unchanged
        Users who got a list by this model, and who had it already.
    list_is_newer
        Users whose list was left in place, because it was made under a later activation.
    lost_races
        Writes that had to be done again because a live event came in between.
    """

    written: int
    unchanged: int
    list_is_newer: int
    lost_races: int


def refresh(
    store: UserStore,
    serving: Serving,
    histories: Iterable[tuple[str, UserHistory]],
    on_users: Callable[[int], None] = lambda _: None,
    *,
    length: int = DEFAULT_LENGTH,
) -> Refreshed:
    """Merge what the night knows of each user into Redis, and make their lists anew.

    It goes through the same compare-and-set as the worker, so live events may flow meanwhile:
    neither overwrites what the other knows. An empty Redis is filled, and one that lost a part of
    its data is healed, be it a list alone.

    Parameters
    ----------
    serving
        The activated model; a list of a later activation is left in place.
    histories
        User id and history, for example of all users of the training data.
    on_users
        Called with the number of users done so far, whatever became of them.
    length
        Videos in a list.
    """
    users, written, unchanged, newer, lost = 0, 0, 0, 0, 0
    source = iter(histories)
    while batch := dict(islice(source, BATCH)):
        dropped = store.without_list(list(batch))
        outcome = write_back(store, serving, {**batch}, length, anew=dropped)
        users += len(batch)
        written += outcome.written - len(outcome.list_is_newer)
        unchanged += outcome.unchanged
        newer += len(outcome.list_is_newer)
        lost += outcome.lost_races
        on_users(users)
    return Refreshed(written, unchanged, newer, lost)


def workers_follow(heartbeats: Heartbeats, activation: int, patience_s: float) -> list[str]:
    """Wait until every live worker holds the activation; give back those that don't.

    A worker that can't take the new model keeps the old one; its lists can't overwrite what the
    refresh writes, so the refresh need not wait for it for ever.
    """
    deadline = time.monotonic() + patience_s
    while True:
        behind = [beat for beat in heartbeats.alive() if beat.activation < activation]
        if not behind or time.monotonic() > deadline:
            return [f"{b.worker} ({b.trouble or 'not there yet'})" for b in behind]
        time.sleep(0.1)
