"""Count what people watch soon after each video: the follow-ups that are frozen with a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from data.follow_ups import FollowUps
from data.video_state import place_times

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batch_training.merging.histories import Histories
    from batch_training.training.settings import FollowUpSettings

_SCORES: Final = 1 << 22  # counts held at once: some videos at a time, never all beside all


class Order(NamedTuple):
    """Who wanted what in which order; users one after the other, each oldest first.

    Attributes
    ----------
    user, column, at
        Shape (n,): code of the user, column of the video, and when it was, in ms UTC.
    """

    user: NDArray[np.int32]
    column: NDArray[np.int32]
    at: NDArray[np.int64]


def watched_in_order(
    histories: Histories, column: NDArray[np.int32], stored: NDArray[np.bool_], seed: int
) -> Order:
    """Give the wanted videos of all users in the order of their places.

    Videos of the same moment come in a random order: that of their ids often means something, and
    counting what follows what would take it for taste.

    Parameters
    ----------
    column
        Shape (n_videos,): the column of each video, -1 for none.
    stored
        Shape (total,): which rows of the histories count.
    seed
        For the order of what happened in the same moment.
    """
    rows = np.flatnonzero(stored)
    rows = rows[column[histories.video[rows]] >= 0]
    user = np.repeat(np.arange(len(histories), dtype=np.int32), histories.lengths)[rows]
    at = place_times(histories.states)[rows]
    tied = (at[1:] == at[:-1]) & (user[1:] == user[:-1])
    mixed = np.flatnonzero(np.append(tied, False) | np.append(False, tied))
    group = np.cumsum(~np.append(False, tied))[mixed]
    # First by code, which counts from the first to appear: so no draw hangs on how an id is spelt.
    by_code = rows[mixed[np.lexsort((histories.video[rows[mixed]], group))]]
    chance = np.random.default_rng(seed).random(len(mixed))
    rows[mixed] = by_code[np.lexsort((chance, group))]
    return Order(user, column[histories.video[rows]], at)


def count_follow_ups(order: Order, n_items: int, settings: FollowUpSettings) -> FollowUps | None:
    """Give the strongest follow-ups of each video; None where their weight is 0.

    A video that comes d places after another, for 1 ≤ d ≤ ``window``, counts 1/d for it. The sum
    over all users is divided by all that followed the video, which makes it the share of what
    people go on with; ``shrinkage`` added to the divisor keeps what rests on few users small, and
    ``discount`` takes away from what follows everything. It is the first-order Markov chain of
    Rendle et al. 2010 ("Factorizing personalized Markov chains"), with a wider window.

    Time is that of sorting the wanted videos once, and ``window`` passes over them; memory is
    bounded beside one index of them, as some videos are counted at a time.
    """
    if not settings.weight:
        return None
    by_column = _by_column(order.column, n_items)
    ends = np.cumsum(np.bincount(order.column, minlength=n_items))
    popular = np.diff(ends, prepend=0) / max(1.0, len(by_column) / max(1, n_items))
    rows = np.zeros((n_items, settings.width), np.int32)
    scores = np.zeros((n_items, settings.width), np.float32)
    first = 0
    while first < n_items:
        start = ends[first - 1] if first else 0
        room = start + _SCORES // settings.window
        last = max(first + 1, int(ends.searchsorted(room, "right")))
        counts = _counts(order, by_column[start : ends[last - 1]], first, (last, n_items), settings)
        counts.data *= np.maximum(popular, 1e-9)[counts.indices] ** -settings.discount
        _keep_strongest(counts, rows[first:last], scores[first:last])
        first = last
    return FollowUps(rows, scores * np.float32(settings.weight), settings.half_life)


def _by_column(column: NDArray[np.int32], n_items: int) -> NDArray[np.int64]:
    """Give the places of each column, one column after the other; sorted by counting."""
    places = np.arange(len(column))
    return csr_array((places, column, [0, len(column)]), shape=(1, n_items)).tocsc().data


def _counts(
    order: Order,
    places: NDArray[np.int64],
    first: int,
    bounds: tuple[int, int],
    settings: FollowUpSettings,
) -> csr_array:
    """Count what follows some videos, as shares of all that does; shape (last - first, n_items)."""
    last, n_items = bounds
    sources, followers, weights = [], [], []
    for distance in range(1, settings.window + 1):
        here = places[places + distance < len(order.user)]
        here = here[order.user[here] == order.user[here + distance]]
        sources.append(order.column[here] - first)
        followers.append(order.column[here + distance])
        weights.append(np.full(len(here), 1 / distance))
    row, weight = np.concatenate(sources), np.concatenate(weights)
    total = np.bincount(row, weight, minlength=last - first) + settings.shrinkage
    share = weight / np.maximum(total, 1e-9)[row]
    shape = (last - first, n_items)
    return csr_array((share, (row, np.concatenate(followers))), shape=shape)


def _keep_strongest(
    counts: csr_array, rows: NDArray[np.int32], scores: NDArray[np.float32]
) -> None:
    """Fill a table with the greatest of each row, ties to the lower column; in place."""
    owner = np.repeat(np.arange(len(rows)), np.diff(counts.indptr))
    best = np.lexsort((-counts.data, owner))  # stable, and the columns are in order
    place = np.arange(len(best)) - counts.indptr[:-1][owner]
    kept = place < rows.shape[1]
    rows[owner[kept], place[kept]] = counts.indices[best][kept]
    scores[owner[kept], place[kept]] = counts.data[best][kept]
