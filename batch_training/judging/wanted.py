"""Wanted: which users wanted which videos, for whatever learns from that alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from data.confidence import is_wanted
from data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batch_training.merging.histories import Histories

_RECENT: Final = 0.1  # share of the time that is recent
_BOXES: Final = 512  # length of a sketch


class Wanted(NamedTuple):
    """Who wanted what.

    Attributes
    ----------
    matrix
        1 where a user wanted a video, float32, shape (n_users, n_columns).
    codes
        Shape (n_columns,), int32: code of the video of each column, ascending.
    vocabulary
        Its id.
    recent
        Shape (n_columns,), int64: how many users wanted it in the last tenth of the time.
    """

    matrix: csr_array
    codes: NDArray[np.int32]
    vocabulary: Vocabulary
    recent: NDArray[np.int64]

    @property
    def popularity(self) -> NDArray[np.int64]:
        """How many users wanted each video, shape (n_columns,)."""
        return np.bincount(self.matrix.indices, minlength=len(self.codes))

    def some_users(self, budget: int, power: int, seed: int = 0) -> csr_array:
        """Draw users until their numbers of videos, to some power, come to a budget.

        Returns
        -------
        Their rows of the matrix; all of them where the budget is large enough.
        """
        lengths = np.diff(self.matrix.indptr).astype(np.float64) ** power
        order = np.random.default_rng(seed).permutation(len(lengths))
        chosen = order[np.cumsum(lengths[order]) <= budget]
        return self.matrix if len(chosen) == len(order) else self.matrix[np.sort(chosen)]

    def sketches(self, n_videos: int, seed: int = 0) -> NDArray[np.float32]:
        """Give vectors whose products say how alike the users of two videos are.

        They estimate the cosine between the two columns: users are thrown into a few hundred
        boxes, each with a random sign (the count sketch of Charikar, Chen and Farach-Colton
        2002). One pair is off by 0.04, the mean over many pairs by some 6 % of itself, for all
        lists alike.

        Returns
        -------
        Float32, shape (n_videos, 512), by code; of length 1, or 0 for a video that nobody wanted.
        """
        draw, n_users = np.random.default_rng(seed), self.matrix.shape[0]
        signs = draw.choice(np.array([-1, 1], np.float32), n_users)
        boxes = draw.integers(0, _BOXES, n_users)
        thrown = csr_array((signs, boxes, np.arange(n_users + 1)), shape=(n_users, _BOXES))
        found = (self.matrix.T @ thrown).toarray()
        found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1)  # whole numbers
        sketches = np.zeros((n_videos, _BOXES), np.float32)
        sketches[self.codes] = found
        return sketches


def wanted(histories: Histories, left_out: NDArray[np.bool_]) -> Wanted:
    """Find who wanted what.

    Parameters
    ----------
    left_out
        Shape (n_users,): users of whom nothing may be known.
    """
    states = histories.states
    which = is_wanted(states) & np.repeat(~left_out, histories.lengths)
    latest = states["latest"][which]
    codes, columns = np.unique(histories.video[which], return_inverse=True)
    kept = np.concatenate([[0], np.cumsum(which)])
    ends = np.concatenate([[0], kept[histories.ends]])
    matrix = csr_array(
        (np.ones(len(columns), np.float32), columns, ends), shape=(len(histories), len(codes))
    )
    oldest = int(states["earliest"].min(initial=np.iinfo(np.int64).max))
    newest = int(states["latest"].max(initial=0))
    is_recent = latest >= newest - _RECENT * (newest - oldest)
    recent = np.bincount(columns[is_recent], minlength=len(codes))
    ids = Vocabulary(histories.videos[code] for code in codes.tolist())
    return Wanted(matrix, codes.astype(np.int32), ids, recent)
