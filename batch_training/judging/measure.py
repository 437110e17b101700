"""Measure: from lists to figures with intervals, all ways side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from batch_training.judgements import ActivityGroup, Interval, Judgement, Ladder, Quality
from batch_training.judging import metrics
from batch_training.judging.bootstrap import RESAMPLES, intervals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from batch_training.judging.cases import Cases
    from data.scoring import Ragged

LENGTH: Final = 100  # places of a list, as far as it is looked at
TOP: Final = 10  # of them, those that people look at
HIT_RATE: Final = "hit_rate@10"
METRICS: Final = (
    HIT_RATE,
    "mrr@10",
    "ndcg@10",
    "ndcg@100",
    "recall@20",
    "recall@50",
    "intra_list_similarity@10",
)
_BY_ACTIVITY: Final = ((0, 0), (1, 9), (10, 49), (50, 199), (200, None))


class Judged(NamedTuple):
    """What came of it.

    Attributes
    ----------
    judgements
        One for each protocol. A protocol without cases has no ways.
    by_activity, popularity_curve, ladder
        Of the replay, see `batch_training.night_report.NightReport`.
    """

    judgements: tuple[Judgement, ...]
    by_activity: tuple[ActivityGroup, ...]
    popularity_curve: dict[str, tuple[float, ...]]
    ladder: Ladder | None = None


def are_relevant(lists: NDArray[np.int32], relevant: Ragged, n_videos: int) -> NDArray[np.bool_]:
    """Tell of each place of a list whether its video is relevant.

    Parameters
    ----------
    lists
        Shape (n_lists, n): codes below ``n_videos``, negative for an empty place.
    relevant
        What each list should hold; at least one video in all.

    Returns
    -------
    Shape (n_lists, n).
    """
    number = np.arange(len(lists))
    wanted = np.sort(relevant.owners() * n_videos + relevant.rows)
    listed = number[:, None] * n_videos + lists
    found = wanted[np.minimum(wanted.searchsorted(listed), len(wanted) - 1)]
    hits: NDArray[np.bool_] = (found == listed) & (lists >= 0)
    return hits


class Ruler(NamedTuple):
    """What lists are measured with; the same for all ways.

    Attributes
    ----------
    order
        Codes of all videos that may be listed, the most popular first.
    sketches
        Shape (n_videos, d), by code: two videos are as alike as the product of theirs says.
    seed, resamples
        Of the bootstrap.
    """

    order: NDArray[np.int32]
    sketches: NDArray[np.float32]
    seed: int = 0
    resamples: int = RESAMPLES

    def worth(self, lists: NDArray[np.int32], cases: Cases) -> NDArray[np.float64]:
        """Measure each list, shape (n_lists, LENGTH), by `METRICS`; shape (n_lists, 7)."""
        hits = are_relevant(lists, cases.relevant, len(self.sketches))
        relevant = np.diff(cases.relevant.ends, prepend=0)
        columns = (
            metrics.hit(hits[:, :TOP]),
            metrics.reciprocal_rank(hits[:, :TOP]),
            metrics.ndcg(hits[:, :TOP], relevant),
            metrics.ndcg(hits, relevant),
            metrics.recall(hits[:, :20], relevant),
            metrics.recall(hits[:, :50], relevant),
            metrics.intra_list_similarity(lists[:, :TOP], self.sketches),
        )
        return np.column_stack(columns)

    def spread(self, lists: NDArray[np.int32]) -> dict[str, Interval]:
        """Measure what only all lists together have.

        Without an interval: users drawn anew are fewer different ones, whose lists hold fewer
        different videos, so that a bootstrap would only be wrong.
        """
        top = lists[:, :TOP]
        spread = {
            "coverage@10": metrics.coverage(top, len(self.order)),
            "gini@10": metrics.gini(top, len(self.order)),
        }
        return {name: Interval(value, value, value) for name, value in spread.items()}

    def curves(self, lists: Mapping[str, NDArray[np.int32]]) -> dict[str, tuple[float, ...]]:
        """Tell how much of the lists goes to the most popular videos, by way."""
        return {
            name: tuple(metrics.popularity_curve(made[:, :TOP], self.order).tolist())
            for name, made in lists.items()
        }

    def qualities(
        self,
        lists: Mapping[str, NDArray[np.int32]],
        worths: Mapping[str, NDArray[np.float64]],
        users: NDArray[np.int64],
    ) -> tuple[Quality, ...]:
        """Put figures and intervals together, and compare each way with the first.

        Parameters
        ----------
        lists, worths
            By the name of a way: see `worth`.
        users
            Shape (n_lists,): whose lists they are.
        """
        base = next(iter(worths))
        both = [worths[name] - half for name in worths for half in (0, worths[base])]
        found = intervals(np.concatenate(both, axis=1), users, self.seed, self.resamples)
        parts = [found[at : at + len(METRICS)] for at in range(0, len(found), len(METRICS))]
        spreads = {name: self.spread(lists[name]) for name in worths}
        return tuple(
            Quality(
                name=name,
                figures=dict(zip(METRICS, parts[2 * at], strict=True)) | spreads[name],
                less_candidate={}
                if name == base
                else dict(zip(METRICS, parts[2 * at + 1], strict=True))
                | _less(spreads[name], spreads[base]),
            )
            for at, name in enumerate(worths)
        )

    def by_activity(
        self,
        worths: Mapping[str, NDArray[np.float64]],
        users: NDArray[np.int64],
        known: NDArray[np.int64],
    ) -> tuple[ActivityGroup, ...]:
        """Split the hit rates by how many videos of the user the night knew.

        Parameters
        ----------
        known
            Shape (n_lists,): videos of the list's user.
        """
        hits = np.column_stack([worth[:, METRICS.index(HIT_RATE)] for worth in worths.values()])
        groups = []
        for least, most in _BY_ACTIVITY:
            which = (known >= least) & (known <= (np.inf if most is None else most))
            if which.any():
                found = intervals(hits[which], users[which], self.seed, self.resamples)
                groups.append(
                    ActivityGroup(
                        label=_label(least, most),
                        users=len(np.unique(users[which])),
                        hit_rate=dict(zip(worths, found, strict=True)),
                    )
                )
        return tuple(groups)


def _less(spread: dict[str, Interval], base: dict[str, Interval]) -> dict[str, Interval]:
    less = {name: value.mean - base[name].mean for name, value in spread.items()}
    return {name: Interval(value, value, value) for name, value in less.items()}


def _label(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} videos or more"
    return f"{least} videos" if most == least else f"{least}–{most} videos"
