"""The numerics that the night judges and the day serves, exact in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy.linalg.lapack import sposv

from data.ranking import best, padded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data.frozen_model import FrozenModel

_MAX_SCORES: Final = 16 * 1024 * 1024  # scores held at once: 64 MiB of float32
_SIDE_BY_SIDE: Final = 16  # users; their small matrices stay in the processor's cache


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

    def owners(self) -> NDArray[np.int64]:
        """Whose each row is, shape (total,)."""
        return np.repeat(np.arange(len(self.ends)), np.diff(self.ends, prepend=0))

    def select(self, which: NDArray[np.bool_]) -> Ragged:
        """Keep some rows of each user."""
        kept = np.concatenate([[0], np.cumsum(which)])
        return Ragged(kept[self.ends], self.rows[which])


class Recent(NamedTuple):
    """What users saw lately, for the follow-ups.

    Attributes
    ----------
    videos
        Rows of each user.
    weight
        Shape (total,): how much of each is left, see `data.follow_ups.FollowUps.left`; 0 for a
        video that the user did not want.
    """

    videos: Ragged
    weight: NDArray[np.float32]


def fold_in(
    model: FrozenModel,
    known: Ragged,
    confidence: NDArray[np.float32],
    preference: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Solve for the user factors of a batch, with the item factors held fixed.

    The exact step of alternating least squares (Hu, Koren and Volinsky 2008, equation 4):
    ``x = (YᵀY + λI + Σ (|c|-1) y yᵀ)⁻¹ Σ (c-1+p) y``, the second sum over wanted videos only.
    With p = 1 this is the paper's. A p that fades to 0 together with c - 1 lets an old video
    become an unobserved one; left at 1, the old ones of a long history drown the new ones.
    A user with fewer videos than factors is solved in the space of the videos (Woodbury
    identity), which gives the same x for less work.

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
    User factors, float32, shape (n_users, k); zeros for a user without rows.
    """
    weight = np.abs(confidence) - np.float32(1)  # beyond that of an unobserved video
    wanted = (confidence > 0).astype(np.float32)
    base = wanted if preference is None else wanted * preference
    matters = (weight > 0) | (base > 0)  # an unobserved video adds nothing
    evidence = _Evidence(
        known.rows[matters], np.sqrt(weight[matters]), wanted[matters], base[matters]
    )
    ends = known.select(matters).ends
    counts = np.diff(ends, prepend=0)
    users = np.zeros((len(counts), model.n_factors), np.float32)  # (b, k)
    order = np.argsort(counts, kind="stable")  # alike ones side by side
    few, many = np.split(order, counts[order].searchsorted([1, model.n_factors]))[1:]
    for first in range(0, len(few), _SIDE_BY_SIDE):
        together = few[first : first + _SIDE_BY_SIDE]
        places = _places(ends[together], counts[together])
        users[together] = _solve_dual(model, evidence.at(places), places >= 0)
    for user in many.tolist():
        part = slice(ends[user] - counts[user], ends[user])
        users[user] = _solve_primal(model, evidence.at(part))
    return users


class _Evidence(NamedTuple):
    """What is folded in, all of one shape."""

    rows: NDArray[np.int32]
    root: NDArray[np.float32]  # of the weight beyond that of an unobserved video
    wanted: NDArray[np.float32]  # 1 or 0
    base: NDArray[np.float32]  # the preference

    def at(self, places: slice | NDArray[np.int64]) -> _Evidence:
        """Take what stands in these places."""
        rows, root = self.rows[places], self.root[places]
        return _Evidence(rows, root, self.wanted[places], self.base[places])


