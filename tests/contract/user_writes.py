"""Reading and writing one user, which the tests of the user store share."""

from __future__ import annotations

from data.up_next import Listed, UpNext
from data.user_history import UserHistory
from data.user_store import Answer, StoredUser, UserStore, UserWrite
from tests.builders import event, history

A = history([event("a", at=1)])
AB = history([event("a", at=1), event("b", at=2)])
WRITTEN, LOST, NEWER = Answer.WRITTEN, Answer.LOST_RACE, Answer.LIST_IS_NEWER


def shown(user: str, known: UserHistory | None, activation: int = 1) -> UpNext:
    """Give some list, which names what was known when it was made."""
    known = known or UserHistory.empty()
    items = tuple(Listed(video, 0.5) for video in known.videos)
    return UpNext(
        user=user,
        version="v",
        activation=activation,
        at=known.newest_at,
        personal=True,
        items=items,
    )


def write(
    store: UserStore, user: str, read: StoredUser, known: UserHistory | None, activation: int = 1
) -> Answer:
    """Write one user and give the answer; without a history it stays as it was read."""
    one = UserWrite(read.tag, known, shown(user, known, activation))
    [answer] = store.compare_and_set_many([one])
    return answer


def one(store: UserStore, user: str = "u") -> StoredUser:
    """Read one user."""
    [stored] = store.read_many([user])
    return stored
