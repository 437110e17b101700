"""Follow-ups: for each video, what people watch soon after it; frozen beside the factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF_LIVES: Final = 8
"""A video with less than 1/256 of its weight left is passed over: it would only cost time."""

_MOST: Final = 1e30  # in size; however many of these a history adds up, float32 holds the sum


@dataclass(frozen=True, eq=False)
class FollowUps:
    """The strongest follow-ups of each video; their weight is part of the scores.

    Attributes
    ----------
    rows
        Shape (n_items, width), int32: internal rows of the follow-ups of each video. A place that
        is empty holds row 0 and score 0.
    scores
        Shape (n_items, width), float32: what each adds for a user who has just seen the video.
    half_life
        In videos of the user: what a video adds halves when so many newer ones have come.
    """

    rows: NDArray[np.int32]
    scores: NDArray[np.float32]
    half_life: float

    def wrong(self, n_items: int) -> str:
        """Say what of types, shapes and numbers can't be served; empty if nothing is wrong."""
        rows, scores = self.rows, self.scores
        shape = (n_items, rows.shape[1] if np.ndim(rows) == 2 else 0)  # noqa: PLR2004 - a table
        found = ""
        if rows.shape != shape or scores.shape != shape:
            found = f"follow-ups of {rows.shape} and {scores.shape} for {n_items} videos"
        elif rows.dtype != np.int32 or scores.dtype != np.float32:
            found = f"follow-ups are {rows.dtype} and {scores.dtype}, not int32 and float32"
        elif rows.min(initial=0) < 0 or rows.max(initial=0) >= n_items:
            found = "a follow-up is a row that no video has"
        elif not np.isfinite(most := max(scores.max(initial=0), -scores.min(initial=0))):  # or nan
            found = "follow-ups hold a number that is not finite"
        elif most > _MOST:
            found = f"a follow-up adds {most:g} to a score; more than {_MOST:g} can't be added up"
        elif not 0 < self.half_life < np.inf:
            found = f"the half-life of the follow-ups is {self.half_life}; it must be above 0"
        return found

    def left(self, age: NDArray[np.int64]) -> NDArray[np.float32]:
        """Tell how much of its follow-ups a video with so many newer ones adds; shape (n,)."""
        lives = age / self.half_life
        return np.where(lives > HALF_LIVES, 0.0, np.exp2(-lives)).astype(np.float32)

    def of(
        self, video: NDArray[np.integer], weight: NDArray[np.float32]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Give the follow-ups of videos, and what each adds to its score.

        Parameters
        ----------
        video, weight
            Shape (m,): rows, and how much of each is left.

        Returns
        -------
        rows, scores
            Shape (m, width).
        """
        return self.rows[video], self.scores[video] * weight[:, None]
