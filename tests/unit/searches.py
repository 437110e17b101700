"""What the tests of the search build: a bench of a small world, and a search on it."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import optuna

from batch_training.night_settings import NightSettings
from batch_training.training.settings import TrainSettings
from batch_training.tuning.bench import set_up
from batch_training.tuning.fits import Fits
from batch_training.tuning.space import Space
from batch_training.tuning.storage import open_study, study_name
from batch_training.tuning.study import Search
from tests.unit.nights import events_of
from tests.unit.spools import spool_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from batch_training.judging.judge import Protocol
    from batch_training.tuning.bench import Bench

SMALL = TrainSettings(factors=16, iterations=6, regularization=5.0, threads=1, device="cpu")
OF_THE_FIT = ("factors", "iterations", "regularization", "alpha", "rating_weights")


def bench_of(
    rows: Sequence[dict[str, Any]],
    protocol: Protocol = "replay",
    **settings: Any,  # noqa: ANN401 - any field
) -> Bench:
    """Draw the lists to be made out of plain events."""
    with spool_of(events_of(rows)) as spool:
        return set_up(spool, NightSettings(**settings), protocol)


@contextmanager
def search_on(
    bench: Bench,
    base: TrainSettings = SMALL,
    fixed: Collection[str] = OF_THE_FIT,
    file: Path | None = None,
    seed: int = 0,
) -> Iterator[Search]:
    """Open a search; it remembers its trials in the file, or only for now."""
    space = Space.of(bench.before, base, fixed, in_time=bench.protocol != "unseen")
    name = study_name(bench, space, base)
    with open_study(file, name) if file else nullcontext(optuna.create_study()) as kept:
        yield Search(kept, space, base, Fits(bench, 1), seed)
