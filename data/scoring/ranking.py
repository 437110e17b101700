"""Ranking: the n best of many scores, best first, ties to the lower row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

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
    rows, values = candidates(whole, n, np.arange(len(scores), dtype=np.int32)).best(1, n)
    return rows[0], values[0]


def padded(n_items: int) -> int:
    """Give the number of videos in whole groups."""
    return -(-n_items // _DEPTH) * _DEPTH


class Candidates(NamedTuple):
    """Videos that may be among a user's best, all of shape (m,).

    Attributes
    ----------
    user
        From 0 on.
    row
        Of the video.
    score
        Finite.
    """

    user: NDArray[np.int64]
    row: NDArray[np.int64]
    score: NDArray[np.float32]

    def beside(self, other: Candidates) -> Candidates:
        """Put both together."""
        return Candidates(
            np.concatenate([self.user, other.user]),
            np.concatenate([self.row, other.row]),
            np.concatenate([self.score, other.score]),
        )

    def best(self, n_users: int, n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Sort by user, score and row, all in one integer, and keep n of each user.

        Returns
        -------
        rows, scores
            Shape (n_users, n); -1 with -inf where there are no more.
        """
        bits = (self.score + np.float32(0)).view(np.int32)  # -0.0 becomes 0.0
        falling = 0x7FFFFFFF - _in_order(bits).astype(np.int64)
        width = int(self.row.max(initial=0)).bit_length()
        below = 32 + width  # the user's number stands above score and row
        key = (self.user << below) | (falling << width) | self.row
        key.sort()
        user = key >> below
        place = np.arange(len(key)) - user.searchsorted(np.arange(n_users))[user]
        kept = place < n
        user, place, key = user[kept], place[kept], key[kept]
        rows = np.full((n_users, n), -1)
        values = np.full(rows.shape, -np.inf, np.float32)
        rows[user, place] = key & ((1 << width) - 1)
        rising = 0x7FFFFFFF - ((key >> width) & 0xFFFFFFFF)
        values[user, place] = _in_order(rising.astype(np.int32)).view(np.float32)
        return rows, values


def _in_order(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    """Turn the bits of floats into integers that sort as they do, or back."""
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


def candidates(scores: NDArray[np.float32], n: int, row_at: NDArray[np.int32]) -> Candidates:
    """Find a few videos of each user, among them the n best, ties to the lower row.

    The videos stand in groups. The n-th greatest of a user's group maxima is no greater than the
    n-th best score, so only what reaches it has to be sorted: a little more than n scores, unless
    many tie.

    Parameters
    ----------
    scores
        Shape (`padded`, n_users), contiguous: -inf where there is no video.
    row_at
        The row of each video in ``scores``.
    """
    n_users = scores.shape[1]
    # A group's videos stand far apart, so that maxima are taken of whole rows of memory.
    grid = scores.reshape(_DEPTH, -1, n_users)
    maxima = grid.max(axis=0).T.copy()  # (u, groups)
    least = np.full(n_users, _LOWEST)
    if (nth := maxima.shape[1] - n) >= 0:
        np.maximum(np.partition(maxima, nth, axis=1)[:, nth], least, out=least)
    user, group = np.divmod(np.flatnonzero(maxima >= least[:, None]), maxima.shape[1])
    reaching = grid[:, group, user] >= least[user]
    if np.count_nonzero(reaching) > _DEPTH * n * n_users:  # more than n groups of a user tie
        return _best_of_ties(scores, least, n, row_at)
    depth, which = np.divmod(np.flatnonzero(reaching), len(user))
    place = depth * maxima.shape[1] + group[which]
    user = user[which]
    return Candidates(user, row_at[place].astype(np.int64), scores[place, user])


def _best_of_ties(
    scores: NDArray[np.float32], least: NDArray[np.float32], n: int, row_at: NDArray[np.int32]
) -> Candidates:
    """Keep the n best of each user alone, one user after the other: all ties would fill memory."""
    rows = np.empty((len(least), n), np.int64)
    values = np.empty(rows.shape, np.float32)
    for user, lowest in enumerate(least):
        place = np.flatnonzero(scores[:, user] >= lowest)
        nobody = np.zeros(len(place), np.int64)
        tied = Candidates(nobody, row_at[place].astype(np.int64), scores[place, user])
        rows[[user]], values[[user]] = tied.best(1, n)
    users, column = np.nonzero(rows >= 0)
    return Candidates(users, rows[users, column], values[users, column])
