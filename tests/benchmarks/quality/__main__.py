"""Measure the quality of the lists on MovieLens-1M: ``python -m tests.benchmarks.quality``.

Three protocols. The replay is what the day does, and what the defaults were chosen by, on a
validation window before the test window. The split by time looks at the same window with one list
for each user. Unseen users is the protocol of the literature; it knows no order in time. What wins
on the one loses on the other, so each has settings of its own.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from batch_training.merging.histories import merge_events
from batch_training.reading.load import LoadSettings, load_in_memory
from data.sources.data_set import default_cache
from data.sources.movielens import CITATION, load_movielens_1m
from data.sources.table import Table
from tests.benchmarks.quality.by_time import AT_ONCE, REPLAYED, SHARE, by_time
from tests.benchmarks.quality.page import section, write
from tests.benchmarks.tune_peers import METRIC, TRIALS, tune
from tests.benchmarks.unseen_folds import of_unseen_users

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS: Final = Path(__file__).parents[3] / "docs"


def main() -> None:
    """Measure all protocols, and write the page; or tune the peers."""
    console = Console(soft_wrap=True, highlight=False)
    say: Callable[[str], None] = Console(stderr=True).print
    data_set = load_movielens_1m(default_cache(), say)
    table = Table.of_frame(data_set.name, data_set.interactions)
    events, _ = load_in_memory(table, LoadSettings(), time.time_ns() // 1_000_000)
    if "--tune" in sys.argv:
        for protocol in METRIC:
            best = tune(events.split(SHARE)[0], protocol, say)
            console.print(f"{protocol}: best of {TRIALS} trials each: {best}")
        return
    console.print(f"{data_set.name}: {len(events):,} ratings. {CITATION}")
    founds = [by_time(events, asked, say) for asked in (REPLAYED, AT_ONCE)]
    founds.append(of_unseen_users(merge_events(events), say))
    for found in founds:
        console.print(section(found))
    write(founds, DOCS)


if __name__ == "__main__":
    main()
