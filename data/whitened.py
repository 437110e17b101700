"""Whitened: the item factors as the day uses them, the longest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AT_ONCE: Final = 4096  # videos; so that little of the factors is ever held in float64
_COLUMNS: Final = 16  # of the factors, put into order at once; so that little is held twice


class Whitened(NamedTuple):
    """Item factors turned and stretched so that the gram becomes the identity.

    With ``YᵀY + λI = L Lᵀ``, a video y becomes ``z = L⁻¹ y`` and a user x becomes ``u = Lᵀ x``.
    Scores stay as they are, ``z·u = y·x``, and a fold-in needs neither the gram nor its inverse.

    The videos stand by their length. None scores more than its length times the user's
    (Cauchy-Schwarz), so the best are found without a look at the short ones (Teflioudi, Gemulla
    and Mykytiuk 2015, LEMP). A *position* is where a video stands in this order.

    Attributes
    ----------
    factors
        ``Z``, float32, shape (n_items, k), by position.
    lengths
        Of each of the factors, float64, shape (n_items,): falling, and rounded up so that a score
        in float32 can't exceed a limit.
    row_at, position_of
        Shape (n_items,), int32: the row at each position, and the position of each row.
    offsets
        What is added to every user's score, float32, shape (n_items,), by position; -inf for a
        blocked video.
    greatest_offsets
        Float64, shape (n_items,): the greatest offset from each position on, rounded up.
    """

    factors: NDArray[np.float32]
    lengths: NDArray[np.float64]
    row_at: NDArray[np.int32]
    position_of: NDArray[np.int32]
    offsets: NDArray[np.float32]
    greatest_offsets: NDArray[np.float64]

    def limit(
        self, position: NDArray[np.integer] | int, lengths: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Give what no video from a position on exceeds.

        Parameters
        ----------
        position
            Shape (m,), or one for all.
        lengths
            Of the whitened user factors, shape (m,).

        Returns
        -------
        Shape (m,).
        """
        limit: NDArray[np.float64] = self.lengths[position] * lengths
        limit += self.greatest_offsets[position]
        return limit


def whiten(
    item_factors: NDArray[np.float32],
    gram: NDArray[np.float64],
    offsets: NDArray[np.float32],
    *,
    in_place: bool = False,
) -> Whitened:
    """Derive the whitened factors; once for a model.

    Parameters
    ----------
    item_factors, gram, offsets
        See `data.frozen_model.FrozenModel`.
    in_place
        Whether the item factors may be overwritten, so that no more room is taken.
    """
    lower: NDArray[np.float64] = np.linalg.cholesky(gram).astype(np.float64)
    factors = item_factors if in_place else np.empty(item_factors.shape, np.float32)
    lengths = np.empty(len(factors))
    for first in range(0, len(factors), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        factors[some] = _solved(lower, item_factors[some])
        lengths[some] = np.linalg.norm(factors[some], axis=1)
    row_at = np.argsort(-lengths, kind="stable").astype(np.int32)
    for first in range(0, len(gram), _COLUMNS):
        columns = factors[:, first : first + _COLUMNS]
        columns[:] = columns[row_at]
    position_of = np.empty_like(row_at)
    position_of[row_at] = np.arange(len(row_at), dtype=np.int32)
    up = 1 + 4 * (len(gram) + 2) * float(np.finfo(np.float32).eps)  # of a product's rounding
    by_position = offsets[row_at]
    higher = np.maximum(by_position * up, by_position / up, dtype=np.float64)
    greatest = np.maximum.accumulate(higher[::-1])[::-1]
    return Whitened(factors, lengths[row_at] * up, row_at, position_of, by_position, greatest)


def _solved(lower: NDArray[np.float64], factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Whiten some of the factors."""
    solved: NDArray[np.float64] = solve_triangular(lower, factors.T, lower=True)
    return solved.T.astype(np.float32)
