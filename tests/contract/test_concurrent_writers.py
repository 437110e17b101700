"""Many write the same users at once, and nothing is lost; the control shows that it would be."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from data.up_next import UpNext
from data.user_store import Answer, StoredUser, UserStore, UserWrite
from tests.builders import event, interaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from data.redis_connection import Client
    from data.redis_keys import RedisKeys
    from data.user_history import UserHistory

USERS = ("u", "v}", "w")
WRITERS = 4
ROUNDS = 10


def add(read: StoredUser, video: str) -> UserHistory:
    """Give the history with one more video."""
    return read.history.add(interaction(event(video)))


def up_next(user: str) -> UpNext:
    """Give some list."""
    return UpNext(user=user, version="v", activation=1, at=1, personal=True, items=())


def write_by_compare_and_set(store: UserStore, video: str, reads: list[StoredUser]) -> None:
    """Write all users, and read again and recompute those that lost their race."""
    waiting = dict(zip(USERS, reads, strict=True))
    while waiting:
        writes = [UserWrite(s.tag, add(s, video), up_next(u)) for u, s in waiting.items()]
        answers = store.compare_and_set_many(writes)
        lost = [u for u, a in zip(waiting, answers, strict=True) if a is Answer.LOST_RACE]
        waiting = dict(zip(lost, store.read_many(lost), strict=True))


def write_blindly(store: UserStore, video: str, reads: list[StoredUser]) -> None:
    """Write what was computed, whatever stands there by now: the tag is that of the present."""
    tags = [stored.tag for stored in store.read_many(USERS)]
    for user, tag, read in zip(USERS, tags, reads, strict=True):
        store.compare_and_set_many([UserWrite(tag, add(read, video), up_next(user))])


def run(store: UserStore, write: Callable[[UserStore, str, list[StoredUser]], None]) -> list[int]:
    """Let all writers read, wait for each other and write, and count the videos of each user."""
    together = threading.Barrier(WRITERS, timeout=60)

    def work(writer: int) -> None:
        for number in range(ROUNDS):
            reads = store.read_many(USERS)
            together.wait()
            write(store, f"{writer} {number}", reads)
            together.wait()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(work, range(WRITERS)))
    return [len(stored.history) for stored in store.read_many(USERS)]


def test_nothing_is_lost(client: Client, keys: RedisKeys) -> None:
    """With compare and set every event of every writer is in the end there."""
    assert run(UserStore(client, keys), write_by_compare_and_set) == [WRITERS * ROUNDS] * len(USERS)


def test_control_loses_events(client: Client, keys: RedisKeys) -> None:
    """Writers that overwrite what was written since they read do lose events."""
    assert max(run(UserStore(client, keys), write_blindly)) < WRITERS * ROUNDS
