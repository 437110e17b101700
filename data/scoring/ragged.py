"""Ragged: rows of several users in one array."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


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

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many rows each user has, shape (n_users,)."""
        counts = self.ends.copy()  # `np.diff` with a first 0 takes ten times as long for a few
        counts[1:] -= self.ends[:-1]
        return counts

    def slices(self) -> list[slice]:
        """Where each user's rows stand."""
        ends = self.ends.tolist()
        return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]

    def owners(self) -> NDArray[np.int64]:
        """Whose each row is, shape (total,)."""
        return np.repeat(np.arange(len(self.ends)), self.counts)

    def select(self, which: NDArray[np.bool_]) -> Ragged:
        """Keep some rows of each user."""
        kept = np.concatenate([[0], np.cumsum(which)])
        return Ragged(kept[self.ends], self.rows[which])

    def where(self, users: NDArray[np.integer]) -> NDArray[np.int64]:
        """Say where the rows of some users stand, user after user."""
        counts = self.counts[users]
        ends = np.cumsum(counts)
        return np.repeat(self.ends[users] - ends, counts) + np.arange(counts.sum())

    def take(self, users: NDArray[np.integer]) -> Ragged:
        """Keep some users, in the order given."""
        return Ragged(np.cumsum(self.counts[users]), self.rows[self.where(users)])
