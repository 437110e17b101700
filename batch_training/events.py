"""Events: many interactions as columns, in order of time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from data.interaction import KINDS, Interaction

if TYPE_CHECKING:
    from numpy.typing import NDArray

WATCH, LIKE, DISLIKE, NEUTRAL, SHARE, HIDE, RATING = (
    KINDS.index(kind) for kind in ("watch", "like", "dislike", "neutral", "share", "hide", "rating")
)
_COLUMNS: Final = ("user", "video", "kind", "at", "watch_ratio", "rating")


@dataclass(frozen=True, eq=False, kw_only=True)
class Events:
    """Valid interactions, oldest first.

    Attributes
    ----------
    users, videos
        External ids by code. In what `in_order` gives, codes count from the first to appear, so
        they don't depend on how an id is spelt.
    user, video
        Shape (n,), int32: codes.
    kind
        Shape (n,), int8: place in `data.interaction.KINDS`.
    at
        Shape (n,), int64: ms UTC, ascending.
    watch_ratio, rating
        Shape (n,), float64: NaN where there is none.
    """

    users: list[str]
    videos: list[str]
    user: NDArray[np.int32]
    video: NDArray[np.int32]
    kind: NDArray[np.int8]
    at: NDArray[np.int64]
    watch_ratio: NDArray[np.float64]
    rating: NDArray[np.float64]

    def __len__(self) -> int:
        """Count the events."""
        return len(self.at)

    def take(self, which: slice | NDArray[np.integer] | NDArray[np.bool_]) -> Events:
        """Choose some events; codes keep their meaning."""
        return replace(self, **{name: getattr(self, name)[which] for name in _COLUMNS})

    def split(self, share: float) -> tuple[Events, Events]:
        """Cut by time: the oldest ``share`` of all events, and what came later."""
        cut = round(share * len(self))
        return self.take(slice(cut)), self.take(slice(cut, None))

    def in_order(self, seed: int) -> Events:
        """Sort by time, and number users and videos anew as they appear.

        Events of the same moment come in a random order: that of a file often means something
        (by title, by page shown), and a replay would take it for foresight.
        """
        chance = np.random.default_rng(seed).random(len(self))
        ordered = self.take(np.lexsort((chance, self.at)))
        user, seen_users = pd.factorize(ordered.user)
        video, seen_videos = pd.factorize(ordered.video)
        return replace(
            ordered,
            users=[self.users[code] for code in seen_users.tolist()],
            videos=[self.videos[code] for code in seen_videos.tolist()],
            user=user.astype(np.int32),
            video=video.astype(np.int32),
        )

    def interaction(self, index: int) -> Interaction:
        """Give one event in the form in which it travels live."""
        ratio, stars = float(self.watch_ratio[index]), float(self.rating[index])
        return Interaction(
            user=self.users[self.user[index]],
            video=self.videos[self.video[index]],
            kind=KINDS[self.kind[index]],
            at=int(self.at[index]),
            watch_ratio=None if np.isnan(ratio) else ratio,
            rating=None if np.isnan(stars) else stars,
        )
