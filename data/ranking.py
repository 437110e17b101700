"""Ranking: the n best of many scores, best first, ties to the lower row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEPTH: Final = 32  # videos a group; only groups with great maxima are looked into
_LOWEST: Final = np.finfo(np.float32).min


def rank(
    scores: NDArray[np.float32], excluded: NDArray[np.int32], n: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Give the n best of one row of scores; as `top_n`, shape (n,)."""
    whole = np.full((padded(len(scores)), 1), -np.inf, np.float32)
    whole[: len(scores), 0] = scores
    whole[excluded] = -np.inf
    rows, values = best(whole, n)
    return rows[0], values[0]


def padded(n_items: int) -> int:
    """Give the number of videos in whole groups."""
    return -(-n_items // _DEPTH) * _DEPTH


def best(scores: NDArray[np.float32], n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the n best, -1 with -inf where there are no more.

    The videos stand in groups. The n-th greatest of a user's group maxima is no greater than the
    n-th best score, so only what reaches it has to be sorted: a little more than n scores.

    Parameters
    ----------
    scores
        Shape (`padded`, n_users), contiguous: -inf where there is no video.

    Returns
    -------
    rows, scores
        Shape (n_users, n).
    """
    n_users = scores.shape[1]
    # A group's videos stand far apart, so that maxima are taken of whole rows of memory.
    grid = scores.reshape(_DEPTH, -1, n_users)
    maxima = grid.max(axis=0).T.copy()  # (u, groups)
    least = np.full(n_users, _LOWEST)
    if (nth := maxima.shape[1] - n) >= 0:
        np.maximum(np.partition(maxima, nth, axis=1)[:, nth], least, out=least)
    user, group = np.divmod(np.flatnonzero(maxima >= least[:, None]), maxima.shape[1])
    members = grid[:, group, user]
    depth, which = np.divmod(np.flatnonzero(members >= least[user]), len(user))
    row = depth * maxima.shape[1] + group[which]
    return _sorted(scores, user[which], row, n)


def _sorted(
    scores: NDArray[np.float32], user: NDArray[np.int64], row: NDArray[np.int64], n: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Sort candidates by user, score and row, all in one integer, and keep n of each user."""
    bits = (scores[row, user] + np.float32(0)).view(np.int32)  # -0.0 becomes 0.0
    rising = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # integers that sort as the scores do
    width = len(scores).bit_length()
    below = 32 + width  # the user's number stands above score and row
    key = (user << below) | ((0x7FFFFFFF - rising.astype(np.int64)) << width) | row
    key.sort()
    user, row = key >> below, key & ((1 << width) - 1)
    place = np.arange(len(key)) - user.searchsorted(np.arange(scores.shape[1]))[user]
    kept = place < n
    user, row, place = user[kept], row[kept], place[kept]
    rows = np.full((scores.shape[1], n), -1)
    values = np.full(rows.shape, -np.inf, np.float32)
    rows[user, place] = row
    values[user, place] = scores[row, user]
    return rows, values
