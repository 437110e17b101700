"""Evaluate: how well the model does for users it was never trained on.

Strong generalisation as in Liang et al. 2018: most of an unseen user's history is folded in, and
the rest is to be predicted. It knows no order in time, so the half-life is off; compare its
figures with those in the literature, and decide by the replay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from batch_training.metrics import coverage, ndcg, recall
from data.confidence import training_confidence
from data.scoring import rank
from data.up_next import known_videos, rank_histories
from data.user_history import UserHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from batch_training.histories import Histories
    from data.frozen_model import FrozenModel

NDCG_AT: Final = 100
RECALL_AT: Final = 20
COVERAGE_AT: Final = 10
_BATCH: Final = 256


class UnseenSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How users are held out.

    Attributes
    ----------
    share
        Of all users, those that the model isn't trained on.
    folded_in
        Of such a user's videos, those that are shown to the model.
    seed
        For both draws.
    """

    share: float = 0.1
    folded_in: float = 0.8
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        for name in ("share", "folded_in"):
            if not 0 < getattr(self, name) < 1:
                msg = f"{name} = {getattr(self, name)} must lie between 0 and 1"
                raise ValueError(msg)


class ListQuality(NamedTuple):
    """How good one way to make lists is.

    Attributes
    ----------
    ndcg, recall
        Shape (n_users,): NDCG@100 and Recall@20 of each user.
    coverage
        Share of the model's videos in the top 10 of anybody.
    """

    ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]
    coverage: float

    def figures(self) -> dict[str, float]:
        """Means over the users."""
        mean = {f"ndcg@{NDCG_AT}": self.ndcg.mean(), f"recall@{RECALL_AT}": self.recall.mean()}
        figures = {name: float(value) for name, value in mean.items()}
        return figures | {f"coverage@{COVERAGE_AT}": self.coverage}


class UnseenScores(NamedTuple):
    """The folded-in lists, and the popular videos that the user hasn't seen."""

    model: ListQuality
    popularity: ListQuality

    def figures(self) -> dict[str, dict[str, float]]:
        """Means over the users."""
        return {"model": self.model.figures(), "popularity": self.popularity.figures()}


class UnseenCase(NamedTuple):
    """One unseen user: what is shown to the model, and the rows that it should find."""

    shown: UserHistory
    held_out: NDArray[np.int32]


def choose_unseen(histories: Histories, settings: UnseenSettings) -> NDArray[np.bool_]:
    """Draw the users to leave out of the training, shape (n_users,)."""
    users = np.random.default_rng(settings.seed).permutation(np.flatnonzero(histories.lengths))
    unseen = np.zeros(len(histories), np.bool_)
    unseen[users[: round(settings.share * len(users))]] = True
    return unseen


def evaluate_unseen(
    model: FrozenModel,
    unseen: Histories,
    settings: UnseenSettings,
    on_step: Callable[[int, int], None] = lambda _done, _total: None,
) -> UnseenScores | None:
    """Judge a model by users it wasn't trained on.

    Parameters
    ----------
    unseen
        Histories of those users only. Who has nothing that could be predicted is left out.
    on_step
        Is told how many users were looked at, and how many there are.

    Returns
    -------
    None if nobody is left.
    """
    flat = model.flat
    cases = unseen_cases(flat, unseen, settings)
    if not cases:
        return None
    parts = []
    for first in range(0, len(cases), _BATCH):
        batch = cases[first : first + _BATCH]
        parts.append(_lists(flat, [case.shown for case in batch]))
        on_step(first + len(batch), len(cases))
    by_model, by_popularity = (np.concatenate(rows) for rows in zip(*parts, strict=True))
    return UnseenScores(
        list_quality(by_model, cases, model.n_items),
        list_quality(by_popularity, cases, model.n_items),
    )


def unseen_cases(
    model: FrozenModel, unseen: Histories, settings: UnseenSettings
) -> list[UnseenCase]:
    """Split each history; who has nothing that could be predicted is left out."""
    draw = np.random.default_rng(settings.seed)
    cases = [_case(model, history, settings.folded_in, draw) for _, history in unseen.by_user()]
    return [case for case in cases if len(case.held_out)]


def _case(
    model: FrozenModel, history: UserHistory, folded_in: float, draw: np.random.Generator
) -> UnseenCase:
    """Split one history at random; only wanted videos that the model knows are to be found."""
    order = draw.permutation(len(history))
    shown = np.sort(order[: int(np.ceil(folded_in * len(history)))])
    rows = model.vocabulary.rows(history.videos)
    wanted = (rows >= 0) & (training_confidence(history.states, model.confidence) > 0)
    wanted[shown] = False
    videos = [history.videos[place] for place in shown.tolist()]
    return UnseenCase(UserHistory(videos, history.states[shown]), rows[wanted])


def _lists(
    model: FrozenModel, shown: Sequence[UserHistory]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rank by the model and by popularity, each shape (len(shown), NDCG_AT)."""
    ranked = rank_histories(model, shown, NDCG_AT).rows
    known = known_videos(model, shown).videos
    popular = [rank(model.cold_scores, known.rows[part], NDCG_AT)[0] for part in known.slices()]
    return ranked, np.stack(popular)


def list_quality(rows: NDArray[np.int64], cases: Sequence[UnseenCase], n_items: int) -> ListQuality:
    """Measure lists, shape (len(cases), NDCG_AT), of a catalogue of so many videos."""
    hits = np.stack([np.isin(row, case.held_out) for row, case in zip(rows, cases, strict=True)])
    relevant = np.array([len(case.held_out) for case in cases])
    return ListQuality(
        ndcg(hits, relevant),
        recall(hits[:, :RECALL_AT], relevant),
        coverage(rows[:, :COVERAGE_AT], n_items),
    )
