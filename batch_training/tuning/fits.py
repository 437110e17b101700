"""Fits: models of any settings; what needs no new factors is made of those that are there."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

import msgspec

from batch_training.judging.ways import ModelWay
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from batch_training.training.settings import TrainSettings
    from batch_training.training.training_set import TrainingSet
    from batch_training.tuning.bench import Bench

    Look = Callable[[ModelWay], None]

_LOOK_EVERY: Final = 4  # iterations
_KEPT: Final = 3  # fits: those of the best, of the defaults and of the present trial


class Fits:
    """Trains on a bench, and keeps the last few factors.

    Parameters
    ----------
    min_support
        See `batch_training.night_settings.NightSettings`.

    Attributes
    ----------
    bench
        See there.
    fitted
        How many times factors were fitted.
    """

    def __init__(self, bench: Bench, min_support: int) -> None:
        self.fitted = 0
        self.bench, self._min_support = bench, min_support
        self._factors: dict[TrainSettings, NDArray[np.float32]] = {}

    def way(self, settings: TrainSettings, look: Look | None = None) -> ModelWay:
        """Give what makes lists as a model of these settings does.

        Parameters
        ----------
        look
            Is shown an unfinished model, every few iterations, where factors have to be fitted;
            it may raise to give it up.

        Raises
        ------
        batch_training.training.train.FitError
            If they can't be.
        """
        bench = self.bench
        learnt_from = training_set(
            bench.before, settings, self._min_support, bench.without, bench.durations
        )
        key = _of_the_fit(settings)
        factors = self._factors.pop(key, None)
        if factors is None:
            factors = self._fit(learnt_from, settings, look)
        self._factors[key] = factors
        while len(self._factors) > _KEPT:
            self._factors.pop(next(iter(self._factors)))
        return self._frozen(factors, learnt_from, settings)

    def _fit(
        self, learnt_from: TrainingSet, settings: TrainSettings, look: Look | None
    ) -> NDArray[np.float32]:
        self.fitted += 1
        looks = count()

        def probe(factors: NDArray[np.float32]) -> float:
            if look:
                look(self._frozen(factors, learnt_from, settings))
            return float(next(looks))  # rises, so that no fit stops early

        every = _LOOK_EVERY if look else 0
        whole = msgspec.structs.replace(settings, check_every=every)
        return fit(learnt_from.matrix, whole, probe=probe).item_factors

    def _frozen(
        self, factors: NDArray[np.float32], learnt_from: TrainingSet, settings: TrainSettings
    ) -> ModelWay:
        model = freeze(factors, learnt_from, settings)
        way = ModelWay.of("", model, self.bench.videos, ())
        return way.flat if self.bench.protocol == "unseen" else way


def _of_the_fit(settings: TrainSettings) -> TrainSettings:
    """Give the settings without those that the factors don't hang on."""
    plain = type(settings)()
    confidence = msgspec.structs.replace(settings.confidence, half_life=None)
    return msgspec.structs.replace(
        settings, confidence=confidence, prior=plain.prior, follow_ups=plain.follow_ups
    )
