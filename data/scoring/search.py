"""The n best videos of each user, found without a look at those that can't be among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from data.scoring.ranking import Candidates, candidates, padded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data.follow_ups import FollowUps
    from data.scoring.ragged import Ragged
    from data.served_model import Servable
    from data.whitened import Whitened

_MAX_SCORES: Final = 5 * 1024 * 1024  # held at once: 60 MiB, with what follow-ups add to them
_AT_ONCE: Final = 128  # users; what is held for them stays in the processor's cache
_FIRST: Final = 2048  # positions that are looked at first, where most of the best are
_GROWTH: Final = 4
_BUCKETS: Final = 512
_ROUNDING: Final = 1e-5  # of sums in float32, relative


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


def top_n(
    model: Servable,
    users: NDArray[np.float32],
    excluded: Ragged,
    n: int,
    recent: Recent | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Give the n best videos of each user: best first, ties to the lower row.

    The score of a video is the product of the factors, plus the prior, plus what the model's
    follow-ups add for what the user saw lately. The longest videos are scored first, then more
    of them for those users whom one of the rest could still reach.

    Parameters
    ----------
    users
        Whitened user factors of `data.scoring.fold_in`, float32, shape (n_users, k).
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
    whitened = model.whitened
    lengths = np.linalg.norm(users, axis=1)
    asked = _Asked(users, lengths, excluded, recent if model.follow_ups else None)
    unsure, size = np.arange(len(users)), min(max(_FIRST, 2 * n), model.n_items)
    while len(unsure):
        step = min(_AT_ONCE, max(1, _MAX_SCORES // padded(size)))
        for first in range(0, len(unsure), step):
            some = unsure[first : first + step]
            rows[some], values[some] = _best_of_first(model, asked.of_users(some), size, n)
        if size == model.n_items:
            break
        unsure = unsure[whitened.limit(size, lengths[unsure]) >= values[unsure, -1]]
        size = min(_GROWTH * size, model.n_items)
    return rows, values


class _Asked(NamedTuple):
    """Some users, how long they are, what they must not get, and what they saw lately."""

    users: NDArray[np.float32]
    lengths: NDArray[np.float32]
    excluded: Ragged
    recent: Recent | None

    def of_users(self, some: NDArray[np.int64]) -> _Asked:
        """Take some of the users, who are counted anew."""
        recent = self.recent
        if recent is not None:
            where = recent.videos.where(some)
            recent = Recent(recent.videos.take(some), recent.weight[where])
        return _Asked(self.users[some], self.lengths[some], self.excluded.take(some), recent)


class _Added(NamedTuple):
    """What follow-ups add, all of shape (m,); a position may come several times."""

    user: NDArray[np.int64]
    position: NDArray[np.int32]
    score: NDArray[np.float32]

    def summed(self, n_users: int, size: int) -> NDArray[np.float32]:
        """Add up what the first positions get, shape (n_users, size)."""
        # User after user, as that stays in the processor's cache.
        width = size + 1  # the last is for all the others
        index = self.user * width + np.minimum(self.position, size)
        sums = np.bincount(index, weights=self.score, minlength=n_users * width)
        return sums.reshape(n_users, width)[:, :size].astype(np.float32)

    def select(self, which: NDArray[np.bool_]) -> _Added:
        """Keep some."""
        some = np.flatnonzero(which)  # quicker than to go through the marks three times
        return _Added(self.user[some], self.position[some], self.score[some])


def _best_of_first(
    model: Servable, asked: _Asked, size: int, n: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rank the first videos, and those of the rest that follow-ups lift to them."""
    whitened, count = model.whitened, len(asked.users)
    scores = _scores(whitened, asked.users, size)
    far = None
    if asked.recent and model.follow_ups:
        added = _added(whitened, model.follow_ups, asked.recent)
        scores[:size] += added.summed(count, size).T
        far = added.select(added.position >= size)
    position = whitened.position_of[asked.excluded.rows]
    inside = position < size
    scores[position[inside], asked.excluded.owners()[inside]] = -np.inf
    found = candidates(scores, n, whitened.row_at)
    best = found.best(count, n)
    if far:
        lifted = _lifted(whitened, asked, far, best[1][:, -1])
        best = found.beside(lifted).best(count, n)
    return best


def _scores(whitened: Whitened, users: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Score the videos of the first positions, in whole groups: -inf where there is no video.

    Returns
    -------
    Shape (padded, n_users). This way round BLAS is half as fast again for a few users, and what
    follows goes through many users side by side.
    """
    scores = np.empty((padded(size), len(users)), np.float32)
    scores[size:] = -np.inf
    real = scores[:size]
    np.matmul(whitened.factors[:size], users.T, out=real)
    if whitened.offsets[:size].any():
        real += whitened.offsets[:size, None]
    return scores


def _added(whitened: Whitened, follow_ups: FollowUps, recent: Recent) -> _Added:
    """Give what follow-ups add for what users saw."""
    matters = recent.weight > 0
    rows, score = follow_ups.of(recent.videos.rows[matters], recent.weight[matters])
    user = np.repeat(recent.videos.owners()[matters], rows.shape[1])
    return _Added(user, whitened.position_of[rows.ravel()], score.ravel())


def _lifted(whitened: Whitened, asked: _Asked, far: _Added, nth: NDArray[np.float32]) -> Candidates:
    """Score the videos of later positions that reach the n-th best with what follow-ups add.

    What is added up in a bucket is at least what is added to any of its positions, so it tells
    which few positions have to be looked at.
    """
    count, n_items = len(asked.users), len(whitened.factors)
    nth = np.where(np.isneginf(nth), np.inf, nth)  # who has no n yet is asked for again
    bucket = far.user * _BUCKETS + far.position % _BUCKETS
    sums = np.bincount(bucket, np.maximum(far.score, 0), _BUCKETS * count)
    limit = whitened.limit(far.position, asked.lengths[far.user])
    some = far.select(sums[bucket] * (1 + _ROUNDING) + limit >= nth[far.user])
    key, which = np.unique(some.user * n_items + some.position, return_inverse=True)
    user, position = np.divmod(key, n_items)
    score = np.einsum("ik,ik->i", whitened.factors[position], asked.users[user])
    lift = np.bincount(which, some.score, len(key)).astype(np.float32)
    score += whitened.offsets[position] + lift
    excluded = asked.excluded.owners() * n_items + whitened.position_of[asked.excluded.rows]
    excluded = np.sort(np.append(excluded, -1))  # np.isin would take most of the time
    listed = np.isfinite(score) & (excluded[excluded.searchsorted(key, "right") - 1] != key)
    row = whitened.row_at[position].astype(np.int64)
    return Candidates(user[listed], row[listed], score[listed])
