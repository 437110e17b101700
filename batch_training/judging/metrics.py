"""Metrics: how good lists are, given what the user took to afterwards.

Each takes many lists at once. A list's worth for its user stands in an array with one number a
list, so that differences can be paired and drawn anew; what only all lists together have, such as
coverage, is one number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

PERCENT: Final = 100


def hit(hits: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Tell whether each list holds a relevant video; the mean is the hit rate.

    Parameters
    ----------
    hits
        Shape (n_lists, n): whether the video in each place is relevant.

    Returns
    -------
    Shape (n_lists,), 1 or 0.

    Examples
    --------
    Two relevant videos count as much as one.

    >>> hit(np.array([[True, True], [False, False], [False, True]]))
    array([1., 0., 1.])
    """
    return np.asarray(hits.any(axis=1), np.float64)


def reciprocal_rank(hits: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Give 1 over the place of the first relevant video of each list, 0 if it holds none.

    Parameters
    ----------
    hits
        As for `hit`.

    Returns
    -------
    Shape (n_lists,), from 0 to 1; the mean is the mean reciprocal rank, MRR.

    Examples
    --------
    First place, nowhere, fourth place.

    >>> reciprocal_rank(np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]], bool))
    array([1.  , 0.  , 0.25])
    """
    gains: NDArray[np.float64] = hit(hits) / (hits.argmax(axis=1) + 1.0)
    return gains


def recall(hits: NDArray[np.bool_], relevant: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the relevant videos that each list of n holds, of at most n (Liang et al. 2018).

    Parameters
    ----------
    hits
        As for `hit`.
    relevant
        Shape (n_lists,): how many videos are relevant, listed or not; at least 1.

    Returns
    -------
    Shape (n_lists,), from 0 to 1.

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
    Shape (n_lists,), from 0 to 1.

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


def intra_list_similarity(
    lists: NDArray[np.integer], vectors: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Give the mean similarity of all pairs of videos in each list (Ziegler et al. 2005).

    Parameters
    ----------
    lists
        Shape (n_lists, n): rows of ``vectors``; -1 for a place that is empty.
    vectors
        Shape (n_videos, d): two videos are as similar as the product of their vectors says.

    Returns
    -------
    Shape (n_lists,); 0 for a list with fewer than two videos.

    Examples
    --------
    Videos 0 and 1 are alike, 2 is unlike both: of the three pairs of the first list one is alike.

    >>> vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    >>> intra_list_similarity(np.array([[0, 1, 2], [1, 0, -1], [2, -1, -1]]), vectors).round(4)
    array([0.3333, 1.    , 0.    ])
    """
    filled = lists >= 0
    count = filled.sum(axis=1)
    ends = np.concatenate([[0], np.cumsum(count)])
    which = csr_array(
        (np.ones(ends[-1], np.float32), lists[filled], ends), shape=(len(lists), len(vectors))
    )
    own = np.einsum("vd,vd->v", vectors, vectors)
    together = np.square(which @ vectors).sum(axis=1, dtype=np.float64)
    mean: NDArray[np.float64] = (together - which @ own) / np.maximum(count * (count - 1), 1)
    return mean


def coverage(lists: NDArray[np.integer], n_videos: int) -> float:
    """Share of the catalogue that stands in at least one list.

    Parameters
    ----------
    lists
        Any shape; -1 for a place that is empty.
    n_videos
        How many videos there are.

    Examples
    --------
    Videos 0, 2 and 3 of five.

    >>> coverage(np.array([[0, 2], [3, 2], [0, -1]]), 5)
    0.6
    """
    return len(np.unique(lists[lists >= 0])) / n_videos


def gini(lists: NDArray[np.integer], n_videos: int) -> float:
    """Tell how unequally the places of all lists are shared out among the videos.

    Parameters
    ----------
    lists, n_videos
        As for `coverage`.

    Returns
    -------
    0 when every video stands in as many lists, towards 1 when a few videos take all places.

    Examples
    --------
    Two videos of two with three places each; one of four with all three places; of four videos
    with 0, 0, 1 and 3 places, 2 (3 * 1 + 4 * 3) / (4 * 4) - 5 / 4.

    >>> gini(np.array([[0, 1], [1, 0], [0, 1]]), 2)
    0.0
    >>> gini(np.array([[7], [7], [7]]), 4)
    0.75
    >>> gini(np.array([[2, 3], [3, -1], [3, -1]]), 4)
    0.625
    """
    counts = np.sort(np.unique(lists[lists >= 0], return_counts=True)[1])
    if not len(counts):
        return 0.0
    turn = np.arange(n_videos - len(counts), n_videos) + 1  # those without a place come first
    return float(2 * (turn @ counts) / (n_videos * counts.sum()) - (n_videos + 1) / n_videos)


def popularity_curve(lists: NDArray[np.integer], order: NDArray[np.integer]) -> NDArray[np.float64]:
    """Give the share of all places that go to the most popular 1 %, 2 % ... 100 % of the videos.

    Parameters
    ----------
    lists
        Any shape; -1 for a place that is empty.
    order
        All videos that may be listed, the most popular first.

    Returns
    -------
    Shape (100,), rising to 1; a part of a video counts as a whole one.

    Examples
    --------
    Of ten videos the most popular, 7, has half of all places, the next one none.

    >>> order = np.array([7, 3, 0, 1, 2, 4, 5, 6, 8, 9])
    >>> curve = popularity_curve(np.array([[7, 0], [7, 9]]), order)
    >>> curve[[0, 9, 10, 19, 29, 99]]
    array([0.5 , 0.5 , 0.5 , 0.5 , 0.75, 1.  ])
    """
    places = np.bincount(lists[lists >= 0].ravel(), minlength=int(order.max(initial=-1)) + 1)
    share = np.concatenate([[0], np.cumsum(places[order])]) / max(1, places.sum())
    upto = -(-np.arange(1, PERCENT + 1) * len(order) // PERCENT)
    curve: NDArray[np.float64] = share[upto]
    return curve
