"""Measure the quality of the lists on MovieLens-1M: ``python -m tests.benchmarks.quality``.

Two protocols, each with the settings that suit it: what wins on the one loses on the other. The
replay is what the day does, and what the defaults were chosen by, on a validation window before
the test window. Unseen users is the protocol of the literature; it knows no order in time, and
its settings were chosen on other draws of the same users.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table as Drawing

from batch_training.evaluate import (
    NDCG_AT,
    UnseenSettings,
    choose_unseen,
    evaluate_unseen,
    list_quality,
    unseen_cases,
)
from batch_training.histories import merge_events
from batch_training.load import LoadSettings, load
from batch_training.replay import ReplaySettings, replay
from batch_training.train import fit, freeze, training_set
from batch_training.train_settings import TrainSettings
from data.confidence import ConfidenceParameters
from data.scoring import Ragged, rank
from data.sources.data_set import default_cache
from data.sources.movielens import CITATION, load_movielens_1m
from data.sources.table import Table
from tests.benchmarks.ease import ease

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from batch_training.evaluate import ListQuality, UnseenCase
    from batch_training.events import Events
    from batch_training.histories import Histories
    from batch_training.train import TrainingSet
    from data.frozen_model import FrozenModel

REPLAY: Final = TrainSettings()
UNSEEN: Final = TrainSettings(
    regularization=46.0,
    confidence=ConfidenceParameters(
        alpha=3.0, half_life=None, rating_weights=(0.6, 0.8, 1.0, 1.1, 1.2)
    ),
)
WIDER: Final = msgspec.structs.replace(UNSEEN, factors=256)
EASE_RIDGE: Final = 700.0
FOLDS: Final = 5
_SHARE: Final = 0.9


class Scores(NamedTuple):
    """How good the lists of unseen users are, by each way to make them."""

    model: ListQuality
    wider: ListQuality
    ease: ListQuality
    popularity: ListQuality


def main() -> None:
    """Measure both protocols and print their tables."""
    console = Console(soft_wrap=True)
    progress = Console(stderr=True)
    say: Callable[[str], None] = progress.print
    data_set = load_movielens_1m(default_cache(), say)
    frame = data_set.interactions
    table = Table(Path(data_set.name), frame, np.arange(1, len(frame) + 1), [])
    events, _ = load([table], LoadSettings(), time.time_ns() // 1_000_000)
    console.print(f"{data_set.name}: {len(events):,} ratings. {CITATION}", highlight=False)
    say("Replay: train on the first 90 % of time, replay the rest ...")
    console.print(replay_table(events))
    folds = []
    for fold in range(FOLDS):
        say(f"Unseen users: fold {fold + 1} of {FOLDS} ...")
        folds.append(unseen_fold(merge_events(events), UnseenSettings(seed=fold)))
    console.print(unseen_table(folds))


def replay_table(events: Events) -> Drawing:
    """Judge the defaults by the replay of the newest tenth."""
    past, later = events.split(_SHARE)
    before = merge_events(past)
    model = _trained(before, REPLAY)[0]
    scores = replay(model, before, later, ReplaySettings(budget=None))
    table = Drawing(
        title=f"Replay of {len(scores.events):,} events with 4 stars or more "
        f"({REPLAY.factors} factors, {_named(REPLAY)})",
        title_justify="left",
    )
    for column in ("", "HR@10", "MRR@10"):
        table.add_column(column, justify="right" if column else "left")
    names = {
        "live": "lists that follow every event",
        "left_alone": "last night's lists, left alone",
        "popularity": "popularity",
    }
    for way, figures in scores.figures().items():
        table.add_row(names[way], f"{figures['hit_rate']:.4f}", f"{figures['mrr']:.4f}")
    return table


def unseen_fold(histories: Histories, settings: UnseenSettings) -> Scores:
    """Train without a tenth of the users, in several ways, and judge by those users."""
    unseen = choose_unseen(histories, settings)
    held_out, rest = histories.take(unseen), histories.take(~unseen)
    model, learnt_from = _trained(rest, UNSEEN)
    scores = evaluate_unseen(model, held_out, settings)
    wider = evaluate_unseen(_trained(rest, WIDER)[0], held_out, settings)
    if scores is None or wider is None:
        msg = "no unseen user has anything to predict"
        raise ValueError(msg)
    cases = unseen_cases(model, held_out, settings)
    by_ease = list_quality(_by_ease(learnt_from, model, cases), cases, model.n_items)
    return Scores(scores.model, wider.model, by_ease, scores.popularity)


def unseen_table(folds: list[Scores]) -> Drawing:
    """Draw means over the users of all folds, and paired differences to EASE."""
    users = sum(len(fold.model.ndcg) for fold in folds)
    table = Drawing(
        title=f"Unseen users: {users:,} in {len(folds)} folds ({_named(UNSEEN)}; EASE λ "
        f"{EASE_RIDGE:g}); ± is the standard error of the paired difference to EASE",
        title_justify="left",
    )
    for column in ("", "NDCG@100", "less EASE's", "Recall@20", "less EASE's"):
        table.add_column(column, justify="right" if column else "left")
    names = {"model": f"{UNSEEN.factors} factors", "wider": f"{WIDER.factors} factors"}
    for way in Scores._fields:
        cells = []
        for metric in ("ndcg", "recall"):
            own, other = (
                np.concatenate([getattr(getattr(fold, name), metric) for fold in folds])
                for name in (way, "ease")
            )
            error = (own - other).std(ddof=1) / np.sqrt(len(own))
            cells += [f"{own.mean():.4f}", f"{(own - other).mean():+.4f} ± {error:.4f}"]
        table.add_row(names.get(way, way), *cells)
    return table


def _trained(histories: Histories, settings: TrainSettings) -> tuple[FrozenModel, TrainingSet]:
    learnt_from = training_set(histories, settings.confidence)
    return freeze(fit(learnt_from.matrix, settings), learnt_from, settings), learnt_from


def _by_ease(
    learnt_from: TrainingSet, model: FrozenModel, cases: list[UnseenCase]
) -> NDArray[np.int64]:
    """Rank by EASE, without what was shown; shape (len(cases), NDCG_AT)."""
    seen = learnt_from.matrix.copy()
    seen.data = (seen.data > 0).astype(np.float32)
    weights = ease(seen, EASE_RIDGE)
    lists = []
    for case in cases:
        rows = model.vocabulary.rows(case.shown.videos)
        known = Ragged(np.array([len(rows)]), rows).select(rows >= 0).rows
        lists.append(rank(weights[known].sum(axis=0), known, NDCG_AT)[0])
    return np.stack(lists)


def _named(settings: TrainSettings) -> str:
    c = settings.confidence
    return (
        f"{settings.iterations} iterations, λ {settings.regularization:g}, α {c.alpha:g}, "
        f"stars {c.rating_weights}, half-life {c.half_life or 'off'}"
    )


if __name__ == "__main__":
    main()
