"""Study: proposes settings, tries them, and remembers what came of it, from one run to the next."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import optuna
from optuna.trial import TrialState
from threadpoolctl import threadpool_limits

from batch_training.training.flat import with_values
from batch_training.training.train import FitError
from batch_training.tuning.bench import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from batch_training.judging.ways import ModelWay
    from batch_training.training.settings import TrainSettings
    from batch_training.tuning.fits import Fits
    from batch_training.tuning.space import Space

TURN: Final = 3  # trials: the first has factors of its own, the others take those of the best
HOPELESS: Final = 0.8  # of the best: what is below it after a few iterations is given up
_STARTUP: Final = 10  # trials before TPE begins: every other one near the defaults, or anywhere
_DEFAULTS: Final = "defaults"  # marks the trial of the defaults
_DONE: Final = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class Stop(NamedTuple):
    """When a search ends, whichever comes first.

    Attributes
    ----------
    trials
        As many were tried, those of earlier runs among them.
    at
        On `time.monotonic`: no trial begins after it; infinite for no bound.
    """

    trials: int
    at: float


class Standing(NamedTuple):
    """How far a search has come.

    Attributes
    ----------
    done
        Trials so far.
    pruned
        Of them, those that were given up before the end.
    best, defaults
        What the best settings and the defaults are worth; NaN if that is not known yet.
    """

    done: int
    pruned: int
    best: float
    defaults: float


class Search:
    """A search on a bench.

    Parameters
    ----------
    kept
        Where trials are remembered (`batch_training.tuning.storage`); those there count.
    base
        The settings that the search begins with: a trial changes some of them.
    fits
        Where the models come from.
    seed
        Of what is drawn.

    Attributes
    ----------
    study
        The same trials in memory, which is far quicker; each is kept when it is over.
    """

    def __init__(
        self,
        kept: optuna.Study,
        space: Space,
        base: TrainSettings,
        fits: Fits,
        seed: int = 0,
    ) -> None:
        self.space, self.base, self.fits = space, base, fits
        self._kept, self._seed = kept, seed
        self._known: dict[TrainSettings, NDArray[np.float64]] = {}
        earlier = kept.get_trials(deepcopy=False)
        self.study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(
                multivariate=True,
                seed=seed + len(earlier),  # so that what goes on draws no trial again
                n_startup_trials=_STARTUP,
            ),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP, n_warmup_steps=1),
        )
        self.study.add_trials(earlier)

    def run(self, stop: Stop, on_trial: Callable[[Standing], None] = lambda _: None) -> None:
        """Try settings until it is time to stop; the first are the defaults, tried in any case.

        An exception loses the trial that it ends, and no other.
        """
        if not self.study.get_trials(deepcopy=False):
            first = self.space.told(self.space.defaults)
            self.study.enqueue_trial(first, user_attrs={_DEFAULTS: True})
        on_trial(self.standing())
        while (done := self.standing().done) < stop.trials:
            if done and time.monotonic() >= stop.at:
                break
            with threadpool_limits(1, "blas"):  # many small products: threads only get in the way
                self._one()
            on_trial(self.standing())

    def _one(self) -> None:
        """Try one proposal."""
        done = self.standing().done
        chosen: dict[str, float] = {}
        if done < _STARTUP and done % 2:
            chosen = self.space.near_defaults(np.random.default_rng([self._seed, done]))
        if done % TURN and self._finished():
            best = self.study.best_trial.params
            chosen |= {name: best[name] for name in self.space.refits & best.keys()}
        if chosen:
            self.study.enqueue_trial(chosen)
        trial = self.study.ask()
        try:
            over = self.study.tell(trial, self._tried(trial))
        except optuna.TrialPruned:
            over = self.study.tell(trial, state=TrialState.PRUNED)
        except FitError:
            over = self.study.tell(trial, state=TrialState.FAIL)
        self._kept.add_trial(over)

    def _tried(self, trial: optuna.Trial) -> float:
        """Judge what a trial proposes, part by part, as long as it is worth it."""
        values = self.space.ask(trial)
        settings = self.base if _DEFAULTS in trial.user_attrs else with_values(self.base, values)

        def look(way: ModelWay) -> None:
            if self._is_hopeless(way):
                raise optuna.TrialPruned

        way = self.fits.way(settings, look)
        worth: list[NDArray[np.float64]] = []
        for number, part in enumerate(self.fits.bench.parts):
            worth.append(self.fits.bench.worth(part, way))
            trial.report(float(np.concatenate(worth).mean()), number)
            if number + 1 < PARTS and trial.should_prune():
                raise optuna.TrialPruned
        self._known[settings] = np.concatenate(worth)
        return float(self._known[settings].mean())

    def _is_hopeless(self, way: ModelWay) -> bool:
        """Look at a fit that has only begun; it is judged by the first part."""
        if not self._finished():
            return False
        reached = self.study.best_trial.intermediate_values[0]
        part = self.fits.bench.parts[0]
        return float(self.fits.bench.worth(part, way).mean()) < HOPELESS * reached

    def worth(self, settings: TrainSettings) -> NDArray[np.float64]:
        """Judge settings by all lists, in the order of `Bench.users`."""
        if settings not in self._known:
            way = self.fits.way(settings)
            worth = [self.fits.bench.worth(part, way) for part in self.fits.bench.parts]
            self._known[settings] = np.concatenate(worth)
        return self._known[settings]

    def best(self) -> TrainSettings:
        """Give the settings of the best trial.

        Raises
        ------
        batch_training.training.train.FitError
            If no trial gave a model.
        """
        if not self._finished():
            raise FitError("no trial came to an end, so there is nothing to choose from")
        trial = self.study.best_trial
        if _DEFAULTS in trial.user_attrs:
            return self.base
        return with_values(self.base, self.space.ask(optuna.trial.FixedTrial(trial.params)))

    def standing(self) -> Standing:
        """Tell how far the search has come."""
        trials = self.study.get_trials(deepcopy=False, states=_DONE)
        nan = float("nan")
        best = self.study.best_value if self._finished() else nan
        defaults = next((t.value for t in trials if _DEFAULTS in t.user_attrs), None)
        pruned = sum(t.state == TrialState.PRUNED for t in trials)
        return Standing(len(trials), pruned, best, nan if defaults is None else defaults)

    def importance(self) -> dict[str, float]:
        """Tell how much of the differences between trials each parameter makes, the most first.

        Returns
        -------
        Shares that add up to 1; empty where too few trials came to an end.
        """
        if len(self._finished()) < _STARTUP or not self.space.parameters:
            return {}
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        return optuna.importance.get_param_importances(self.study, evaluator=evaluator)

    def _finished(self) -> list[optuna.trial.FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