def _places(ends: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Say where the rows of some users stand, shape (g, longest); -1 where there is none."""
    column = np.arange(counts.max())
    return np.where(column < counts[:, None], (ends - counts)[:, None] + column, -1)


def _solve_dual(
    model: FrozenModel, known: _Evidence, real: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Solve m equations for each of g users, one for each video; where none is `real`, x = 0.

    Parameters
    ----------
    known, real
        Of shape (g, m).
    """
    root, base = known.root * real, known.base * real
    whitened = model.whitened_factors.take(known.rows, axis=0)  # (g, m, k)
    factors = model.item_factors.take(known.rows, axis=0)
    inner: NDArray[np.float32] = factors @ whitened.transpose(0, 2, 1)  # (g, m, m)
    # Not of the size of c, which would cost digits.
    solved: NDArray[np.float32] = root * (known.wanted - (inner @ base[:, :, None])[:, :, 0])
    inner *= root[:, :, None]
    inner *= root[:, None, :]
    inner.reshape(len(inner), -1)[:, :: inner.shape[1] + 1] += 1.0
    for matrix, right in zip(inner, solved, strict=True):
        right[:] = _solve_spd(matrix, right)
    solution: NDArray[np.float32] = ((base + root * solved)[:, None, :] @ whitened)[:, 0]
    return solution


def _solve_primal(model: FrozenModel, known: _Evidence) -> NDArray[np.float32]:
    """Solve k equations, one for each factor."""
    factors = model.item_factors[known.rows]  # (m, k)
    weighted = factors * known.root[:, None]
    right = (known.base + known.wanted * known.root**2) @ factors
    return _solve_spd(weighted.T @ weighted + model.gram32, right)


def _solve_spd(matrix: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Solve a symmetric positive definite system by Cholesky; the matrix is overwritten."""
    # Transposed, a symmetric matrix is the same, and stands as LAPACK wants it; OpenBLAS is a
    # quarter faster with the lower triangle than with the upper one.
    _, solution, info = sposv(matrix.T, right, lower=True, overwrite_a=True, overwrite_b=True)
    if info:
        msg = f"the fold-in matrix is not positive definite (LAPACK sposv says {info})"
        raise np.linalg.LinAlgError(msg)
    result: NDArray[np.float32] = solution
    return result


def top_n(
    model: FrozenModel,
    users: NDArray[np.float32],
    excluded: Ragged,
    n: int,
    recent: Recent | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Give the n best videos of each user: best first, ties to the lower row.

    The score of a video is the product of the factors, plus the prior, plus what the model's
    follow-ups add for what the user saw lately.

    Parameters
    ----------
    users
        User factors, float32, shape (n_users, k).
    excluded
        Rows that must not be listed for each user; blocked videos never are.
    recent
        What each user saw lately; None for no follow-ups.

    Returns
    -------
    rows, scores
        Shape (n_users, n); row -1 with score -inf where no video is left.
    """
    rows = np.empty((len(users), n), np.int64)
    values = np.empty((len(users), n), np.float32)
    owner = excluded.owners()
    watched = _Watched.of(recent) if recent and model.follow_ups else None
    step = max(1, _MAX_SCORES // padded(model.n_items))
    for first in range(0, len(users), step):
        batch = slice(first, first + step)
        out = slice(*owner.searchsorted([first, first + step]))
        scores = _scores(model, users[batch])
        if watched and model.follow_ups:
            model.follow_ups.add_to(scores, *watched.of_users(first, first + step))
        scores[excluded.rows[out], owner[out] - first] = -np.inf
        rows[batch], values[batch] = best(scores, n)
    return rows, values


class _Watched(NamedTuple):
    """The same as `Recent`, without what adds nothing; all of shape (m,)."""

    user: NDArray[np.int64]
    row: NDArray[np.int32]
    weight: NDArray[np.float32]

    @classmethod
    def of(cls, recent: Recent) -> _Watched:
        matters = recent.weight > 0
        owners = recent.videos.owners()
        return cls(owners[matters], recent.videos.rows[matters], recent.weight[matters])

    def of_users(self, first: int, stop: int) -> _Watched:
        """Take some users, who are counted anew."""
        part = slice(*self.user.searchsorted([first, stop]))
        return _Watched(self.user[part] - first, self.row[part], self.weight[part])


def _scores(model: FrozenModel, users: NDArray[np.float32]) -> NDArray[np.float32]:
    """Score all videos for each user, in whole blocks: -inf where there is no video.

    Returns
    -------
    Shape (padded, n_users). This way round BLAS is half as fast again for a few users, and what
    follows goes through many users side by side.
    """
    scores = np.empty((padded(model.n_items), len(users)), np.float32)
    scores[model.n_items :] = -np.inf
    real = scores[: model.n_items]
    np.matmul(model.item_factors, users.T, out=real)
    if model.offsets.any():  # a pass over all scores, a tenth of the whole
        real += model.offsets[:, None]
    return scores
