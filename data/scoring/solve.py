"""Fold-in: the factors of a user whose videos are known, with the item factors held fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy.linalg.lapack import dposv, sposv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data.scoring.ragged import Ragged
    from data.served_model import Servable

_SIDE_BY_SIDE: Final = 16  # users; their small matrices stay in the processor's cache
_STRONG: Final = 1e5  # weight of a user's videos; with more, alike videos cost float32 its digits


def fold_in(
    model: Servable,
    known: Ragged,
    confidence: NDArray[np.float32],
    preference: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Solve for the user factors of a batch, with the item factors held fixed.

    The exact step of alternating least squares (Hu, Koren and Volinsky 2008, equation 4):
    ``x = (YᵀY + λI + Σ (|c|-1) y yᵀ)⁻¹ Σ (c-1+p) y``, the second sum over wanted videos only.
    With p = 1 this is the paper's. A p that fades to 0 together with c - 1 lets an old video
    become an unobserved one; left at 1, the old ones of a long history drown the new ones.
    It is solved for ``u = Lᵀ x``, where the first two terms are the identity, see
    `data.whitened`. A user with fewer videos than factors is solved in the space of the videos
    (Woodbury identity), which gives the same u for less work.

    Parameters
    ----------
    known
        Rows of the videos that each user did something with.
    confidence
        Shape (total,): at least 1 in size, negative for an unwanted video.
    preference
        Shape (total,): p of each wanted video, from 0 to 1; 1 if None.

    Returns
    -------
    Whitened user factors u, float32, shape (n_users, k); zeros for a user without rows.
    """
    weight = np.abs(confidence) - np.float32(1)  # beyond that of an unobserved video
    wanted = (confidence > 0).astype(np.float32)
    base = wanted if preference is None else wanted * preference
    matters = (weight > 0) | (base > 0)  # an unobserved video adds nothing
    ends, rows = kept = known.select(matters)
    position, counts = model.whitened.position_of[rows], kept.counts
    strong = weight.max(initial=0) * counts.max(initial=0) > _STRONG
    root = np.sqrt(weight[matters], dtype=np.float64 if strong else np.float32)
    evidence = _Evidence(position, root, wanted[matters], base[matters])
    users = np.zeros((len(counts), model.n_factors), np.float32)  # (b, k)
    order = np.argsort(counts, kind="stable")  # alike ones side by side
    factors = model.whitened.factors
    few, many = np.split(order, counts[order].searchsorted([1, model.n_factors]))[1:]
    for first in range(0, len(few), _SIDE_BY_SIDE):
        together = few[first : first + _SIDE_BY_SIDE]
        which = _side_by_side(ends[together], counts[together])
        users[together] = _solve_dual(factors, evidence.at(which), which >= 0)
    for user in many.tolist():
        part = slice(ends[user] - counts[user], ends[user])
        users[user] = _solve_primal(factors, evidence.at(part))
    return users


class _Evidence(NamedTuple):
    """What is folded in, all of one shape; it is solved in the precision of the roots."""

    position: NDArray[np.int32]
    root: NDArray[np.floating]  # of the weight beyond that of an unobserved video
    wanted: NDArray[np.float32]  # 1 or 0
    base: NDArray[np.float32]  # the preference

    def at(self, which: slice | NDArray[np.int64]) -> _Evidence:
        """Take some of it."""
        position, root = self.position[which], self.root[which]
        return _Evidence(position, root, self.wanted[which], self.base[which])


def _side_by_side(ends: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Say where the rows of some users stand, shape (g, longest); -1 where there is none."""
    column = np.arange(counts.max())
    return np.where(column < counts[:, None], (ends - counts)[:, None] + column, -1)


def _solve_dual(
    factors: NDArray[np.float32], known: _Evidence, real: NDArray[np.bool_]
) -> NDArray[np.floating]:
    """Solve m equations for each of g users, one for each video; where none is `real`, u = 0.

    Parameters
    ----------
    factors
        Whitened, shape (n_items, k).
    known, real
        Of shape (g, m).
    """
    root, base = known.root * real, known.base * real
    videos = factors.take(known.position, axis=0).astype(root.dtype, copy=False)  # (g, m, k)
    inner: NDArray[np.floating] = videos @ videos.transpose(0, 2, 1)  # (g, m, m)
    # Not of the size of c, which would cost digits.
    solved: NDArray[np.floating] = root * (known.wanted - (inner @ base[:, :, None])[:, :, 0])
    inner *= root[:, :, None]
    inner *= root[:, None, :]
    inner.reshape(len(inner), -1)[:, :: inner.shape[1] + 1] += 1.0
    for matrix, right in zip(inner, solved, strict=True):
        right[:] = _solve_spd(matrix, right)
    solution: NDArray[np.floating] = ((base + root * solved)[:, None, :] @ videos)[:, 0]
    return solution


def _solve_primal(factors: NDArray[np.float32], known: _Evidence) -> NDArray[np.floating]:
    """Solve k equations, one for each factor."""
    videos = factors[known.position].astype(known.root.dtype, copy=False)  # (m, k)
    weighted = videos * known.root[:, None]
    right = (known.base + known.wanted * known.root**2) @ videos
    matrix = weighted.T @ weighted
    matrix.reshape(-1)[:: len(matrix) + 1] += 1.0
    return _solve_spd(matrix, right)


def _solve_spd(matrix: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.floating]:
    """Solve a symmetric positive definite system by Cholesky; the matrix is overwritten."""
    # Transposed, a symmetric matrix is the same, and stands as LAPACK wants it; OpenBLAS is a
    # quarter faster with the lower triangle than with the upper one.
    posv = sposv if matrix.dtype == np.float32 else dposv
    _, solution, info = posv(matrix.T, right, lower=True, overwrite_a=True, overwrite_b=True)
    if info:
        msg = f"the fold-in matrix is not positive definite (LAPACK posv says {info})"
        raise np.linalg.LinAlgError(msg)
    result: NDArray[np.floating] = solution
    return result
