"""Run: a search from the events to the settings that are left of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from batch_training.judging.bootstrap import intervals
from batch_training.training.defaults import for_data
from batch_training.training.flat import with_values
from batch_training.tuning.bench import set_up
from batch_training.tuning.fits import Fits
from batch_training.tuning.parts import without_useless
from batch_training.tuning.space import Space
from batch_training.tuning.storage import open_study, study_name
from batch_training.tuning.study import Search, Stop
from deploy.tuning.screen import Screen

if TYPE_CHECKING:
    from pathlib import Path

    from batch_training.judgements import Interval
    from batch_training.judging.judge import Protocol
    from batch_training.night_settings import NightSettings
    from batch_training.progress import Stages
    from batch_training.reading.spool import Spool
    from batch_training.training.flat import Value
    from batch_training.training.settings import TrainSettings
    from batch_training.tuning.bench import Bench
    from batch_training.tuning.parts import Gain
    from batch_training.tuning.study import Standing
    from data.catalogue import Catalogue
    from deploy.narrator import Narrator


class TuneOptions(NamedTuple):
    """What a search is told on the command line.

    Attributes
    ----------
    protocol
        What the lists are judged by.
    trials
        To try in all, those of earlier runs among them.
    budget_s
        Seconds after which no trial begins; infinite for no bound.
    storage
        File that remembers the trials; None for one in ``folder``, named by the data.
    folder
        For searches that name no file.
    catalogue
        For the durations of the videos; None if they are not known.
    """

    protocol: Protocol
    trials: int
    budget_s: float
    storage: Path | None
    folder: Path
    catalogue: Catalogue | None = None


class Found(NamedTuple):
    """What a search has found.

    Attributes
    ----------
    bench
        What it judged by.
    space, given
        What it moved, and the settings of the training that it left as they were given.
    base, best
        The settings that it began with, and those that it ends with.
    worths
        What the defaults, the best, and the best less the defaults are worth.
    gains
        What the parts bring.
    importance
        See `batch_training.tuning.study.Search.importance`.
    standing
        How far it came.
    """

    bench: Bench
    space: Space
    given: dict[str, Value]
    base: TrainSettings
    best: TrainSettings
    worths: tuple[Interval, Interval, Interval]
    gains: list[Gain]
    importance: dict[str, float]
    standing: Standing

    @property
    def is_default(self) -> bool:
        """Whether nothing better than the defaults was found."""
        return self.best == self.base


def run_search(
    spool: Spool, settings: NightSettings, options: TuneOptions, stages: Stages, narrator: Narrator
) -> Found:
    """Search, and look at what was found.

    Raises
    ------
    batch_training.tuning.errors.TooLittleError
        If there is too little to judge by.
    batch_training.tuning.errors.StorageError
        If the trials can't be remembered.
    batch_training.training.train.FitError
        If no settings gave a model.
    """
    until = time.monotonic() + options.budget_s
    with stages.stage("Draw the lists to judge by"):
        bench = set_up(spool, settings, options.protocol, options.catalogue)
        narrator.done(f"{len(bench.users):,} lists of {len(np.unique(bench.users)):,} users")
    given = settings.given or {}
    base = with_values(for_data(bench.before), given)
    space = Space.of(
        bench.before,
        base,
        given,
        in_time=options.protocol != "unseen",
        durations=bench.durations,
    )
    file = options.storage or options.folder / f"{bench.digest()}.db"
    name = study_name(bench, space, base)
    with open_study(file, name) as kept:
        search = Search(kept, space, base, Fits(bench, settings.min_support), settings.seed)
        if before := search.standing().done:
            narrator.say(f"Goes on after {before:,} trials of earlier runs, which {file} remembers")
        try:
            _search(search, Stop(options.trials, until), narrator)
            return _looked_at(search, given, stages, narrator)
        except KeyboardInterrupt:
            narrator.say("[yellow]Stopped:[/] nothing is written; another run goes on.")
            raise


def _search(search: Search, stop: Stop, narrator: Narrator) -> None:
    """Try settings; Ctrl-C ends it like the budget does."""
    try:
        with Screen(narrator.console, stop, search.fits.bench.metric) as screen:
            search.run(stop, screen.show)
    except KeyboardInterrupt:
        narrator.say("[yellow]Stopped:[/] here is what was found so far; another run goes on.")


def _looked_at(
    search: Search, given: dict[str, Value], stages: Stages, narrator: Narrator
) -> Found:
    """Look at what was found, and leave out what is not worth it."""
    with stages.stage("Is each part worth it?"):
        best, gains = without_useless(search, search.best())
        if search.worth(best).mean() < search.worth(search.base).mean():  # what is left may be less
            best, gains = search.base, []
        narrator.done()
    return Found(
        bench=search.fits.bench,
        space=search.space,
        given=given,
        base=search.base,
        best=best,
        worths=_worths(search, best),
        gains=gains,
        importance=search.importance(),
        standing=search.standing(),
    )


def _worths(search: Search, best: TrainSettings) -> tuple[Interval, Interval, Interval]:
    """Compare the best with the defaults, on the same lists."""
    ours, theirs = search.worth(best), search.worth(search.base)
    columns = np.column_stack([theirs, ours, ours - theirs])
    defaults, reached, gain = intervals(columns, search.fits.bench.users)
    return defaults, reached, gain
