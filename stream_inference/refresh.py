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
    """What a refresh did: users written, users already up to date, and races run again."""

    written: int
    unchanged: int
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
    neither overwrites what the other knows.

    Parameters
    ----------
    serving
        The activated model; a list of a later activation is left in place.
    histories
        User id and history, for example of all users of the training data.
    on_users
        Called with the number of users done so far.
    length
        Videos in a list.
    """
    written = unchanged = lost = 0
    source = iter(histories)
    while batch := dict(islice(source, BATCH)):
        news = {user: [history] for user, history in batch.items()}
        outcome = write_back(store, serving, news, length)
        written += outcome.written
        unchanged += outcome.unchanged
        lost += outcome.lost_races
        on_users(written + unchanged)
    return Refreshed(written, unchanged, lost)


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
