"""Peers: simple ways to make lists, which a model is compared with.

Each is told the history of the moment, as the model is; `batch_training.judging.peer_fits` makes
them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.sparse import csr_array

from batch_training.judging.ways import NOTHING
from data.scoring import rank
from data.up_next import known_videos

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from batch_training.judging.ways import Asked, Reader
    from data.scoring import Ragged
    from data.user_history import UserHistory

_MAX_SCORES: Final = 16 * 1024 * 1024  # held at once: 64 MiB of float32


@dataclass(frozen=True, eq=False)
class PopularWay:
    """The same videos for everybody, without what each has seen.

    Attributes
    ----------
    order
        Codes of the videos that may be listed, best first, int32.
    """

    name: str
    order: NDArray[np.int32]

    @property
    def flat(self) -> PopularWay:
        """See `Way`."""
        return self

    def lists(self, asked: Asked, n: int) -> NDArray[np.int32]:
        """See `Way`."""
        lengths = np.diff(asked.seen.ends, prepend=0)
        top = self.order[: n + int(lengths.max(initial=0))]
        seen = np.zeros((len(lengths), len(asked.videos)), np.bool_)
        seen[np.repeat(np.arange(len(lengths)), lengths), asked.seen.rows] = True
        gone = seen[:, top]
        first = np.argsort(gone, axis=1, kind="stable")[:, :n]  # those that are left, in order
        left = np.where(np.take_along_axis(gone, first, axis=1), np.int32(NOTHING), top[first])
        return np.pad(left, ((0, 0), (0, n - left.shape[1])), constant_values=NOTHING)


@dataclass(frozen=True, eq=False)
class ItemItemWay:
    """Scores that add up over the videos of the history.

    Attributes
    ----------
    weights
        Shape (n_columns, n_columns), float32: what having wanted the one says for the other.
    base
        Shape (n_columns,), float32: popularity, too small to matter between unequal scores; -inf
        for what may not be listed.
    codes
        Shape (n_columns,), int32.
    reader
        Knows the columns.
    """

    name: str
    weights: csr_array | NDArray[np.float32]
    base: NDArray[np.float32]
    codes: NDArray[np.int32]
    reader: Reader

    @property
    def flat(self) -> ItemItemWay:
        """See `Way`."""
        return replace(self, reader=self.reader.fading(None))

    def lists(self, asked: Asked, n: int) -> NDArray[np.int32]:
        """See `Way`."""
        step = max(1, _MAX_SCORES // len(self.codes))
        parts = range(0, len(asked.histories), step)
        made = [self._part(asked.histories[first : first + step], n) for first in parts]
        return np.concatenate([np.zeros((0, n), np.int32), *made])

    def _part(self, histories: Sequence[UserHistory], n: int) -> NDArray[np.int32]:
        known = known_videos(self.reader, histories)
        strength = np.where(known.confidence > 0, known.preference, np.float32(0))
        shape = (len(histories), len(self.codes))
        ends = np.concatenate([[0], known.videos.ends])
        scores = csr_array((strength, known.videos.rows, ends), shape=shape) @ self.weights
        dense = scores.toarray() if isinstance(scores, csr_array) else scores
        return self._ranked(dense + self.base, known.videos, n)

    def _ranked(self, scores: NDArray[np.float32], seen: Ragged, n: int) -> NDArray[np.int32]:
        each = zip(scores, seen.slices(), strict=True)
        columns = np.stack([rank(row, seen.rows[part], n)[0] for row, part in each])
        return np.where(columns >= 0, self.codes[columns], np.int32(NOTHING))
