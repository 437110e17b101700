"""The numerics that the night judges and the day serves, exact in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy.linalg.lapack import sposv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data.frozen_model import FrozenModel

_BLOCK: Final = 64  # videos a block; its greatest score decides whether the block is looked into
_MAX_SCORES: Final = 16 * 1024 * 1024  # scores held at once: 64 MiB of float32
_ROW_MASK: Final = (1 << 32) - 1


class Ragged(NamedTuple):
    """Rows of several users, one user after the other.

    Attributes
    ----------
    ends
        Shape (n_users,): where each user's rows end.
    rows
        Shape (total,): internal video rows.
    """

    ends: NDArray[np.int64]
    rows: NDArray[np.int32]

    def slices(self) -> list[slice]:
        """Where each user's rows stand."""
        ends = self.ends.tolist()
        return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def fold_in(
    model: FrozenModel, known: Ragged, confidence: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Solve for the user factors of a batch, with the item factors held fixed.

    The exact step of alternating least squares (Hu, Koren and Volinsky 2008, equation 4):
    ``x = (YᵀY + λI + Σ (|c|-1) y yᵀ)⁻¹ Σ c⁺ y``, where ``c⁺`` is c for a wanted video and 0
    for an unwanted one. A user with fewer videos than factors is solved in the space of the
    videos (Woodbury identity), which gives the same x for less work.

    Parameters
    ----------
    known
        Rows of the videos that each user did something with.
    confidence
        Shape (total,): at least 1 in size, negative for an unwanted video.

    Returns
    -------
    User factors, float32, shape (n_users, k); zeros for a user without rows.
    """
    users = np.zeros((len(known.ends), model.n_factors), np.float32)  # (b, k)
    weight = np.abs(confidence) - np.float32(1)  # beyond that of an unobserved video
    wanted = np.maximum(confidence, np.float32(0))
    for user, part in enumerate(known.slices()):
        rows = known.rows[part]
        if 0 < len(rows) < model.n_factors:
            users[user] = _solve_dual(model, rows, weight[part], wanted[part])
        elif len(rows):
            users[user] = _solve_primal(model, rows, weight[part], wanted[part])
    return users


def _solve_dual(
    model: FrozenModel,
    rows: NDArray[np.int32],
    weight: NDArray[np.float32],
    wanted: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Solve m equations, one for each of the user's videos."""
    whitened = model.whitened_factors[rows]  # (m, k)
    inner: NDArray[np.float32] = model.item_factors[rows] @ whitened.T  # (m, m)
    root: NDArray[np.float32] = np.sqrt(weight)
    said = (wanted > 0).astype(np.float32)
    right: NDArray[np.float32] = root * (said - inner @ said)  # not of size c: costs no digits
    inner *= root[:, None]
    inner *= root
    inner.flat[:: len(rows) + 1] += 1.0
    solved = _solve_spd(inner, right)
    solution: NDArray[np.float32] = (said + root * solved) @ whitened
    return solution


def _solve_primal(
    model: FrozenModel,
    rows: NDArray[np.int32],
    weight: NDArray[np.float32],
    wanted: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Solve k equations, one for each factor."""
    factors = model.item_factors[rows]  # (m, k)
    weighted = factors * np.sqrt(weight)[:, None]
    return _solve_spd(weighted.T @ weighted + model.gram32, wanted @ factors)


def _solve_spd(matrix: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Solve a symmetric positive definite system by Cholesky; the matrix is overwritten."""
    _, solution, info = sposv(matrix, right, overwrite_a=True, overwrite_b=True)
    if info:
        msg = f"the fold-in matrix is not positive definite (LAPACK sposv says {info})"
        raise np.linalg.LinAlgError(msg)
    result: NDArray[np.float32] = solution
    return result


def top_n(
    model: FrozenModel, users: NDArray[np.float32], excluded: Ragged, n: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Give the n best videos of each user: best first, ties to the lower row.

    Parameters
    ----------
    users
        User factors, float32, shape (n_users, k).
    excluded
        Rows that must not be listed for each user; blocked videos never are.

    Returns
    -------
    rows, scores
        Shape (n_users, n); row -1 with score -inf where no candidate is left.
    """
    step = max(1, _MAX_SCORES // _padded(model.n_items))
    parts = excluded.slices()
    results = []
    for first in range(0, len(users), step):
        batch = slice(first, first + step)
        scores = np.empty((len(users[batch]), _padded(model.n_items)), np.float32)
        np.matmul(users[batch], model.item_factors.T, out=scores[:, : model.n_items])
        scores[:, : model.n_items] += model.offsets
        scores[:, model.n_items :] = -np.inf
        for row, part in zip(scores, parts[batch], strict=True):
            row[excluded.rows[part]] = -np.inf
        results.append(_best(scores, n))
    rows, values = zip(*results, strict=True) if results else ((), ())
    empty_rows, empty_scores = np.zeros((0, n), np.int64), np.zeros((0, n), np.float32)
    return np.concatenate([empty_rows, *rows]), np.concatenate([empty_scores, *values])


def rank(
    scores: NDArray[np.float32], excluded: NDArray[np.int32], n: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Give the n best of one row of scores; as `top_n`, shape (n,)."""
    padded = np.full((1, _padded(len(scores))), -np.inf, np.float32)
    padded[0, : len(scores)] = scores
    padded[0, excluded] = -np.inf
    rows, values = _best(padded, n)
    return rows[0], values[0]


def _padded(n_items: int) -> int:
    return -(-n_items // _BLOCK) * _BLOCK


def _best(scores: NDArray[np.float32], n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the n best by blocks: they can only lie in the n blocks with the greatest maxima."""
    users, width = scores.shape
    blocks = scores.reshape(users, width // _BLOCK, _BLOCK)
    best_blocks = _largest(_sortable(blocks.max(axis=2)), n)  # (u, <= n)
    best_blocks.sort(axis=1)  # so that the order of candidates is the order of rows
    candidates = np.take_along_axis(blocks, best_blocks[:, :, None], axis=1).reshape(users, -1)
    keys = _sortable(candidates)
    chosen = _largest(keys, n)
    order = np.argsort(-np.take_along_axis(keys, chosen, axis=1), axis=1)
    chosen = np.take_along_axis(chosen, order, axis=1)
    rows = np.take_along_axis(best_blocks, chosen // _BLOCK, axis=1) * _BLOCK + chosen % _BLOCK
    values = np.take_along_axis(candidates, chosen, axis=1)
    rows[np.isneginf(values)] = -1
    missing = ((0, 0), (0, n - rows.shape[1]))
    return (
        np.pad(rows, missing, constant_values=-1),
        np.pad(values, missing, constant_values=-np.inf),
    )


def _sortable(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Integers, all distinct in a row, that sort as (score, lower position first) does."""
    bits = (scores + np.float32(0)).view(np.int32)  # adding 0 makes -0.0 and 0.0 the same
    ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(np.int64)
    return (ordered << 32) | (_ROW_MASK - np.arange(scores.shape[-1]))


def _largest(keys: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Positions of the n largest keys of each row, in no order."""
    width = keys.shape[1]
    if width <= n:
        return np.tile(np.arange(width), (len(keys), 1))
    return np.argpartition(keys, width - n, axis=1)[:, width - n :]
