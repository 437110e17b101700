"""Events: many interactions as columns, in order of time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from data.interaction import KINDS, Interaction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

WATCH, LIKE, DISLIKE, NEUTRAL, SHARE, HIDE, RATING = (
    KINDS.index(kind) for kind in ("watch", "like", "dislike", "neutral", "share", "hide", "rating")
)
COLUMNS: Final = {
    "user": np.int32,
    "video": np.int32,
    "kind": np.int8,
    "at": np.int64,
    "watch_ratio": np.float64,
    "rating": np.float64,
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Events:
    """Valid interactions, in any order.

    Attributes
    ----------
    users, videos
        External ids by code. Codes count from the first to appear, so that nothing depends on how
        an id is spelt.
    user, video
        Shape (n,), int32: codes.
    kind
        Shape (n,), int8: place in `data.interaction.KINDS`.
    at
        Shape (n,), int64: ms UTC.
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
        if not isinstance(which, slice) and which.dtype == np.bool_:
            which = np.flatnonzero(which)  # once, not for each column
        return replace(self, **{name: getattr(self, name)[which] for name in COLUMNS})

    @classmethod
    def joined(cls, users: list[str], videos: list[str], parts: Iterable[Events]) -> Events:
        """Put events that share their ids one after the other."""
        columns: dict[str, list[NDArray[np.generic]]] = {
            name: [np.zeros(0, kind)] for name, kind in COLUMNS.items()
        }
        for part in parts:
            for name, column in columns.items():
                column.append(getattr(part, name))
        whole = {name: np.concatenate(columns.pop(name)) for name in COLUMNS}
        return cls(users=users, videos=videos, **whole)

    def split(self, share: float) -> tuple[Events, Events]:
        """Cut events that are in order: the oldest ``share`` of them, and what came later."""
        cut = round(share * len(self))
        return self.take(slice(cut)), self.take(slice(cut, None))

    def in_order(self, seed: int) -> Events:
        """Sort by time, oldest first; codes keep their meaning.

        Events of the same moment come in a random order: that of a file often means something
        (by title, by page shown), and a replay would take it for foresight.
        """
        chance = np.random.default_rng(seed).random(len(self))
        return self.take(np.lexsort((chance, self.at)))

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
