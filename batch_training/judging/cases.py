"""Cases: lists to be made, and what they should hold; every way is judged on the same ones."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from batch_training.judging.ways import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from batch_training.judging.ways import Way
    from batch_training.merging.histories import Histories
    from data.scoring import Ragged
    from data.user_history import UserHistory
    from data.vocabulary import Vocabulary

_BATCH: Final = 256  # lists made at once
_LOOKED_AT: Final = 4_096  # (user, video) looked up at once


@dataclass(frozen=True, eq=False)
class Cases:
    """Lists to be made.

    Attributes
    ----------
    users
        Shape (n,): code of the user of each list.
    relevant
        Codes of the videos that each list should hold; at least one each.
    histories
        What is known of each user; given one after the other, as all may be too many to hold.
    """

    users: NDArray[np.int64]
    relevant: Ragged
    histories: Iterable[UserHistory]

    def __len__(self) -> int:
        """Count the lists."""
        return len(self.users)


def make_lists(
    ways: Sequence[Way],
    cases: Cases,
    videos: Vocabulary,
    n: int,
    on_lists: Callable[[int], None] = lambda _more: None,
    during: Callable[[Way], AbstractContextManager[object]] = lambda _way: nullcontext(),
) -> dict[str, NDArray[np.int32]]:
    """Let every way make the lists; shape (len(cases), n) by its name.

    Parameters
    ----------
    videos
        Id of each code.
    on_lists
        Is told how many more cases are done.
    during
        What it gives is entered while a way makes lists.
    """
    made = {way.name: np.empty((len(cases), n), np.int32) for way in ways}
    histories = iter(cases.histories)
    for first in range(0, len(cases), _BATCH):
        now = list(islice(histories, _BATCH))
        part = slice(first, first + len(now))
        asked = Asked(cases.users[part], now, videos)
        for way in ways:
            with during(way):
                made[way.name][part] = way.lists(asked, n)
        on_lists(len(now))
    return made


def are_new(
    before: Histories, users: NDArray[np.integer], videos: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Tell of pairs of codes whether the user's history says nothing of the video yet."""
    new, all_lengths = np.ones(len(users), np.bool_), before.lengths
    for first in range(0, len(users), _LOOKED_AT):
        part = slice(first, first + _LOOKED_AT)
        who = users[part]
        lengths = all_lengths[who]
        owner = np.repeat(np.arange(len(who)), lengths)
        rows = np.arange(len(owner)) + np.repeat(before.ends[who] - np.cumsum(lengths), lengths)
        new[first + owner[before.video[rows] == videos[part][owner]]] = False
    return new
