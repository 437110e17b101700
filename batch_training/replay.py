"""Replay: judge a model by what the day would have served, event by event.

For each later event in which a user takes to a video, the user is folded in with everything they
did before it, never anything after, and the list of that moment is searched for the video.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from batch_training.events import LIKE, RATING, SHARE, WATCH
from batch_training.histories import merge_events
from batch_training.metrics import hit_rate, mean_reciprocal_rank
from data.scoring import Ragged, fold_in
from data.up_next import known_videos, rank_histories
from data.user_history import UserHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from batch_training.events import Events
    from batch_training.histories import Histories
    from data.frozen_model import FrozenModel

NOWHERE: Final = -1
_BATCH: Final = 256  # lists made at once


class ReplaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What counts, and how much of it is looked at.

    Attributes
    ----------
    length
        Places of a list.
    live
        Whether to make the list of each moment, which takes most of the time; without it
        `ReplayScores.live` says that nothing was found.
    budget
        How many events to look at, drawn at random; all of them if None.
    seed
        For the draw.
    liked_rating, liked_watch_ratio
        From here on, a rating or a watch says that the user took to the video, as do a like
        and a share always.
    """

    length: int = 10
    live: bool = True
    budget: int | None = 12_000
    seed: int = 0
    liked_rating: float = 4.0
    liked_watch_ratio: float = 0.5

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        if self.length < 1 or (self.budget is not None and self.budget < 1):
            msg = f"length = {self.length} and budget = {self.budget} must be at least 1"
            raise ValueError(msg)


class ReplayScores(NamedTuple):
    """Where in each list the video stood that the user took to next; -1 for nowhere.

    Element i of everything belongs to the same event, so that comparisons can be paired.

    Attributes
    ----------
    events
        Shape (n,): which of the later events.
    live
        Shape (n,): in the list of that moment, with every event before it folded in.
    left_alone
        Shape (n,): in last night's list, from which what was watched since has gone. The whole
        history is folded in alike there: without a half-life such a list is better.
    popularity
        Shape (n,): in the popular videos that the user hasn't seen.
    """

    events: NDArray[np.int64]
    live: NDArray[np.int64]
    left_alone: NDArray[np.int64]
    popularity: NDArray[np.int64]

    def figures(self) -> dict[str, dict[str, float]]:
        """Hit rate and mean reciprocal rank of each."""
        served = {"live": self.live, "left_alone": self.left_alone, "popularity": self.popularity}
        return {
            name: {"hit_rate": hit_rate(places), "mrr": mean_reciprocal_rank(places)}
            for name, places in served.items()
        }


def replay(
    model: FrozenModel,
    before: Histories,
    later: Events,
    settings: ReplaySettings,
    on_step: Callable[[int, int], None] = lambda _done, _total: None,
) -> ReplayScores:
    """Judge a model by the events that followed what it was trained on.

    An event counts if the user took to a video that the model knows and may list, and that isn't
    in the history yet.

    Parameters
    ----------
    before
        Histories as the model was trained on them.
    later
        What came after; users and videos have the same codes as in ``before``.
    on_step
        Is told how many events were looked at, and how many there are.
    """
    if before.videos is not later.videos or before.users is not later.users:
        msg = "the histories and the later events must be of the same events, split in two"
        raise ValueError(msg)
    targets = _targets(model, before, later, settings)
    moments = _moments(before, later, targets, model.history_limit)
    wanted = model.vocabulary.rows([later.videos[code] for code in later.video[targets].tolist()])
    places = np.full((3, len(targets)), NOWHERE)
    for first in range(0, len(targets), _BATCH):
        part = slice(first, first + _BATCH)
        now = list(islice(moments, _BATCH))
        users, whose = np.unique(later.user[targets[part]], return_inverse=True)
        night = [before.history(user) for user in users.tolist()]
        if settings.live:
            rows = rank_histories(model, now, settings.length).rows
            places[0, part] = _positions(rows, wanted[part])
        places[1:, part] = _standing(model, now, night, whose, wanted[part])
        on_step(first + len(now), len(targets))
    places[places >= settings.length] = NOWHERE
    return ReplayScores(targets, *places)


