"""The matrix to factorise, out of histories: slice by slice, so that little lies beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from data.confidence import training_confidence
from data.watch_scale import effective_ratio, watch_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batch_training.merging.histories import Histories
    from data.confidence import ConfidenceParameters
    from data.watch_scale import WatchScale

_ROWS: Final = 1 << 16  # of the histories at a time: what is in between stays in the cache


def scale_of(
    histories: Histories,
    durations: NDArray[np.float64] | None,
    without: NDArray[np.bool_] | None,
) -> WatchScale | None:
    """Learn how a watch ratio ranks among those of like duration; videos numbered by code.

    Parameters
    ----------
    durations
        Shape (n_videos,): by code, in s, NaN where not known; None for none.
    without
        Shape (n_users,): users to leave out; None for none.
    """
    if durations is None:
        return None
    learnt = slice(None) if without is None else np.repeat(~without, histories.lengths)
    return watch_scale(durations, histories.video[learnt], histories.states["watch_ratio"][learnt])


def stored_values(
    histories: Histories,
    confidence: ConfidenceParameters,
    without: NDArray[np.bool_] | None,
    scale: WatchScale | None = None,
) -> NDArray[np.float32]:
    """Give the stored value of each row of the histories, 0 for none.

    Parameters
    ----------
    without
        Shape (n_users,): users to leave out; None for none.
    scale
        Its videos numbered by code.
    """
    values = np.empty(len(histories.video), np.float32)
    for rows in _slices(len(values)):
        states, video = histories.states[rows], histories.video[rows]
        watched = states["watch_ratio"]
        ratio = effective_ratio(scale, confidence.duration_share, video, watched)
        values[rows] = training_confidence(states, confidence, ratio)
    if without is not None:
        values[np.repeat(without, histories.lengths)] = 0
    return values


def support(
    histories: Histories, values: NDArray[np.float32]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Tell of which videos somebody said something, and how many users wanted each."""
    said = np.zeros(len(histories.videos), np.bool_)
    wanted = np.zeros(len(histories.videos), np.int64)
    for rows in _slices(len(values)):
        video, value = histories.video[rows], values[rows]
        said[video[value != 0]] = True
        wanted += np.bincount(video[value > 0], minlength=len(wanted))
    return said, wanted


def pack(
    histories: Histories, values: NDArray[np.float32], column: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.integer]]:
    """Move the stored values that have a column to the front of ``values``.

    Parameters
    ----------
    column
        Shape (n_videos,): the column of each video, -1 for none.

    Returns
    -------
    columns, starts
        The columns of these values, and where each user's begin, shape (n_users + 1,).
    """
    columns = np.empty(len(values), np.int32)
    starts = np.zeros(len(histories) + 1, np.int64)
    stored = 0
    for rows in _slices(len(values)):
        found, value = column[histories.video[rows]], values[rows]
        keep = (value != 0) & (found >= 0)
        number = stored + np.cumsum(keep)
        first, last = histories.ends.searchsorted([rows.start, rows.stop], "right")
        starts[1 + first : 1 + last] = number[histories.ends[first:last] - rows.start - 1]
        values[stored : number[-1]] = value[keep]  # behind what is still to be read
        columns[stored : number[-1]] = found[keep]
        stored = int(number[-1])
    small = np.int32 if stored <= np.iinfo(np.int32).max else np.int64
    return columns[:stored], starts.astype(small)


def _slices(total: int) -> list[slice]:
    return [slice(first, min(first + _ROWS, total)) for first in range(0, total, _ROWS)]
