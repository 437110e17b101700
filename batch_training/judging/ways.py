"""Ways to make lists, all asked the same: here those of a model; the peers are others.

Models number their videos each in their own way, so lists are given in the codes of the events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec
import numpy as np

from data.confidence import ConfidenceParameters
from data.scoring import Ragged, rank, top_n
from data.up_next import known_videos, rank_histories

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from batch_training.merging.histories import Histories
    from data.frozen_model import FrozenModel
    from data.up_next import Known
    from data.user_history import UserHistory
    from data.vocabulary import Vocabulary
    from data.watch_scale import WatchScale

NOTHING: Final = -1
_ALL_ALIKE: Final = ConfidenceParameters(half_life=None, watch_floor=0.0)  # there are no skips


class Reader(NamedTuple):
    """What `data.up_next.known_videos` asks of a model, for those who have none.

    Attributes
    ----------
    vocabulary
        The videos that are known; all others in a history are passed over.
    confidence
        Of which the half-life counts.
    watch_scale
        None: how much was watched doesn't count.
    """

    vocabulary: Vocabulary
    confidence: ConfidenceParameters = _ALL_ALIKE
    watch_scale: WatchScale | None = None

    def fading(self, half_life: float | None) -> Reader:
        """Give the same with a half-life, in videos of the user."""
        return Reader(self.vocabulary, msgspec.structs.replace(_ALL_ALIKE, half_life=half_life))


@dataclass(frozen=True, eq=False)
class Asked:
    """Lists that are asked for.

    Attributes
    ----------
    users
        Shape (n,): codes of the users.
    histories
        What is known of each, length n.
    videos
        Id of each code.
    """

    users: NDArray[np.integer]
    histories: Sequence[UserHistory]
    videos: Vocabulary

    @cached_property
    def seen(self) -> Ragged:
        """Codes of what each user has seen."""
        return known_videos(Reader(self.videos), self.histories).videos


class Way(Protocol):
    """One way to make lists."""

    @property
    def name(self) -> str:
        """As a `batch_training.judgements.Quality` is named."""

    @property
    def flat(self) -> Way:
        """The same without a half-life, for what knows no order in time."""

    def lists(self, asked: Asked, n: int) -> NDArray[np.int32]:
        """Make lists of n places.

        Returns
        -------
        Shape (len(asked.users), n): codes of videos, best first, without what the history holds
        and without blocked videos; `NOTHING` for a place that is empty, and for a video of which
        the events know nothing.
        """


@dataclass(frozen=True, eq=False)
class ModelWay:
    """Exactly what the day would serve with a model.

    Attributes
    ----------
    codes
        Shape (n_items,), int32: code of each of the model's videos; `NOTHING` for none.
    """

    name: str
    model: FrozenModel
    codes: NDArray[np.int32]

    @classmethod
    def of(
        cls, name: str, model: FrozenModel, videos: Vocabulary, blocked_ids: Collection[str]
    ) -> ModelWay:
        """Block more videos of a model, as the catalogue says that holds for it from now on.

        Parameters
        ----------
        videos
            Id of each code.
        """
        blocked = model.blocked.copy()
        rows = model.vocabulary.rows(blocked_ids)
        blocked[rows[rows >= 0]] = True
        return cls(name, replace(model, blocked=blocked), videos.rows(model.vocabulary.ids))

    @property
    def listable(self) -> NDArray[np.int32]:
        """Codes of the videos that may be listed."""
        return self.codes[~self.model.blocked & (self.codes >= 0)]

    @property
    def flat(self) -> ModelWay:
        """See `Way`."""
        return replace(self, model=self.model.flat)

    def lists(self, asked: Asked, n: int) -> NDArray[np.int32]:
        """See `Way`."""
        return self.coded(rank_histories(self.model, asked.histories, n).rows)

    def coded(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Turn the model's rows into codes."""
        return np.where(rows >= 0, self.codes[rows], np.int32(NOTHING))

    def rows(self, codes: Ragged) -> Ragged:
        """Turn codes into the model's rows, without those that it doesn't know."""
        row_of = np.full(int(codes.rows.max(initial=0)) + 1, NOTHING, np.int32)
        ours = np.flatnonzero((self.codes >= 0) & (self.codes < len(row_of)))
        row_of[self.codes[ours]] = ours
        rows = row_of[codes.rows]
        return Ragged(codes.ends, rows).select(rows >= 0)


@dataclass(frozen=True, eq=False)
class LeftAlone:
    """Last night's lists, from which what was watched since has gone.

    The whole history is folded in alike: without a half-life such a list is better.

    Attributes
    ----------
    way
        The model that made them.
    before
        Histories as they were in that night.
    """

    way: ModelWay
    before: Histories
    name: str = "left_alone"

    @property
    def flat(self) -> LeftAlone:
        """See `Way`."""
        return self

    def lists(self, asked: Asked, n: int) -> NDArray[np.int32]:
        """See `Way`."""
        model = self.way.model.flat
        users, whose = np.unique(asked.users, return_inverse=True)
        night = known_videos(model, [self.before.history(user) for user in users.tolist()])
        gone = self._gone(asked, night, whose)
        rows, _ = top_n(model, night.folded_in(model)[whose], gone, n)
        parts = gone.slices()
        for case in np.flatnonzero(~night.personal()[whose]).tolist():
            rows[case], _ = rank(model.cold_scores, gone.rows[parts[case]], n)
        return self.way.coded(rows)

    def _gone(self, asked: Asked, night: Known, whose: NDArray[np.int64]) -> Ragged:
        """Give what was seen by now or by night: a history may have let go what the night knew."""
        seen, parts = self.way.rows(asked.seen), night.videos.slices()
        both = [
            np.concatenate([seen.rows[part], night.videos.rows[parts[user]]])
            for part, user in zip(seen.slices(), whose.tolist(), strict=True)
        ]
        ends = np.cumsum([len(rows) for rows in both])
        return Ragged(ends, np.concatenate([np.zeros(0, np.int32), *both]))
