"""Trainer: fits the models of one night, and keeps in its report how that went."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from batch_training.night_report import Training
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from batch_training.merging.histories import Histories
    from batch_training.night_report import NightReport
    from batch_training.progress import Stages
    from batch_training.training.settings import TrainSettings
    from batch_training.training.train import Fitted
    from batch_training.training.training_set import TrainingSet
    from data.catalogue import Catalogue
    from data.frozen_model import FrozenModel


class Trainer(NamedTuple):
    """What all models of a night have in common.

    Attributes
    ----------
    catalogue
        Knows durations, and which videos are blocked.
    history_limit
        Videos kept of each user.
    report
        Is told how the candidates were trained.
    stages
        Are told how far a fit has come.
    """

    catalogue: Catalogue
    history_limit: int
    report: NightReport
    stages: Stages

    def training_set(
        self,
        histories: Histories,
        train: TrainSettings,
        min_support: int,
        without: NDArray[np.bool_] | None = None,
    ) -> TrainingSet:
        """Give what is learnt from; see `batch_training.training.training_set.training_set`."""
        durations = self.catalogue.durations(histories.videos)
        return training_set(histories, train, min_support, without, durations)

    def fit(
        self,
        learnt_from: TrainingSet,
        settings: TrainSettings,
        asked: Callable[[NDArray[np.float32]], float] | None = None,
    ) -> FrozenModel:
        """Fit and freeze a candidate, and keep how it went."""
        fitted = fit(learnt_from.matrix, settings, self.stages.progress.step, asked)
        self.report.training += (
            Training(
                device=fitted.device,
                factors=settings.factors,
                iterations=fitted.iterations,
                stopped_early=fitted.stopped_early,
                loss=tuple(fitted.loss),
                probe=tuple(fitted.probe),
            ),
        )
        return self._freeze(fitted, learnt_from, settings)

    def fit_aside(self, learnt_from: TrainingSet, settings: TrainSettings) -> FrozenModel:
        """Fit and freeze what is only compared with."""
        return self._freeze(fit(learnt_from.matrix, settings), learnt_from, settings)

    def _freeze(
        self, fitted: Fitted, learnt_from: TrainingSet, settings: TrainSettings
    ) -> FrozenModel:
        blocked = self.catalogue.blocked_ids
        return freeze(fitted.item_factors, learnt_from, settings, blocked, self.history_limit)
