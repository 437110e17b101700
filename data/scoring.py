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
    users = np.zeros((len(known.ends), model.n_factors), np.float32)  # (b, k)
    weight = np.abs(confidence) - np.float32(1)  # beyond that of an unobserved video
    wanted = (confidence > 0).astype(np.float32)
    base = wanted if preference is None else wanted * preference
    matters = (weight > 0) | (base > 0)  # an unobserved video adds nothing
    recent = known.select(matters)
    evidence = _Evidence(recent.rows, np.sqrt(weight[matters]), wanted[matters], base[matters])
    for user, part in enumerate(recent.slices()):
        count = part.stop - part.start
        if count:
            solve = _solve_dual if count < model.n_factors else _solve_primal
            users[user] = solve(model, evidence.of(part))
    return users


class _Evidence(NamedTuple):
    """What is folded in; all of shape (m,)."""

    rows: NDArray[np.int32]
    root: NDArray[np.float32]  # of the weight beyond that of an unobserved video
    wanted: NDArray[np.float32]  # 1 or 0
    base: NDArray[np.float32]  # the preference

    def of(self, part: slice) -> _Evidence:
        """Take one user's part of a batch."""
        return _Evidence(self.rows[part], self.root[part], self.wanted[part], self.base[part])


def _solve_dual(model: FrozenModel, known: _Evidence) -> NDArray[np.float32]:
    """Solve m equations, one for each of the user's videos."""
    whitened = model.whitened_factors.take(known.rows, axis=0)  # (m, k)
    factors = model.item_factors.take(known.rows, axis=0)
    inner: NDArray[np.float32] = factors @ whitened.T  # (m, m)
    # Not of the size of c, which would cost digits.
    right: NDArray[np.float32] = known.root * (known.wanted - inner @ known.base)
    inner *= known.root[:, None]
    inner *= known.root
    inner.reshape(-1)[:: len(inner) + 1] += 1.0
    solved = _solve_spd(inner, right)
    solution: NDArray[np.float32] = (known.base + known.root * solved) @ whitened
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