def _targets(
    model: FrozenModel, before: Histories, later: Events, settings: ReplaySettings
) -> NDArray[np.int64]:
    """Draw the events to look at; ordered by user, then by time."""
    e, s = later, settings
    liked = (e.kind == LIKE) | (e.kind == SHARE)
    liked |= (e.kind == RATING) & (e.rating >= s.liked_rating)
    liked |= (e.kind == WATCH) & (e.watch_ratio >= s.liked_watch_ratio)
    row = model.vocabulary.rows(later.videos)[later.video]
    pair = pd.Series(later.user.astype(np.int64) * len(later.videos) + later.video)
    known_pairs = before.user * len(before.videos) + before.video
    new = ~(pair.duplicated() | pair.isin(known_pairs)).to_numpy()
    chosen = np.flatnonzero(liked & (row >= 0) & ~model.blocked[row] & new)
    if s.budget is not None and s.budget < len(chosen):
        chosen = np.random.default_rng(s.seed).choice(chosen, s.budget, replace=False)
    return chosen[np.lexsort((chosen, later.user[chosen]))]


def _moments(
    before: Histories, later: Events, targets: NDArray[np.int64], limit: int
) -> Iterator[UserHistory]:
    """Give the history of the user at the moment before each target."""
    since = _since(later, targets, limit)
    last, history = -1, UserHistory.empty()
    for number, user in enumerate(later.user[targets].tolist()):
        history = history if user == last else before.history(user)
        history = history.merge(since.history(number), limit)
        last = user
        yield history


def _since(later: Events, targets: NDArray[np.int64], limit: int) -> Histories:
    """Merge, for each target, what its user did from the target before it (inclusive) on."""
    order = np.argsort(later.user, kind="stable")
    is_target = np.zeros(len(later), np.bool_)
    is_target[targets] = True
    number = np.cumsum(is_target[order])  # of the next target in this order
    comes = number < len(targets)
    order, number = order[comes], number[comes]
    users = later.user[targets]
    same_user = users[number] == later.user[order]
    events = replace(
        later.take(order[same_user]),
        users=[later.users[user] for user in users.tolist()],
        user=number[same_user].astype(np.int32),
    )
    return merge_events(events, limit)


def _standing(
    model: FrozenModel,
    now: Sequence[UserHistory],
    night: Sequence[UserHistory],
    whose: NDArray[np.int64],
    wanted: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Find the wanted rows in the lists that stand still, shape (2, len(now)).

    First last night's list, then the popular videos, each without what has been seen by now.
    ``now`` holds the histories of the moment; ``night[whose[i]]`` is the one that the user of
    ``now[i]`` had when the model was trained.
    """
    known, seen = known_videos(model.flat, night), known_videos(model, now).videos
    popular = _places(model.cold_scores[None], np.zeros_like(whose), seen, wanted)
    gone = _both(seen, known.videos, whose)  # a history may have let go what the night knew
    scores = fold_in(model, *known) @ model.item_factors.T + model.offsets
    left_alone = _places(scores, whose, gone, wanted)
    return np.stack([np.where(known.personal()[whose], left_alone, popular), popular])


def _places(
    scores: NDArray[np.float32],
    whose: NDArray[np.int64],
    seen: Ragged,
    wanted: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Tell where ``wanted[i]`` stands by ``scores[whose[i]]`` once what is seen has gone."""
    order = np.argsort(-scores, axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(scores.shape[1])[None], axis=1)
    own = place[whose, wanted]
    number = np.repeat(np.arange(len(own)), np.diff(seen.ends, prepend=0))
    ahead = place[whose[number], seen.rows] < own[number]
    return own - np.bincount(number[ahead], minlength=len(own))


def _both(now: Ragged, night: Ragged, whose: NDArray[np.int64]) -> Ragged:
    """Give the rows of ``now[i]`` and ``night[whose[i]]`` together, each once."""
    slices = night.slices()
    rows = [
        np.union1d(now.rows[part], night.rows[slices[user]])
        for part, user in zip(now.slices(), whose.tolist(), strict=True)
    ]
    return Ragged(np.cumsum([len(each) for each in rows]), np.concatenate(rows))


def _positions(rows: NDArray[np.int64], wanted: NDArray[np.int32]) -> NDArray[np.int64]:
    """Where in each list the wanted row stands."""
    hits = rows == wanted[:, None]
    return np.where(hits.any(axis=1), hits.argmax(axis=1), NOWHERE)
