"""Read, merge, rank, and write back by compare-and-set, until every user is through."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from data.defaults import DEFAULT_LENGTH
from data.user_store import Answer, UserWrite
from stream_inference.recommend import lists_for, merge_news

if TYPE_CHECKING:
    from collections.abc import Container

    from data.popular import Popular
    from data.user_history import UserHistory
    from data.user_store import StoredUser, UserStore
    from stream_inference.recommend import News, Serving


class Outcome(NamedTuple):
    """What became of a batch of users.

    Attributes
    ----------
    written, unchanged
        Users whose state was written, and who already held everything.
    lost_races
        Writes that had to be done again because somebody else wrote in between.
    list_is_newer
        Users whose history was written, and whose list stayed, because it was made under a
        later activation than the one at hand.
    ranking_s
        Seconds that making the lists took.
    """

    written: int
    unchanged: int
    lost_races: int
    list_is_newer: frozenset[str]
    ranking_s: float

    @property
    def lists(self) -> int:
        """How many lists were made."""
        return self.written + self.lost_races


def write_back(
    store: UserStore,
    serving: Serving | Popular,
    news: News,
    length: int = DEFAULT_LENGTH,
    *,
    anew: Container[str] = (),
) -> Outcome:
    """Bring what is new into Redis: histories and lists together.

    Safe to repeat at any point: the merge is idempotent, and a user whose state already holds
    everything is not written. A lost race is read again and done again, for the losers only.

    Parameters
    ----------
    serving
        What the lists are made with: a model or, where there is none, the popular videos.
    length
        Videos in a list.
    anew
        Users who get a list even if their state holds everything.
    """
    written = unchanged = lost = 0
    ranking_s = 0.0
    newer: set[str] = set()
    while news:
        answers, seconds = _once(store, serving, news, length, anew)
        ranking_s += seconds
        losers = {u for u, answer in answers.items() if answer is Answer.LOST_RACE}
        newer |= {u for u, answer in answers.items() if answer is Answer.LIST_IS_NEWER}
        unchanged += len(news) - len(answers)
        written += len(answers) - len(losers)
        lost += len(losers)
        news = {u: news[u] for u in losers}
    return Outcome(written, unchanged, lost, frozenset(newer), ranking_s)


def _once(
    store: UserStore, serving: Serving | Popular, news: News, length: int, anew: Container[str]
) -> tuple[dict[str, Answer], float]:
    """Read, merge, rank and write once.

    Gives what became of each user that was written, and the seconds that ranking took.
    """
    stored = dict(zip(news, store.read_many(list(news)), strict=True))
    merged = merge_news({u: s.history for u, s in stored.items()}, news, serving.history_limit)
    todo = [
        u
        for u, s in stored.items()
        if s.lags or merged[u] is not s.history or s.activation < serving.activation or u in anew
    ]
    start = time.perf_counter()
    lists = lists_for(serving, todo, [merged[u] for u in todo], length)
    seconds = time.perf_counter() - start
    writes = [
        UserWrite(stored[u].tag, _unless_kept(stored[u], merged[u]), shown)
        for u, shown in zip(todo, lists, strict=True)
    ]
    return dict(zip(todo, store.compare_and_set_many(writes), strict=True)), seconds


def _unless_kept(stored: StoredUser, merged: UserHistory) -> UserHistory | None:
    """Give the history that must be written; what holds nothing may not be there yet."""
    return None if merged is stored.history and len(merged) else merged
