"""Measure the quality of the lists on MovieLens-1M: ``python -m tests.benchmarks.quality``.

Three protocols. The replay is what the day does, and what the defaults were chosen by, on a
validation window before the test window. The split by time looks at the same window with one list
for each user. Unseen users is the protocol of the literature; it knows no order in time, and its
settings were chosen on other draws of the same users: what wins on the one loses on the other.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table as Drawing

from batch_training.judging.judge import Contest, JudgeSettings, judge
from batch_training.judging.peer_fits import PeerSettings
from batch_training.judging.replay import ReplaySettings
from batch_training.judging.temporal import TemporalSettings
from batch_training.merging.histories import merge_events
from batch_training.reading.load import LoadSettings, load_in_memory
from batch_training.training.settings import TrainSettings
from data.sources.data_set import default_cache
from data.sources.movielens import CITATION, load_movielens_1m
from data.sources.table import Table
from tests.benchmarks.tune_peers import TRIALS, tune
from tests.benchmarks.unseen_folds import of_unseen_users, trained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from batch_training.events import Events
    from batch_training.night_report import Quality

REPLAY: Final = TrainSettings()
_SHARE: Final = 0.9
_NAMES: Final = {
    "popularity": "popularity",
    "recent_popularity": "popularity of the last tenth",
    "item_knn": "item-kNN",
    "ease": "EASE",
}


def main() -> None:
    """Measure all protocols and print their tables; or tune the peers."""
    console = Console(soft_wrap=True)
    say: Callable[[str], None] = Console(stderr=True).print
    data_set = load_movielens_1m(default_cache(), say)
    table = Table.of_frame(data_set.name, data_set.interactions)
    events, _ = load_in_memory(table, LoadSettings(), time.time_ns() // 1_000_000)
    if "--tune" in sys.argv:
        console.print(f"Best of {TRIALS} trials each: {tune(events.split(_SHARE)[0], say)}")
        return
    console.print(f"{data_set.name}: {len(events):,} ratings. {CITATION}", highlight=False)
    say("Replay and split by time: train on the first 90 % of time, judge by the rest ...")
    for drawing in by_time(events):
        console.print(drawing)
    console.print(of_unseen_users(merge_events(events), say))


def by_time(events: Events) -> list[Drawing]:
    """Judge the defaults by the newest tenth: all of its events, and all of its users."""
    past, later = events.split(_SHARE)
    before = merge_events(past)
    settings = JudgeSettings(
        protocols=("replay", "temporal"),
        replay=ReplaySettings(budget=None),
        temporal=TemporalSettings(users=None),
    )
    contest = Contest(trained(before, REPLAY), None, before, later)
    replayed, temporal = judge(contest, settings).judgements
    title = f"{REPLAY.factors} factors, {_named(REPLAY)}; peers {_peers()}"
    live = {
        "candidate": "lists that follow every event",
        "left_alone": "last night's lists, left alone",
    }
    standing = {"candidate": "lists at the cut", "left_alone": "the same without a half-life"}
    return [
        _table(
            f"Replay of {replayed.cases:,} events with 4 stars or more ({title})",
            live | _NAMES,
            replayed.ways,
            ("hit_rate@10", "mrr@10", "ndcg@100", "coverage@10"),
        ),
        _table(
            f"Split by time: one list for each of {temporal.users:,} users, same settings",
            standing | _NAMES,
            temporal.ways,
            ("ndcg@10", "ndcg@100", "recall@20", "coverage@10"),
        ),
    ]


def _table(
    title: str, names: Mapping[str, str], ways: Sequence[Quality], metrics: Sequence[str]
) -> Drawing:
    """Draw some metrics of all ways; the first one with the difference to the first way."""
    table = Drawing(title=title, title_justify="left")
    table.add_column("")
    for column in (metrics[0], "less the first (95 %)", *metrics[1:]):
        table.add_column(column, justify="right")
    for way in ways:
        less = way.less_candidate.get(metrics[0])
        bounds = f"{less.mean:+.4f} ({less.low:+.4f} … {less.high:+.4f})" if less else ""
        first, *others = (f"{way.figures[metric].mean:.4f}" for metric in metrics)
        table.add_row(names[way.name], first, bounds, *others)
    return table


def _named(settings: TrainSettings) -> str:
    c = settings.confidence
    return (
        f"{settings.iterations} iterations, λ {settings.regularization:g}, α {c.alpha:g}, "
        f"stars {c.rating_weights}, half-life {c.half_life or 'off'}"
    )


def _peers() -> str:
    p = PeerSettings()
    return (
        f"item-kNN {p.neighbours} neighbours, shrinkage {p.shrinkage:g}, half-life "
        f"{p.item_knn_half_life}; EASE λ {p.ease_ridge:g}, half-life {p.ease_half_life}"
    )


if __name__ == "__main__":
    main()
