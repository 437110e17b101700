"""The up-next list: from histories to the lists that the night judges and the day serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec
import numpy as np

from data.confidence import faded, fold_in_confidence, says_something
from data.defaults import DEFAULT_LENGTH
from data.scoring import Ragged, Recent, fold_in, rank, top_n
from data.user_history import joined
from data.video_state import STATE
from data.watch_scale import effective_ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from data.confidence import ConfidenceParameters
    from data.served_model import Servable
    from data.user_history import UserHistory
    from data.vocabulary import Vocabulary
    from data.watch_scale import WatchScale

_DIGITS: Final = 6


class Listed(msgspec.Struct, frozen=True, gc=False):
    """One video of an up-next list.

    It can't be part of a cycle, so the garbage collector needn't go through thousands a second.
    """

    id: str
    score: float


class UpNext(msgspec.Struct, frozen=True, kw_only=True):
    """An up-next list as it stands in Redis, in JSON.

    Attributes
    ----------
    user
        External user id.
    version
        Version of the model that made the list.
    activation
        Number of the activation under which it was made; it never falls.
    at
        Time of the newest event that the list knows, in ms UTC; 0 when it knows none.
    personal
        False when nothing was known of the user, and the list is the popular videos.
    items
        Best first.
    """

    user: str
    version: str
    activation: int
    at: int
    personal: bool
    items: tuple[Listed, ...]


class Ranking(NamedTuple):
    """Ranked rows of a batch of histories.

    Attributes
    ----------
    rows, scores
        Shape (n_users, n); row -1 where no video was left.
    personal
        Shape (n_users,): False where the list is the popular videos.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    personal: NDArray[np.bool_]


class Known(NamedTuple):
    """What the model knows of a batch of histories.

    Attributes
    ----------
    videos
        Rows, user after user.
    confidence
        Shape (total,), see `data.confidence.fold_in_confidence`.
    preference
        Shape (total,), see `data.confidence.faded`.
    age
        Shape (total,): how many newer videos the user has, known to the model or not.
    """

    videos: Ragged
    confidence: NDArray[np.float32]
    preference: NDArray[np.float32]
    age: NDArray[np.int64]

    def of_users(self, which: NDArray[np.bool_]) -> Known:
        """Keep some of the users, shape (n_users,)."""
        if which.all():
            return self
        theirs = which[self.videos.owners()]
        videos = Ragged(self.videos.select(theirs).ends[which], self.videos.rows[theirs])
        return Known(videos, self.confidence[theirs], self.preference[theirs], self.age[theirs])

    def folded_in(self, model: Servable) -> NDArray[np.float32]:
        """Give the whitened user factors, see `data.scoring.fold_in`."""
        return fold_in(model, self.videos, self.confidence, self.preference)

    def recent(self, model: Servable) -> Recent | None:
        """Give what the model's follow-ups are looked up for."""
        if model.follow_ups is None:
            return None
        left = model.follow_ups.left(self.age)
        return Recent(self.videos, np.where(self.confidence > 0, left, np.float32(0)))

    def personal(self) -> NDArray[np.bool_]:
        """Whether anything is known that each user wants, shape (n_users,)."""
        wanted = (self.confidence > 0) & (self.preference > 0)
        personal: NDArray[np.bool_] = self.videos.select(wanted).counts > 0
        return personal


class Knowing(Protocol):
    """Whatever knows videos and weighs what was done with them, such as a model."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The videos that are known."""

    @property
    def confidence(self) -> ConfidenceParameters:
        """The mapping from what a user did with a video."""

    @property
    def watch_scale(self) -> WatchScale | None:
        """How a watch ratio ranks among those of like duration; None where that doesn't count."""


def rank_histories(model: Servable, histories: Sequence[UserHistory], n: int) -> Ranking:
    """Fold each history into the model and rank the videos that it doesn't hold.

    A user of whom the model knows no wanted video gets the popular ones.
    """
    everybody = known_videos(model, histories)
    personal = everybody.personal()
    rows = np.empty((len(histories), n), np.int64)
    scores = np.empty(rows.shape, np.float32)
    known = everybody.of_users(personal)
    users, recent = known.folded_in(model), known.recent(model)
    rows[personal], scores[personal] = top_n(model, users, known.videos, n, recent)
    parts = everybody.videos.slices()
    for user in np.flatnonzero(~personal).tolist():
        rows[user], scores[user] = rank(model.cold_scores, everybody.videos.rows[parts[user]], n)
    return Ranking(rows, scores, personal)


def up_next(
    model: Servable,
    users: Sequence[str],
    histories: Sequence[UserHistory],
    *,
    version: str,
    activation: int,
    length: int = DEFAULT_LENGTH,
) -> list[UpNext]:
    """Make the up-next list of each user from what is known of them."""
    ranking = rank_histories(model, histories, length)
    ids = model.vocabulary.ids
    lists = []
    scores = rounded(ranking.scores)
    for i, (user, row) in enumerate(zip(users, ranking.rows.tolist(), strict=True)):
        found = row if row[-1] >= 0 else [r for r in row if r >= 0]
        lists.append(
            UpNext(
                user=user,
                version=version,
                activation=activation,
                at=histories[i].newest_at,
                personal=bool(ranking.personal[i]),
                items=tuple(map(Listed, map(ids.__getitem__, found), scores[i])),
            )
        )
    return lists


def rounded(scores: NDArray[np.float32]) -> Any:  # noqa: ANN401 - lists as deep as the array
    """Give scores as they stand in a list."""
    return np.round(scores.astype(np.float64), _DIGITS).tolist()


def known_videos(model: Knowing, histories: Sequence[UserHistory]) -> Known:
    """Give the videos of each history that the model knows, with what to fold in of them.

    They are what is folded in, and what is left out of the list. A video of which nothing is
    said any more (a like that was taken back) is neither. A video's age is counted among all
    videos of the history, so that it doesn't depend on the model.
    """
    lengths = np.fromiter((len(h) for h in histories), np.int64, len(histories))
    ends = np.cumsum(lengths)
    states = joined(np.zeros(0, STATE), *(h.states for h in histories))
    rows = model.vocabulary.rows([video for h in histories for video in h.videos])
    age = np.repeat(ends, lengths) - 1 - np.arange(len(states))
    share = model.confidence.duration_share
    ratio = effective_ratio(model.watch_scale, share, rows, states["watch_ratio"])
    known = (rows >= 0) & says_something(states)
    return Known(
        Ragged(ends, rows).select(known),
        fold_in_confidence(states, age, model.confidence, ratio)[known],
        faded(age[known], model.confidence).astype(np.float32),
        age[known],
    )
