"""Ranking: the n best of many scores, best first, ties to the lower row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK: Final = 32  # videos a block, a power of 2; only blocks with great maxima are looked into
_MANY: Final = 128  # users side by side, from which numpy's own `max` is the quicker
_LOW_HALF: Final = (1 << 32) - 1


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
    """Give the number of videos in whole blocks."""
    return -(-n_items // _BLOCK) * _BLOCK


def best(scores: NDArray[np.float32], n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the n best by blocks: they can only lie in the n blocks with the greatest maxima.

    Parameters
    ----------
    scores
        Shape (`padded`, n_users): -inf where there is no video.
    """
    blocks = scores.reshape(-1, _BLOCK, scores.shape[1])
    best_blocks = np.sort(_largest(_greatest(blocks).T, n), axis=1)  # (u, <= n)
    candidates = np.take_along_axis(blocks, best_blocks.T[:, None, :], axis=0)
    candidates = candidates.reshape(-1, scores.shape[1]).T  # (u, <= n * _BLOCK), by row
    chosen = _largest(candidates, n)
    found = chosen.shape[1]
    rows, values = np.full((len(chosen), n), -1), np.full((len(chosen), n), -np.inf, np.float32)
    values[:, :found] = np.take_along_axis(candidates, chosen, axis=1)
    rows[:, :found] = np.take_along_axis(best_blocks, chosen // _BLOCK, axis=1) * _BLOCK
    rows[:, :found] += chosen % _BLOCK
    rows[np.isneginf(values)] = -1
    return rows, values


def _greatest(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Maxima of (n_blocks, _BLOCK, n_users) along the middle, shape (n_blocks, n_users)."""
    if blocks.shape[2] >= _MANY:
        maxima: NDArray[np.float32] = blocks.max(axis=1)
        return maxima
    greatest = blocks.reshape(-1, blocks.shape[2])
    while len(greatest) > len(blocks):  # by halves
        greatest = np.maximum(greatest[0::2], greatest[1::2])
    return greatest


def _largest(scores: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Positions of the n largest scores of each row: largest first, ties to the lower one."""
    plain = np.add(scores, np.float32(0), order="C")  # makes -0.0 and 0.0 the same
    bits = plain.view(np.int32)
    ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(np.int64)  # integers that sort alike
    width = scores.shape[1]
    keys = (ordered << 32) | (_LOW_HALF - np.arange(width))
    if n < width:
        keys = np.partition(keys, width - n, axis=1)[:, width - n :]
    keys.sort(axis=1)
    positions: NDArray[np.int64] = _LOW_HALF - (keys[:, ::-1] & _LOW_HALF)
    return positions
