"""Metrics: how good lists are, given what the user took to afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def hit_rate(positions: NDArray[np.integer]) -> float:
    """Share of the lists that hold the video that was taken to next.

    Parameters
    ----------
    positions
        Shape (n,): where in each list the video stands, 0 for the first place, -1 for nowhere.

    Examples
    --------
    Two lists of four have the video.

    >>> hit_rate(np.array([0, -1, 3, -1]))
    0.5
    """
    return float(np.mean(positions >= 0)) if len(positions) else 0.0


def mean_reciprocal_rank(positions: NDArray[np.integer]) -> float:
    """Mean of 1/1 for the first place, 1/2 for the second and so on, and of 0 for nowhere.

    Parameters
    ----------
    positions
        As for `hit_rate`.

    Examples
    --------
    First place, nowhere, fourth place, nowhere: (1 + 0 + 1/4 + 0) / 4.

    >>> mean_reciprocal_rank(np.array([0, -1, 3, -1]))
    0.3125
    """
    gains = np.where(positions >= 0, 1.0 / (np.maximum(positions, 0) + 1.0), 0.0)
    return float(gains.mean()) if len(positions) else 0.0


def recall(hits: NDArray[np.bool_], relevant: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the relevant videos that each list of n holds, of at most n (Liang et al. 2018).

    Parameters
    ----------
    hits
        Shape (n_users, n): whether the video in each place is relevant.
    relevant
        Shape (n_users,): how many videos are relevant, listed or not; at least 1.

    Returns
    -------
    Shape (n_users,), from 0 to 1.

    Examples
    --------
    One of two relevant videos found; and two of ten, where a list of three could hold three.

    >>> recall(np.array([[False, True, False], [True, True, False]]), np.array([2, 10]))
    array([0.5       , 0.66666667])
    """
    shares: NDArray[np.float64] = hits.sum(axis=1) / np.minimum(relevant, hits.shape[1])
    return shares


def ndcg(hits: NDArray[np.bool_], relevant: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the discounted gain of each list of n, as a share of the best there could be.

    A hit in place i, counted from 1, gains ``1 / log2(i + 1)``; relevance is yes or no.

    Parameters
    ----------
    hits, relevant
        As for `recall`.

    Returns
    -------
    Shape (n_users,), from 0 to 1.

    Examples
    --------
    The one relevant video in the third place gains 1/2 of what the first place does; with two
    relevant ones in the first and third, (1 + 1/2) / (1 + 1/log2(3)).

    >>> ndcg(np.array([[False, False, True], [True, False, True]]), np.array([1, 2])).round(4)
    array([0.5   , 0.9197])
    """
    gains = 1.0 / np.log2(np.arange(2, hits.shape[1] + 2))
    best = np.cumsum(gains)[np.minimum(relevant, hits.shape[1]) - 1]
    shares: NDArray[np.float64] = (hits @ gains) / best
    return shares


def coverage(rows: NDArray[np.int64], n_items: int) -> float:
    """Share of the catalogue that stands in at least one list.

    Parameters
    ----------
    rows
        Lists of any shape; -1 for a place that is empty.
    n_items
        How many videos there are.

    Examples
    --------
    Videos 0, 2 and 3 of five.

    >>> coverage(np.array([[0, 2], [3, 2], [0, -1]]), 5)
    0.6
    """
    return len(np.unique(rows[rows >= 0])) / n_items
