"""Probe: how good item factors are while they are still being fitted, for little work."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from batch_training.merging.histories import merge_events
from batch_training.training.train import freeze
from data.confidence import is_wanted
from data.up_next import rank_histories

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray

    from batch_training.events import Events
    from batch_training.merging.histories import Histories
    from batch_training.training.settings import TrainSettings
    from batch_training.training.training_set import TrainingSet
    from data.user_history import UserHistory

LENGTH: Final = 10


class _Case(NamedTuple):
    """What is known of a user, and the rows of what the user wanted later."""

    history: UserHistory
    wanted: NDArray[np.int32]


def probe(
    before: Histories,
    later: Events,
    learnt_from: TrainingSet,
    settings: TrainSettings,
    blocked_ids: Collection[str] = (),
    users: int = 512,
) -> Callable[[NDArray[np.float32]], float] | None:
    """Set up a cheap measure of item factors, for `batch_training.training.train.fit`.

    It is the share of users who have, among the first ten of their list, a video that they wanted
    later. Lists are made of the histories as they stood before, by what the day serves with. (The
    replay, which asks at every moment, takes many times as long.)

    Parameters
    ----------
    before
        Histories as the factors are trained on them.
    later
        What came after; users and videos have the same codes as in ``before``.
    blocked_ids
        Videos that are never listed.
    users
        How many users to look at; they are drawn once, by ``settings.seed``.

    Returns
    -------
    A function of item factors, float32, shape (n_items, k). None if nobody wanted later a video
    that could be listed.
    """
    active = np.intersect1d(np.flatnonzero(before.lengths), later.user)
    drawn = np.random.default_rng(settings.seed).permutation(active)[:users]
    after = merge_events(later.take(np.isin(later.user, drawn)))
    cases = []
    for user in drawn.tolist():
        history, since = before.history(user), after.history(user)
        wanted = set(compress(since.videos, is_wanted(since.states).tolist()))
        rows = learnt_from.vocabulary.rows(list(wanted.difference(history.videos, blocked_ids)))
        cases.append(_Case(history, rows[rows >= 0]))
    cases = [case for case in cases if len(case.wanted)]

    def hit_rate(item_factors: NDArray[np.float32]) -> float:
        model = freeze(item_factors, learnt_from, settings, blocked_ids)
        lists = rank_histories(model, [case.history for case in cases], LENGTH).rows
        hits = [np.isin(row, case.wanted).any() for row, case in zip(lists, cases, strict=True)]
        return float(np.mean(hits))

    return hit_rate if cases else None
