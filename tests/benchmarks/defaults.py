"""The defaults, against what a search of 50 trials reaches on the same data, of many shapes."""

from __future__ import annotations

import math
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.console import Console

from batch_training.judging.replay import ReplaySettings
from batch_training.merging.histories import gather
from batch_training.night_settings import NightSettings
from batch_training.progress import Stages
from batch_training.reading.load import LoadSettings, load
from batch_training.training.defaults import for_data
from batch_training.training.flat import with_values
from data.sources.data_set import default_cache
from data.sources.movielens import load_movielens_1m, load_movielens_100k
from data.sources.sample import make_sample
from data.sources.table import Table
from deploy.narrator import Narrator
from deploy.tuning.run import TuneOptions, run_search
from deploy.tuning.tuned_file import tuned_values
from tests.benchmarks.report import Report
from tests.benchmarks.unseen_folds import trained
from tests.replaying import replayed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from deploy.tuning.run import Found
    from tests.replaying import Replayed

TRIALS: Final = 50
JUDGED: Final = ReplaySettings()  # events of the test window


def run(say: Callable[[str], None], trials: int = TRIALS, seed: int = 0) -> Report:
    """Search on each sample, and judge what it found by the test window, once.

    Parameters
    ----------
    seed
        For drawing users, videos and the stretch of time.
    """
    rows = []
    for name, frame in samples(seed, say):
        say(f"defaults: {name}, {len(frame):,} interactions")
        found, test = _searched(name, frame, trials)
        rows.append(_row(name, found, test))
    return Report(
        title=f"Defaults against a search of {trials} trials: HR@10 of the replay",
        conditions=[
            "searched: both on the search's own window, on which the best of many looks a little",
            f"better than it is; test: up to {JUDGED.budget:,} events of the newest tenth, which",
            "the search never saw, with the 95 % interval of the paired difference",
        ],
        columns=("", "users", "searched: defaults", "found", "test: defaults", "found", "less"),
        rows=rows,
        notes=["goal: the defaults lose at most 5 % of what the search reaches"],
    )


def samples(seed: int, say: Callable[[str], None]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Draw data of many shapes, one after the other."""
    draw = np.random.default_rng(seed)
    yield "MovieLens-100K", load_movielens_100k(default_cache(), say).interactions
    whole = load_movielens_1m(default_cache(), say).interactions
    for share, column in ((0.05, "user"), (0.25, "user"), (0.33, "video")):
        every = whole[column].unique()
        some = draw.choice(every, round(share * len(every)), replace=False)
        yield f"1M, {share:.0%} of the {column}s", whole[whole[column].isin(some)]
    first = int(draw.integers(len(whole) * 7 // 10))
    yield "1M, 30% of the events in a row", whole.iloc[first : first + len(whole) * 3 // 10]
    yield "synthetic sample", make_sample(seed).interactions


def _searched(name: str, frame: pd.DataFrame, trials: int) -> tuple[Found, Replayed]:
    """Search, and judge defaults and what was found by the newest events."""
    settings = NightSettings(given={})
    with TemporaryDirectory() as folder, Narrator(Console(stderr=True)) as narrator:
        scratch = Path(folder)
        now_ms = time.time_ns() // 1_000_000
        spool, _ = load([Table.of_frame(name, frame)], LoadSettings(), now_ms, scratch)
        options = TuneOptions("replay", trials, math.inf, None, scratch)
        found = run_search(spool, settings, options, Stages(narrator), narrator)
        before, later = gather(spool, spool.cut_at(settings.judged_share))
    base = for_data(before)
    models = {"defaults": base, "found": with_values(base, tuned_values(found))}
    fitted = {way: trained(before, train) for way, train in models.items()}
    return found, replayed(fitted, before, later, JUDGED)


def _row(name: str, found: Found, test: Replayed) -> tuple[str, ...]:
    defaults, reached, _ = (value.mean for value in found.worths)
    less = test.gain("defaults", "found")
    on_test = test.rate("found")
    return (
        name,
        f"{np.count_nonzero(found.bench.before.lengths):,}",
        f"{defaults:.4f}",
        f"{reached:.4f} ({defaults / reached - 1:+.1%})",
        f"{test.rate('defaults'):.4f}",
        f"{on_test:.4f}",
        f"{less.mean / on_test:+.1%} ({less.low / on_test:+.1%} … {less.high / on_test:+.1%})",
    )
